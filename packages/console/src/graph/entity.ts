/** What the drawer is to show of a node or an edge. */
import type { Graph, GraphEdge, GraphNode } from "@tulle/telemetry/insight";

function isEdge(one: GraphNode | GraphEdge): one is GraphEdge {
  return "source" in one && "target" in one;
}

/** The id of what the address's `about` names. */
export function idOf(about: string | null, graph: Graph): string | undefined {
  if (about === null) return undefined;
  const all: readonly (GraphNode | GraphEdge)[] = about.startsWith("call:") ? graph.edges : graph.nodes;
  return all.find((one) => entityOf(one, graph) === about)?.id;
}

/** The address's `about`. */
export function entityOf(one: GraphNode | GraphEdge, graph: Graph): string {
  if (isEdge(one)) {
    const name = (id: string): string => {
      const node = graph.nodes.find((candidate) => candidate.id === id);
      return node === undefined
        ? id
        : `${node.namespace}/${node.service || node.workload || node.name}/${node.version}`;
    };
    return `call:${name(one.source)}~${name(one.target)}`;
  }
  if (one.service !== "" && one.namespace !== "") return `service:${one.namespace}/${one.service}`;
  if (one.workload !== "") return `workload:${one.namespace}/${one.workload}`;
  return `service:${one.namespace}/${one.name}`;
}
