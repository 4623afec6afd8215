/** The ext_authz filter with a gRPC server: what it is told, as far as it hangs on the connection and on options. */
import type { Verdict } from "../harness/authorizer.ts";
import type { ContractCase, JsonObject, Step } from "../harness/case.ts";
import {
  answer,
  authorizer,
  ended,
  get,
  got,
  post,
  request,
  secure,
  send,
  toCluster,
  typed,
} from "../harness/steps.ts";
import { clientTls, mutualTls, serverTls, trusting } from "../harness/tls-config.ts";

const NAME = "envoy.filters.http.ext_authz";
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%";
const HTTP2: JsonObject = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const STATS = ["ok", "denied", "error", "failure_mode_allowed"].map((name) => `http.in.ext_authz.${name}`);

interface Parts extends Partial<ContractCase> {
  readonly verdicts?: readonly Verdict[];
  readonly fields?: JsonObject;
  readonly service?: JsonObject;
}

function asked(name: string, { verdicts = [{}], fields = {}, service = {}, ...parts }: Parts = {}): ContractCase {
  const filter = {
    name: NAME,
    typed_config: typed("extensions.filters.http.ext_authz.v3.ExtAuthz", {
      grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "5s", ...service },
      transport_api_version: "V3",
      ...fields,
    }),
  };
  return {
    name,
    feature: "External authorization: gRPC servers",
    filters: [filter],
    clusters: { a: {}, authz: HTTP2 },
    upstreams: { authz: authorizer(...verdicts) },
    client: [get("/p?q=1", "x-a: 1"), got(1)],
    accessLog: LOG,
    stats: STATS,
    mask: [[/"ext_authz_duration":\d+/, '"ext_authz_duration":{ms}']],
    ...parts,
  };
}

const patterns = (...names: readonly string[]): JsonObject => ({ patterns: names.map((exact) => ({ exact })) });
const CLIENT: readonly Step[] = [secure({ identity: "client" }), get("/", "Connection: close"), got(1)];
const NOBODY: readonly Step[] = [secure(), get("/", "Connection: close"), got(1)];
const OPTIONAL = serverTls({ validation_context: trusting("ca") });

function perRoute(check_settings: JsonObject): JsonObject {
  return {
    typed_per_filter_config: {
      [NAME]: typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", { check_settings }),
    },
  };
}

