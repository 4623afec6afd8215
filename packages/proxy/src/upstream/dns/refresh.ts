import type { RefreshPlan } from "../../plan/dns-plan.ts";

/** So often the wait doubles at most. */
const MAX_DOUBLINGS = 30;

/**
 * Between half of an exponentially growing limit and all of it. (Envoy's JitteredExponentialBackOffStrategy begins at 0, which asks a
 * server that is not well at once; the limit is the same.)
 * @param failures before this one, one after another
 */
export function failureDelayMs({ refreshMs, failure }: RefreshPlan, failures: number, random: () => number): number {
  if (failure === null) return refreshMs;
  const limit = Math.min(failure.maxMs, failure.baseMs * 2 ** Math.min(failures, MAX_DOUBLINGS));
  return Math.max(1, Math.round(limit * (0.5 + random() / 2)));
}
