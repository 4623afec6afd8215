/** What goes along with a request so that spans of different programs come together in one trace. Ids are lower-case hex. */
export class TraceContext {
  /** 32 digits, or 16 in traces of 64 bits. */
  traceId = "";
  /** 16 digits. */
  spanId = "";
  /** 16 digits, "" for the root. */
  parentSpanId = "";
  sampled = false;
  /** W3C `tracestate`, as it came. */
  state = "";

  reset(): void {
    this.traceId = "";
    this.spanId = "";
    this.parentSpanId = "";
    this.sampled = false;
    this.state = "";
  }

  copyFrom(other: TraceContext): void {
    this.traceId = other.traceId;
    this.spanId = other.spanId;
    this.parentSpanId = other.parentSpanId;
    this.sampled = other.sampled;
    this.state = other.state;
  }
}

/** How the headers of a request were understood. */
export type ContextFound =
  /** They name a span; the context has been filled. */
  | "found"
  /** They name none. */
  | "none"
  /** They name one in a way that cannot be read: whoever cannot continue a trace must not begin another one in its place. */
  | "invalid";

/** An id of up to 64 bits as 16 digits; "" if the text is none. An `0x` is tolerated (Envoy parses with `absl::SimpleHexAtoi`). */
export function hexId(text: string): string {
  if (LOWER_16.test(text)) return text;
  const start = text.startsWith("0x") || text.startsWith("0X") ? 2 : 0;
  let at = start;
  while (text[at] === "0") at++;
  if (text.length === start || text.length - at > 16) return "";
  const digits = text.slice(at);
  return UP_TO_16.test(digits) ? digits.toLowerCase().padStart(16, "0") : "";
}

/** A trace id of 16 or 32 digits; "" if the text is none. Of an id whose upper half is 0 only the lower half is kept. */
export function traceIdOf(text: string): string {
  if (text.length !== 32) return hexId(text);
  const high = hexId(text.slice(0, 16));
  const low = hexId(text.slice(16));
  if (high === "" || low === "") return "";
  return high === ZERO_ID ? low : high + low;
}

export const ZERO_ID = "0000000000000000";

const LOWER_16 = /^[0-9a-f]{16}$/;
const UP_TO_16 = /^[0-9a-fA-F]{0,16}$/;
