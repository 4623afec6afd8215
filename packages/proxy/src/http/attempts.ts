import type { Exchange } from "./exchange.ts";
import { UpstreamRequest } from "./upstream-request.ts";

/** The attempts of one exchange that are going on: one, or with hedging several. Their objects are used again. */
export class Attempts {
  /** The one that the request's body goes to; null before the first and while a retry waits. */
  latest: UpstreamRequest | null = null;
  private readonly exchange: Exchange;
  /** Earlier ones that go on beside it. */
  private readonly earlier: UpstreamRequest[] = [];
  private readonly spare: UpstreamRequest[] = [];

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  begin(): UpstreamRequest {
    if (this.latest !== null) this.earlier.push(this.latest);
    return (this.latest = this.spare.pop() ?? new UpstreamRequest(this.exchange));
  }

  all(): readonly UpstreamRequest[] {
    return this.latest === null ? this.earlier : [...this.earlier, this.latest];
  }

  /** Whether an answer may yet come. */
  get awaitHeaders(): boolean {
    if (this.latest !== null && this.latest.awaitingHeaders) return true;
    return this.earlier.some((each) => each.awaitingHeaders);
  }

  /** The others are of no more use. */
  settleOn(kept: UpstreamRequest): void {
    const { latest, earlier } = this;
    this.latest = kept;
    if (latest !== null && latest !== kept) this.drop(latest);
    if (earlier.length === 0) return;
    for (const each of earlier) if (each !== kept) this.drop(each);
    earlier.length = 0;
  }

  private drop(attempt: UpstreamRequest): void {
    attempt.cancel();
    this.recycle(attempt);
  }

  /** It is over and has nothing more to say. */
  release(attempt: UpstreamRequest): void {
    const { earlier } = this;
    if (attempt === this.latest) this.latest = earlier.pop() ?? null;
    else {
      const index = earlier.indexOf(attempt);
      if (index >= 0) earlier.splice(index, 1);
    }
    this.recycle(attempt);
  }

  cancel(): void {
    this.latest?.cancel();
    for (const each of this.earlier) each.cancel();
  }

  /** Once they are cancelled. One of them may be about to say that it has failed: they are not used again. */
  forget(): void {
    this.latest = null;
    this.earlier.length = 0;
  }

  reset(): void {
    if (this.latest !== null) this.recycle(this.latest);
    this.latest = null;
    if (this.earlier.length === 0) return;
    for (const each of this.earlier) this.recycle(each);
    this.earlier.length = 0;
  }

  private recycle(attempt: UpstreamRequest): void {
    attempt.reset();
    this.spare.push(attempt);
  }
}
