/** Access logs as OpenTelemetry's logs, over gRPC. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, collector, get, got, secure, seen, typed } from "../harness/steps.ts";
import { mutualTls } from "../harness/tls-config.ts";

const HTTP2: JsonObject = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const COUNTS = [
  "access_logs.open_telemetry_access_log.logs_written",
  "access_logs.open_telemetry_access_log.logs_dropped",
];
const GRPC: JsonObject = { envoy_grpc: { cluster_name: "otel" } };
const COMMON: JsonObject = {
  common_config: { log_name: "log", transport_api_version: "V3", grpc_service: GRPC, buffer_size_bytes: 0 },
};

interface Parts extends Partial<ContractCase> {
  readonly fields?: JsonObject;
}

function otel(name: string, { fields = {}, ...parts }: Parts = {}): ContractCase {
  const typed_config = typed("extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig", fields);
  return {
    name,
    feature: "Access log: OpenTelemetry",
    router: { suppress_envoy_headers: true },
    clusters: { a: {}, otel: HTTP2 },
    stats: COUNTS,
    client: [get("/x?y=1", "x-a: 1"), seen("otel", 1)],
    ...parts,
    upstreams: { otel: collector(), ...parts.upstreams },
    manager: { access_log: [{ name: "otel", typed_config }], ...parts.manager },
  };
}

const text = (string_value: string): JsonObject => ({ string_value });
const BODY = text("%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %REQ(x-none)%");
const ATTRIBUTES: JsonObject = {
  values: [
    { key: "code", value: text("%RESPONSE_CODE%") },
    { key: "a", value: text("%REQ(x-a)%") },
    { key: "none", value: text("%REQ(x-none)%") },
    { key: "literal", value: text("l") },
    { key: "list", value: { array_value: { values: [text("1"), text("%PROTOCOL%")] } } },
    { key: "map", value: { kvlist_value: { values: [{ key: "k", value: text("%REQ(:METHOD)%") }] } } },
  ],
};

export const CASES: readonly ContractCase[] = [
  otel("no body, no attributes", { fields: COMMON }),
  otel("a body", { fields: { ...COMMON, body: BODY } }),
  otel("a body that is a map", {
    fields: { ...COMMON, body: { kvlist_value: { values: [{ key: "k", value: text("%REQ(:METHOD)%") }] } } },
  }),
  otel("attributes", { fields: { ...COMMON, attributes: ATTRIBUTES } }),
  otel("resource attributes", {
    fields: {
      ...COMMON,
      resource_attributes: {
        values: [
          { key: "region", value: text("r") },
          { key: "n", value: { int_value: "3" } },
        ],
      },
    },
  }),
  otel("disable_builtin_labels", { fields: { ...COMMON, disable_builtin_labels: true } }),
  otel("stat_prefix", {
    fields: { ...COMMON, stat_prefix: "p" },
    stats: [
      "access_logs.open_telemetry_access_log.p.logs_written",
      "access_logs.open_telemetry_access_log.p.logs_dropped",
    ],
  }),
  otel("fields of its own in place of common_config", {
    fields: { grpc_service: GRPC, log_name: "log", buffer_size_bytes: 0, body: BODY },
  }),
  otel("no log_name", { fields: { grpc_service: GRPC, buffer_size_bytes: 0 } }),
  otel("custom tags", {
    fields: {
      grpc_service: GRPC,
      buffer_size_bytes: 0,
      custom_tags: [
        { tag: "h", request_header: { name: "x-a" } },
        { tag: "none", request_header: { name: "x-none" } },
      ],
      attributes: { values: [{ key: "a", value: text("%REQ(x-a)%") }] },
    },
  }),
  otel("two requests in one batch", {
    fields: { grpc_service: GRPC, log_name: "log", buffer_flush_interval: "1s", body: BODY },
    client: [get("/1"), got(1), get("/2"), got(2), seen("otel", 1)],
  }),
  otel("a collector that says no is asked again with the next", {
    fields: { ...COMMON, body: BODY },
    upstreams: { otel: collector({ grpcStatus: 7 }) },
    client: [get("/1"), got(1), seen("otel", 1), get("/2"), got(2), seen("otel", 2)],
  }),
  otel("a client with a certificate", {
    fields: { ...COMMON, attributes: { values: [{ key: "peer", value: text("%DOWNSTREAM_PEER_URI_SAN%") }] } },
    transportSocket: mutualTls(),
    client: [secure({ identity: "client" }), get("/", "Connection: close"), seen("otel", 1)],
  }),
  otel("a timeout of the call", {
    fields: { grpc_service: { ...GRPC, timeout: "3s" }, log_name: "log", buffer_size_bytes: 0 },
  }),
  ...(
    [
      ["neither grpc_service nor http_service", { log_name: "log" }],
      ["a body of a number", { ...COMMON, body: { int_value: "3" } }],
      [
        "an attribute that is a boolean",
        { ...COMMON, attributes: { values: [{ key: "b", value: { bool_value: true } }] } },
      ],
      ["a command that there is not", { ...COMMON, body: text("%NONE%") }],
    ] as const
  ).map(([name, fields]) =>
    otel(`refused: ${name}`, {
      fields,
      refused: true,
      client: [],
      stats: [],
      upstreams: { otel: answer(200) },
    }),
  ),
  ...["0", "1"].map((sampled) =>
    otel(`a Zipkin trace id of 64 bits, sampled: ${sampled}`, {
      fields: COMMON,
      clusters: { a: {}, otel: HTTP2, z: {} },
      upstreams: { z: answer(202) },
      manager: {
        tracing: {
          provider: {
            name: "envoy.tracers.zipkin",
            typed_config: typed("config.trace.v3.ZipkinConfig", {
              collector_cluster: "z",
              collector_endpoint: "/api/v2/spans",
              collector_endpoint_version: "HTTP_JSON",
            }),
          },
        },
      },
      client: [
        get("/", "x-b3-traceid: a2fb4a1d1a96d312", "x-b3-spanid: 05e3ac9a4f6e3b90", `x-b3-sampled: ${sampled}`),
        seen("otel", 1),
      ],
    }),
  ),
];
