/** What of the graph is shown, and where: nodes keep their places for as long as the page looks at the same kind of graph. */
import { useMemo, useRef } from "react";
import type { Graph, GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import { parseExpression } from "./filter.ts";
import type { Expression } from "./filter.ts";
import { groupBoxes, nodeBoxes } from "./geometry.ts";
import { EMPTY_LAYOUT, layOut } from "./layout.ts";
import type { Layout } from "./layout.ts";

export interface Shown {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly boxes: ReturnType<typeof nodeBoxes>;
  readonly groups: ReturnType<typeof groupBoxes>;
}

interface Remembered {
  readonly shape: string;
  readonly layout: Layout;
  /** Everybody who has a place, and his namespace. */
  readonly groups: ReadonlyMap<string, string>;
}

/** So many who have gone keep their places, beside three for each who is there: who comes back is where he was. */
const ABSENT = 100;

/** What is not hidden, each node where it was before. `shape`: another kind of graph has another layout. */
export function useShown(graph: Graph | undefined, hide: string, shape: string): Shown {
  const remembered = useRef<Remembered>(undefined);
  return useMemo(() => {
    const all = graph?.nodes ?? [];
    const hidden = parseExpression(hide);
    const nodes = all.filter((node) => hidden.node?.(node) !== true);
    const ids = new Set(nodes.map(({ id }) => id));
    const edges = (graph?.edges ?? []).filter(
      (edge) => ids.has(edge.source) && ids.has(edge.target) && hidden.edge?.(edge) !== true,
    );
    const groupOf = new Map(all.map(({ id, namespace }) => [id, namespace]));
    const before = remembered.current?.shape === shape ? remembered.current : undefined;
    const groups = new Map([...(before?.groups ?? []), ...groupOf]);
    const placed = groups.size > 4 * all.length + ABSENT ? groupOf : groups;
    const layout = layOut(
      before?.layout ?? EMPTY_LAYOUT,
      [...placed].map(([id, group]) => ({ id, group })),
      graph?.edges ?? [],
    );
    remembered.current = { shape, layout, groups: placed };
    const boxes = new Map([...nodeBoxes(layout)].filter(([id]) => ids.has(id)));
    return { nodes, edges, boxes, groups: groupBoxes(boxes, groupOf) };
  }, [graph, hide, shape]);
}

export function foundIds({ nodes, edges }: Shown, { node, edge }: Expression): ReadonlySet<string> | undefined {
  if (node === undefined && edge === undefined) return undefined;
  const found = new Set<string>();
  if (node !== undefined) for (const one of nodes) if (node(one)) found.add(one.id);
  if (edge !== undefined) for (const one of edges) if (edge(one)) found.add(one.id).add(one.source).add(one.target);
  return found;
}