export const CASES: readonly ContractCase[] = [
  asked("a request"),
  asked("HTTP/1.0", {
    manager: { http_protocol_options: { accept_http_10: true } },
    client: ["GET /old HTTP/1.0\r\nHost: h\r\n\r\n", ended()],
  }),
  asked("an absolute URL", { client: [get("http://b.test/x?y#z", "Host: a.test"), got(1)] }),
  asked("a path that is normalized is told as it is forwarded", {
    manager: { normalize_path: true, merge_slashes: true },
    client: [get("/a/../b//c"), got(1)],
  }),
  asked("headers of one name", {
    client: [get("/", "x-a: 1", "x-b: 2", "x-a: 3", "cookie: c=1", "cookie: d=2"), got(1)],
  }),
  asked("a value that is no UTF-8", {
    client: [get("/", "x-a: a\xe4\xff b", "x-b: \xc3\xa4 \xe2\x82 \xf0\x9f\x98\x80"), got(1)],
  }),
  asked("authority in place of the cluster's name", {
    service: { envoy_grpc: { cluster_name: "authz", authority: "authz.test" } },
  }),
  asked("the time that there is by default", { service: { timeout: undefined as never } }),
  asked("allowed_headers: those of the request's line are told only if they are among them", {
    fields: { allowed_headers: patterns("x-a", ":method") },
    client: [get("/", "x-a: 1", "x-b: 2"), got(1)],
  }),
  asked("disallowed_headers", {
    fields: { disallowed_headers: patterns("x-a", ":path") },
    client: [get("/", "x-a: 1", "x-b: 2"), got(1)],
  }),
  asked("a body: its length is told, what it says is not", { client: [post("hello", "x-a: 1"), got(1)] }),
  asked("with_request_body", {
    fields: { with_request_body: { max_request_bytes: 10 } },
    client: [
      post("hello"),
      got(1),
      request("POST", "/c", "transfer-encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
      got(2),
    ],
  }),
  asked("with_request_body: pack_as_bytes", {
    fields: { with_request_body: { max_request_bytes: 10, pack_as_bytes: true } },
    client: [post("\xe4\x00"), got(1)],
  }),
  asked("with_request_body: what is no UTF-8, as a text", {
    fields: { with_request_body: { max_request_bytes: 10 } },
    client: [post("\xe4a\xc3\xa4\xe2\x82"), got(1)],
  }),
  asked("context_extensions of the route", {
    routes: [toCluster("/p", "a", {}, perRoute({ context_extensions: { b: "2", a: "1" } })), toCluster("/", "a")],
  }),
  asked("a server of the route", {
    clusters: { a: {}, authz: HTTP2, other: HTTP2 },
    upstreams: { authz: authorizer({}), other: authorizer({ status: { code: 7 } }) },
    routes: [
      toCluster("/p", "a", {}, perRoute({ grpc_service: { envoy_grpc: { cluster_name: "other" }, timeout: "5s" } })),
      toCluster("/", "a"),
    ],
    client: [get("/p"), got(1), get("/q"), got(2)],
  }),
  asked("a server of the route where the others are asked about over HTTP", {
    clusters: { a: {}, authz: HTTP2, web: {} },
    upstreams: { authz: authorizer({}, { status: { code: 7 } }), web: answer(200, "yes") },
    filters: [
      {
        name: NAME,
        typed_config: typed("extensions.filters.http.ext_authz.v3.ExtAuthz", {
          http_service: { server_uri: { uri: "http://web.test", cluster: "web", timeout: "5s" } },
        }),
      },
    ],
    routes: [
      toCluster(
        "/p",
        "a",
        {},
        perRoute({
          grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "5s" },
          with_request_body: { max_request_bytes: 10 },
        }),
      ),
      toCluster("/", "a"),
    ],
    client: [get("/p"), got(1), get("/q"), got(2), request("POST", "/p", "content-length: 5") + "hello", got(3)],
  }),
  asked("metadata_context_namespaces", {
    fields: { metadata_context_namespaces: ["envoy.filters.http.rbac", "none"] },
    filters: [
      {
        name: "envoy.filters.http.rbac",
        typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
          shadow_rules: {
            action: "DENY",
            policies: { p: { permissions: [{ any: true }], principals: [{ any: true }] } },
          },
        }),
      },
      {
        name: NAME,
        typed_config: typed("extensions.filters.http.ext_authz.v3.ExtAuthz", {
          grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "5s" },
          transport_api_version: "V3",
          metadata_context_namespaces: ["envoy.filters.http.rbac", "none"],
        }),
      },
    ],
  }),
  asked("TLS: who the client is, and who we are", { transportSocket: mutualTls(), client: CLIENT }),
  asked("TLS: a client without a certificate", { transportSocket: OPTIONAL, client: NOBODY }),
  asked("TLS: include_peer_certificate", {
    transportSocket: mutualTls(),
    fields: { include_peer_certificate: true },
    client: CLIENT,
  }),
  asked("TLS: include_peer_certificate of a client without one", {
    transportSocket: OPTIONAL,
    fields: { include_peer_certificate: true },
    client: NOBODY,
  }),
  asked("TLS: a client whose certificate names no URI", {
    transportSocket: mutualTls(),
    client: [secure({ identity: "client-plain" }), get("/", "Connection: close"), got(1)],
  }),
  asked("metadata of a permission, and of a denial", {
    verdicts: [
      { dynamicMetadata: { user: "alice" } },
      { status: { code: 7 }, dynamicMetadata: { why: "late" } },
      { okResponse: { dynamicMetadata: { old: true } } },
    ],
    client: [get("/1"), got(1), get("/2"), got(2), get("/3"), got(3)],
  }),
  asked("failure_mode_allow, failure_mode_allow_header_add", {
    verdicts: [{ grpcStatus: 14 }],
    fields: { failure_mode_allow: true, failure_mode_allow_header_add: true },
  }),
  asked("status_on_error", { verdicts: [{ grpcStatus: 2 }], fields: { status_on_error: { code: "BadGateway" } } }),
  asked("a denial of a gRPC call", {
    verdicts: [{ status: { code: 7 }, deniedResponse: { status: { code: "Unauthorized" }, body: "who?" } }],
    client: [post("", "content-type: application/grpc"), got(1)],
  }),
  asked("a denial without a status of HTTP, and with one that is none", {
    verdicts: [
      { status: { code: 5 }, deniedResponse: { body: "no" } },
      { status: { code: 7 }, deniedResponse: { status: { code: "OK" }, body: "fine?" } },
    ],
    client: [get("/1"), got(1), get("/2"), got(2)],
  }),
  asked("max_denied_response_body_bytes", {
    verdicts: [{ status: { code: 7 }, deniedResponse: { body: "0123456789" } }],
    fields: { max_denied_response_body_bytes: 4 },
  }),
  asked("clear_route_cache: the header that the server sets chooses the route", {
    verdicts: [{ okResponse: { headers: [{ header: { key: "x-to", value: "b" } }] } }, {}],
    fields: { clear_route_cache: true },
    clusters: { a: {}, b: {}, authz: HTTP2 },
    routes: [
      {
        match: { prefix: "/", headers: [{ name: "x-to", string_match: { exact: "b" } }] },
        route: { cluster: "b" },
      },
      toCluster("/", "a"),
    ],
    client: [get("/1"), got(1), get("/2"), got(2)],
  }),
  asked("two connections at once", {
    client: [get("/c", "x-a: 1"), got(1), send("d", get("/d")), got(1, "d")],
  }),
  asked("a server that speaks no TLS where the cluster does", {
    clusters: { a: {}, authz: { ...HTTP2, transport_socket: clientTls({ validation_context: trusting("ca") }) } },
  }),
];
