/** What has changed from one graph to the next. */
import type { Graph, GraphDelta } from "@tulle/telemetry/insight";

/** One watcher's view: what he was told last, by id. */
export class GraphChanges {
  #nodes: ReadonlyMap<string, string> = new Map();
  #edges: ReadonlyMap<string, string> = new Map();

  /** To be told whole. */
  begin(graph: Graph): void {
    this.#nodes = texts(graph.nodes);
    this.#edges = texts(graph.edges);
  }

  next(graph: Graph): GraphDelta {
    const nodes = texts(graph.nodes);
    const edges = texts(graph.edges);
    const delta: GraphDelta = {
      rev: graph.rev,
      at: graph.at,
      nodes: graph.nodes.filter(({ id }) => nodes.get(id) !== this.#nodes.get(id)),
      edges: graph.edges.filter(({ id }) => edges.get(id) !== this.#edges.get(id)),
      removedNodes: [...this.#nodes.keys()].filter((id) => !nodes.has(id)),
      removedEdges: [...this.#edges.keys()].filter((id) => !edges.has(id)),
      totals: graph.totals,
      emptyBecause: graph.emptyBecause,
    };
    this.#nodes = nodes;
    this.#edges = edges;
    return delta;
  }
}

function texts(items: readonly { readonly id: string }[]): ReadonlyMap<string, string> {
  return new Map(items.map((item) => [item.id, JSON.stringify(item)]));
}
