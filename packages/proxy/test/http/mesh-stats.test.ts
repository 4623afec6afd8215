import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  HTTP_LABELS,
  PROBES,
  REQUESTS_TOTAL,
  REQUEST_DURATION,
  RESPONSE_BYTES,
  UNKNOWN_WORKLOAD,
} from "@tulle/telemetry";
import type { JsonObject } from "@bufbuild/protobuf";
import { compileMeshStats } from "../../src/plan/filters/mesh-stats.ts";
import { Place } from "../../src/plan/problems.ts";
import { MESH_STATS } from "../../src/plan/supported-fields/index.ts";
import type { ListenerPlan } from "../../src/plan/listener-plan.ts";
import { endpoint } from "../support/plans.ts";
import { GET, type Proxy, startProxy, until } from "../support/proxy.ts";

const LOCAL = { ...UNKNOWN_WORKLOAD, name: "productpage-v1", namespace: "default", app: "productpage", version: "v1" };

const REVIEWS = { host: "reviews.default.svc.cluster.local", name: "reviews", namespace: "default" };

function start(
  t: Parameters<typeof startProxy>[0],
  direction: ListenerPlan["direction"],
  service = REVIEWS,
  settings: JsonObject | null = null,
): Promise<Proxy> {
  return startProxy(t, {
    listener: { direction },
    cluster: { service },
    manager: {
      filters: [
        {
          name: "istio.stats",
          typeName: MESH_STATS,
          disabled: false,
          config: compileMeshStats(settings, LOCAL, new Place("", [])),
        },
      ],
    },
  });
}

function labels(proxy: Proxy): Record<string, string> {
  const [series, ...others] = [...proxy.stats.counters()].filter((counter) => counter.name === REQUESTS_TOTAL.name);
  assert.equal(others.length, 0);
  assert.deepEqual(
    series.tags.map(([name]) => name),
    [...HTTP_LABELS],
  );
  return { ...Object.fromEntries(series.tags), value: String(series.value) };
}

