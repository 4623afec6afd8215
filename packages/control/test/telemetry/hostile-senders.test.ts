/** Senders that are broken or mean harm: nothing falls over, nothing grows, and configuration goes out as fast as before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { credentials } from "@grpc/grpc-js";
import { IngestError } from "../../src/telemetry/ingest/ingest-error.ts";
import { INGESTERS } from "../../src/telemetry/ingest/kinds.ts";
import type { IngestKind } from "../../src/telemetry/ingest/kinds.ts";
import { TYPE } from "@tulle/xds";
import { asker, readRoots, secure } from "../support/certificates.ts";
import { callSocket } from "../support/api-socket.ts";
import { start, TestClient } from "../support/control-plane.ts";
import type { TestControlPlane } from "../support/control-plane.ts";
import { eventually } from "../support/eventually.ts";
import { service, virtualService, to } from "../support/mesh.ts";
import { counterFamily, histogramFamily, message, text, uint } from "../support/proto.ts";
import { EXPORT_TRACES, rawGrpc, STREAM_METRICS } from "../support/raw-grpc.ts";
import { APPLICATION, bytesOf, NOW, PROXY, telemetryCore } from "../support/telemetry.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const zipkin = (more: object = {}): object => ({
  traceId: TRACE,
  id: "b7ad6b7169203331",
  timestamp: NOW * 1000,
  duration: 5,
  localEndpoint: { serviceName: "reviews" },
  ...more,
});
const node = (id: string): Buffer => message(1, message(1, text(1, id)));
const NODE = "sidecar~10.0.0.1~reviews-v1-1.default~default.svc.cluster.local";

async function status(plane: TestControlPlane): Promise<{
  series: { series: number };
  traces: { openBytes: number; taken: number };
  refused: { what: string; reason: string; count: number }[];
}> {
  return (await plane.call("GET", "/api/v1/telemetry")).body as Awaited<ReturnType<typeof status>>;
}

async function metric(plane: TestControlPlane, name: string): Promise<number> {
  const { body } = await plane.call("GET", "/metrics");
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, "m").exec(String(body))?.[1] ?? 0);
}

test("spans and requests of a time that no clock can show are refused, and so are those of tomorrow", () => {
  const { core } = telemetryCore();
  for (const timestamp of [1e19, 8.65e18, (NOW + 2 * 86_400_000) * 1000]) {
    const report = core.ingest("zipkin-json", APPLICATION, bytesOf([zipkin({ timestamp })]));
    assert.deepEqual([report.refused, report.reason], [1, "it begins more than a day from now"]);
  }
  const at = (seconds: number): Buffer => message(5, uint(1, seconds));
  const entries = [2 ** 53, NOW / 1000 + 2 * 86_400, NOW / 1000].map((seconds) => message(1, message(1, at(seconds))));
  const report = core.ingest("access-log", PROXY, message(2, ...entries));
  assert.deepEqual([report.accepted, report.refused], [1, 2]);
});

test("any bytes, and messages with any of their bytes changed, are refused or taken, and nothing else", () => {
  const metrics = Buffer.concat([
    counterFamily("a", NOW, [{ x: "1" }, 2]),
    histogramFamily("h", NOW, { y: "2" }, { count: 2, sum: 3, buckets: [[1, 1]] }),
  ]);
  const otlp = {
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: TRACE, attributes: [{ key: "a", value: {} }] }] }] }],
  };
  const valid = [metrics, bytesOf(otlp), bytesOf([zipkin()]), Buffer.from('a{b="c"} 1\n')].map((each) =>
    Buffer.from(each),
  );
  const mutated = fc
    .tuple(
      fc.constantFrom(...valid),
      fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    )
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  const { core, clock } = telemetryCore();
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
      clock.advance(1000);
      for (const kind of Object.keys(INGESTERS) as IngestKind[]) {
        try {
          core.ingest(kind, PROXY, bytes);
        } catch (error) {
          assert.ok(error instanceof IngestError, String(error));
        }
      }
      core.check();
    }),
    { numRuns: 2000 },
  );
  core.write();
  core.retain();
  core.close();
});

test("a name that is a counter today and a histogram tomorrow, or has other buckets, is each of them", () => {
  const { core, clock } = telemetryCore();
  const take = (...messages: readonly Uint8Array[]): void => {
    clock.advance(5_000);
    for (const bytes of messages) core.ingest("metrics", PROXY, bytes);
  };
  take(counterFamily("istio_m", NOW, [{ x: "1" }, 2]));
  take(histogramFamily("istio_m", NOW, { x: "1" }, { count: 2, sum: 3, buckets: [] }));
  take(histogramFamily("istio_m", NOW, { x: "1" }, { count: 2, sum: 3, buckets: [[Infinity, 2]] }));
  take(
    histogramFamily(
      "istio_m",
      NOW,
      { x: "1" },
      {
        count: 2,
        sum: 3,
        buckets: [
          [1, 1],
          [Infinity, 2],
        ],
      },
    ),
  );
  take(counterFamily("istio_m", NOW, [{ x: "1" }, 5]));
  const names = core.series
    .labelSets([], 0, NOW + 3_600_000)
    .map(({ __name__: name, le }) => `${name} ${le ?? ""}`.trim());
  for (const name of ["istio_m", "istio_m_bucket 1", "istio_m_bucket +Inf", "istio_m_sum", "istio_m_count"])
    assert.ok(names.includes(name), name);
});

test("spans that are huge, endless, nested, doubled or wrong are cut, refused or kept once", () => {
  const { core } = telemetryCore();
  const tags = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`tag${index}`, "x".repeat(100)]));
  const annotations = Array.from({ length: 10_000 }, () => ({ value: "y".repeat(100), timestamp: 1 }));
  core.ingest("zipkin-json", APPLICATION, bytesOf([zipkin({ tags, annotations }), zipkin({ tags, annotations })]));
  const [span, ...others] = core.traces.trace(TRACE)!.spans;
  assert.deepEqual(others, []);
  assert.equal(Object.keys(span!.tags).length, 128);
  assert.equal(span!.events.length, 128);

  const refused = (kind: IngestKind, bytes: Uint8Array, words: RegExp): void => {
    assert.throws(
      () => core.ingest(kind, APPLICATION, bytes),
      (error) => error instanceof IngestError && words.test(error.message),
    );
  };
  refused("zipkin-json", Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), /UTF-8/);
  refused("zipkin-json", Buffer.from("[".repeat(1_000_000)), /no JSON/);
  refused("otlp-traces-json", gzipSync(Buffer.alloc(100_000_000, " ")), /becomes more than/);
  let value: object = { stringValue: "deep" };
  for (let depth = 0; depth < 10; depth++) value = { arrayValue: { values: [value] } };
  const deep = { resourceSpans: [{ scopeSpans: [{ spans: [{ attributes: [{ key: "a", value }] }] }] }] };
  refused("otlp-traces-json", bytesOf(deep), /nested deeper/);

  const many = core.ingest("zipkin-proto", APPLICATION, Buffer.alloc(2_000_000, Buffer.of(0x0a, 0)));
  assert.deepEqual(many, {
    accepted: 0,
    refused: 1_000_000,
    reason: "the trace id is not 16 or 32 hex digits, or all zeros",
  });
  const spans = Array.from({ length: 12_000 }, (_, index) =>
    zipkin({ id: (index + 1).toString(16).padStart(16, "0") }),
  );
  const { accepted, refused: beyond } = core.ingest("zipkin-json", APPLICATION, bytesOf(spans));
  assert.deepEqual([accepted, beyond], [10_000, 2_000]);
});

test("scripts in names, tags and labels are text, and come back as they came", () => {
  const { core } = telemetryCore();
  const script = `<img src=x onerror="alert('x')">`;
  core.ingest("zipkin-json", APPLICATION, bytesOf([zipkin({ name: script, tags: { [script]: script } })]));
  core.ingest("metrics", PROXY, counterFamily("istio_requests_total", NOW, [{ source_app: script }, 1]));
  const [span] = core.traces.trace(TRACE)!.spans;
  assert.deepEqual([span!.name, span!.tags], [script, { [script]: script }]);
  assert.equal(core.series.labelSets([], NOW - 1, NOW)[0]!["source_app"], script);
});

test("labels that never end fill a sender's share, and are told with their reason", () => {
  const { core, clock } = telemetryCore();
  let index = 0;
  for (let flush = 0; flush < 6; flush++) {
    const metrics = Array.from({ length: 5000 }, () => [{ user: `u${index++}` }, 1] as const);
    core.ingest(
      "metrics",
      PROXY,
      counterFamily("istio_requests_total", clock.now(), ...metrics.map(([a, b]) => [a, b] as [typeof a, number])),
    );
    clock.advance(5000);
  }
  assert.equal(core.series.status().series, 20_000);
  assert.deepEqual(
    core.refusals.list().map(({ reason, count }) => [reason, count]),
    [["more than 20000 series of one sender", 10_000]],
  );
});

test("a stream of metrics must say whose it is, in words that can be meant", async (t) => {
  const { plane } = await start(t);
  const client = rawGrpc(t, plane.xdsAddress);
  for (const first of [
    Buffer.alloc(0),
    Buffer.from("garbage"),
    message(1, text(1, "\xff\xff")),
    node("nobody~x~y~z"),
  ]) {
    const { call, status } = client.stream(STREAM_METRICS);
    call.write(first);
    assert.equal(await status, 3, first.toString("latin1"));
  }
  const { call, status } = client.stream(STREAM_METRICS);
  call.write(node(NODE));
  call.end(counterFamily("a", NOW, [{}, 1]));
  assert.equal(await status, 0);
});

test("over TLS only whom a certificate names is heard, and it may be nobody else", async (t) => {
  const control = await start(t, { identity: { xdsTls: "127.0.0.1:0" } });
  const { tlsAddress, roots: path, apiSocket } = control.plane.identity!;
  const roots = readRoots(path);
  const wanted = { namespace: "default", serviceAccount: "reviews", lifetimeSeconds: 60 };
  const { body } = await callSocket(apiSocket, "POST", "/api/v1/tokens", wanted);
  const leaf = await asker(t, tlsAddress, { roots }).ask({ token: (body as { token: string }).token });

  const stranger = rawGrpc(t, tlsAddress, credentials.createSsl(Buffer.from(roots)));
  assert.equal(await stranger.call(EXPORT_TRACES, Buffer.alloc(0)), 16);
  const strange = stranger.stream(STREAM_METRICS);
  strange.call.write(node(NODE));
  assert.equal(await strange.status, 16);

  const proven = rawGrpc(t, tlsAddress, secure({ roots, leaf }));
  assert.deepEqual(await proven.call(EXPORT_TRACES, Buffer.alloc(0)), Buffer.alloc(0));
  for (const [id, expected] of [
    [NODE, 0],
    ["sidecar~10.0.0.1~ratings-v1-1.other~other.svc.cluster.local", 7],
  ] as const) {
    const { call, status } = proven.stream(STREAM_METRICS);
    call.end(node(id));
    assert.equal(await status, expected, id);
  }
});

test(
  "while senders flood it, memory stays bounded and changes of configuration reach proxies as before",
  { timeout: 300_000 },
  async (t) => {
    const control = await start(t);
    const { plane, apply, call } = control;
    await apply(service("reviews"));
    const proxy = new TestClient(t, plane.xdsAddress, "web", {}, { [TYPE.cluster]: "*" });
    await eventually(() => assert.ok(proxy.connected));
    let round = 0;
    /** From `apply` until a proxy has what follows from it. */
    const changes = async (): Promise<number> => {
      const tookMs: number[] = [];
      for (const end = round + 9; round < end; round++) {
        const begun = performance.now();
        const host = `added-${round}`;
        await apply(service(host) + virtualService(`rule-${round}`, { hosts: host, http: to("v1") }));
        await eventually(() => assert.ok(proxy.received.some((name) => name.includes(`${host}.`))));
        tookMs.push(performance.now() - begun);
        assert.ok((await metric(control, "tulle_telemetry_bytes_in_flight")) <= 16 * 1024 * 1024);
      }
      return tookMs.sort((a, b) => a - b)[4]!;
    };
    const quietMs = await changes();
    const before = process.memoryUsage().rss;
    // In a thread of its own: what it costs to flood is not what is measured.
    const flood = new Worker(new URL("../support/flood.ts", import.meta.url), {
      workerData: { grpc: plane.xdsAddress, http: plane.httpAddress },
    });
    await eventually(async () => assert.ok((await status(control)).traces.taken > 1000));
    const floodedMs = await changes();
    await flood.terminate();
    const grownMb = Math.round((process.memoryUsage().rss - before) / 2 ** 20);
    t.diagnostic(`a change takes ${Math.round(quietMs)} ms, in the flood ${Math.round(floodedMs)}; ${grownMb} MB more`);
    // Flood, sender and proxy share this machine's cores: it takes its turns, and no more.
    assert.ok(floodedMs < quietMs * 5 + 1_000);
    assert.ok(grownMb < 700);
    assert.equal((await call("GET", "/ready")).status, 200);
    await eventually(async () => assert.equal(await metric(control, "tulle_telemetry_bytes_in_flight"), 0));
    const { series } = await status(control);
    assert.ok(series.series <= 61_000);
    assert.equal(await metric(control, "tulle_telemetry_thread_restarts_total"), 0);
  },
);
