/** Who talks to whom: the traffic of a window as nodes and edges. */
import type { Badge, Graph, GraphEdge, GraphNode, GraphTotals, GraphType, NodeTraffic } from "@tulle/telemetry/insight";
import type { NodeIdentity } from "./graph-nodes.ts";
import { namespaceNode, sourceNode, targetNode } from "./graph-nodes.ts";
import { IDLE, trafficHealth, workloadHealth, worst } from "./health.ts";
import { countedOf, latencyOf, messageStats, mutualTls, requestStats, sentOf, servedOf, tcpStats } from "./stats.ts";
import type { Traffic } from "./services.ts";
import type { SideCounts, TrafficCell } from "./traffic-cell.ts";

export interface GraphOptions {
  readonly type: GraphType;
  /** Only edges that begin or end in these; empty: all. */
  readonly namespaces: readonly string[];
  /** Each namespace is one node … */
  readonly collapse: boolean;
  /** … but these. */
  readonly expand: readonly string[];
}

export interface GraphInput {
  readonly traffic: Traffic;
  /** Of requests, beside the traffic. */
  readonly copies: readonly TrafficCell[];
  readonly probes: number;
  readonly at: number;
  /** `namespace/service/version` → time that it adds. */
  readonly contributions: ReadonlyMap<string, NonNullable<GraphNode["contribution"]>>;
  readonly emptyBecause: string;
}

interface EdgeCells {
  readonly source: NodeIdentity;
  readonly target: NodeIdentity;
  readonly cells: TrafficCell[];
  readonly isCopies: boolean;
}

interface NodeCells {
  readonly identity: NodeIdentity;
  readonly members: Map<string, NodeIdentity>;
  readonly in: TrafficCell[];
  readonly out: TrafficCell[];
  getsCopies: boolean;
}

export function graphOf(input: GraphInput, options: GraphOptions): Omit<Graph, "rev"> {
  const { at } = input;
  const { facts, windowSeconds, seconds } = input.traffic;
  const cells = input.traffic.cells.filter((cell) => isWanted(cell, options.namespaces));
  const nodes = new Map<string, NodeCells>();
  const edges = new Map<string, EdgeCells>();
  const collapsed = new Set<string>();
  const place = (identity: NodeIdentity): NodeCells => {
    const { namespace } = identity;
    const isCollapsed = options.collapse && namespace !== "" && !options.expand.includes(namespace);
    const shown = isCollapsed ? namespaceNode(namespace) : identity;
    if (isCollapsed) collapsed.add(namespace);
    let node = nodes.get(shown.id);
    if (node === undefined)
      nodes.set(shown.id, (node = { identity: shown, members: new Map(), in: [], out: [], getsCopies: false }));
    node.members.set(identity.id, identity);
    return node;
  };
  for (const cell of cells) {
    const source = place(sourceNode(cell.from, options.type, facts, cell.sourcePrincipal));
    const target = place(targetNode(cell.to, options.type, facts));
    source.out.push(cell);
    target.in.push(cell);
    // What a namespace says to itself is not seen while it is one node.
    if (source === target && source.identity.kind === "namespace") continue;
    const id = `${source.identity.id}>${target.identity.id}`;
    const edge = edges.get(id);
    if (edge !== undefined) edge.cells.push(cell);
    else edges.set(id, { source: source.identity, target: target.identity, cells: [cell], isCopies: false });
  }
  for (const cell of input.copies.filter((one) => isWanted(one, options.namespaces))) {
    const source = place(sourceNode(cell.from, options.type, facts, cell.sourcePrincipal));
    const target = place(targetNode(cell.to, options.type, facts));
    target.getsCopies = true;
    const id = `${source.identity.id}>${target.identity.id}`;
    const edge = edges.get(id);
    if (edge === undefined && source !== target)
      edges.set(id, { source: source.identity, target: target.identity, cells: [cell], isCopies: true });
    // What is sent otherwise stands for itself.
    else if (edge?.isCopies === true) edge.cells.push(cell);
  }
  const counts = new Map([...nodes].map(([id, node]) => [id, { in: countedOf(node.in), out: countedOf(node.out) }]));
  const contributionOf = contributionLookup(input.contributions);
  return {
    at,
    windowSeconds,
    type: options.type,
    collapsed: [...collapsed].sort(),
    nodes: [...nodes].map(([id, node]) => nodeOf(node, counts.get(id)!, contributionOf, seconds)).sort(byId),
    edges: [...edges]
      .map(([id, edge]) => edgeOf(id, edge, counts.get(edge.source.id)!.out.requests, seconds))
      .sort(byId),
    totals: totalsOf(cells, input),
    emptyBecause: cells.length === 0 ? input.emptyBecause : "",
  };
}

function isWanted({ from, to }: TrafficCell, namespaces: readonly string[]): boolean {
  if (namespaces.length === 0) return true;
  return [from.namespace, to.namespace, to.serviceNamespace].some((name) => namespaces.includes(name));
}

