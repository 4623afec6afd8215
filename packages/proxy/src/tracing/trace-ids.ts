import type { Clock } from "../clock/clock.ts";
import type { RandomHex } from "../random-hex.ts";

/** New ids, as hex digits. */
export class TraceIds {
  private readonly random: RandomHex;
  private readonly clock: Clock;

  constructor(random: RandomHex, clock: Clock) {
    this.random = random;
    this.clock = clock;
  }

  /** 64 bits. */
  span(): string {
    return this.random.digits(8);
  }

  /** 128 bits. */
  trace(): string {
    return this.random.digits(16);
  }

  /** 64 bits of which the first half is the time in seconds: what AWS X-Ray wants of trace ids. */
  timestamp(): string {
    const seconds = Math.floor(this.clock.wallMs() / 1000);
    return (seconds >>> 0).toString(16).padStart(8, "0") + this.random.digits(4);
  }
}
