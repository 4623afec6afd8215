/** A graph and what has changed since the one before, as JSON: each node and edge is written once, and compared as it is written. */
import type { Graph, GraphDelta } from "@tulle/telemetry/insight";

type Texts = ReadonlyMap<string, string>;

/** What watchers of a graph were told last. */
export class GraphChanges {
  #nodes: Texts = new Map();
  #edges: Texts = new Map();
  #rest: Omit<Graph, "nodes" | "edges">;

  constructor(graph: Graph) {
    this.#rest = graph;
    this.#take(graph);
  }

  #take({ nodes, edges, ...rest }: Graph): void {
    this.#nodes = texts(nodes);
    this.#edges = texts(edges);
    this.#rest = rest;
  }

  /** A `Graph`: all of it. */
  whole(): string {
    return withLists(this.#rest, [...this.#nodes.values()], [...this.#edges.values()]);
  }

  /** A `GraphDelta`. */
  next(graph: Graph): string {
    const [nodes, edges] = [this.#nodes, this.#edges];
    this.#take(graph);
    const rest: Omit<GraphDelta, "nodes" | "edges"> = {
      rev: graph.rev,
      at: graph.at,
      removedNodes: missing(nodes, this.#nodes),
      removedEdges: missing(edges, this.#edges),
      totals: graph.totals,
      emptyBecause: graph.emptyBecause,
    };
    return withLists(rest, changed(nodes, this.#nodes), changed(edges, this.#edges));
  }
}

function texts(items: readonly { readonly id: string }[]): Texts {
  return new Map(items.map((item) => [item.id, JSON.stringify(item)]));
}

function changed(before: Texts, now: Texts): string[] {
  const found: string[] = [];
  for (const [id, text] of now) if (before.get(id) !== text) found.push(text);
  return found;
}

function missing(before: Texts, now: Texts): string[] {
  return [...before.keys()].filter((id) => !now.has(id));
}

/** `rest` has at least one field. */
function withLists(rest: object, nodes: readonly string[], edges: readonly string[]): string {
  return `${JSON.stringify(rest).slice(0, -1)},"nodes":[${nodes.join(",")}],"edges":[${edges.join(",")}]}`;
}