function nodeOf(
  { identity, members, in: incoming, getsCopies }: NodeCells,
  counts: { readonly in: SideCounts; readonly out: SideCounts },
  contributionOf: (identities: readonly NodeIdentity[]) => GraphNode["contribution"],
  seconds: number,
): GraphNode {
  const { id, kind, name, namespace, app, service, workload, version, isGateway } = identity;
  const all = [...members.values()];
  const known = all.flatMap(({ workloadFacts }) => workloadFacts.map(workloadHealth));
  return {
    id,
    kind,
    name,
    namespace,
    app,
    service,
    workload,
    version,
    members: members.size,
    isGateway,
    isRoot: incoming.length === 0 && !getsCopies,
    in: nodeTraffic(counts.in, seconds),
    out: nodeTraffic(counts.out, seconds),
    health: kind === "outside" ? IDLE : worst([trafficHealth(counts.in), trafficHealth(counts.out), ...known]),
    badges: badgesOf(all),
    contribution: contributionOf(all),
  };
}

function nodeTraffic(counted: SideCounts, seconds: number): NodeTraffic {
  const { requests } = counted;
  return {
    rps: requests / seconds,
    errorShare: requests === 0 ? 0 : (counted.http.failed + counted.grpc.failed) / requests,
    tcpBytesPerSecond: (counted.sentBytes + counted.receivedBytes) / seconds,
  };
}

export function badgesOf(all: readonly Pick<NodeIdentity, "serviceFacts" | "workloadFacts">[]): readonly Badge[] {
  const found = new Map<string, Badge>();
  for (const { serviceFacts, workloadFacts } of all) {
    for (const { badges } of [...serviceFacts, ...workloadFacts]) {
      for (const badge of badges) found.set(`${badge.kind}\n${badge.text}`, badge);
    }
  }
  return [...found.values()];
}

/** Of what has no version: all versions'. */
function contributionLookup(
  contributions: GraphInput["contributions"],
): (identities: readonly NodeIdentity[]) => GraphNode["contribution"] {
  const byService = Map.groupBy(contributions, ([key]) => key.slice(0, key.lastIndexOf("/")));
  return (identities) => {
    const matching = identities.flatMap(({ namespace, service, version }) =>
      (byService.get(`${namespace}/${service}`) ?? []).flatMap(([key, contribution]) =>
        version === "" || key === `${namespace}/${service}/${version}` ? [contribution] : [],
      ),
    );
    if (matching.length === 0) return null;
    return {
      msPerRequest: matching.reduce((sum, { msPerRequest }) => sum + msPerRequest, 0),
      share: matching.reduce((sum, { share }) => sum + share, 0),
    };
  };
}

function edgeOf(
  id: string,
  { source, target, cells, isCopies }: EdgeCells,
  sentBySource: number,
  seconds: number,
): GraphEdge {
  return {
    id,
    source: source.id,
    target: target.id,
    ...edgeStats(cells, seconds, isCopies ? 0 : sentBySource),
    health: trafficHealth(countedOf(cells)),
    isCopies,
  };
}

/** @param sentBySource requests of the source in all */
export function edgeStats(
  cells: readonly TrafficCell[],
  seconds: number,
  sentBySource: number,
): Omit<GraphEdge, "id" | "source" | "target" | "health" | "isCopies"> {
  const counted = countedOf(cells);
  const served = servedOf(cells);
  const http = requestStats(counted.http, served.http.duration, seconds);
  const grpc = requestStats(counted.grpc, served.grpc.duration, seconds);
  const tcp = tcpStats(counted, seconds);
  return {
    protocols: [
      ...(http === null ? [] : (["http"] as const)),
      ...(grpc === null ? [] : (["grpc"] as const)),
      ...(tcp === null ? [] : (["tcp"] as const)),
    ],
    http,
    grpc,
    messages: messageStats(counted, seconds),
    tcp,
    latency: { source: latencyOf(sentOf(cells).duration), destination: latencyOf(served.duration) },
    shareOfSource: sentBySource === 0 ? 0 : counted.requests / sentBySource,
    mtls: mutualTls(cells),
    sourcePrincipal: cells.find(({ sourcePrincipal }) => sourcePrincipal !== "")?.sourcePrincipal ?? "",
    destinationPrincipal:
      cells.find(({ destinationPrincipal }) => destinationPrincipal !== "")?.destinationPrincipal ?? "",
  };
}

function totalsOf(cells: readonly TrafficCell[], { traffic: { since, seconds }, probes }: GraphInput): GraphTotals {
  const counted = countedOf(cells);
  const { requests } = counted;
  return {
    rps: requests / seconds,
    errorShare: requests === 0 ? 0 : (counted.http.failed + counted.grpc.failed) / requests,
    mtlsShare: mutualTls(cells).share,
    probes: { requests: probes, rps: probes / seconds },
    since,
  };
}

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
