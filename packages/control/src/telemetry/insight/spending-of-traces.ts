/** Where time is spent, from the critical paths of traces. */
import type { SpanRecord } from "@tulle/telemetry/records";
import { criticalPath } from "./critical-path.ts";
import type { Section } from "./critical-path.ts";
import type { Place } from "./span-place.ts";
import { spanTree } from "./span-tree.ts";
import { keyOf, Spending } from "./spending.ts";

export interface TraceSpans {
  readonly traceId: string;
  readonly spans: readonly SpanRecord[];
}

/**
 * A proxy has kept it because it was slow or failed: it shows what can happen, not what does. Averages are of the others, which were
 * chosen before anybody knew.
 */
export function isKeptByTail(spans: readonly SpanRecord[]): boolean {
  return spans.some(({ tags }) => tags[KEPT_TAG] !== undefined);
}

const KEPT_TAG = "tulle.kept";

/** @param shown traces that are evidence only */
export function spendingOfTraces(sampled: readonly TraceSpans[], shown: readonly TraceSpans[] = []): Spending {
  const spending = new Spending();
  for (const { traceId, spans } of sampled) {
    const root = spanTree(spans);
    if (root === undefined) continue;
    spending.requests++;
    spending.totalMs += (root.end - root.start) / 1000;
    for (const { place, ms, calls } of byPlace(criticalPath(root))) {
      spending.spend(place, ms, calls);
      spending.show(place, traceId, ms);
    }
  }
  for (const { traceId, spans } of shown) {
    const root = spanTree(spans);
    if (root === undefined) continue;
    for (const { place, ms } of byPlace(criticalPath(root))) spending.show(place, traceId, ms);
  }
  return spending;
}

function byPlace(sections: readonly Section[]): Iterable<{ place: Place; ms: number; calls: number }> {
  const found = new Map<string, { place: Place; ms: number; calls: number; nodes: Set<unknown> }>();
  for (const { node, place, start, end } of sections) {
    const key = keyOf(place);
    let sum = found.get(key);
    if (sum === undefined) found.set(key, (sum = { place, ms: 0, calls: 0, nodes: new Set() }));
    sum.ms += (end - start) / 1000;
    sum.nodes.add(node);
    sum.calls = sum.nodes.size;
  }
  return found.values();
}
