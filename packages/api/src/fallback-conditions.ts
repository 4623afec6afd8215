/** What `spec.rules[].on` of a Fallback may name. */

/** Failures that the proxy would have to answer itself. */
export const FALLBACK_FAILURES = [
  "CircuitBreakerOpen",
  "NoHealthyUpstream",
  "Timeout",
  "RetriesExhausted",
  "Reset",
  "ConnectFailure",
  "NoCluster",
] as const;
export type FallbackFailure = (typeof FALLBACK_FAILURES)[number];

export interface FallbackConditions {
  readonly failures: readonly FallbackFailure[];
  /** First and last. */
  readonly statuses: readonly (readonly [first: number, last: number])[];
}

/** Without any: every failure, and no status. What is no condition is left out; validation has said so. */
export function fallbackConditions(on: readonly (string | number)[] | undefined): FallbackConditions {
  if (on === undefined) return { failures: FALLBACK_FAILURES, statuses: [] };
  return {
    failures: FALLBACK_FAILURES.filter((failure) => on.includes(failure)),
    statuses: on.flatMap((item) => {
      const range = statusRange(item);
      return range === undefined ? [] : [range];
    }),
  };
}

/** `503`, `5xx`. Errors only: what went well needs no other answer. */
export function statusRange(item: string | number): readonly [first: number, last: number] | undefined {
  const match = /^([45])(\d\d|xx)$/.exec(String(item));
  if (match === null) return undefined;
  const [, hundreds, rest] = match;
  const first = Number(hundreds) * 100;
  return rest === "xx" ? [first, first + 99] : [first + Number(rest), first + Number(rest)];
}
