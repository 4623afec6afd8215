/** What MeshConfig and Telemetries change in connection managers and routes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { ObjectStatus } from "../../src/status/object-status.ts";
import { meshConfig, service, TestMesh } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const OUTBOUND = "127.0.0.1_15001";
const INBOUND = "127.0.0.1_41002";
const TULLE = {
  http_proxy: { address: "127.0.0.1", port: 15001 },
  inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41002, app_address: "127.0.0.2", app_port: 41003 }],
  outbound: [{ port: 9080, address: "127.0.0.1", bind_port: 19080 }],
};

function telemetry(spec: string, namespace = "default", name = "t", created = "2026-01-01T00:00:00Z"): string {
  return `
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}" }
spec: ${spec}`;
}
function manager(mesh: TestMesh, listener: string, proxy: ProxyOptions = {}): JsonObject {
  const found = mesh.proxy({ tulle: TULLE, ...proxy }).json(TYPE.listener, listener);
  const [chain] = found["filter_chains"] as { filters: { typed_config: JsonObject }[] }[];
  return chain!.filters[0]!.typed_config;
}
const managerOf = (config: string, listener = OUTBOUND): JsonObject =>
  manager(new TestMesh(service("reviews") + meshConfig(config)), listener);

test("the server header is overwritten, unless it is switched off; its value may be given", () => {
  const server = (config: string, listener: string): unknown[] => {
    const { server_name, server_header_transformation } = managerOf(config, listener);
    return [server_name, server_header_transformation];
  };
  assert.deepEqual(server("{}", OUTBOUND), [undefined, undefined]);
  assert.deepEqual(server("{}", INBOUND), ["tulle", undefined]);
  const given = "defaultConfig: { proxyHeaders: { server: { value: mine } } }";
  assert.deepEqual(server(given, OUTBOUND), ["mine", undefined]);
  assert.deepEqual(server(given, INBOUND), ["mine", undefined]);
  const off = "defaultConfig: { proxyHeaders: { server: { disabled: true } } }";
  assert.deepEqual(server(off, INBOUND), [undefined, "PASS_THROUGH"]);
});

test("request ids, Envoy's own headers and the attempt count can be switched off", () => {
  const off =
    "defaultConfig: { proxyHeaders: { requestId: { disabled: true }, envoyDebugHeaders: { disabled: true }, attemptCount: { disabled: true } } }";
  const { generate_request_id, http_filters } = managerOf(off);
  assert.equal(generate_request_id, false);
  const router = (http_filters as { typed_config: JsonObject }[]).at(-1)!.typed_config;
  assert.equal(router["suppress_envoy_headers"], true);
  const mesh = new TestMesh(service("reviews") + meshConfig(off));
  const host = mesh.proxy().virtualHosts()["reviews.default.svc.cluster.local:9080"]!;
  assert.equal(host["include_request_attempt_count"], undefined);
});

test("preserveHttp1HeaderCase: names leave as they came, wherever HTTP/1.1 is spoken", () => {
  const preserve = "defaultConfig: { proxyHeaders: { preserveHttp1HeaderCase: true } }";
  const grpc = `
---
apiVersion: v1
kind: Service
metadata: { name: rpc, namespace: default }
spec: { ports: [{ name: grpc, port: 9090 }] }`;
  const mesh = new TestMesh(service("reviews") + grpc + meshConfig(preserve));
  const type = "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";
  const asTheyCame = {
    header_key_format: {
      stateful_formatter: { name: "preserve_case", typed_config: { "@type": `type.googleapis.com/${type}` } },
    },
  };
  for (const listener of [OUTBOUND, INBOUND]) {
    assert.deepEqual(manager(mesh, listener)["http_protocol_options"], asTheyCame);
    assert.equal(managerOf("{}", listener)["http_protocol_options"], undefined);
  }
  const options = (cluster: string, proxy: ProxyOptions = {}): unknown => {
    const found = mesh.proxy({ tulle: TULLE, ...proxy }).json(TYPE.cluster, cluster);
    return Object.values((found["typed_extension_protocol_options"] ?? {}) as Record<string, JsonObject>)[0]?.[
      "explicit_http_config"
    ];
  };
  const expected = { http_protocol_options: asTheyCame };
  assert.deepEqual(options("outbound|9080||reviews.default.svc.cluster.local"), expected);
  assert.deepEqual(options("inbound|9080||"), expected);
  const rpc = "outbound|9090||rpc.default.svc.cluster.local";
  assert.deepEqual(options(rpc, { agent: "envoy" }), { http2_protocol_options: {} });
});

test("pathNormalization", () => {
  const normal = (mode: string): unknown[] => {
    const { normalize_path, merge_slashes, path_with_escaped_slashes_action } = managerOf(
      `pathNormalization: { normalization: ${mode} }`,
    );
    return [normalize_path, merge_slashes, path_with_escaped_slashes_action];
  };
  assert.deepEqual(normal("NONE"), [false, undefined, "KEEP_UNCHANGED"]);
  assert.deepEqual(normal("BASE"), [true, undefined, "KEEP_UNCHANGED"]);
  assert.deepEqual(normal("DEFAULT"), [true, undefined, "KEEP_UNCHANGED"]);
  assert.deepEqual(normal("MERGE_SLASHES"), [true, true, "KEEP_UNCHANGED"]);
  assert.deepEqual(normal("DECODE_AND_MERGE_SLASHES"), [true, true, "UNESCAPE_AND_FORWARD"]);
});

test("the mesh's default retries are for routes that have none of their own; inbound ones have their own default", () => {
  const config = meshConfig(`defaultHttpRetryPolicy: { attempts: 5, retryOn: reset }
defaultInboundHttpRetryPolicy: { attempts: 1, retryOn: "reset,503", perTryTimeout: 1s, backoff: 10ms }`);
  const mesh = new TestMesh(service("reviews") + config);
  const [route] = mesh.proxy().routes("reviews.default.svc.cluster.local:9080");
  const retries = (route!["route"] as JsonObject)["retry_policy"] as JsonObject;
  assert.deepEqual([retries["num_retries"], retries["retry_on"]], [5, "reset"]);
  const { virtual_hosts } = manager(mesh, INBOUND)["route_config"] as { virtual_hosts: { routes: JsonObject[] }[] };
  assert.deepEqual((virtual_hosts[0]!.routes[0]!["route"] as JsonObject)["retry_policy"], {
    retry_on: "reset,retriable-status-codes",
    retriable_status_codes: [503],
    num_retries: 1,
    retry_back_off: { base_interval: "0.010s" },
  });
});

test("proxies before a gateway are trusted by their number", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }`;
  const mesh = new TestMesh(gateway + meshConfig("defaultConfig: { gatewayTopology: { numTrustedProxies: 2 } }"));
  assert.equal(manager(mesh, "0.0.0.0_8080", { type: "router", tulle: {} })["xff_num_trusted_hops"], 2);
});

/** What a listener logs, a line for each log: path and format. */
function logs(yaml: string, listener = OUTBOUND, proxy: ProxyOptions = {}): string[] {
  const found = (manager(new TestMesh(service("reviews") + yaml), listener, proxy)["access_log"] ?? []) as {
    filter?: { extension_filter: { typed_config: { expression: string } } };
    typed_config: {
      path: string;
      log_format: { text_format_source?: { inline_string: string }; json_format?: JsonObject };
    };
  }[];
  return found.map(({ filter, typed_config: { path, log_format } }) => {
    const json = log_format.json_format;
    const format = log_format.text_format_source?.inline_string ?? `{${Object.keys(json!).join()}}`;
    const condition = filter === undefined ? "" : ` if ${filter.extension_filter.typed_config.expression}`;
    return `${path} ${format.startsWith("[%START_TIME%]") ? "default" : format.trimEnd()}${condition}`;
  });
}
const ENVOY = "accessLogging: [{ providers: [{ name: envoy }] }]";

