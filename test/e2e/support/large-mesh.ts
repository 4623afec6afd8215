/** The console with a graph that was made up, in the shape and by the way in which the control plane tells of one. */
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CONSOLE_DIRECTORY } from "../../../packages/console/built.ts";
import { Console } from "../../../packages/control/src/http/console.ts";
import type { Graph, GraphDelta, GraphEdge, GraphNode, NodeTraffic, RequestStats } from "@tulle/telemetry/insight";

const LATENCY = { meanMs: 8, p50Ms: 6.2, p95Ms: 21, p99Ms: 48 };

/** Numbers that look random and are always the same. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function traffic(rps: number): NodeTraffic {
  return { rps, errorShare: 0, tcpBytesPerSecond: 0 };
}

export function madeUpNode(namespace: string, name: string, rps: number): GraphNode {
  return {
    id: `${namespace}/${name}/v1`,
    kind: "app",
    name,
    namespace,
    app: name,
    service: name,
    workload: `${name}-v1`,
    version: "v1",
    members: 1,
    isGateway: false,
    isRoot: false,
    in: traffic(rps),
    out: traffic(rps),
    health: { state: "healthy", reasons: [] },
    badges: [],
    contribution: null,
  };
}

export function madeUpEdge(source: string, target: string, rps: number, errorShare = 0): GraphEdge {
  const http: RequestStats = {
    requests: Math.round(rps * 300),
    rps,
    failed: Math.round(rps * 300 * errorShare),
    errorShare,
    clientErrors: 0,
    byCode: { "200": Math.round(rps * 300) },
    byFlags: {},
    latency: LATENCY,
    requestBytesPerSecond: rps * 400,
    responseBytesPerSecond: rps * 2000,
  };
  return {
    id: `${source}~${target}`,
    source,
    target,
    protocols: ["http"],
    http,
    grpc: null,
    messages: null,
    tcp: null,
    latency: { source: LATENCY, destination: LATENCY },
    shareOfSource: 0.5,
    mtls: { state: "all", share: 1 },
    sourcePrincipal: "",
    destinationPrincipal: "",
    isCopies: false,
    health: { state: errorShare > 0.1 ? "failure" : "healthy", reasons: [] },
  };
}

/** `size` nodes in 40 namespaces, about two calls each, most of them within a namespace. */
export function largeGraph(size: number): Graph {
  const random = numbers(size);
  const nodes = Array.from({ length: size }, (_, index) =>
    madeUpNode(`team-${String(index % 40).padStart(2, "0")}`, `service-${index}`, 1 + random(50)),
  );
  const edges = new Map<string, GraphEdge>();
  for (const [index, { id }] of nodes.entries()) {
    if (index < 40) continue;
    // Of an earlier one of the same namespace, and now and then of any earlier one.
    const callers = [index - 40 * (1 + random(Math.floor(index / 40))), random(4) > 0 ? index - 40 : random(index)];
    for (const caller of callers) {
      const edge = madeUpEdge(nodes[caller]!.id, id, 1 + random(40), random(30) === 0 ? 0.2 : 0);
      edges.set(edge.id, edge);
    }
  }
  return {
    rev: 1,
    at: Date.now(),
    windowSeconds: 300,
    type: "versionedApp",
    collapsed: [],
    nodes,
    edges: [...edges.values()],
    totals: { rps: 900, errorShare: 0.004, mtlsShare: 1, probes: { requests: 0, rps: 0 }, since: 0 },
    emptyBecause: "",
  };
}

export interface LargeMesh {
  readonly url: string;
  /** Tells everybody who watches. */
  tell(delta: GraphDelta): void;
  close(): Promise<void>;
}

/** Serves the console and the stream of a graph; of everything else there is nothing. */
export async function serveGraph(graph: Graph): Promise<LargeMesh> {
  const console = new Console(CONSOLE_DIRECTORY);
  const watching = new Set<ServerResponse>();
  const send = (response: ServerResponse, name: string, rev: number, value: unknown): void => {
    response.write(`id: ${rev}\nevent: ${name}\ndata: ${JSON.stringify(value)}\n\n`);
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://console");
    if (pathname === "/api/v1/graph/stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      send(response, "graph", graph.rev, graph);
      watching.add(response);
      response.once("close", () => watching.delete(response));
    } else if (pathname.startsWith("/api/")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(pathname === "/api/v1/proxies" ? "[]" : '{"items":[],"diagnostics":[],"files":[]}');
    } else {
      void console.answer(pathname, request.headers).then(({ status, headers, body }) => {
        response.writeHead(status, headers);
        response.end(body);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tell: (delta) => {
      for (const response of watching) send(response, "delta", delta.rev, delta);
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
