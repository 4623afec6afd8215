/**
 * The B3 headers, in both forms. What Envoy takes is what counts where the specification leaves room (settled with Envoy 1.40).
 * Source: https://github.com/openzipkin/b3-propagation
 */
import { type ContextFound, type TraceContext, ZERO_ID, hexId, traceIdOf } from "./trace-context.ts";

/** The sampling decision in a `b3` header, undefined if there is none in it. */
export function b3Sampled(b3: string): boolean | undefined {
  const at = SAMPLED_AT.get(b3.length);
  if (at === undefined) return undefined;
  const flag = b3[at];
  return isSamplingFlag(flag) ? flag !== "0" : undefined;
}

/** The decision in `x-b3-sampled`: some old tracers write words. */
export function b3MultiSampled(value: string): boolean {
  return value === "1" || value === "true";
}

/** Where the decision stands, by the length of the header: alone, after ids, before a parent's. */
const SAMPLED_AT: ReadonlyMap<number, number> = new Map([
  [1, 0],
  [35, 34],
  [51, 50],
  [52, 34],
  [68, 50],
]);

function isSamplingFlag(flag: string): boolean {
  return flag === "0" || flag === "1" || flag === "d";
}

const ID = 16;

/** `{trace id}-{span id}[-{sampled}[-{parent span id}]]`, or a sampling decision alone. Fills the ids, not `sampled`. */
export function parseB3(b3: string, context: TraceContext): ContextFound {
  if (b3.length === 1) return isSamplingFlag(b3) ? "none" : "invalid";
  if (b3.length < ID + 1 + ID || b3.length > ID + ID + 1 + ID + 3 + ID) return "invalid";
  const traceEnd = b3[ID + ID] === "-" ? ID + ID : ID;
  const traceId = traceIdOf(b3.slice(0, traceEnd));
  const spanEnd = traceEnd + 1 + ID;
  const spanId = hexId(b3.slice(traceEnd + 1, spanEnd));
  if (traceId === "" || spanId === "" || b3[traceEnd] !== "-") return "invalid";
  const rest = b3.slice(spanEnd);
  let parent = "";
  if (rest !== "") {
    if (rest[0] !== "-" || !isSamplingFlag(rest[1] ?? "")) return "invalid";
    if (rest.length > 2) {
      parent = rest[2] === "-" && rest.length === 3 + ID ? hexId(rest.slice(3)) : "";
      if (parent === "") return "invalid";
    }
  }
  fill(context, traceId, spanId, parent);
  return "found";
}

/**
 * The headers `x-b3-traceid`, `x-b3-spanid` and `x-b3-parentspanid`. Fills the ids, not `sampled`.
 * @param parentSpanId "" if the header is not there
 */
export function parseB3Multi(
  traceId: string | undefined,
  spanId: string | undefined,
  parentSpanId: string,
  context: TraceContext,
): ContextFound {
  if (traceId === undefined || spanId === undefined) return "none";
  const trace = traceIdOf(traceId);
  const span = hexId(spanId);
  const parent = parentSpanId === "" ? "" : hexId(parentSpanId);
  if (trace === "" || span === "" || (parent === "" && parentSpanId !== "")) return "invalid";
  fill(context, trace, span, parent);
  return "found";
}

function fill(context: TraceContext, traceId: string, spanId: string, parent: string): void {
  context.traceId = traceId;
  context.spanId = spanId;
  context.parentSpanId = parent === ZERO_ID ? "" : parent;
}

/** The context as a `b3` header. */
export function formatB3(context: TraceContext): string {
  const flag = context.sampled ? "-1" : "-0";
  const { traceId, spanId, parentSpanId } = context;
  return parentSpanId === "" ? traceId + "-" + spanId + flag : traceId + "-" + spanId + flag + "-" + parentSpanId;
}