test("nothing is logged unless a Telemetry or MeshConfig says so", () => {
  assert.deepEqual(logs(""), []);
  assert.deepEqual(
    logs(telemetry("{ accessLogging: [{}] }")),
    [],
    "a Telemetry without providers, where there are no default ones",
  );
});

test("accessLogFile with its format and encoding", () => {
  assert.deepEqual(logs(meshConfig("accessLogFile: /dev/stdout")), ["/dev/stdout default"]);
  assert.deepEqual(logs(meshConfig('accessLogFile: /l\naccessLogFormat: "%PROTOCOL%"')), ["/l %PROTOCOL%"]);
  const json = "accessLogFile: /l\naccessLogEncoding: JSON\n";
  assert.match(logs(meshConfig(json))[0]!, /^\/l \{start_time,method,path,.*route_name\}$/);
  assert.deepEqual(logs(meshConfig(`${json}accessLogFormat: '{"p": "%PROTOCOL%"}'`)), ["/l {p}"]);
  assert.match(logs(meshConfig(`${json}accessLogFormat: nonsense`))[0]!, /start_time/);
});

test("the text format is Istio's, byte for byte", () => {
  const [log] = manager(new TestMesh(service("reviews") + meshConfig("accessLogFile: /l")), OUTBOUND)["access_log"] as {
    typed_config: { log_format: { text_format_source: { inline_string: string } } };
  }[];
  assert.equal(
    log!.typed_config.log_format.text_format_source.inline_string,
    `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n`,
  );
});

