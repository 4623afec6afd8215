import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import type { HttpConnectionManagerPlan } from "../../src/plan/listener-plan.ts";
import type { RoutePlan } from "../../src/plan/route-plan.ts";
import type { OpenTelemetryPlan, TracingPlan, ZipkinPlan } from "../../src/plan/tracing-plan.ts";
import { managerOf } from "../support/plans.ts";
import { streamInfo } from "../support/stream-info.ts";
import { ROUTER_FILTER, listener, listenerJson, refusals, request, routeList } from "./support.ts";

type Json = { readonly [field: string]: JsonValue };

const ZIPKIN = "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig";
const OTEL = "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig";
const EXTENSION = "type.googleapis.com/envoy.extensions.tracers.opentelemetry";

const manager = (hcm: Json): HttpConnectionManagerPlan => managerOf(listener(listenerJson(hcm)));

function tracing(json: Json): TracingPlan {
  const plan = manager({ tracing: json }).tracing;
  assert.ok(plan !== null);
  return plan;
}

const zipkinConfig = (changes: Json = {}): Json => ({
  "@type": ZIPKIN,
  collector_cluster: "collector",
  collector_endpoint: "/api/v2/spans",
  collector_endpoint_version: "HTTP_JSON",
  ...changes,
});

const provider = (typed_config: Json): Json => ({ provider: { name: "tracer", typed_config } });
const zipkin = (changes: Json = {}): ZipkinPlan => tracing(provider(zipkinConfig(changes))).provider as ZipkinPlan;
const withService = (uri: string, headers: Json[] = []): Json => ({
  collector_cluster: "",
  collector_endpoint: "",
  collector_service: { http_uri: { uri, cluster: "collector", timeout: "1s" }, request_headers_to_add: headers },
});
const otel = (changes: Json = {}): OpenTelemetryPlan =>
  tracing(
    provider({
      "@type": OTEL,
      http_service: { http_uri: { uri: "http://o.example:4318/v1/traces", cluster: "collector", timeout: "1s" } },
      ...changes,
    }),
  ).provider as OpenTelemetryPlan;
const refused = (json: Json): string[] =>
  refusals(() => tracing(json)).map((line) => line.slice(line.indexOf(".tracing") + 1));

test("defaults: everything is sampled, 256 characters of path", () => {
  const { provider, sampling, maxPathTagLength, upstreamSpans, independentHop } = tracing({});
  assert.deepEqual([provider, maxPathTagLength, upstreamSpans, independentHop], [null, 256, "none", false]);
  assert.partialDeepStrictEqual(sampling.client, { numerator: 100, denominator: 100 });
  assert.partialDeepStrictEqual(sampling.random, { numerator: 10_000, denominator: 10_000 });
  assert.equal(manager({}).tracing, null);
});

test("percentages are cut off: client's to whole ones, the others to hundredths", () => {
  const { sampling } = tracing({ client_sampling: { value: 50.9 }, random_sampling: { value: 33.336 } });
  assert.equal(sampling.client.numerator, 50);
  assert.equal(sampling.random.numerator, 3_333);
  assert.equal(tracing({ random_sampling: { value: 0.005 } }).sampling.random.numerator, 0);
});

test("spans of attempts by spawn_upstream_span, or by the router's start_child_span", () => {
  assert.deepEqual(
    [tracing({ spawn_upstream_span: true })].map((plan) => [plan.upstreamSpans, plan.independentHop]),
    [["all", true]],
  );
  const typed_config = { ...ROUTER_FILTER.typed_config, start_child_span: true };
  const plan = manager({ tracing: {}, http_filters: [{ ...ROUTER_FILTER, typed_config }] }).tracing;
  assert.deepEqual([plan?.upstreamSpans, plan?.independentHop], ["all", false]);
});

test("a route's sampling takes the place of the connection manager's, with its own defaults", () => {
  const json = {
    match: { prefix: "/" },
    direct_response: { status: 200 },
    tracing: { random_sampling: { numerator: 5, denominator: "MILLION" } },
    decorator: { operation: "op", propagate: false },
  };
  const route = routeList(json).route(request(), 0) as RoutePlan;
  assert.partialDeepStrictEqual(route.tracing?.sampling.random, { numerator: 5, denominator: 1_000_000 });
  assert.partialDeepStrictEqual(route.tracing?.sampling.overall, { numerator: 100, denominator: 100 });
  assert.deepEqual(route.decorator, { operation: "op", propagate: false });
});

