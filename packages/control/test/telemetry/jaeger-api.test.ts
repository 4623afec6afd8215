import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "@tulle/telemetry/records";
import { NOW, telemetryCore } from "../support/telemetry.ts";

const TRACE = "0000000000000000463ac35c9f6413ad";
const START = NOW * 1000 - 5_000_000;

function span(changes: Partial<SpanRecord>): SpanRecord {
  return {
    traceId: TRACE,
    spanId: "a000000000000001",
    parentSpanId: "",
    service: "gateway.default",
    kind: "server",
    name: "GET /",
    startMicros: START,
    durationMicros: 30_000,
    error: false,
    tags: {},
    events: [],
    ...changes,
  };
}

/** A client and a server that share an id (B3), and what the server does then. */
const SPANS: readonly SpanRecord[] = [
  span({}),
  span({ spanId: "b000000000000002", parentSpanId: "a000000000000001", kind: "client", name: "reviews:9080/*" }),
  span({
    spanId: "b000000000000002",
    parentSpanId: "a000000000000001",
    service: "reviews.default",
    name: "reviews",
    startMicros: START + 1000,
    durationMicros: 20_000,
    tags: { hostname: "reviews-v2", "http.status_code": "503", "<b>": "<script>" },
    error: true,
    events: [{ name: "retry", atMicros: START + 2000 }],
  }),
  span({
    spanId: "c000000000000003",
    parentSpanId: "b000000000000002",
    service: "reviews.default",
    kind: "client",
    name: "ratings",
    startMicros: START + 1500,
  }),
];

function ask(question: "jaeger" | "zipkin", path: string): { status: number; body: unknown } {
  const { core } = telemetryCore();
  core.traces.add(SPANS);
  const url = new URL(path, "http://localhost");
  const parts = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const { status, text } = core.ask(question, { path: parts, parameters: [...url.searchParams] });
  core.close();
  return { status, body: JSON.parse(text) as unknown };
}

const answer = (data: unknown, total = 0): unknown => ({ data, total, limit: 0, offset: 0, errors: null });

test("services and operations are listed as Jaeger lists them", () => {
  assert.deepEqual(ask("jaeger", "/services").body, answer(["gateway.default", "reviews.default"], 2));
  assert.deepEqual(ask("jaeger", "/services/reviews.default/operations").body, answer(["ratings", "reviews"], 2));
  assert.deepEqual(
    ask("jaeger", "/operations?service=reviews.default&spanKind=server").body,
    answer([{ name: "reviews", spanKind: "server" }], 1),
  );
  assert.equal(ask("jaeger", "/operations").status, 400);
});

test("a server's span that shares its client's id gets its own below it", () => {
  const { body } = ask("jaeger", "/traces/463ac35c9f6413ad");
  const [trace] = (body as { data: { traceID: string; processes: object; spans: Record<string, unknown>[] }[] }).data;
  assert.equal(trace!.traceID, "463ac35c9f6413ad");
  const parents = trace!.spans.map(({ operationName, spanID, references }) => [
    operationName,
    spanID,
    (references as { spanID: string }[])[0]?.spanID,
  ]);
  assert.deepEqual(parents, [
    ["GET /", "a000000000000001", undefined],
    ["reviews:9080/*", "b000000000000002", "a000000000000001"],
    ["reviews", "b000000000000003", "b000000000000002"],
    ["ratings", "c000000000000003", "b000000000000003"],
  ]);
  assert.deepEqual(trace!.processes, {
    p1: { serviceName: "gateway.default", tags: [] },
    p2: { serviceName: "reviews.default", tags: [{ key: "hostname", type: "string", value: "reviews-v2" }] },
    p3: { serviceName: "reviews.default", tags: [] },
  });
  const server = trace!.spans[2]!;
  assert.deepEqual(server["tags"], [
    { key: "http.status_code", type: "string", value: "503" },
    { key: "<b>", type: "string", value: "<script>" },
    { key: "span.kind", type: "string", value: "server" },
    { key: "error", type: "bool", value: true },
  ]);
  assert.deepEqual(server["logs"], [
    { timestamp: START + 2000, fields: [{ key: "event", type: "string", value: "retry" }] },
  ]);
});

