import type { HeaderBlock } from "../codec/header-block.ts";
import type { RequestEncoder } from "../codec/messages.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import type { Exchange } from "./exchange.ts";
import { type BodyPiece, RequestBody } from "./request-body.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

/**
 * A request's body on its way to the attempts of its router: passed on at once, kept while it may be sent again, held where no attempt
 * takes it yet. What is held is bounded: then the client waits.
 */
export class RequestBuffer {
  /** It may be sent again. */
  keeps = false;
  private readonly exchange: Exchange;
  private readonly body = new RequestBody();
  /** The client waits until there is an upstream that takes its body. */
  private holding = false;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  /** Nothing of it has been given up. */
  get isWhole(): boolean {
    return this.keeps;
  }

  get isEmpty(): boolean {
    return this.body.isEmpty;
  }

  /** Whether so many more bytes are more than is kept. */
  overflows(bytes: number): boolean {
    return this.keeps && this.body.bytes + bytes > this.limit();
  }

  onData(attempt: UpstreamRequest | null, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { body } = this;
    if (attempt !== null && attempt.takesBody) {
      if (this.keeps) body.add(buffer, start, end);
      attempt.sendData(buffer, start, end, endStream);
      return;
    }
    body.add(buffer, start, end);
    if (!this.keeps && !endStream && body.bytes >= this.limit()) this.hold();
  }

  onTrailers(attempt: UpstreamRequest | null, trailers: HeaderBlock): void {
    const taken = attempt !== null && attempt.takesBody;
    if (!taken || this.keeps) this.body.addTrailers(trailers);
    if (taken) attempt.sendTrailers(trailers);
  }

  /** All that is here, to an attempt that is ready for it. */
  sendTo(encoder: RequestEncoder): void {
    const { body } = this;
    if (!body.isEmpty) body.sendTo(encoder, this.exchange.requestPassed);
    if (!this.keeps) body.clear();
    if (!this.holding) return;
    this.holding = false;
    this.exchange.resumeRequest();
  }

  /** All of it that is kept, but for trailers (Envoy's `recreateStream` has none either). Empty: there was no body. */
  take(): readonly BodyPiece[] {
    return this.body.take().pieces;
  }

  /** It is not going to be sent again. What no upstream has yet stays. */
  stopKeeping(attempt: UpstreamRequest | null): void {
    this.keeps = false;
    if (attempt !== null && attempt.takesBody) this.body.clear();
  }

  private hold(): void {
    if (this.holding) return;
    this.holding = true;
    this.exchange.pauseRequest();
  }

  private limit(): number {
    const { route, connection } = this.exchange;
    const limit = route === null ? -1 : route.requestBufferLimitBytes;
    return limit >= 0 ? limit : (connection?.bufferLimitBytes ?? 0);
  }

  reset(): void {
    this.body.clear();
    this.keeps = false;
    this.holding = false;
  }
}