describe("mesh metrics", () => {
  it("an outbound listener reports as the source, with the endpoint's workload as the destination", async (t) => {
    const proxy = await start(t, "outbound");
    proxy.plane.setEndpoints("b", [
      endpoint(proxy.backend.port, { workload: "reviews-v2;default;reviews;v2;Kubernetes" }),
    ]);
    const client = await proxy.client(t);
    for (let i = 1; i <= 2; i++) {
      client.send(GET);
      await until(() => client.statuses.length === i);
    }
    const seen = labels(proxy);
    assert.equal(seen["value"], "2");
    assert.equal(seen["reporter"], "source");
    assert.equal(seen["source_workload"], "productpage-v1");
    assert.equal(seen["destination_workload"], "reviews-v2");
    assert.equal(seen["destination_canonical_revision"], "v2");
    assert.equal(seen["destination_service"], "reviews.default.svc.cluster.local");
    assert.equal(seen["destination_service_name"], "reviews");
    assert.equal(seen["response_code"], "200");
    assert.equal(seen["response_flags"], "-");
    assert.equal(seen["request_protocol"], "http");
    const histogram = (name: string) => [...proxy.stats.histograms()].find((each) => each.name === name);
    assert.equal(histogram(REQUEST_DURATION.name)?.count, 2);
    assert.equal(histogram(RESPONSE_BYTES.name)?.sum, 4);
  });

  it("health checks in plaintext are counted apart", async (t) => {
    for (const [direction, probes, requests] of [
      ["inbound", 2, 1],
      ["outbound", 0, 3],
    ] as const) {
      const proxy = await start(t, direction);
      const client = await proxy.client(t);
      for (const [i, agent] of ["kube-probe/1.34", "Envoy/HC", "kube-probes"].entries()) {
        client.send(GET.replace("\r\n\r\n", `\r\nuser-agent: ${agent}\r\n\r\n`));
        await until(() => client.statuses.length === i + 1);
      }
      const sum = (name: string): number =>
        [...proxy.stats.counters()].filter((each) => each.name === name).reduce((all, { value }) => all + value, 0);
      assert.deepEqual([sum(PROBES), sum(REQUESTS_TOTAL.name)], [probes, requests]);
    }
  });

  it("what has not counted between two evictions is forgotten, and counts anew when it comes again", async (t) => {
    const proxy = await start(t, "outbound");
    const client = await proxy.client(t);
    let sent = 0;
    const send = async (): Promise<void> => {
      client.send(GET);
      await until(() => client.statuses.length === sent + 1);
      sent++;
    };
    const counted = (): number[] =>
      [...proxy.stats.counters()].filter(({ name }) => name === REQUESTS_TOTAL.name).map(({ value }) => value);
    await send();
    proxy.stats.evict();
    await send();
    proxy.stats.evict();
    assert.deepEqual(counted(), [2]);
    proxy.stats.evict();
    assert.deepEqual(counted(), []);
    assert.equal([...proxy.stats.histograms()].filter(({ name }) => name === REQUEST_DURATION.name).length, 0);
    await send();
    assert.deepEqual(counted(), [1]);
    // Not what has no labels of its own, and not what is no count.
    assert.ok([...proxy.stats.gauges()].some(({ name, value }) => name === "istio_build" && value === 1));
    assert.ok([...proxy.stats.counters()].some(({ name }) => name === "cluster.b.upstream_rq_total"));
  });

  it("Telemetries leave metrics out, and labels, and make others by expressions", async (t) => {
    const proxy = await start(t, "outbound", REVIEWS, {
      metrics: [
        { name: "", tags_to_remove: ["source_principal"] },
        {
          name: "requests_total",
          dimensions: { request_method: "request.method", destination_port: "string(destination.port)" },
        },
        { name: "request_duration_milliseconds", drop: true },
      ],
    });
    proxy.plane.setEndpoints("b", [endpoint(proxy.backend.port, { workload: "" })]);
    const client = await proxy.client(t);
    for (const [i, request] of [GET, GET, GET.replace("GET", "PUT")].entries()) {
      client.send(request);
      await until(() => client.statuses.length === i + 1);
    }
    const requests = [...proxy.stats.counters()].filter(({ name }) => name === REQUESTS_TOTAL.name);
    const seen = requests.map(({ tags, value }) => {
      const { source_principal, request_method, destination_port } = Object.fromEntries(tags);
      return [source_principal, request_method, /^\d+$/.test(destination_port!), value];
    });
    assert.deepEqual(seen, [
      [undefined, "GET", true, 2],
      [undefined, "PUT", true, 1],
    ]);
    const histograms = [...proxy.stats.histograms()].filter(({ name }) => name.startsWith("istio_"));
    assert.deepEqual([...new Set(histograms.map(({ name }) => name))].sort(), [
      "istio_request_bytes",
      "istio_response_bytes",
    ]);
    assert.ok(!histograms.some(({ tags }) => tags.some(([label]) => label === "source_principal")));
  });

  it("requests to hosts that nobody knows are PassthroughCluster's", async (t) => {
    const proxy = await start(t, "outbound", { host: "", name: "PassthroughCluster", namespace: "" });
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    const seen = labels(proxy);
    assert.equal(seen["destination_service_name"], "PassthroughCluster");
    assert.equal(seen["destination_service"], "unknown");
    assert.equal(seen["destination_service_namespace"], "unknown");
    assert.equal(seen["destination_workload"], "unknown");
  });

  it("an inbound listener reports as the destination, itself", async (t) => {
    const proxy = await start(t, "inbound");
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    const seen = labels(proxy);
    assert.equal(seen["reporter"], "destination");
    assert.equal(seen["destination_workload"], "productpage-v1");
    assert.equal(seen["source_workload"], "unknown");
    assert.equal(seen["connection_security_policy"], "none");
  });

  it("a request that found nobody is counted with its flag", async (t) => {
    const proxy = await start(t, "outbound");
    proxy.plane.setEndpoints("b", []);
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    const seen = labels(proxy);
    assert.deepEqual(
      [seen["response_code"], seen["response_flags"], seen["destination_workload"]],
      ["503", "UH", "unknown"],
    );
  });

  it("what goes wrong with a label costs the count, and neither the request nor the next one", async (t) => {
    const config = compileMeshStats({ metrics: [{ dimensions: { a: "request.path" } }] }, LOCAL, new Place("", []));
    const broken = { ...config, expressions: [(): string => { throw new Error("a label"); }] }; // prettier-ignore
    const proxy = await startProxy(t, {
      manager: { filters: [{ name: "istio.stats", typeName: MESH_STATS, disabled: false, config: broken }] },
    });
    const client = await proxy.client(t);
    for (let i = 1; i <= 2; i++) {
      client.send(GET);
      await until(() => client.statuses.length === i);
    }
    await until(() => proxy.counter("proxy_bug_total") === 2);
    assert.equal(proxy.backend.connections.length, 1, "the upstream connection is not cut off for it");
    assert.equal(proxy.errors.splice(0).filter((line) => line.includes("a label")).length, 2);
  });

  it("labels are no longer than a collector takes, whatever a client sends", async (t) => {
    const proxy = await start(t, "outbound", REVIEWS, {
      metrics: [{ name: "requests_total", dimensions: { a: "request.headers['x']" } }],
    });
    const client = await proxy.client(t);
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nx: a${"\xc3\xa9".repeat(5_000)}\r\n\r\n`);
    await until(() => client.statuses.length === 1);
    const [requests] = [...proxy.stats.counters()].filter(({ name }) => name === REQUESTS_TOTAL.name);
    assert.equal(Object.fromEntries(requests.tags)["a"], `a${"\xc3\xa9".repeat(511)}`);
  });

  it("a pattern that comes with the request may be none", async (t) => {
    const proxy = await start(t, "outbound", REVIEWS, {
      metrics: [{ name: "requests_total", dimensions: { a: "string(request.path.matches(request.headers['p']))" } }],
    });
    const client = await proxy.client(t);
    for (const [i, pattern] of ["(", "^/$"].entries()) {
      client.send(`GET / HTTP/1.1\r\nHost: h\r\np: ${pattern}\r\n\r\n`);
      await until(() => client.statuses.length === i + 1);
    }
    const requests = [...proxy.stats.counters()].filter(({ name }) => name === REQUESTS_TOTAL.name);
    assert.deepEqual(
      requests.map(({ tags }) => Object.fromEntries(tags)["a"]),
      ["unknown", "true"],
    );
  });
});