for (const [query, found] of [
  ["service=reviews.default", 1],
  [`service=reviews.default&start=${START}&end=${START + 1}`, 1],
  [`service=reviews.default&end=${START - 1}`, 0],
  ["service=reviews.default&operation=reviews&minDuration=15ms&maxDuration=0.02s", 1],
  ["service=reviews.default&operation=reviews&minDuration=1m1s", 0],
  [`service=reviews.default&tags=${encodeURIComponent('{"error":true,"http.status_code":503}')}`, 1],
  ["service=reviews.default&tag=error:true&tag=http.status_code:500", 0],
  [`traceID=${TRACE}&traceID=1`, 1],
] as const) {
  test(`a search for ${query} finds ${found}`, () => {
    const { status, body } = ask("jaeger", `/traces?${query}`);
    assert.equal(status, 200);
    assert.equal((body as { data: unknown[] }).data.length, found);
  });
}

for (const [path, status, message] of [
  ["/traces", 400, "parameter 'service' is required"],
  ["/traces?service=a&limit=many", 400, `unable to parse param 'limit': "many" is not a whole number`],
  ["/traces?service=a&minDuration=long", 400, `unable to parse param 'minDuration': invalid duration "long"`],
  ["/traces?service=a&minDuration=2s&maxDuration=1s", 400, "'maxDuration' should be greater than 'minDuration'"],
  ["/traces?service=a&tag=error", 400, "malformed 'tag' parameter, expecting key:value, received: error"],
  ["/traces/1", 404, "trace not found"],
  ["/traces/xyz", 400, '"xyz" is not a trace id'],
] as const) {
  test(`${path} is answered ${status}`, () => {
    const answered = ask("jaeger", path);
    assert.equal(answered.status, status);
    assert.deepEqual((answered.body as { errors: unknown }).errors, [{ code: status, msg: message }]);
  });
}

test("dependencies are calls between services, each once", () => {
  const { body } = ask("jaeger", `/dependencies?endTs=${NOW}&lookback=3600000`);
  assert.deepEqual(body, answer([{ parent: "gateway.default", child: "reviews.default", callCount: 1 }], 1));
  assert.deepEqual(ask("zipkin", "/dependencies").body, [
    { parent: "gateway.default", child: "reviews.default", callCount: 1, errorCount: 1 },
  ]);
});

test("Zipkin's API gives spans as Zipkin has them", () => {
  assert.deepEqual(ask("zipkin", "/services").body, ["gateway.default", "reviews.default"]);
  assert.deepEqual(ask("zipkin", "/spans?serviceName=reviews.default").body, ["ratings", "reviews"]);
  const trace = ask("zipkin", "/trace/463ac35c9f6413ad").body as Record<string, unknown>[];
  assert.deepEqual(trace[2], {
    traceId: TRACE,
    parentId: "a000000000000001",
    id: "b000000000000002",
    kind: "SERVER",
    name: "reviews",
    timestamp: START + 1000,
    duration: 20_000,
    localEndpoint: { serviceName: "reviews.default" },
    annotations: [{ timestamp: START + 2000, value: "retry" }],
    tags: { hostname: "reviews-v2", "http.status_code": "503", "<b>": "<script>", error: "true" },
    shared: true,
  });
  const search = (query: string): number => (ask("zipkin", `/traces?${query}`).body as unknown[]).length;
  assert.equal(search("serviceName=reviews.default&annotationQuery=error and http.status_code=503"), 1);
  assert.equal(search("serviceName=reviews.default&annotationQuery=http.status_code=500"), 0);
  assert.equal(ask("zipkin", "/trace/1").status, 404);
});
