/**
 * Tracing: what upstreams, clients and collectors are told. What spans hold is compared in packages/proxy/test/http/tracing.test.ts: in
 * Envoy's reports the order of fields is random.
 */
import { http2Cluster } from "../harness/http2/config.ts";
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, endpoint, gate, get, got, seen, stat, toCluster, typed } from "../harness/steps.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const PARENT = "05e3ac9a4f6e3b90";
const ID = "4b7d3c2a-5e6f-4a1b-8c9d-0e1f2a3b4c5d";

/** Generated ids. */
const MASK: NonNullable<ContractCase["mask"]> = [
  [new RegExp(`\\b(?!${TRACE})[0-9a-f]{32}\\b`, "g"), "{32 hex digits}"],
  [new RegExp(`\\b(?!${SPAN}|${PARENT})[0-9a-f]{16}\\b`, "g"), "{16 hex digits}"],
];
/** Protobuf of who reports. */
const OTLP: NonNullable<ContractCase["mask"]> = [[/^\{chunked\}[^]*$/, "{spans}"], [/OTel-OTLP-Exporter-\S+/, "{exporter}"]]; // prettier-ignore
const REPORT: NonNullable<ContractCase["mask"]> = [[/\[\{.*$/s, "{spans}"]];

function zipkin(fields: JsonObject = {}): JsonObject {
  return {
    name: "envoy.tracers.zipkin",
    typed_config: typed("config.trace.v3.ZipkinConfig", {
      collector_cluster: "z",
      collector_endpoint: "/api/v2/spans",
      collector_endpoint_version: "HTTP_JSON",
      ...fields,
    }),
  };
}

function openTelemetry(fields: JsonObject = {}): JsonObject {
  return {
    name: "envoy.tracers.opentelemetry",
    typed_config: typed("config.trace.v3.OpenTelemetryConfig", {
      http_service: { http_uri: { uri: "http://otel.test:4318/v1/traces", cluster: "z", timeout: "1s" } },
      service_name: "svc",
      ...fields,
    }),
  };
}

const NEVER = { random_sampling: { value: 0 } };
const CLUSTERS = { a: {}, z: {} };
const Z = { a: answer(200, "a"), z: answer(202) };

type Row = readonly [name: string, tracing: JsonObject, ...lines: string[]];

/** GETs with these header lines where requests are traced so. */
function cases(feature: string, rows: readonly Row[], parts: Partial<ContractCase> = {}): ContractCase[] {
  return rows.map(([name, tracing, ...lines]) => ({
    name: `${feature}: ${name}`,
    feature: `Tracing: ${feature}`,
    clusters: CLUSTERS,
    upstreams: Z,
    client: [get("/", ...lines)],
    mask: MASK,
    ...parts,
    manager: { ...parts.manager, tracing },
  }));
}

const ZIPKIN = { provider: zipkin() };
const BOTH = { provider: zipkin({ trace_context_option: "USE_B3_WITH_W3C_PROPAGATION" }) };
const OTEL = { provider: openTelemetry() };
const B3 = [`x-b3-traceid: ${TRACE}`, `x-b3-spanid: ${SPAN}`];
const TRACEPARENT = `traceparent: 00-${TRACE}-${SPAN}`;
const REASONS = ["not_traceable", "random_sampling", "service_forced", "client_enabled"];
const STATS = REASONS.map((reason) => `http.in.tracing.${reason}`);

/** What the collector is told, one thing of each of so many spans. */
function told(thing: RegExp, spans = 1): NonNullable<ContractCase["mask"]> {
  const each = Array.from({ length: spans }, () => `.*?${thing.source}`).join("");
  return [[new RegExp(`\\[\\{${each}.*$`), Array.from({ length: spans }, (_, i) => `"$${i + 1}"`).join(" ")], ...MASK];
}

/** A report leaves with so many spans, not with five or after five seconds. */
function reportsOf(spans: number, tracer = "zipkin"): JsonObject {
  return runtime({ [`tracing.${tracer}.min_flush_spans`]: spans });
}

function runtime(values: JsonObject): JsonObject {
  return { layered_runtime: { layers: [{ name: "r", static_layer: values }] } };
}

/** The collector has been told. */
const REPORTED = [get("/p?q=1", "x-a: A"), got(1), seen("z", 1)] as const;
const NAME = told(/"name":"([^"]*)"/);
const OPERATION = { operation: "%REQ(:METHOD)% %PATH% %REQ(X-NONE)%" } as const;
const DECORATED = { decorator: { operation: "decorated" } } as const;

function named(name: string, tracing: JsonObject, route: JsonObject = {}, spans = 1): ContractCase {
  return {
    name: `names of spans: ${name}`,
    feature: "Tracing: operation",
    bootstrap: reportsOf(spans),
    manager: { tracing: { ...ZIPKIN, ...tracing } },
    clusters: CLUSTERS,
    upstreams: Z,
    routes: [toCluster("/", "a", {}, route)],
    client: REPORTED,
    mask: spans === 1 ? NAME : told(/"name":"([^"]*)"/, spans),
  };
}

