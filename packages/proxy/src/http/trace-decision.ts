/**
 * Whether a request is traced, and where that is written down: in the request id, so that every proxy on the way decides alike. Behaviour:
 * Envoy `ConnectionManagerUtility::mutateTracingRequestHeader`, `source/extensions/request_id/uuid`.
 */
import type { HeaderBlock } from "../codec/header-block.ts";
import { X_CLIENT_TRACE_ID, X_ENVOY_FORCE_TRACE, X_REQUEST_ID } from "../codec/header-names.ts";
import type { RequestIdPlan, SampledShare, SamplingPlan } from "../plan/tracing-plan.ts";

/** Why a request is traced, or that it is not. */
export type TraceReason = typeof NOT_TRACEABLE | typeof SAMPLING | typeof SERVICE_FORCED | typeof CLIENT_FORCED;

export const NOT_TRACEABLE = 0;
/** By chance. */
export const SAMPLING = 1;
/** By x-envoy-force-trace. */
export const SERVICE_FORCED = 2;
/** By x-client-trace-id. */
export const CLIENT_FORCED = 3;

/** By reason: the fourteenth digit, which UUIDs of version 4 have fixed to 4. */
const DIGITS: readonly string[] = ["4", "9", "a", "b"];
const DIGIT_AT = 14;
const UUID_LENGTH = 36;
/** What the chances are out of. */
const SHARES = 10_000;

/** @param random [0, 1) */
export function decideTrace(
  headers: HeaderBlock,
  ids: RequestIdPlan,
  sampling: SamplingPlan,
  random: () => number,
): TraceReason {
  // Whoever decides in the tracer's sampler lets everything through here.
  if (!ids.useForTraceSampling) return SAMPLING;
  const id = headers.get(X_REQUEST_ID);
  const number = stableNumber(id);
  if (number < 0) return NOT_TRACEABLE;
  let reason = ids.packTraceReason ? reasonIn(id) : NOT_TRACEABLE;
  if (reason === NOT_TRACEABLE) {
    if (headers.has(X_CLIENT_TRACE_ID) && isDrawn(sampling.client, random)) reason = CLIENT_FORCED;
    else if (headers.has(X_ENVOY_FORCE_TRACE)) reason = SERVICE_FORCED;
    else if (isAmong(sampling.random, number)) reason = SAMPLING;
    if (reason !== NOT_TRACEABLE) setTraceReason(headers, ids, reason);
  }
  if (isAmong(sampling.overall, number)) return reason;
  setTraceReason(headers, ids, NOT_TRACEABLE);
  return NOT_TRACEABLE;
}

export function setTraceReason(headers: HeaderBlock, ids: RequestIdPlan, reason: TraceReason): void {
  const id = headers.get(X_REQUEST_ID);
  if (!ids.packTraceReason || id.length !== UUID_LENGTH || id[DIGIT_AT] === DIGITS[reason]) return;
  headers.set(X_REQUEST_ID, id.slice(0, DIGIT_AT) + DIGITS[reason] + id.slice(DIGIT_AT + 1));
}

function reasonIn(id: string): TraceReason {
  if (id.length !== UUID_LENGTH) return NOT_TRACEABLE;
  switch (id.charCodeAt(DIGIT_AT)) {
    case 0x39 /* 9 */:
      return SAMPLING;
    case 0x61 /* a */:
      return SERVICE_FORCED;
    case 0x62 /* b */:
      return CLIENT_FORCED;
    default:
      return NOT_TRACEABLE;
  }
}

function isDrawn(share: SampledShare, random: () => number): boolean {
  return random() * share.denominator < share.numerator;
}

function isAmong(share: SampledShare, number: number): boolean {
  return number % share.denominator < share.numerator;
}

/** 0 to 9999 out of an id's first eight digits, an `0x` among them allowed; −1 if they are none. */
function stableNumber(id: string): number {
  if (id.length < 8) return -1;
  let i = id.charCodeAt(0) === 0x30 && (id.charCodeAt(1) | 0x20) === 0x78 /* x */ ? 2 : 0;
  let number = 0;
  for (; i < 8; i++) {
    const code = id.charCodeAt(i);
    const letter = (code | 0x20) - 0x61;
    if (code >= 0x30 && code <= 0x39) number = number * 16 + code - 0x30;
    else if (letter >= 0 && letter < 6) number = number * 16 + letter + 10;
    else return -1;
  }
  return number % SHARES;
}
