/** What has become worse, or better, than it was. */
import type { Mover } from "@tulle/telemetry/insight";
import { countedOf, sentOf, servedOf } from "./stats.ts";
import type { TrafficCell } from "./traffic-cell.ts";

/** Below so many requests a quantile is chance. */
const ENOUGH = 20;
/** p95 within a histogram's bucket is interpolated: smaller changes are not seen for sure. */
const SLOWER = 1.25;
const SLOWER_MS = 5;
const MORE_ERRORS = 0.01;
const MAX = 10;

export function moversOf(now: readonly TrafficCell[], before: readonly TrafficCell[]): readonly Mover[] {
  const was = Map.groupBy(before, keyOf);
  const found: { mover: Mover; size: number }[] = [];
  for (const [key, cells] of Map.groupBy(now, keyOf)) {
    const [then, current] = [signalsOf(was.get(key) ?? []), signalsOf(cells)];
    if (then.requests < ENOUGH || current.requests < ENOUGH) continue;
    const { to } = cells[0]!;
    const who = { namespace: to.serviceNamespace || to.namespace, service: to.service || to.app, version: to.version };
    if (then.p95 !== null && current.p95 !== null) {
      const [low, high] = [Math.min(then.p95, current.p95), Math.max(then.p95, current.p95)];
      if (high >= low * SLOWER && high - low >= SLOWER_MS) {
        const what = current.p95 > then.p95 ? "slower" : "faster";
        found.push({ mover: { ...who, what, before: then.p95, now: current.p95 }, size: (high - low) / low });
      }
    }
    const change = current.errors - then.errors;
    if (Math.abs(change) >= MORE_ERRORS) {
      const what = change > 0 ? "more-errors" : "fewer-errors";
      found.push({ mover: { ...who, what, before: then.errors, now: current.errors }, size: Math.abs(change) * 10 });
    }
  }
  const isWorse = ({ what }: Mover): number => (what === "slower" || what === "more-errors" ? 1 : 0);
  return found
    .sort((a, b) => isWorse(b.mover) - isWorse(a.mover) || b.size - a.size)
    .slice(0, MAX)
    .map(({ mover }) => mover);
}

function signalsOf(cells: readonly TrafficCell[]): { requests: number; errors: number; p95: number | null } {
  const counted = countedOf(cells);
  const served = servedOf(cells).duration;
  const duration = served.count > 0 ? served : sentOf(cells).duration;
  const { requests } = counted;
  return {
    requests,
    errors: requests === 0 ? 0 : (counted.http.failed + counted.grpc.failed) / requests,
    p95: duration.latency().p95Ms,
  };
}

function keyOf({ to }: TrafficCell): string {
  return `${to.serviceNamespace || to.namespace}/${to.service || to.app}/${to.version}`;
}
