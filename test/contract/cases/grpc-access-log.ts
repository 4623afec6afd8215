/** Access logs over gRPC (ALS): what is told of requests and connections, when it leaves, what becomes of what cannot be sent. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { tcpProxy } from "../harness/filters.ts";
import {
  RESET,
  answer,
  chunked,
  close,
  collector,
  connect,
  ended,
  get,
  got,
  head,
  post,
  request,
  secure,
  seen,
  send,
  stat,
  toCluster,
  typed,
} from "../harness/steps.ts";
import { clientTls, mutualTls, serverTls, trusting } from "../harness/tls-config.ts";

const HTTP2: JsonObject = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const COUNTS = ["access_logs.grpc_access_log.logs_written", "access_logs.grpc_access_log.logs_dropped"];

interface Parts extends Partial<ContractCase> {
  /** Of CommonGrpcAccessLogConfig. */
  readonly common?: JsonObject;
  /** Of HttpGrpcAccessLogConfig. */
  readonly fields?: JsonObject;
  readonly log?: JsonObject;
}

/** What is not of a request, but of the logger. */
const SERVICE: JsonObject = {
  log_name: "log",
  transport_api_version: "V3",
  grpc_service: { envoy_grpc: { cluster_name: "als" } },
  buffer_size_bytes: 0,
};

function logged(
  name: string,
  feature: string,
  { common = {}, fields = {}, log = {}, ...parts }: Parts = {},
): ContractCase {
  const access_log = {
    name: "als",
    typed_config: typed("extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", {
      common_config: { ...SERVICE, ...common },
      ...fields,
    }),
    ...log,
  };
  return {
    name,
    feature: `Access log over gRPC: ${feature}`,
    router: { suppress_envoy_headers: true },
    clusters: { a: {}, als: HTTP2 },
    stats: COUNTS,
    client: [get("/x?y=1"), seen("als", 1)],
    ...parts,
    upstreams: { als: collector(), ...parts.upstreams },
    manager: { access_log: [access_log], ...parts.manager },
  };
}

function tcp(name: string, { common = {}, ...parts }: Parts = {}): ContractCase {
  return {
    name,
    feature: "Access log over gRPC: connections",
    listener: {
      filter_chains: [
        {
          filters: [
            tcpProxy("a", {
              access_log: [
                {
                  name: "als",
                  typed_config: typed("extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig", {
                    common_config: { ...SERVICE, ...common },
                  }),
                },
              ],
              ...parts.fields,
            }),
          ],
        },
      ],
    },
    clusters: { a: {}, als: HTTP2 },
    stats: COUNTS,
    client: [send("c", "hello"), got("world"), seen("a", /hello/), close("c"), seen("als", 1)],
    ...parts,
    upstreams: { a: { answers: [""], greeting: "world" }, als: collector(), ...parts.upstreams },
  };
}

const HEADERS: JsonObject = {
  additional_request_headers_to_log: ["x-a", "X-Upper", "x-none", ":path", "x-many", "x-forwarded-proto"],
  additional_response_headers_to_log: ["x-r", "x-none", "content-length"],
  additional_response_trailers_to_log: ["x-t"],
};

const TRAILERS: JsonObject = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "extensions.upstreams.http.v3.HttpProtocolOptions",
      {
        explicit_http_config: { http_protocol_options: { enable_trailers: true } },
      },
    ),
  },
};

const CUSTOM_TAGS = [
  { tag: "literal", literal: { value: "l" } },
  { tag: "header", request_header: { name: "x-a", default_value: "d" } },
  { tag: "header-default", request_header: { name: "x-none", default_value: "d" } },
  { tag: "header-none", request_header: { name: "x-none" } },
  { tag: "environment", environment: { name: "TULLE_NO_SUCH", default_value: "e" } },
  { tag: "format", value: "%REQ(:METHOD)% %ROUTE_NAME%" },
  { tag: "format-none", value: "%REQ(x-none)%" },
  {
    tag: "metadata",
    metadata: { kind: { route: {} }, metadata_key: { key: "k", path: [{ key: "p" }] }, default_value: "m" },
  },
];

