/** The W3C header `traceparent`. Source: https://www.w3.org/TR/trace-context/, read as Envoy 1.40 reads it. */
import { type TraceContext, ZERO_ID } from "./trace-context.ts";

/** version, trace id, parent id, flags. Any version: a later one begins as this one does. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/i;
const ZERO_TRACE_ID = ZERO_ID + ZERO_ID;

/** Fills ids and `sampled`, with the sender's span as `spanId`. False if the text is none. */
export function parseTraceparent(text: string, context: TraceContext): boolean {
  const match = TRACEPARENT.exec(text);
  if (match === null) return false;
  const traceId = match[1].toLowerCase();
  const spanId = match[2].toLowerCase();
  if (traceId === ZERO_TRACE_ID || spanId === ZERO_ID) return false;
  context.traceId = traceId;
  context.spanId = spanId;
  context.parentSpanId = "";
  context.sampled = (Number.parseInt(match[3], 16) & 1) !== 0;
  return true;
}

export function formatTraceparent(context: TraceContext): string {
  const { traceId, spanId } = context;
  const flags = context.sampled ? "-01" : "-00";
  return traceId.length === 32
    ? "00-" + traceId + "-" + spanId + flags
    : "00-" + ZERO_ID + traceId + "-" + spanId + flags;
}
