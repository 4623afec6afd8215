/** Spans in each form in which they come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeOtlpTraces } from "@tulle/telemetry/tracing";
import { gzipSync } from "node:zlib";
import { APPLICATION, bytesOf, telemetryCore } from "../support/telemetry.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const START = 1_767_225_600_000_000;

const OTLP = {
  resourceSpans: [
    {
      resource: {
        attributes: [
          { key: "service.name", value: { stringValue: "reviews.default" } },
          { key: "service.version", value: { stringValue: "v2" } },
          { key: "telemetry.sdk.language", value: { stringValue: "nodejs" } },
        ],
      },
      scopeSpans: [
        {
          spans: [
            {
              traceId: TRACE,
              spanId: SPAN,
              parentSpanId: "00f067aa0ba902b7",
              name: "GET /reviews",
              kind: 2,
              startTimeUnixNano: `${START}000`,
              endTimeUnixNano: `${START + 1500}250`,
              attributes: [
                { key: "http.status_code", value: { intValue: "503" } },
                { key: "retried", value: { boolValue: true } },
                { key: "tags", value: { arrayValue: { values: [{ stringValue: "a" }, { doubleValue: 1.5 }] } } },
              ],
              events: [
                {
                  timeUnixNano: `${START + 10}000`,
                  name: "exception",
                  attributes: [{ key: "exception.type", value: { stringValue: "TypeError" } }],
                },
              ],
              status: { code: 2, message: "no" },
            },
          ],
        },
      ],
    },
  ],
};

test("OTLP in JSON: ids, times in nanoseconds, attributes of every type, the resource's among them, events, status", () => {
  const { core } = telemetryCore();
  assert.deepEqual(core.ingest("otlp-traces-json", APPLICATION, bytesOf(OTLP)), {
    accepted: 1,
    refused: 0,
    reason: "",
  });
  assert.deepEqual(core.ask("trace", { traceId: TRACE })?.spans, [
    {
      traceId: TRACE,
      spanId: SPAN,
      parentSpanId: "00f067aa0ba902b7",
      service: "reviews.default",
      kind: "server",
      name: "GET /reviews",
      startMicros: START,
      durationMicros: 1500,
      error: true,
      tags: {
        "http.status_code": "503",
        retried: "true",
        tags: "[a,1.5]",
        "otel.status_description": "no",
        "service.version": "v2",
      },
      events: [{ name: "exception exception.type=TypeError", atMicros: START + 10 }],
    },
  ]);
});

test("OTLP in protobuf, as the data plane sends it, also compressed", () => {
  const context = { traceId: TRACE, spanId: SPAN, parentSpanId: "", state: "", sampled: true };
  const span = {
    context,
    parentIsRemote: false,
    kind: "client",
    name: "reviews:9080/*",
    startMicros: START,
    endMicros: START + 42,
    tags: ["http.status_code", "200", "peer.address", "10.0.0.1"],
    events: [],
  } as unknown as Parameters<typeof encodeOtlpTraces>[0][number];
  const bytes = encodeOtlpTraces([span], { resource: [["service.name", "productpage.default"]], scope: null });
  for (const sent of [bytes, gzipSync(bytes)]) {
    const { core } = telemetryCore();
    core.ingest("otlp-traces", APPLICATION, sent);
    const [found] = core.ask("trace", { traceId: TRACE })!.spans;
    assert.equal(found?.service, "productpage.default");
    assert.equal(found.kind, "client");
    assert.equal(found.startMicros, START);
    assert.equal(found.durationMicros, 42);
    assert.deepEqual(found.tags, { "http.status_code": "200", "peer.address": "10.0.0.1" });
  }
});

test("Zipkin in JSON: ids of 64 bits, a shared span beside its client's, the tag error whatever it says", () => {
  const { core } = telemetryCore();
  const span = {
    traceId: "8448eb211c80319c",
    id: SPAN,
    timestamp: START,
    duration: 7,
    name: "get",
    tags: { error: "" },
  };
  core.ingest(
    "zipkin-json",
    APPLICATION,
    bytesOf([
      { ...span, kind: "CLIENT", localEndpoint: { serviceName: "productpage" } },
      { ...span, kind: "SERVER", shared: true, localEndpoint: { serviceName: "reviews" } },
    ]),
  );
  const trace = core.ask("trace", { traceId: "00000000000000008448eb211c80319c" });
  assert.deepEqual(
    trace?.spans.map(({ service, kind, error }) => [service, kind, error]),
    [
      ["productpage", "client", true],
      ["reviews", "server", true],
    ],
  );
});

test("Zipkin in protobuf", () => {
  const { core } = telemetryCore();
  const text = (field: number, value: string | Buffer): Buffer =>
    Buffer.concat([Buffer.of(field * 8 + 2, Buffer.byteLength(value)), Buffer.from(value)]);
  const start = Buffer.alloc(9);
  start[0] = 6 * 8 + 1;
  start.writeBigUInt64LE(BigInt(START), 1);
  const span = Buffer.concat([
    text(1, Buffer.from(TRACE, "hex")),
    text(3, Buffer.from(SPAN, "hex")),
    Buffer.of(4 * 8, 2),
    text(5, "get"),
    start,
    Buffer.of(7 * 8, 99),
    text(8, text(1, "ratings")),
    text(11, Buffer.concat([text(1, "http.path"), text(2, "/ratings/0")])),
  ]);
  core.ingest("zipkin-proto", APPLICATION, text(1, span));
  const [found] = core.ask("trace", { traceId: TRACE })!.spans;
  assert.deepEqual(
    [found?.service, found?.kind, found?.name, found?.startMicros, found?.durationMicros, found?.tags],
    ["ratings", "server", "get", START, 99, { "http.path": "/ratings/0" }],
  );
});

test("names and values that are too long are cut, tags that every object has are left out, whatever they are called", () => {
  const { core } = telemetryCore();
  const tags = JSON.parse('{"__proto__":"x","constructor":"y","ok":"z"}') as object;
  const span = {
    traceId: TRACE,
    id: SPAN,
    timestamp: START,
    name: "<script>".repeat(1000),
    tags: { ...tags, long: "é".repeat(9000) },
  };
  core.ingest("zipkin-json", APPLICATION, bytesOf([span]));
  const [found] = core.ask("trace", { traceId: TRACE })!.spans;
  assert.equal(found!.name.length, 512);
  assert.ok(found!.name.startsWith("<script><script>"));
  assert.deepEqual(Object.keys(found!.tags), ["ok", "long"]);
  assert.equal(found!.tags["long"]!.length, 4096);
});