const REQUESTS: readonly ContractCase[] = [
  logged("a GET", "requests"),
  logged("a POST with everything that has a field of its own", "requests", {
    client: [
      post(
        "12345",
        "user-agent: ua",
        "referer: http://r.test/",
        "x-forwarded-for: 10.1.2.3",
        "x-request-id: 11111111-1111-4111-8111-111111111111",
      ),
      seen("als", 1),
    ],
  }),
  logged("HTTP/1.0", "requests", {
    manager: {},
    client: ["GET /old HTTP/1.0\r\nHost: h\r\n\r\n", seen("als", 1)],
  }),
  ...["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"].map((method) =>
    logged(`method ${method}`, "requests", {
      upstreams: { a: head("HTTP/1.1 200 OK", "content-length: 0") },
      client: [
        request(method, "/", ...(method === "TRACE" || method === "HEAD" ? [] : ["content-length: 0"])),
        seen("als", 1),
      ],
    }),
  ),
  logged("a path that was rewritten", "requests", {
    routes: [toCluster("/x", "a", { prefix_rewrite: "/z" })],
  }),
  logged("a header that is no UTF-8", "requests", { client: [get("/", "user-agent: a\xe4b\xc3\xa4"), seen("als", 1)] }),
  logged("additional headers and trailers", "requests", {
    fields: HEADERS,
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: TRAILERS, als: HTTP2 },
    upstreams: {
      a: head("HTTP/1.1 200 OK", "x-r: 1", "x-r: 2", "transfer-encoding: chunked") + chunked(["hello"], "x-t: tt"),
    },
    client: [get("/", "x-a: 1", "x-a: 2", "x-upper: u"), seen("als", 1)],
  }),
  logged("custom tags", "custom tags", {
    common: { custom_tags: CUSTOM_TAGS },
    routes: [
      {
        name: "named",
        metadata: { filter_metadata: { k: { p: "from the route" } } },
        match: { prefix: "/" },
        route: { cluster: "a" },
      },
    ],
    client: [get("/", "x-a: 1"), seen("als", 1)],
  }),
  logged("custom tags without values", "custom tags", {
    common: { custom_tags: CUSTOM_TAGS },
  }),
  logged("alt_stat_name is what the cluster is called", "requests", {
    clusters: { a: { alt_stat_name: "other" }, als: HTTP2 },
  }),
  ...[
    ["two logs that are configured alike share a stream", ["one", "one"]],
    ["those of two names have their own", ["one", "two"]],
  ].map(([name, names]) =>
    logged(name as string, "streams", {
      manager: {
        access_log: (names as string[]).map((log_name) => ({
          name: "als",
          typed_config: typed("extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", {
            common_config: { ...SERVICE, log_name },
          }),
        })),
      },
      client: [get("/x"), seen("als", 2)],
    }),
  ),
];