test("custom tags: a literal, a variable, the first line of a header; the first of a name", () => {
  process.env["TULLE_TEST_TAG"] = "E";
  const { customTags } = tracing({
    custom_tags: [
      { tag: "l", literal: { value: "L" } },
      { tag: "l", literal: { value: "other" } },
      { tag: "e", environment: { name: "TULLE_TEST_TAG" } },
      { tag: "d", environment: { name: "TULLE_TEST_NONE", default_value: "D" } },
      { tag: "h", request_header: { name: "X-A" } },
      { tag: "n", request_header: { name: "x-none", default_value: "N" } },
      { tag: "p", request_header: { name: ":path" } },
    ],
  });
  const source = streamInfo({ path: "/x", headers: { "x-a": "1" } });
  assert.deepEqual(
    customTags.map((tag) => [tag.tag, tag.value(source)]),
    [
      ["l", "L"],
      ["e", "E"],
      ["d", "D"],
      ["h", "1"],
      ["n", "N"],
      ["p", "/x"],
    ],
  );
});

test("request ids carry the decision unless told otherwise", () => {
  assert.deepEqual(manager({}).requestIds, { packTraceReason: true, useForTraceSampling: true });
  const type = "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
  const typed_config = { "@type": type, pack_trace_reason: false, use_request_id_for_trace_sampling: false };
  assert.deepEqual(manager({ request_id_extension: { typed_config } }).requestIds, {
    packTraceReason: false,
    useForTraceSampling: false,
  });
});

test("Zipkin: where spans go, and what they look like", () => {
  const plan = zipkin();
  assert.deepEqual([plan.collector.cluster.name, plan.collector.authority], ["collector", "collector"]);
  assert.deepEqual([plan.collector.path, plan.collector.timeoutMs.value], ["/api/v2/spans", 5_000]);
  assert.deepEqual([plan.format, plan.sharedSpanContext, plan.withW3c], ["json", true, false]);
  assert.equal(zipkin({ collector_hostname: "z.example" }).collector.authority, "z.example");
  assert.equal(zipkin({ collector_endpoint_version: "HTTP_PROTO" }).format, "protobuf");
  assert.equal(zipkin({ trace_context_option: "USE_B3_WITH_W3C_PROPAGATION" }).withW3c, true);
});

test("Zipkin: a collector service, with and without a host in its URI", () => {
  const target = (uri: string) => {
    const { authority, path } = zipkin(withService(uri)).collector;
    return `${authority} ${path}`;
  };
  assert.equal(target("/p?y=1"), "collector /p?y=1");
  assert.equal(target("http://h.example:1/p"), "h.example:1 /p");
  assert.equal(target("https://h.example"), "h.example /");
  assert.equal(target("h.example/p"), "collector h.example/p");
  const headers = [{ header: { key: "X-Tok", value: "100%%" } }];
  assert.deepEqual(zipkin(withService("/p", headers)).collector.headers, [["x-tok", "100%"]]);
});

test("Zipkin: what Envoy refuses", () => {
  const ofZipkin = (changes: Json) => refused(provider(zipkinConfig(changes)));
  assert.match(ofZipkin({ collector_cluster: "unknown" })[0], /envoy\.tracers\.zipkin: unknown cluster 'unknown'/);
  assert.match(ofZipkin({ collector_cluster: "" })[0], /must be specified when not using collector_service/);
  assert.match(ofZipkin({ collector_endpoint_version: "GRPC" })[0], /must be HTTP_JSON or HTTP_PROTO/);
  assert.match(
    ofZipkin({ collector_endpoint_version: "DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE" })[0],
    /must be HTTP_JSON or HTTP_PROTO/,
  );
  const headers = [{ header: { key: "x", value: "%REQ(y)%" } }];
  assert.match(ofZipkin(withService("/p", headers))[0], /there is no request/);
});

test("OpenTelemetry: where spans go, and who we are", () => {
  const plan = otel({ service_name: "svc" });
  const { authority, path, timeoutMs } = plan.collector;
  assert.deepEqual([authority, path, timeoutMs.value], ["o.example:4318", "/v1/traces", 1_000]);
  assert.deepEqual(Object.fromEntries(plan.resource)["service.name"], "svc");
  assert.equal(Object.fromEntries(otel().resource)["service.name"], "unknown_service:envoy");
  assert.deepEqual([plan.maxCacheSize, plan.withScope, plan.sampler], [1_024, true, null]);
  const bare = otel({
    set_telemetry_sdk_resource_attributes: false,
    set_service_name_resource_attribute: false,
    set_instrumentation_scope: false,
  });
  assert.deepEqual([bare.resource, bare.withScope], [[], false]);
});