const NS = { s: "text", n: 1.5, i: 7, big: 1234567, b: true, l: [1, "a"], o: { k: { x: 1 } }, z: null };

function tagged(name: string, tag: JsonObject, parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name: `custom tags: ${name}`,
    feature: "Tracing: custom tags",
    bootstrap: reportsOf(1),
    manager: { tracing: { ...ZIPKIN, custom_tags: [{ tag: "t", ...tag }] } },
    clusters: { a: { metadata: { filter_metadata: { ns: { s: "cluster" } } }, endpoints: [endpoint("a", { metadata: { filter_metadata: { ns: { s: "host" } } } })] }, z: {} }, // prettier-ignore
    routes: [toCluster("/", "a", {}, { metadata: { filter_metadata: { ns: NS } } })],
    upstreams: Z,
    client: REPORTED,
    mask: [[/\[\{.*"t":"((?:[^"\\]|\\.)*)".*$/, "t=$1"], [/\[\{.*$/, "no t"], ...MASK],
    ...parts,
  };
}

function ofMetadata(kind: string, path: readonly string[], more: JsonObject = {}): JsonObject {
  return {
    metadata: { kind: { [kind]: {} }, metadata_key: { key: "ns", path: path.map((key) => ({ key })) }, ...more },
  };
}

export const CASES: readonly ContractCase[] = [
  ...cases("Zipkin: B3 in several headers", [
    ["a new trace", ZIPKIN],
    ["a new trace that is not sampled", { ...ZIPKIN, ...NEVER }],
    ["trace ids of 128 bits", { provider: zipkin({ trace_id_128bit: true }) }],
    ["the server's span is the client's", ZIPKIN, ...B3, "x-b3-sampled: 1"],
    [
      "the server's span is the client's, with a parent",
      ZIPKIN,
      ...B3,
      `x-b3-parentspanid: ${PARENT}`,
      "x-b3-sampled: 1",
    ],
    ["a span of the server's own", { provider: zipkin({ shared_span_context: false }) }, ...B3, "x-b3-sampled: 1"],
    ["the client's decision against", ZIPKIN, ...B3, "x-b3-sampled: 0"],
    ["the client's decision for", { ...ZIPKIN, ...NEVER }, ...B3, "x-b3-sampled: 1"],
    ["the client leaves the decision", { ...ZIPKIN, ...NEVER }, ...B3],
    ["a decision in words", { ...ZIPKIN, ...NEVER }, ...B3, "x-b3-sampled: true"],
    ["a decision without a context", { ...ZIPKIN, ...NEVER }, "x-b3-sampled: 1"],
    ["short ids", ZIPKIN, "x-b3-traceid: 1", "x-b3-spanid: 2", "x-b3-sampled: 1"],
    ["a trace id without a span id", ZIPKIN, `x-b3-traceid: ${TRACE}`],
    ["ids that are none", ZIPKIN, "x-b3-traceid: zz", `x-b3-spanid: ${SPAN}`],
    ["an independent hop", { provider: zipkin({ split_spans_for_request: true }) }, ...B3, "x-b3-sampled: 1"],
    ["no_context_propagation", { ...ZIPKIN, no_context_propagation: true }, ...B3],
  ]),
  ...cases("Zipkin: B3 in one header", [
    ["sampled", { ...ZIPKIN, ...NEVER }, `b3: ${TRACE}-${SPAN}-1`],
    ["not sampled", ZIPKIN, `b3: ${TRACE}-${SPAN}-0`],
    ["debug", { ...ZIPKIN, ...NEVER }, `b3: ${TRACE}-${SPAN}-d`],
    ["with a parent", ZIPKIN, `b3: ${TRACE}-${SPAN}-1-${PARENT}`],
    ["without a decision", ZIPKIN, `b3: ${TRACE}-${SPAN}`],
    ["a decision alone", { ...ZIPKIN, ...NEVER }, "b3: 1"],
    ["it wins over several headers", ZIPKIN, `b3: ${TRACE}-${SPAN}-1`, "x-b3-traceid: 1", "x-b3-spanid: 2"],
    ["nonsense", ZIPKIN, "b3: nonsense"],
  ]),
  ...cases("Zipkin: W3C beside B3", [
    ["a new trace", BOTH],
    ["traceparent where there is no B3", BOTH, `${TRACEPARENT}-01`],
    ["traceparent decides", { ...BOTH, ...NEVER }, `${TRACEPARENT}-01`],
    ["traceparent decides against", BOTH, `${TRACEPARENT}-00`],
    ["traceparent decides for B3 without a decision", { ...BOTH, ...NEVER }, ...B3, `${TRACEPARENT}-01`],
    ["either says sampled", { ...BOTH, ...NEVER }, "x-b3-sampled: 1", `${TRACEPARENT}-00`],
    ["tracestate passes", BOTH, `${TRACEPARENT}-01`, "tracestate: a=b"],
    ["a malformed traceparent", BOTH, "traceparent: 00-1-2-01"],
    ["not without the option", ZIPKIN, `${TRACEPARENT}-01`],
  ]),
  ...cases("OpenTelemetry: W3C", [
    ["a new trace", OTEL],
    ["a new trace that is not sampled", { ...OTEL, ...NEVER }],
    ["the client's trace goes on", OTEL, `${TRACEPARENT}-01`],
    ["the client's decision against", OTEL, `${TRACEPARENT}-00`],
    ["the client's decision for", { ...OTEL, ...NEVER }, `${TRACEPARENT}-01`],
    ["tracestate passes", OTEL, `${TRACEPARENT}-01`, "tracestate: a=b, c=d"],
    ["a malformed traceparent", OTEL, "traceparent: 00-1-2-01"],
    ["B3 is nothing to it", OTEL, ...B3],
  ]),
  ...cases(
    "sampling and x-request-id",
    [
      ["random", ZIPKIN],
      ["never", { ...ZIPKIN, ...NEVER }],
      ["the request's id is marked", ZIPKIN, `x-request-id: ${ID}`],
      ["an id that is no UUID", ZIPKIN, "x-request-id: mine"],
      ["x-client-trace-id", { ...ZIPKIN, ...NEVER }, "x-client-trace-id: c"],
      [
        "x-client-trace-id without client_sampling",
        { ...ZIPKIN, ...NEVER, client_sampling: { value: 0 } },
        "x-client-trace-id: c",
      ],
      ["x-envoy-force-trace of a stranger", { ...ZIPKIN, ...NEVER }, "x-envoy-force-trace: true"],
      ["overall_sampling", { ...ZIPKIN, overall_sampling: { value: 0 } }],
      ["without a provider", {}],
    ],
    { stats: STATS },
  ),
  ...cases(
    "sampling and x-request-id, from inside",
    [
      ["x-envoy-force-trace", { ...ZIPKIN, ...NEVER }, "x-envoy-force-trace: true", "x-forwarded-for: 10.0.0.1"],
      [
        "a mark that is there stays",
        { ...ZIPKIN, ...NEVER },
        "x-request-id: 4b7d3c2a-5e6f-9a1b-8c9d-0e1f2a3b4c5d",
        "x-forwarded-for: 10.0.0.1",
      ],
    ],
    {
      stats: STATS,
      manager: { internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] } },
    },
  ),
  ...cases("sampling of a route", [["in place of the connection manager's", ZIPKIN]], {
    routes: [{ ...toCluster("/", "a"), tracing: { random_sampling: { numerator: 0 } } }],
    stats: STATS,
  }),
  ...cases(
    "decorators",
    [
      ["the response tells the client", ZIPKIN],
      ["the client's has precedence", ZIPKIN, "x-envoy-decorator-operation: mine"],
    ],
    { routes: [{ ...toCluster("/", "a"), decorator: { operation: "op" } }] },
  ),
  ...cases("decorators", [["propagate: false", ZIPKIN]], {
    routes: [{ ...toCluster("/", "a"), decorator: { operation: "op", propagate: false } }],
  }),
  ...cases("decorators", [["towards the mesh, the request tells the server", ZIPKIN]], {
    listener: { traffic_direction: "OUTBOUND" },
    routes: [{ ...toCluster("/", "a"), decorator: { operation: "op" } }],
  }),
  ...cases("decorators", [["the server's answer is not passed on", ZIPKIN]], {
    listener: { traffic_direction: "OUTBOUND" },
    upstreams: { ...Z, a: answer(200, "a", "x-envoy-decorator-operation: theirs") },
  }),
  ...cases("spans of attempts", [
    ["the upstream gets the attempt's span", { ...ZIPKIN, spawn_upstream_span: true }, ...B3, "x-b3-sampled: 1"],
  ]),
  ...cases("reports", [["Zipkin: five spans leave together", ZIPKIN]], {
    client: [get(), got(1), get(), got(2), get(), got(3), get(), got(4), get(), got(5), seen("z", 1)],
    mask: [...MASK, ...REPORT],
    stats: ["tracing.zipkin.spans_sent", "tracing.zipkin.reports_sent"],
  }),
  ...cases("reports", [["Zipkin: collector_hostname", { provider: zipkin({ collector_hostname: "z.test" }) }]], {
    client: [get(), got(1), get(), got(2), get(), got(3), get(), got(4), get(), got(5), seen("z", 1)],
    mask: [...MASK, ...REPORT],
    upstreams: { ...Z, z: answer(500) },
    stats: ["tracing.zipkin.reports_sent", "tracing.zipkin.reports_dropped"],
  }),
  ...cases("reports", [["Zipkin: tracing.zipkin.min_flush_spans of the runtime", ZIPKIN]], {
    bootstrap: reportsOf(2),
    client: [get("/1"), got(1), get("/2"), got(2), seen("z", 1)],
    mask: [...MASK, ...REPORT],
    stats: ["tracing.zipkin.spans_sent", "tracing.zipkin.reports_sent", "tracing.zipkin.timer_flushed"],
  }),
  ...cases("reports", [["Zipkin: tracing.zipkin.flush_interval_ms of the runtime", ZIPKIN]], {
    bootstrap: runtime({ "tracing.zipkin.flush_interval_ms": 100 }),
    client: [get(), got(1), seen("z", 1)],
    mask: [...MASK, ...REPORT],
    stats: ["tracing.zipkin.spans_sent", "tracing.zipkin.reports_sent"],
  }),
  ...cases("reports", [["Zipkin: tracing.zipkin.request_timeout of the runtime", ZIPKIN]], {
    bootstrap: runtime({ "tracing.zipkin.min_flush_spans": 1, "tracing.zipkin.request_timeout": 100 }),
    client: [get(), got(1), seen("z", 1), stat("cluster.z.upstream_rq_timeout", 1)],
    mask: [...MASK, ...REPORT],
    upstreams: { ...Z, z: { answers: [[gate("never")]] } },
    stats: ["tracing.zipkin.reports_sent", "tracing.zipkin.reports_failed", "tracing.zipkin.reports_dropped"],
  }),
  ...cases("reports", [["OpenTelemetry: tracing.opentelemetry.min_flush_spans of the runtime", OTEL]], {
    bootstrap: reportsOf(2, "opentelemetry"),
    client: [get("/1"), got(1), get("/2"), got(2), stat("tracing.opentelemetry.spans_sent", 2)],
    mask: [...MASK, ...OTLP],
    stats: ["tracing.opentelemetry.timer_flushed"],
  }),
  ...cases("reports", [["OpenTelemetry: tracing.opentelemetry.flush_interval_ms of the runtime", OTEL]], {
    bootstrap: runtime({ "tracing.opentelemetry.flush_interval_ms": 100 }),
    client: [get(), got(1), seen("z", 1)],
    mask: [...MASK, ...OTLP],
  }),
  {
    name: "a provider whose cluster is unknown is refused",
    feature: "Tracing: reports",
    manager: { tracing: { provider: zipkin({ collector_cluster: "nowhere" }) } },
    client: [],
    refused: true,
  },
  named("as the tracer has it", {}),
  named("operation", OPERATION),
  named("operation, decorated", OPERATION, DECORATED),
  {
    ...named("operation, and the client names the span", OPERATION, DECORATED),
    client: [get("/p?q=1", "x-envoy-decorator-operation: client's"), got(1), seen("z", 1)],
  },
  {
    ...named("operation of an egress listener, decorated, and the upstream names the span", OPERATION, DECORATED),
    listener: { traffic_direction: "OUTBOUND" },
    upstreams: { ...Z, a: answer(200, "a", "x-envoy-decorator-operation: upstream's") },
  },
  named("operation of nothing", { operation: "%REQ(X-NONE)%" }),
  named("operation of a route", OPERATION, { tracing: { operation: "of the route %REQ(X-A)%" } }),
  named("operation of a route, decorated", {}, { tracing: { operation: "of the route" }, ...DECORATED }),
  named("upstream_operation", { upstream_operation: "up %REQ(X-A)% %UPSTREAM_CLUSTER%", spawn_upstream_span: true }, {}, 2), // prettier-ignore
  named("upstream_operation of a route", { spawn_upstream_span: true }, { tracing: { upstream_operation: "route up" } }, 2), // prettier-ignore
  ...(["http1", "http2"] as const).map((version): ContractCase => ({
    ...named("", { spawn_upstream_span: true }, {}, 2),
    name: `http.protocol of the upstream's span: ${version}`,
    feature: "Tracing: tags",
    clusters: { ...CLUSTERS, a: version === "http1" ? {} : http2Cluster() },
    mask: told(/"http\.protocol":"([^"]*)"/, 2),
  })),
  ...["s", "n", "i", "big", "b", "l", "o", "z", "none"].map((key) => tagged(`metadata of the route: ${key}`, ofMetadata("route", [key]))), // prettier-ignore
  tagged("metadata of the route: a path", ofMetadata("route", ["o", "k", "x"])),
  tagged("metadata of the route: a default", ofMetadata("route", ["none"], { default_value: "d" })),
  tagged("metadata of the route: null has the default", ofMetadata("route", ["z"], { default_value: "d" })),
  tagged("metadata of the cluster", ofMetadata("cluster", ["s"])),
  tagged("metadata of the host", ofMetadata("host", ["s"])),
  tagged("metadata of the request: none", ofMetadata("request", ["s"], { default_value: "d" })),
  tagged("a format", { value: "a %REQ(X-A)% %RESPONSE_CODE%" }),
  tagged("a format of nothing", { value: "%REQ(X-NONE)%" }),
  tagged("a format of nothing among text", { value: "%REQ(X-NONE)%b" }),
  tagged("a format of a span of the upstream", { value: "%UPSTREAM_CLUSTER%" }),
];
