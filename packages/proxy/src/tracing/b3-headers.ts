/** B3 among a request's headers, in one or in several. */
import {
  type ContextFound,
  type TraceContext,
  b3MultiSampled,
  b3Sampled,
  formatB3,
  parseB3,
  parseB3Multi,
} from "@tulle/telemetry/tracing";
import type { HeaderBlock } from "../codec/header-block.ts";
import { B3, X_B3_PARENTSPANID, X_B3_SAMPLED, X_B3_SPANID, X_B3_TRACEID } from "../codec/header-names.ts";

/** What the client has decided, undefined if it has not. */
export function sampledByB3(headers: HeaderBlock): boolean | undefined {
  if (headers.has(B3)) return b3Sampled(headers.get(B3));
  return headers.has(X_B3_SAMPLED) ? b3MultiSampled(headers.get(X_B3_SAMPLED)) : undefined;
}

/** Fills the ids. */
export function readB3(headers: HeaderBlock, context: TraceContext): ContextFound {
  if (headers.has(B3)) return parseB3(headers.get(B3), context);
  if (!headers.has(X_B3_TRACEID) || !headers.has(X_B3_SPANID)) return "none";
  const parent = headers.get(X_B3_PARENTSPANID);
  return parseB3Multi(headers.get(X_B3_TRACEID), headers.get(X_B3_SPANID), parent, context);
}

/** In the form in which the request has it. */
export function writeB3(context: TraceContext, headers: HeaderBlock): void {
  if (headers.has(B3)) {
    headers.replace(B3, formatB3(context));
    return;
  }
  headers.replace(X_B3_TRACEID, context.traceId);
  headers.replace(X_B3_SPANID, context.spanId);
  if (context.parentSpanId !== "") headers.replace(X_B3_PARENTSPANID, context.parentSpanId);
  headers.replace(X_B3_SAMPLED, context.sampled ? "1" : "0");
}
