import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PROBES_EXPOSED } from "@tulle/telemetry";
import type { Graph, GraphDelta } from "@tulle/telemetry/insight";
import { NO_FACTS } from "../../../src/telemetry/insight/facts.ts";
import type { MeshFacts, WorkloadFacts } from "../../../src/telemetry/insight/facts.ts";
import { GraphFeeds } from "../../../src/telemetry/insight/graph-feed.ts";
import type { GraphEvent } from "../../../src/telemetry/insight/graph-feed.ts";
import type { GraphOptions } from "../../../src/telemetry/insight/graph.ts";
import type { TraceSpans } from "../../../src/telemetry/insight/spending-of-traces.ts";
import { Insight } from "../../../src/telemetry/insight/insight.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import type { Requests } from "./support/counted-mesh.ts";
import { CountedMesh } from "./support/counted-mesh.ts";

const NOW = Date.UTC(2026, 0, 1);
const OPTIONS: GraphOptions = { type: "versionedApp", namespaces: [], collapse: false, expand: [] };

const WEB = { workload: "web-v1" };
const CALLS: readonly Requests[] = [
  { from: { workload: "unknown" }, to: WEB, count: 10, destinationMs: 20, policy: "none" },
  { from: WEB, to: { workload: "reviews-v1" }, count: 9, sourceMs: 10, destinationMs: 9 },
  { from: WEB, to: { workload: "reviews-v2" }, count: 1, sourceMs: 90, destinationMs: 80, code: "503" },
  {
    from: { workload: "reviews-v2" },
    to: { workload: "ratings-v1", namespace: "backend" },
    count: 1,
    sourceMs: 3,
    destinationMs: 2,
  },
];

function counted(calls: readonly Requests[], facts: MeshFacts = NO_FACTS): Insight {
  const mesh = new CountedMesh();
  for (const call of calls) mesh.count({ ...call, count: 0 });
  mesh.flush(NOW - 60_000);
  for (const call of calls) mesh.count(call);
  mesh.flush(NOW);
  const insight = new Insight(mesh, { search: () => [] });
  insight.learn(facts);
  return insight;
}

function graph(options: Partial<GraphOptions> = {}, calls = CALLS, facts = NO_FACTS): Omit<Graph, "rev"> {
  return counted(calls, facts).graph({ at: NOW, windowSeconds: 60 }, { ...OPTIONS, ...options });
}

const edgesOf = ({ edges }: Pick<Graph, "edges">): readonly string[] => edges.map(({ id }) => id);