const ENDS: readonly ContractCase[] = [
  logged("no route", "how requests end", { routes: [toCluster("/other", "a")] }),
  logged("a direct response", "how requests end", {
    routes: [{ name: "d", match: { prefix: "/" }, direct_response: { status: 418, body: { inline_string: "hi" } } }],
  }),
  logged("no such cluster", "how requests end", { routes: [toCluster("/", "none")] }),
  logged("nobody listens", "how requests end", { upstreams: { a: REFUSED } }),
  logged("no host", "how requests end", { clusters: { a: { endpoints: [] }, als: HTTP2 } }),
  logged("the upstream resets", "how requests end", { upstreams: { a: { answers: [[RESET]] } } }),
  logged("the upstream resets twice, retried", "how requests end", {
    routes: [
      toCluster("/", "a", {
        retry_policy: { retry_on: "reset", num_retries: 1, retry_back_off: { base_interval: "0.001s" } },
      }),
    ],
    upstreams: { a: { answers: [[RESET]] } },
  }),
  logged("a retry that succeeds", "how requests end", {
    routes: [
      toCluster("/", "a", {
        retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: "0.001s" } },
      }),
    ],
    upstreams: { a: { answers: [answer(503), answer(200, "x")] } },
  }),
  logged("the route's timeout", "how requests end", {
    routes: [toCluster("/", "a", { timeout: "0.1s" })],
    upstreams: { a: { answers: [[{ do: "gate", gate: "never" }]] } },
    client: [get("/"), got(1), seen("als", 1)],
  }),
  logged("the client goes away", "how requests end", {
    upstreams: { a: { answers: [[{ do: "gate", gate: "never" }]] } },
    client: [get("/"), seen("a", 1), close("c"), seen("als", 1)],
  }),
  logged("a malformed request", "how requests end", {
    client: ["GET / HTTP/1.1\r\nbad header\r\n\r\n", seen("als", 1)],
  }),
  logged("denied by RBAC", "how requests end", {
    filters: [
      {
        name: "envoy.filters.http.rbac",
        typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
          rules: {
            action: "DENY",
            policies: {
              "ns[default]-policy[p]-rule[0]": { permissions: [{ any: true }], principals: [{ any: true }] },
            },
          },
          shadow_rules: {
            action: "ALLOW",
            policies: { s: { permissions: [{ any: true }], principals: [{ any: true }] } },
          },
        }),
      },
    ],
  }),
  logged("a fault is injected", "how requests end", {
    filters: [
      {
        name: "envoy.filters.http.fault",
        typed_config: typed("extensions.filters.http.fault.v3.HTTPFault", {
          delay: { fixed_delay: "0.01s", percentage: { numerator: 100 } },
          abort: { http_status: 555, percentage: { numerator: 100 } },
        }),
      },
    ],
  }),
  logged("rate limited", "how requests end", {
    filters: [
      {
        name: "envoy.filters.http.local_ratelimit",
        typed_config: typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
          stat_prefix: "x",
          token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: "1000s" },
          filter_enabled: { default_value: { numerator: 100 } },
          filter_enforced: { default_value: { numerator: 100 } },
        }),
      },
    ],
    client: [get("/"), got(1), get("/"), got(2), seen("als", 2)],
  }),
  logged("the breaker is open", "how requests end", {
    clusters: {
      a: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } },
      als: HTTP2,
    },
  }),
  logged("a gRPC status in trailers-only form", "how requests end", {
    routes: [toCluster("/other", "a")],
    fields: { additional_response_headers_to_log: ["grpc-status"] },
    client: [post("", "content-type: application/grpc"), seen("als", 1)],
  }),
  logged("an upgrade", "how requests end", {
    manager: {},
    client: [get("/", "connection: upgrade", "upgrade: nothing"), seen("als", 1)],
  }),
];

const SECURE: readonly ContractCase[] = [
  logged("a client that shows no certificate", "TLS", {
    transportSocket: serverTls(),
    client: [secure(), get("/", "Connection: close"), seen("als", 1)],
  }),
  logged("a client that shows one", "TLS", {
    transportSocket: mutualTls(),
    client: [secure({ identity: "client" }), get("/", "Connection: close"), seen("als", 1)],
  }),
  logged("TLS 1.2", "TLS", {
    transportSocket: serverTls({ tls_params: { tls_maximum_protocol_version: "TLSv1_2" } }),
    mask: [[/tlsSessionId: [0-9a-f]+/, "tlsSessionId: {id}"]],
    client: [secure(), get("/", "Connection: close"), seen("als", 1)],
  }),
  logged("the upstream's certificate is not trusted", "TLS", {
    clusters: { a: { transport_socket: clientTls({ validation_context: trusting("other-ca") }) }, als: HTTP2 },
    upstreams: { a: { answers: [answer(200)], tls: { identity: "server" } } },
  }),
];