test("a Telemetry's provider: the built-in one, or one of MeshConfig's", () => {
  assert.deepEqual(logs(telemetry(`{ ${ENVOY} }`)), ["/dev/stdout default"]);
  const providers = meshConfig(`accessLogFile: /mesh
extensionProviders:
- { name: file, envoyFileAccessLog: { path: /f, logFormat: { text: "%PROTOCOL%" } } }
- { name: json, envoyFileAccessLog: { path: /j, logFormat: { labels: { a: "%PROTOCOL%" } }, omitEmptyValues: true } }
- { name: other, zipkin: { service: zipkin, port: 1 } }`);
  const by = (names: string): string => telemetry(`{ accessLogging: [{ providers: [${names}] }] }`);
  assert.deepEqual(logs(providers + by("{ name: json }, { name: FILE }")), ["/f %PROTOCOL%", "/j {a}"]);
  assert.deepEqual(logs(providers + by("{ name: other }")), ["/mesh default"], "no file: as without a Telemetry");
});

test("collectors are called by their services' clusters, each for what it collects", () => {
  const providers = meshConfig(`extensionProviders:
- { name: als, envoyHttpAls: { service: obs/als.obs.svc.cluster.local, port: 9000, additionalRequestHeadersToLog: [x-a] } }
- { name: otel, envoyOtelAls: { service: otel.obs.svc.cluster.local, port: 4317, logFormat: { labels: { a: "%PROTOCOL%" } } } }
- { name: tcp, envoyTcpAls: { service: als.obs.svc.cluster.local, port: 9001 } }`);
  const names = "{ name: als }, { name: otel }, { name: tcp }";
  const yaml = service("reviews") + providers + telemetry(`{ accessLogging: [{ providers: [${names}] }] }`);
  const found = manager(new TestMesh(yaml), OUTBOUND)["access_log"] as {
    name: string;
    typed_config: { common_config: { log_name: string; grpc_service: { envoy_grpc: unknown } }; attributes?: unknown };
  }[];
  assert.deepEqual(
    found.map(({ name, typed_config: { common_config: common } }) => [
      name,
      common.log_name,
      common.grpc_service.envoy_grpc,
    ]),
    [
      [
        "envoy.access_loggers.http_grpc",
        "http_envoy_accesslog",
        { cluster_name: "outbound|9000||als.obs.svc.cluster.local", authority: "als.obs.svc.cluster.local" },
      ],
      [
        "envoy.access_loggers.open_telemetry",
        "otel_envoy_accesslog",
        { cluster_name: "outbound|4317||otel.obs.svc.cluster.local", authority: "otel.obs.svc.cluster.local" },
      ],
    ],
  );
  assert.deepEqual(found[1]!.typed_config.attributes, {
    values: [{ key: "a", value: { string_value: "%PROTOCOL%" } }],
  });
});

test("match.mode is the side that logs", () => {
  const yaml = telemetry("{ accessLogging: [{ match: { mode: SERVER }, providers: [{ name: envoy }] }] }");
  assert.deepEqual(logs(yaml, OUTBOUND), []);
  assert.deepEqual(logs(yaml, INBOUND), ["/dev/stdout default"]);
});

test("a more special Telemetry replaces what a more general one says, or switches it off", () => {
  const mesh = telemetry(`{ ${ENVOY} }`, "istio-system");
  assert.deepEqual(logs(mesh), ["/dev/stdout default"]);
  assert.deepEqual(logs(mesh + telemetry("{ accessLogging: [{ disabled: true }] }")), []);
  const own = telemetry("{ selector: { matchLabels: { app: web } }, accessLogging: [{ disabled: true }] }");
  assert.deepEqual(logs(mesh + own, OUTBOUND, { labels: { app: "web" } }), []);
  assert.deepEqual(logs(mesh + own), ["/dev/stdout default"]);
  const inbound = telemetry("{ accessLogging: [{ match: { mode: SERVER }, disabled: true }] }");
  assert.deepEqual(logs(mesh + inbound), ["/dev/stdout default"]);
  assert.deepEqual(logs(mesh + inbound, INBOUND), []);
});

