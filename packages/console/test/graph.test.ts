/** What is drawn, found and kept of the graph. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Graph, GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import { parseExpression } from "../src/graph/filter.ts";
import { applyDelta } from "../src/graph/live.ts";

const traffic = { rps: 0, errorShare: 0, tcpBytesPerSecond: 0 };
const node = (id: string, more: Partial<GraphNode> = {}): GraphNode => ({
  id,
  kind: "workload",
  name: id,
  namespace: "default",
  app: id,
  service: id,
  workload: id,
  version: "v1",
  members: 1,
  isGateway: false,
  isRoot: false,
  in: traffic,
  out: traffic,
  health: { state: "healthy", reasons: [] },
  badges: [],
  contribution: null,
  ...more,
});
const latency = { meanMs: null, p50Ms: 5, p95Ms: 150, p99Ms: null };
const edge = (id: string, more: Partial<GraphEdge> = {}): GraphEdge => ({
  id,
  source: "a",
  target: "b",
  protocols: ["http"],
  http: null,
  grpc: null,
  messages: null,
  tcp: null,
  latency: { source: latency, destination: latency },
  shareOfSource: 1,
  mtls: { state: "all", share: 1 },
  sourcePrincipal: "",
  destinationPrincipal: "",
  isCopies: false,
  health: { state: "healthy", reasons: [] },
  ...more,
});

test("find and hide: parts of names, conditions, flags, not, and, or", () => {
  const matches = (text: string, one: GraphNode): boolean => parseExpression(text).node?.(one) === true;
  assert.ok(matches("rev", node("reviews")));
  assert.ok(!matches("rev", node("ratings")));
  assert.ok(matches("name = reviews and version = v1", node("reviews")));
  assert.ok(matches("ns != default or name ^= rat", node("ratings")));
  assert.ok(matches("!healthy", node("x", { health: { state: "failure", reasons: [] } })));
  assert.ok(matches("not idle", node("x")));
  const { edge: test } = parseExpression("p95 > 100ms");
  assert.equal(test?.(edge("e")), true);
  assert.equal(parseExpression("p99 > 0").edge?.(edge("e")), false, "what is not known satisfies nothing");
  assert.equal(parseExpression("!mtls").edge?.(edge("e", { mtls: { state: "some", share: 0.5 } })), true);
  assert.equal(parseExpression("error > 1%").edge?.(edge("e")), false);
});

test("an expression that says nothing matches nothing, a wrong one tells why", () => {
  assert.deepEqual(parseExpression("  "), { node: undefined, edge: undefined, error: undefined });
  assert.match(parseExpression("colour = red").error ?? "", /nothing is called colour/);
  assert.match(parseExpression("p95 > fast").error ?? "", /number/);
  assert.match(parseExpression("name > b").error ?? "", /text/);
  for (const text of ["(".repeat(5000), "and", "!!!", "a = ", "= b", "\u0000"]) parseExpression(text);
});

test("a delta changes what it names, and leaves everybody else the same object in the same place", () => {
  const totals = { rps: 1, errorShare: 0, mtlsShare: null, probes: { requests: 0, rps: 0 }, since: 0 };
  const graph: Graph = {
    rev: 1,
    at: 0,
    windowSeconds: 60,
    type: "app",
    collapsed: [],
    nodes: [node("a"), node("b"), node("c")],
    edges: [edge("e")],
    totals,
    emptyBecause: "",
  };
  const next = applyDelta(graph, {
    rev: 2,
    at: 5,
    nodes: [node("b", { version: "v2" }), node("d")],
    edges: [],
    removedNodes: ["c"],
    removedEdges: [],
    totals,
    emptyBecause: "",
  });
  assert.deepEqual(
    next.nodes.map(({ id, version }) => `${id} ${version}`),
    ["a v1", "b v2", "d v1"],
  );
  assert.equal(next.nodes[0], graph.nodes[0]);
  assert.equal(next.edges, graph.edges);
  assert.equal(next.rev, 2);
});