describe("the graph", () => {
  test("has a node for each version of an app, and one edge between two", () => {
    assert.deepEqual(edgesOf(graph()), [
      "app:default/reviews@v2>app:backend/ratings@v1",
      "app:default/web@v1>app:default/reviews@v1",
      "app:default/web@v1>app:default/reviews@v2",
      "out:>app:default/web@v1",
    ]);
  });

  test("of a mesh that began ten seconds ago says its rate of these ten seconds", () => {
    const mesh = new CountedMesh();
    mesh.count({ ...CALLS[1]!, count: 0 });
    mesh.flush(NOW - 10_000);
    mesh.count(CALLS[1]!);
    mesh.flush(NOW - 5_000);
    const insight = new Insight(mesh, { search: () => [] });
    const rate = (at: number): number | undefined =>
      insight.graph({ at, windowSeconds: 60 }, OPTIONS).edges[0]?.http?.rps;
    assert.equal(rate(NOW), 9 / 10);
    assert.equal(rate(NOW + 40_000), 9 / 50);
  });

  test("right after a start rates are over the time that there was, and it says since when", () => {
    const mesh = new CountedMesh();
    mesh.count({ ...CALLS[1]!, count: 0 });
    mesh.flush(NOW - 20_000);
    mesh.count({ ...CALLS[1]!, count: 40 });
    mesh.flush(NOW);
    const insight = new Insight(mesh, { search: () => [] });
    const { totals, windowSeconds } = insight.graph({ at: NOW, windowSeconds: 60 }, OPTIONS);
    assert.deepEqual([totals.since, totals.rps, windowSeconds], [NOW - 20_000, 2, 60]);
    const services = insight.services({ at: NOW, windowSeconds: 60 }, "");
    assert.deepEqual([services.since, services.services[0]?.http?.rps], [NOW - 20_000, 2]);
    // A flush is the least: who has just begun has not been fast.
    assert.equal(insight.graph({ at: NOW - 19_000, windowSeconds: 60 }, OPTIONS).totals.rps, 0);
  });

  test("copies of mirrored requests are edges of their own, and in no rate", () => {
    const mesh = new CountedMesh();
    const web = { workload: "web-v1" };
    const asked = { from: web, to: { workload: "reviews-v1" }, count: 60, sourceMs: 5, destinationMs: 4 };
    // Only who gets them counts them.
    const copied = { from: web, to: { workload: "reviews-v3" }, count: 30, destinationMs: 4 };
    for (const each of [asked, copied]) mesh.count({ ...each, count: 0 });
    mesh.flush(NOW - 60_000);
    for (const each of [asked, copied]) mesh.count(each);
    mesh.flush(NOW);
    const insight = new Insight(mesh, { search: () => [] });
    const window = { at: NOW, windowSeconds: 60 };
    const { nodes, edges, totals } = insight.graph(window, OPTIONS);
    assert.deepEqual(
      edges.map(({ target, isCopies, http, shareOfSource }) => [target, isCopies, http?.rps, shareOfSource]),
      [
        ["app:default/reviews@v1", false, 1, 1],
        ["app:default/reviews@v3", true, 0.5, 0],
      ],
    );
    assert.equal(totals.rps, 1);
    assert.deepEqual(
      nodes.map(({ id, isRoot, in: { rps } }) => [id, isRoot, rps]),
      [
        ["app:default/reviews@v1", false, 1],
        ["app:default/reviews@v3", false, 0],
        ["app:default/web@v1", true, 0],
      ],
    );
    // Where the picture has only one line, that is what is asked for.
    const [both] = insight.graph(window, { ...OPTIONS, type: "service" }).edges;
    assert.deepEqual([both?.isCopies, both?.http?.rps], [false, 1]);
    assert.equal(insight.services(window, "").services.find(({ name }) => name === "reviews")?.http?.rps, 1);
  });

  test("requests of health checks are not in it, but told", () => {
    const mesh = new CountedMesh();
    const probes = { __name__: PROBES_EXPOSED, instance: "10.0.0.1:15020" };
    mesh.add(probes, 100);
    mesh.flush(NOW - 60_000);
    mesh.add(probes, 30);
    mesh.flush(NOW);
    const { totals, nodes } = new Insight(mesh, { search: () => [] }).graph({ at: NOW, windowSeconds: 60 }, OPTIONS);
    assert.deepEqual([totals.probes, totals.rps, nodes.length], [{ requests: 30, rps: 0.5 }, 0, 0]);
  });

  test("groups by app, service or workload, or makes one node of each namespace that is not expanded", () => {
    assert.deepEqual(edgesOf(graph({ type: "workload" })).slice(0, 2), [
      "out:>wl:default/web-v1",
      "wl:default/reviews-v2>wl:backend/ratings-v1",
    ]);
    assert.ok(edgesOf(graph({ type: "service" })).includes("svc:default/web>svc:default/reviews"));
    const collapsed = graph({ collapse: true });
    assert.deepEqual(edgesOf(collapsed), ["ns:default>ns:backend", "out:>ns:default"]);
    assert.equal(collapsed.nodes.find(({ id }) => id === "ns:default")?.members, 3);
    const expanded = graph({ collapse: true, expand: ["default"] });
    assert.ok(edgesOf(expanded).includes("app:default/reviews@v2>ns:backend"));
  });

  test("says of an edge what Kiali does: rates, errors, latency of both sides, share of the source, mutual TLS", () => {
    const { edges } = graph();
    const [, v1, v2, entry] = edges;
    assert.equal(v1?.http?.rps, 9 / 60);
    assert.equal(v1.shareOfSource, 0.9);
    assert.deepEqual(v1.mtls, { state: "all", share: 1 });
    assert.deepEqual([v1.latency.source.meanMs, v1.latency.destination.meanMs], [10, 9]);
    assert.equal(v2?.health.state, "failure");
    assert.deepEqual(v2.health.reasons, ["100 % of the requests: 5xx"]);
    assert.deepEqual(entry?.mtls, { state: "none", share: 0 });
  });

  test("is degraded by any 5xx, and failing from a tenth of the requests on", () => {
    const healthWith = (bad: number): string => {
      const calls = [
        { ...CALLS[1]!, count: 100 - bad },
        { ...CALLS[1]!, count: bad, code: "500" },
      ];
      return graph({}, calls).edges[0]!.health.state;
    };
    assert.deepEqual(
      [healthWith(0), healthWith(1), healthWith(9), healthWith(10)],
      ["healthy", "degraded", "degraded", "failure"],
    );
  });

  test("shows a request that met nobody at its service, and a host that no object describes as outside", () => {
    const nobody = { workload: "unknown", version: "latest" };
    const facts: MeshFacts = {
      ...NO_FACTS,
      services: [
        {
          host: "reviews.default.svc.cluster.local",
          namespace: "default",
          name: "reviews",
          external: false,
          badges: [],
          objects: [],
          ports: [],
        },
      ],
    };
    const { nodes } = graph(
      {},
      [
        { from: WEB, to: { ...nobody, service: "reviews" }, count: 1, sourceMs: 1, code: "503", flags: "UH" },
        { from: WEB, to: { ...nobody, service: "api.example.com", namespace: "x" }, count: 1, sourceMs: 1 },
      ],
      facts,
    );
    assert.deepEqual(
      nodes.map(({ id, kind }) => [id.slice(0, 4), kind]),
      [
        ["app:", "app"],
        ["ext:", "external"],
        ["svc:", "service"],
      ],
    );
  });

  test("takes badges and health from what the control plane knows", () => {
    const facts: MeshFacts = {
      ...NO_FACTS,
      workloads: [
        workload({ instances: 2, ready: 1, badges: [{ kind: "missing-sidecar", text: "no sidecar", objects: [] }] }),
      ],
    };
    const node = graph({}, [CALLS[1]!], facts).nodes.find(({ app }) => app === "web");
    assert.deepEqual(
      node?.badges.map(({ kind }) => kind),
      ["missing-sidecar"],
    );
    assert.deepEqual(node.health, { state: "degraded", reasons: ["1 of 2 instances are ready"] });
  });

  test("says what to do where it is empty", () => {
    assert.match(graph({}, []).emptyBecause, /tulle run/);
    const facts: MeshFacts = { ...NO_FACTS, workloads: [workload({})] };
    assert.match(graph({}, [], facts).emptyBecause, /Send one through the mesh/);
  });
});

