/** A graph kept true by what the stream says. Pure. */
import type { Graph, GraphDelta } from "@tulle/telemetry/insight";

export function applyDelta(graph: Graph, delta: GraphDelta): Graph {
  return {
    ...graph,
    rev: delta.rev,
    at: delta.at,
    totals: delta.totals,
    emptyBecause: delta.emptyBecause,
    nodes: merge(graph.nodes, delta.nodes, delta.removedNodes),
    edges: merge(graph.edges, delta.edges, delta.removedEdges),
  };
}

/** Whoever was there keeps his place in the list. */
function merge<T extends { readonly id: string }>(
  before: readonly T[],
  upserts: readonly T[],
  removed: readonly string[],
): readonly T[] {
  if (upserts.length === 0 && removed.length === 0) return before;
  const changed = new Map(upserts.map((one) => [one.id, one]));
  const gone = new Set(removed);
  const kept = before.flatMap((one) => {
    const now = changed.get(one.id);
    changed.delete(one.id);
    return gone.has(one.id) ? [] : [now ?? one];
  });
  return [...kept, ...changed.values()];
}