test("OpenTelemetry: detectors add to the resource, the later one wins", () => {
  process.env["OTEL_RESOURCE_ATTRIBUTES"] = "k1=v1,service.name=env,k2=a%20b, k3 = v3 ,bad";
  const detector = (name: string, fields: Json): Json => ({
    name,
    typed_config: { "@type": `${EXTENSION}.resource_detectors.v3.${name}ResourceDetectorConfig`, ...fields },
  });
  const { resource } = otel({
    resource_detectors: [
      detector("Environment", {}),
      detector("StaticConfig", { attributes: { a: "1", "service.name": "static", b: "" } }),
    ],
  });
  delete process.env["OTEL_RESOURCE_ATTRIBUTES"];
  const found = Object.fromEntries(resource);
  assert.deepEqual([found["k1"], found["k2"], found[" k3 "], found["a"]], ["v1", "a%20b", " v3 ", "1"]);
  assert.deepEqual([found["service.name"], found["bad"], found["b"]], ["static", undefined, undefined]);
});

test("OpenTelemetry: samplers", () => {
  const sampler = (name: string, fields: Json = {}): Json => ({
    name,
    typed_config: { "@type": `${EXTENSION}.samplers.v3.${name}SamplerConfig`, ...fields },
  });
  const ratio = sampler("TraceIdRatioBased", { sampling_percentage: { numerator: 5, denominator: "MILLION" } });
  assert.deepEqual(otel({ sampler: sampler("AlwaysOn") }).sampler, { kind: "always-on" });
  assert.deepEqual(otel({ sampler: sampler("ParentBased", { wrapped_sampler: ratio }) }).sampler, {
    kind: "parent-based",
    root: { kind: "trace-id-ratio", share: { numerator: 5, denominator: 1_000_000 } },
  });
  const without = { "@type": OTEL, http_service: { http_uri: { uri: "/", cluster: "collector", timeout: "1s" } } };
  assert.match(
    refused(provider({ ...without, sampler: sampler("ParentBased") }))[0],
    /wrapped_sampler \(no typed_config\) is not supported/,
  );
});

test("OpenTelemetry by gRPC: the method, metadata, a deadline; exactly one way out, to a cluster that is known", () => {
  const grpc = (cluster_name: string): Json => ({
    envoy_grpc: { cluster_name, authority: "otel.example" },
    timeout: "2s",
    initial_metadata: [{ key: "Api-Key", value: "k" }],
  });
  const { collector } = otel({ http_service: null, grpc_service: grpc("collector") });
  assert.deepEqual(
    [collector.isGrpc, collector.authority, collector.path, collector.timeoutMs, collector.headers],
    [
      true,
      "otel.example",
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      { value: 2_000 },
      [["api-key", "k"]],
    ],
  );
  const refusal = (fields: Json): string => refused(provider({ "@type": OTEL, ...fields })).join();
  assert.match(refusal({ grpc_service: grpc("nowhere") }), /Unknown gRPC client cluster 'nowhere'/);
  assert.match(refusal({}), /exactly one of gRPC, HTTP, or custom exporter/);
});

test("our own sampler and detector: failed attempts as events, retries as spans; the workload says who it is", () => {
  const own = (name: string, type: string, fields: Json = {}): Json => ({
    name,
    typed_config: { "@type": `type.googleapis.com/tulle.tracers.opentelemetry.${type}`, ...fields },
  });
  const config: Json = {
    "@type": OTEL,
    grpc_service: { envoy_grpc: { cluster_name: "collector" } },
    set_service_name_resource_attribute: false,
    set_telemetry_sdk_resource_attributes: false,
    sampler: own("tail", "samplers.v1.TailSampler", { min_traces_per_second: 3, slow_threshold: "0.5s" }),
    resource_detectors: [own("node", "resource_detectors.v1.NodeResourceDetector")],
  };
  const plan = tracing(provider(config));
  const { sampler, resource } = plan.provider as OpenTelemetryPlan;
  assert.equal(plan.upstreamSpans, "retries");
  assert.deepEqual(sampler, {
    kind: "tail",
    minTracesPerSecond: 3,
    maxKeptPerSecond: 0,
    slowQuantile: 0,
    slowThresholdMs: 500,
  });
  assert.deepEqual(
    resource.map(([name]) => name),
    [
      "service.name",
      "istio.canonical_service",
      "istio.canonical_revision",
      "istio.namespace",
      "istio.cluster_id",
      "tulle.workload",
    ],
  );
});