function workload(more: Partial<WorkloadFacts>): WorkloadFacts {
  return {
    namespace: "default",
    name: "web-v1",
    app: "web",
    version: "v1",
    isGateway: false,
    services: [],
    addresses: [],
    instances: 1,
    ready: 1,
    proxies: [],
    badges: [],
    objects: [],
    ...more,
  };
}

describe("the live graph", () => {
  const WATCH = { ...OPTIONS, windowSeconds: 60, intervalMs: 5_000, since: 0 };

  function live(search = (): readonly TraceSpans[] => []) {
    const mesh = new CountedMesh();
    const clock = new ManualClock(NOW);
    mesh.count({ ...CALLS[1]!, count: 0 });
    mesh.flush(NOW - 60_000);
    mesh.flush(NOW);
    const failures: string[] = [];
    const feeds = new GraphFeeds(new Insight(mesh, { search }), clock, (_, message) => failures.push(message));
    return { mesh, clock, failures, feeds };
  }

  test("is told whole first, then what changed, with rising revisions", () => {
    const { mesh, clock, feeds } = live();
    const told: GraphEvent[] = [];
    const stop = feeds.watch(WATCH, (event) => told.push(event));
    mesh.count(CALLS[1]!);
    clock.advance(4_000);
    mesh.flush(clock.now());
    clock.advance(1_000);
    clock.advance(5_000);
    assert.deepEqual(
      told.map(({ name }) => name),
      ["graph", "delta", "delta"],
    );
    const [whole, first, second] = told;
    const counts = told.map(({ text }) => {
      const { nodes, edges } = JSON.parse(text) as Graph | GraphDelta;
      return [nodes.length, edges.length];
    });
    assert.deepEqual(counts, [
      [0, 0],
      [2, 1],
      [0, 0],
    ]);
    assert.ok(whole!.rev < first!.rev && first!.rev < second!.rev);
    stop();
    clock.advance(60_000);
    assert.equal(told.length, 3);
  });

  test("tells who comes back what he has missed, and who was never there everything", () => {
    const { mesh, clock, feeds } = live();
    const told: GraphEvent[] = [];
    const stop = feeds.watch(WATCH, (event) => told.push(event));
    const keep = feeds.watch(WATCH, () => undefined);
    stop();
    mesh.count(CALLS[1]!);
    mesh.flush(clock.now() + 1_000);
    clock.advance(10_000);
    const back: GraphEvent[] = [];
    feeds.watch({ ...WATCH, since: told[0]!.rev }, (event) => back.push(event))();
    assert.deepEqual(
      back.map(({ name }) => name),
      ["delta", "delta"],
    );
    const stranger: GraphEvent[] = [];
    feeds.watch({ ...WATCH, since: 12 }, (event) => stranger.push(event))();
    assert.deepEqual(
      stranger.map(({ name }) => name),
      ["graph"],
    );
    keep();
  });

  test("goes on after one that could not be made", () => {
    let breaks = false;
    const { clock, feeds, failures } = live(() => {
      if (breaks) throw new Error("a trace that nobody thought of");
      return [];
    });
    const told: GraphEvent[] = [];
    feeds.watch(WATCH, (event) => told.push(event));
    breaks = true;
    clock.advance(60_000);
    assert.ok(failures.length > 0);
    breaks = false;
    const before = told.length;
    clock.advance(5_000);
    assert.equal(told.length, before + 1);
  });
});