test("default providers log without a Telemetry, and are what one without providers is about", () => {
  const defaults = meshConfig("defaultProviders: { accessLogging: [envoy] }");
  assert.deepEqual(logs(defaults), ["/dev/stdout default"]);
  assert.deepEqual(logs(defaults + telemetry("{ accessLogging: [{ disabled: true }] }")), []);
});

test("a filter is an expression in CEL", () => {
  const yaml = telemetry(
    "{ accessLogging: [{ providers: [{ name: envoy }], filter: { expression: response.code >= 400 } }] }",
  );
  assert.deepEqual(logs(yaml), ["/dev/stdout default if response.code >= 400"]);
});

const text = ({ type, field = "", message }: ObjectStatus): string => `${type} ${field}: ${message}`;

test("a Telemetry says whose logs it is for, what it lacks, and who is used in its place", () => {
  const yaml =
    telemetry(`{ accessLogging: [{ providers: [{ name: envoy }, { name: nobody }, { name: prometheus }] }] }`) +
    telemetry("{ accessLogging: [{}], tracing: [{}] }", "default", "young", "2026-02-01T00:00:00Z") +
    telemetry(`{ selector: { matchLabels: { app: web } }, ${ENVOY} }`, "default", "own") +
    telemetry("{ accessLogging: [{}] }", "istio-system", "root");
  const mesh = new TestMesh(yaml);
  const found = (name: string, namespace = "default"): string[] =>
    mesh
      .status("Telemetry", name, namespace)
      .filter(({ type, field }) => type !== "NotYetApplied" || field !== "spec.accessLogging")
      .map(text);
  assert.deepEqual(found("t"), [
    "InForce : access logs of namespace default",
    "Invalid spec.accessLogging[0].providers[1].name: MeshConfig has no extension provider nobody",
    "Ignored spec.accessLogging[0].providers[2].name: prometheus collects no access logs; envoyFileAccessLog, envoyHttpAls, envoyTcpAls and envoyOtelAls do",
  ]);
  assert.deepEqual(found("young"), ["Shadowed : an older Telemetry is for all of namespace default; only one is used"]);
  assert.deepEqual(found("own"), ["InForce : access logs of workloads of namespace default with app=web"]);
  assert.deepEqual(found("root", "istio-system"), ["InForce : access logs of the whole mesh"]);
});

test("MeshConfig says which of its settings are not applied, parts included", () => {
  const config = meshConfig(`accessLogEncoding: JSON
accessLogFormat: nonsense
enablePrometheusMerge: true
defaultConfig: { tracing: { sampling: 1, zipkin: {} }, proxyHeaders: { forwardedClientCert: SANITIZE, server: { value: a } }, gatewayTopology: { numTrustedProxies: 1 } }
defaultProviders: { tracing: [z], accessLogging: [envoy] }
extensionProviders: [{ name: z, skywalking: {} }, { name: f, envoyFileAccessLog: {} }]`);
  assert.deepEqual(new TestMesh(config).status("ConfigMap", "istio", "istio-system").map(text), [
    "InForce : settings of the whole mesh",
    "NotYetApplied data.mesh.enablePrometheusMerge: this setting",
    "NotYetApplied data.mesh.defaultConfig.proxyHeaders.forwardedClientCert: this setting",
    "NotYetApplied data.mesh.defaultConfig.tracing.zipkin: this setting",
    "NotYetApplied data.mesh.extensionProviders[0]: this setting",
    "Invalid data.mesh.accessLogFormat: is no JSON object, as accessLogEncoding wants; Istio's fields are logged",
    "NotYetApplied data.mesh.defaultProviders.tracing[0]: z is a skywalking provider: there are no traces",
  ]);
});

test("an unrelated change leaves listeners as they are; a Telemetry changes those of its workloads", () => {
  const mesh = new TestMesh(service("reviews"));
  const proxy = mesh.proxy({ tulle: TULLE });
  const before = proxy.view.set(TYPE.listener);
  mesh.change(service("other"));
  assert.equal(proxy.view.set(TYPE.listener), before);
  mesh.change(telemetry(`{ ${ENVOY} }`, "elsewhere"));
  assert.equal(proxy.view.set(TYPE.listener), before);
  mesh.change(telemetry(`{ ${ENVOY} }`));
  assert.notEqual(proxy.view.set(TYPE.listener), before);
});