const WHEN: readonly ContractCase[] = [
  logged("requests are gathered for the interval", "when entries leave", {
    common: { buffer_size_bytes: 100_000, buffer_flush_interval: "1s" },
    client: [get("/1"), got(1), get("/2"), got(2), seen("als", 1)],
  }),
  logged("or until there are so many bytes", "when entries leave", {
    common: { buffer_size_bytes: 500, buffer_flush_interval: "1000s" },
    client: [get("/1"), got(1), get("/2"), got(2), get("/3"), got(3), get("/4"), got(4), seen("als", 1)],
  }),
  logged("after a second by default", "when entries leave", {
    common: { buffer_size_bytes: undefined as never },
    client: [get("/1"), got(1), seen("als", 1)],
  }),
  logged("an entry when a request comes, when it is over, and every so often", "when entries leave", {
    manager: { access_log_options: { flush_access_log_on_new_request: true, access_log_flush_interval: "0.2s" } },
    upstreams: { a: { answers: [[{ do: "gate", gate: "on" }, answer(200)]] } },
    client: [get("/"), seen("als", 2), { do: "let", gate: "on" }, got(1), seen("als", 3)],
  }),
  logged("only what a filter lets through", "when entries leave", {
    log: {
      filter: { status_code_filter: { comparison: { op: "GE", value: { default_value: 400, runtime_key: "k" } } } },
    },
    upstreams: { a: { answers: [answer(200), answer(500)] } },
    client: [get("/1"), got(1), get("/2"), got(2), seen("als", 1)],
  }),
  logged("a stream that the collector ends is opened again, and says anew who it is", "streams", {
    upstreams: { als: collector({ endsAfter: 1 }) },
    client: [
      get("/1"),
      got(1),
      seen("als", 1),
      stat("cluster.als.upstream_rq_active", 0),
      get("/2"),
      got(2),
      seen("als", 2),
    ],
  }),
  logged("a collector that says no", "streams", {
    upstreams: { als: collector({ endsAfter: 1, grpcStatus: 7 }) },
    client: [
      get("/1"),
      got(1),
      seen("als", 1),
      stat("cluster.als.upstream_rq_active", 0),
      get("/2"),
      got(2),
      seen("als", 2),
    ],
    stats: [...COUNTS, "cluster.als.upstream_rq_200", "cluster.als.upstream_rq_total"],
  }),
  logged("nobody listens: what was written is lost", "streams", {
    upstreams: { als: REFUSED },
    client: [get("/1"), got(1), stat("cluster.als.upstream_cx_connect_fail", 1), get("/2"), got(2)],
    stats: [...COUNTS, "cluster.als.upstream_rq_503"],
  }),
  logged("the collector has no host", "streams", {
    clusters: { a: {}, als: { ...HTTP2, endpoints: [] } },
    upstreams: { als: answer(200) },
    client: [get("/1"), got(1), get("/2"), got(2)],
  }),
  logged("there is no such cluster", "streams", {
    clusters: { a: {} },
    upstreams: { als: answer(200) },
    common: { grpc_service: { envoy_grpc: { cluster_name: "none" } } },
    client: [get("/1"), got(1)],
  }),
  logged("authority in place of the cluster's name", "streams", {
    common: { grpc_service: { envoy_grpc: { cluster_name: "als", authority: "als.test" } } },
  }),
  logged("headers of the stream", "streams", {
    common: {
      grpc_service: { envoy_grpc: { cluster_name: "als" }, initial_metadata: [{ key: "X-Token", value: "t" }] },
    },
  }),
];

const REFUSALS: readonly ContractCase[] = (
  [
    ["no log_name", { log_name: "" }],
    ["no grpc_service", { grpc_service: undefined as never }],
    ["no cluster's name", { grpc_service: { envoy_grpc: { cluster_name: "" } } }],
    ["no interval at all", { buffer_flush_interval: "0s" }],
    ["API version 2", { transport_api_version: "V2" }],
  ] as const
).map(([name, common]) =>
  logged(name, "what is refused", { common: common as JsonObject, refused: true, client: [], stats: [] }),
);

const CONNECTIONS: readonly ContractCase[] = [
  tcp("a connection"),
  tcp("nobody listens where a connection was to go", {
    upstreams: { a: REFUSED },
    client: [connect("c"), ended("c"), seen("als", 1)],
  }),
  tcp("custom tags of a connection", { common: { custom_tags: CUSTOM_TAGS.slice(0, 6) } }),
  tcp("an entry when it is opened, and when the upstream is connected", {
    fields: { access_log_options: { flush_access_log_on_connected: true, flush_access_log_on_start: true } },
    client: [send("c", "hello"), got("world"), seen("als", 2), close("c"), seen("als", 3)],
  }),
];

export const CASES: readonly ContractCase[] = [...REQUESTS, ...ENDS, ...SECURE, ...WHEN, ...REFUSALS, ...CONNECTIONS];
