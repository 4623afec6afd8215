/** What Telemetries and MeshConfig make of traces, for our proxy and for a stock Envoy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { MeshOptions } from "../../src/model/snapshot.ts";
import { NO_ISSUERS } from "../../src/model/issuers.ts";
import { meshConfig, service, TestMesh } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const OUTBOUND = "127.0.0.1_15001";
const INBOUND = "127.0.0.1_41002";
const TULLE = {
  telemetry: "xds-grpc",
  http_proxy: { address: "127.0.0.1", port: 15001 },
  inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41002, app_address: "127.0.0.2", app_port: 41003 }],
};
const LABELS = { app: "reviews", version: "v2" };
const COLLECTORS =
  service("zipkin", "ops", "[{ name: http, port: 9411 }]") +
  service("otel", "ops", "[{ name: grpc-otlp, port: 4317 }, { name: http, port: 4318 }]");
const ZIPKIN = "{ name: z, zipkin: { service: zipkin.ops.svc.cluster.local, port: 9411 } }";
const OTLP = "{ name: o, opentelemetry: { service: otel.ops.svc.cluster.local, port: 4317 } }";

function telemetry(tracing: string, namespace = "default", more = "", name = "t"): string {
  return `
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: ${name}, namespace: ${namespace} }
spec: { tracing: ${tracing}${more} }`;
}

function mesh(yaml: string, options: Partial<MeshOptions> = {}): TestMesh {
  return new TestMesh(service("reviews") + COLLECTORS + yaml, [], NO_ISSUERS, options);
}

function manager(of: TestMesh, listener = OUTBOUND, proxy: ProxyOptions = {}): JsonObject {
  const found = of.proxy({ tulle: TULLE, labels: LABELS, ...proxy }).json(TYPE.listener, listener);
  const [chain] = found["filter_chains"] as { filters: { typed_config: JsonObject }[] }[];
  return chain!.filters[0]!.typed_config;
}

function tracing(of: TestMesh, listener = OUTBOUND, proxy: ProxyOptions = {}): JsonObject | undefined {
  return manager(of, listener, proxy)["tracing"] as JsonObject | undefined;
}

function at(value: JsonValue | undefined, ...path: (string | number)[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((found, key) => (found as JsonObject | undefined)?.[key], value);
}

const sampling = (of: TestMesh, listener = OUTBOUND): JsonValue | undefined =>
  at(tracing(of, listener), "random_sampling", "value");
const tags = (of: TestMesh, listener = OUTBOUND): readonly string[] =>
  ((tracing(of, listener)?.["custom_tags"] ?? []) as JsonObject[]).map(
    ({ tag, ...from }) => `${tag as string} ${JSON.stringify(Object.values(from)[0])}`,
  );

test("without a provider there is no tracing, unless the control plane collects traces itself", () => {
  assert.equal(tracing(mesh("")), undefined);
  assert.equal(tracing(mesh(telemetry("[{ randomSamplingPercentage: 50 }]"))), undefined);
  const collecting = { collectsTraces: true };
  assert.equal(sampling(mesh("", collecting)), 1);
  assert.equal(sampling(mesh(telemetry("[{ randomSamplingPercentage: 50 }]"), collecting)), 50);
  assert.equal(tracing(mesh(meshConfig("enableTracing: false"), collecting)), undefined);
});

test("the control plane's own provider: our proxy says who it is and decides at the end as well, Envoy gets what it knows", () => {
  const built = mesh("", { collectsTraces: true });
  const own = at(tracing(built, INBOUND, { agent: "tulle" }), "provider", "typed_config");
  assert.equal(at(own, "grpc_service", "envoy_grpc", "cluster_name"), "xds-grpc");
  assert.equal(
    at(own, "sampler", "typed_config", "@type"),
    "type.googleapis.com/tulle.tracers.opentelemetry.samplers.v1.TailSampler",
  );
  assert.equal(at(own, "service_name"), undefined);
  const envoys = at(tracing(built, INBOUND), "provider", "typed_config");
  assert.equal(at(envoys, "sampler"), undefined);
  assert.deepEqual(tags(built, INBOUND).slice(4, 7), [
    'istio.canonical_revision {"value":"v2"}',
    'istio.canonical_service {"value":"reviews"}',
    'istio.cluster_id {"value":"Kubernetes"}',
  ]);
});

test("Zipkin: ids of 128 bits, spans of one's own, the collector by its service", () => {
  const yaml = meshConfig(`extensionProviders: [${ZIPKIN}]\ndefaultProviders: { tracing: [z] }`);
  const provider = at(tracing(mesh(yaml)), "provider") as JsonObject;
  assert.deepEqual(provider, {
    name: "envoy.tracers.zipkin",
    typed_config: {
      "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
      trace_id_128bit: true,
      shared_span_context: false,
      collector_endpoint_version: "HTTP_JSON",
      collector_service: {
        http_uri: {
          uri: "http://zipkin.ops.svc.cluster.local/api/v2/spans",
          cluster: "outbound|9411||zipkin.ops.svc.cluster.local",
          timeout: "5s",
        },
      },
    },
  });
});

test("Zipkin: path, short ids, W3C, timeout, headers, length of paths", () => {
  const settings =
    "service: ops/zipkin.ops.svc.cluster.local, port: 9411, path: /spans, enable64bitTraceId: true, traceContextOption: USE_B3_WITH_W3C_PROPAGATION, timeout: 2s, maxTagLength: 99, headers: [{ name: x-a, value: b }]";
  const yaml = meshConfig(
    `extensionProviders: [{ name: z, zipkin: { ${settings} } }]\ndefaultProviders: { tracing: [z] }`,
  );
  const found = tracing(mesh(yaml))!;
  assert.equal(found["max_path_tag_length"], 99);
  const config = at(found, "provider", "typed_config");
  assert.deepEqual(
    [
      at(config, "trace_id_128bit"),
      at(config, "trace_context_option"),
      at(config, "collector_service", "http_uri", "timeout"),
    ],
    [undefined, "USE_B3_WITH_W3C_PROPAGATION", "2s"],
  );
  assert.deepEqual(
    at(config, "collector_service", "request_headers_to_add", 0, "append_action"),
    "OVERWRITE_IF_EXISTS_OR_ADD",
  );
});

test("OpenTelemetry by gRPC: its cluster is there for our proxy, too", () => {
  const yaml = meshConfig(`extensionProviders: [${OTLP}]\ndefaultProviders: { tracing: [o] }`);
  const proxy = mesh(yaml).proxy({ tulle: TULLE, labels: LABELS, agent: "tulle" });
  const name = "outbound|4317||otel.ops.svc.cluster.local";
  assert.equal(proxy.json(TYPE.cluster, name)["name"], name);
  assert.deepEqual(at(tracing(mesh(yaml)), "provider", "typed_config", "grpc_service"), {
    envoy_grpc: { cluster_name: name, authority: "otel.ops.svc.cluster.local" },
  });
});

test("OpenTelemetry by HTTP: path, headers, detectors; the service is the proxy's", () => {
  const http = "http: { path: /v1/traces, timeout: 3s, headers: [{ name: api-key, value: k }] }";
  const provider = `{ name: o, opentelemetry: { service: otel.ops.svc.cluster.local, port: 4318, ${http}, resourceDetectors: { environment: {} } } }`;
  const config = at(
    tracing(mesh(meshConfig(`extensionProviders: [${provider}]\ndefaultProviders: { tracing: [o] }`))),
    "provider",
    "typed_config",
  );
  assert.deepEqual(at(config, "http_service", "http_uri"), {
    uri: "otel.ops.svc.cluster.local/v1/traces",
    cluster: "outbound|4318||otel.ops.svc.cluster.local",
    timeout: "3s",
  });
  assert.equal(
    at(config, "resource_detectors", 0, "name"),
    "envoy.tracers.opentelemetry.resource_detectors.environment",
  );
});

test("a provider that is unknown, has no service, or is none for traces: no tracing, and the status says why", () => {
  const providers = `extensionProviders: [${ZIPKIN}, { name: s, skywalking: { service: sky.ops, port: 11800 } }, { name: lost, zipkin: { service: lost.ops, port: 1 } }]`;
  const reason = (name: string): string | undefined => {
    const found = mesh(meshConfig(providers) + telemetry(`[{ providers: [{ name: ${name} }] }]`));
    assert.equal(tracing(found), undefined, name);
    return found.status("Telemetry", "t").at(-1)?.message;
  };
  assert.equal(reason("nobody"), "MeshConfig has no extension provider nobody: there are no traces");
  assert.equal(reason("lost"), "there is no service lost.ops: there are no traces");
  assert.equal(reason("s"), "s is a skywalking provider: there are no traces");
  assert.equal(reason("prometheus"), "the extension provider prometheus is none for traces: there are no traces");
});

test("the mesh's, the namespace's, the workload's: each overrides field by field, tags as a whole", () => {
  const yaml =
    meshConfig(`extensionProviders: [${ZIPKIN}, ${OTLP}]`) +
    telemetry(
      "[{ providers: [{ name: z }], randomSamplingPercentage: 10, customTags: { a: { literal: { value: x } } }, enableIstioTags: false }]",
      "istio-system",
    ) +
    telemetry("[{ customTags: { b: { header: { name: X-B, defaultValue: d } } } }]") +
    telemetry("[{ randomSamplingPercentage: 30 }]", "default", ", selector: { matchLabels: { app: reviews } }", "own") +
    telemetry(
      "[{ randomSamplingPercentage: 40 }]",
      "default",
      ", selector: { matchLabels: { app: reviews } }",
      "younger",
    );
  const found = mesh(yaml);
  assert.equal(sampling(found), 30);
  assert.deepEqual(tags(found), ['b {"name":"X-B","default_value":"d"}']);
});

test("match.mode: what a workload does as a client and as a server", () => {
  const yaml =
    meshConfig(`extensionProviders: [${ZIPKIN}]\ndefaultProviders: { tracing: [z] }`) +
    telemetry(
      "[{ match: { mode: CLIENT }, randomSamplingPercentage: 7 }, { match: { mode: SERVER }, disableSpanReporting: true }]",
    );
  assert.equal(sampling(mesh(yaml)), 7);
  assert.equal(tracing(mesh(yaml), INBOUND), undefined);
});

test("sampling, tags and path length of defaultConfig where no Telemetry says anything", () => {
  const config = (more: string): TestMesh =>
    mesh(
      meshConfig(
        `extensionProviders: [${ZIPKIN}]\ndefaultProviders: { tracing: [z] }\ndefaultConfig: { tracing: { ${more} } }`,
      ),
    );
  assert.equal(sampling(config("sampling: 42")), 42);
  assert.equal(sampling(config("sampling: 0")), 1);
  assert.equal(tracing(config("maxPathTagLength: 12"))!["max_path_tag_length"], 12);
  const tagged = config("enableIstioTags: false, customTags: { e: { environment: { name: HOME } } }");
  assert.deepEqual(tags(tagged), ['e {"name":"HOME"}']);
});

test("tags by format, decisions without request ids, nothing told to upstreams", () => {
  const found = mesh(
    meshConfig(`extensionProviders: [${ZIPKIN}]\ndefaultProviders: { tracing: [z] }`) +
      telemetry(
        "[{ customTags: { f: { formatter: { value: '%RESPONSE_CODE%' } } }, enableIstioTags: false, useRequestIdForTraceSampling: false, disableContextPropagation: true }]",
      ),
  );
  assert.deepEqual(tags(found), ['f "%RESPONSE_CODE%"']);
  assert.equal(tracing(found)!["no_context_propagation"], true);
  assert.deepEqual(
    at(manager(found), "request_id_extension", "typed_config", "use_request_id_for_trace_sampling"),
    false,
  );
});

test("a proxy whose bootstrap has no cluster for it is not told to send traces to the control plane", () => {
  const { telemetry: _, ...tulle } = TULLE;
  const found = mesh("", { collectsTraces: true });
  assert.equal(tracing(found, OUTBOUND, { tulle, agent: "tulle" }), undefined);
  assert.equal(tracing(found, OUTBOUND, { tulle }), undefined);
});

test("a gateway makes two spans, a server's and a client's", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: g, namespace: default }
spec: { selector: { istio: ingress }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }] }`;
  const found = mesh(gateway, { collectsTraces: true });
  const spans = tracing(found, "0.0.0.0_80", {
    type: "router",
    labels: { istio: "ingress" },
    tulle: { telemetry: "xds-grpc" },
  });
  assert.equal(spans!["spawn_upstream_span"], true);
});

test("MeshConfig's status names what has no effect", () => {
  const provider =
    "{ name: o, opentelemetry: { service: otel.ops.svc.cluster.local, port: 4317, grpc: { initialMetadata: [{ name: k, envName: KEY }] }, resourceDetectors: { dynatrace: {} } } }";
  const found = mesh(
    meshConfig(
      `extensionProviders: [${provider}]\ndefaultProviders: { tracing: [none] }\ndefaultConfig: { tracing: { zipkin: { address: z:1 } } }`,
    ),
  );
  const findings = found.status("ConfigMap", "istio", "istio-system");
  assert.deepEqual(
    findings.slice(1).map(({ type, field }) => `${type} ${field}`),
    [
      "NotYetApplied data.mesh.defaultConfig.tracing.zipkin",
      "NotYetApplied data.mesh.extensionProviders[0].opentelemetry.grpc.initialMetadata[0].envName",
      "NotYetApplied data.mesh.extensionProviders[0].opentelemetry.resourceDetectors.dynatrace",
      "Invalid data.mesh.defaultProviders.tracing[0]",
    ],
  );
});
