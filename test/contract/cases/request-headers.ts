/** What the connection manager does to the headers of requests: addresses, schemes, ids, its own names. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { ended, get, got, head, post, request } from "../harness/steps.ts";

type Row = readonly [name: string, manager: JsonObject, ...lines: string[]];

/** GETs with these header lines through a connection manager with these fields. */
function cases(feature: string, rows: readonly Row[], parts: Partial<ContractCase> = {}): ContractCase[] {
  return rows.map(([name, manager, ...lines]) => ({
    name: `${feature}: ${name}`,
    feature: `Request headers: ${feature}`,
    manager,
    client: [get("/", ...lines)],
    ...parts,
  }));
}

const EDGE = { use_remote_address: true };
const HTTPS = { scheme_header_transformation: { scheme_to_overwrite: "https" } };
const UUID = "4b7d3c2a-5e6f-4a1b-8c9d-0e1f2a3b4c5d";

/** What clients outside must not say. */
const CONTROL = [
  "x-envoy-max-retries: 5",
  "x-envoy-retry-on: 5xx",
  "x-envoy-retry-grpc-on: cancelled",
  "x-envoy-retriable-status-codes: 404",
  "x-envoy-retriable-header-names: x-a",
  "x-envoy-upstream-alt-stat-name: s",
  "x-envoy-upstream-rq-timeout-ms: 5000",
  "x-envoy-upstream-rq-per-try-timeout-ms: 4000",
  "x-envoy-upstream-rq-timeout-alt-response: 1",
  "x-envoy-expected-rq-timeout-ms: 3000",
  "x-envoy-force-trace: true",
  "x-envoy-ip-tags: t",
  "x-envoy-original-url: http://a.test/",
  "x-envoy-hedge-on-per-try-timeout: true",
];
const EDGE_ONLY = [
  "x-envoy-decorator-operation: o",
  "x-envoy-downstream-service-cluster: c",
  "x-envoy-downstream-service-node: n",
  "x-envoy-original-path: /o",
  "x-envoy-original-host: o.test",
  "x-envoy-external-address: 9.9.9.9",
  "x-envoy-internal: true",
  "x-envoy-attempt-count: 7",
  "x-envoy-peer-metadata: p",
];
const CERTIFICATE = "x-forwarded-client-cert: By=spiffe://a/b;Hash=00";

export const CASES: readonly ContractCase[] = [
  ...cases("x-forwarded-for", [
    ["use_remote_address appends the peer", EDGE],
    ["use_remote_address appends to what is there", EDGE, "x-forwarded-for: 1.2.3.4"],
    ["use_remote_address appends to a list", EDGE, "x-forwarded-for: 1.2.3.4, 5.6.7.8"],
    ["use_remote_address appends to several lines", EDGE, "x-forwarded-for: 1.2.3.4", "x-forwarded-for: 5.6.7.8"],
    ["use_remote_address appends to nonsense", EDGE, "x-forwarded-for: nonsense"],
    ["skip_xff_append", { ...EDGE, skip_xff_append: true }, "x-forwarded-for: 1.2.3.4"],
    ["skip_xff_append without a header", { ...EDGE, skip_xff_append: true }],
    ["xff_num_trusted_hops 1", { ...EDGE, xff_num_trusted_hops: 1 }, "x-forwarded-for: 1.2.3.4, 5.6.7.8"],
    ["xff_num_trusted_hops 1, no header", { ...EDGE, xff_num_trusted_hops: 1 }],
    ["xff_num_trusted_hops beyond the list", { ...EDGE, xff_num_trusted_hops: 5 }, "x-forwarded-for: 1.2.3.4"],
    [
      "xff_num_trusted_hops without use_remote_address",
      { xff_num_trusted_hops: 1 },
      "x-forwarded-for: 1.2.3.4, 5.6.7.8",
    ],
    ["an IPv6 address in the list", EDGE, "x-forwarded-for: 2001:db8::1"],
    ["an address with a port in the list", EDGE, "x-forwarded-for: 1.2.3.4:5678"],
    ["without use_remote_address it passes", {}, "x-forwarded-for: 1.2.3.4, 5.6.7.8"],
    ["an empty value without use_remote_address", {}, "x-forwarded-for:"],
    ["a private address without use_remote_address", {}, "x-forwarded-for: 10.0.0.1", ...CONTROL],
  ]),
  ...cases(
    "x-forwarded-port",
    [
      ["append_x_forwarded_port", { ...EDGE, append_x_forwarded_port: true }],
      ["overwrites the client's", { ...EDGE, append_x_forwarded_port: true }, "x-forwarded-port: 1"],
      [
        "behind a trusted hop the client's stays",
        { ...EDGE, xff_num_trusted_hops: 1, append_x_forwarded_port: true },
        "x-forwarded-port: 1",
      ],
      ["behind a trusted hop it is added", { ...EDGE, xff_num_trusted_hops: 1, append_x_forwarded_port: true }],
      ["without use_remote_address", { append_x_forwarded_port: true }, "x-forwarded-port: 1"],
      ["the client's passes by default", EDGE, "x-forwarded-port: 1"],
    ],
    { mask: [[/(?<=x-forwarded-port: )\d{4,}/, "{port listener}"]] },
  ),
  ...cases("x-forwarded-proto", [
    ["use_remote_address overwrites it", EDGE, "x-forwarded-proto: https"],
    ["with trusted hops it passes", { ...EDGE, xff_num_trusted_hops: 1 }, "x-forwarded-proto: https"],
    ["with trusted hops it is added", { ...EDGE, xff_num_trusted_hops: 1 }],
    ["in capitals", {}, "x-forwarded-proto: HTTPS"],
    ["a websocket scheme", {}, "x-forwarded-proto: wss"],
    ["twice", {}, "x-forwarded-proto: http", "x-forwarded-proto: https"],
    ["empty", {}, "x-forwarded-proto:"],
  ]),
  ...cases("scheme_header_transformation", [
    ["https", HTTPS],
    ["https, the client says http", HTTPS, "x-forwarded-proto: http"],
    ["https, the client says nonsense", HTTPS, "x-forwarded-proto: gopher"],
    ["https at the edge", { ...EDGE, ...HTTPS }, "x-forwarded-proto: http"],
    [
      "http, the client says https",
      { scheme_header_transformation: { scheme_to_overwrite: "http" } },
      "x-forwarded-proto: https",
    ],
  ]),
  ...cases(
    "scheme_header_transformation",
    [
      ["the scheme of a redirect", HTTPS],
      ["the scheme of a redirect, the client says http", HTTPS, "x-forwarded-proto: http"],
    ],
    { routes: [{ match: { prefix: "/" }, redirect: { path_redirect: "/to" } }] },
  ),
  ...cases("x-envoy-* of clients", [
    ["control headers without use_remote_address", {}, ...CONTROL],
    ["control headers at the edge", EDGE, ...CONTROL],
    [
      "control headers behind trusted hops",
      { ...EDGE, xff_num_trusted_hops: 1 },
      "x-forwarded-for: 10.0.0.1",
      ...CONTROL,
    ],
    ["edge headers without use_remote_address", {}, ...EDGE_ONLY],
    ["edge headers at the edge", EDGE, ...EDGE_ONLY],
    [
      "an internal request keeps them",
      { ...EDGE, internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] } },
      ...CONTROL,
    ],
    [
      "an internal address in x-forwarded-for",
      { internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] } },
      "x-forwarded-for: 10.1.2.3",
      ...CONTROL,
    ],
    [
      "an internal address among others",
      { internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] } },
      "x-forwarded-for: 10.1.2.3, 10.1.2.4",
      "x-envoy-max-retries: 5",
    ],
  ]),
  ...cases("x-request-id", [
    ["generated", {}],
    ["one that is there stays, inside", {}, `x-request-id: ${UUID}`],
    ["one that is no UUID stays, inside", {}, "x-request-id: mine"],
    ["an empty one", {}, "x-request-id:"],
    ["two of them", {}, `x-request-id: ${UUID}`, "x-request-id: mine"],
    ["replaced at the edge", EDGE, "x-request-id: mine"],
    [
      "kept at the edge by preserve_external_request_id",
      { ...EDGE, preserve_external_request_id: true },
      "x-request-id: mine",
    ],
    ["preserve_external_request_id, none there", { ...EDGE, preserve_external_request_id: true }],
    ["generate_request_id false", { generate_request_id: false }],
    ["generate_request_id false keeps one", { generate_request_id: false }, "x-request-id: mine"],
    ["generate_request_id false at the edge", { ...EDGE, generate_request_id: false }, "x-request-id: mine"],
    ["always_set_request_id_in_response", { always_set_request_id_in_response: true }],
    [
      "always_set_request_id_in_response with the client's",
      { always_set_request_id_in_response: true },
      "x-request-id: mine",
    ],
  ]),
  {
    name: "always_set_request_id_in_response in a local reply",
    feature: "Request headers: x-request-id",
    manager: { always_set_request_id_in_response: true },
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
    client: [get("/", "x-request-id: mine")],
  },
  {
    name: "every request has its own id",
    feature: "Request headers: x-request-id",
    client: [get(), got(1), get(), got(2)],
  },
  ...cases("x-forwarded-client-cert", [
    ["removed by default", {}, CERTIFICATE],
    ["removed by FORWARD_ONLY without TLS", { forward_client_cert_details: "FORWARD_ONLY" }, CERTIFICATE],
    ["removed by APPEND_FORWARD without TLS", { forward_client_cert_details: "APPEND_FORWARD" }, CERTIFICATE],
    ["removed by SANITIZE_SET without TLS", { forward_client_cert_details: "SANITIZE_SET" }, CERTIFICATE],
    [
      "kept by ALWAYS_FORWARD_ONLY at the edge",
      { ...EDGE, forward_client_cert_details: "ALWAYS_FORWARD_ONLY" },
      CERTIFICATE,
    ],
    ["kept by ALWAYS_FORWARD_ONLY", { forward_client_cert_details: "ALWAYS_FORWARD_ONLY" }, CERTIFICATE],
  ]),
  ...cases("via, user-agent, early-data", [
    ["via is added", { via: "tulle" }],
    ["via is appended", { via: "tulle" }, "via: 1.1 other"],
    ["via is appended to two lines", { via: "tulle" }, "via: 1.1 one", "via: 1.1 two"],
    ["via passes without configuration", {}, "via: 1.1 other"],
    ["add_user_agent", { add_user_agent: true }],
    ["add_user_agent, an empty one", { add_user_agent: true }, "user-agent:"],
    [
      "add_user_agent at the edge, the client says x-envoy-downstream-service-*",
      { ...EDGE, add_user_agent: true },
      "x-envoy-downstream-service-cluster: x",
      "x-envoy-downstream-service-node: y",
    ],
    [
      "add_user_agent inside, the client says x-envoy-downstream-service-*",
      { add_user_agent: true },
      "x-envoy-downstream-service-cluster: x",
      "x-envoy-downstream-service-node: y",
    ],
    ["add_user_agent keeps one", { add_user_agent: true }, "user-agent: mine"],
    ["early-data passes", {}, "early-data: 1"],
  ]),
  ...cases("referer", [
    ["a plain one", {}, "referer: http://a.test/x?y"],
    ["with a fragment", {}, "referer: http://a.test/#f"],
    ["without a scheme", {}, "referer: a.test/x"],
    ["two of them", {}, "referer: http://a.test/", "referer: http://b.test/"],
    ["an empty one", {}, "referer:"],
    ["ftp", {}, "referer: ftp://a.test/"],
  ]),
  ...cases("hop-by-hop", [
    ["connection: close with more names", {}, "connection: close, x-a", "x-a: 1"],
    ["two Connection lines", {}, "connection: x-a", "connection: x-b", "x-a: 1", "x-b: 2"],
    ["names in capitals, with white space", {}, "connection:  X-A ,\tx-b", "x-a: 1", "x-b: 2"],
    ["a nominated cookie", {}, "connection: cookie", "cookie: a=b"],
    ["a nominated x-forwarded-host", {}, "connection: x-forwarded-host", "x-forwarded-host: h"],
    ["a nominated x-forwarded-proto", {}, "connection: x-forwarded-proto", "x-forwarded-proto: https"],
    ["a nominated pseudo header", {}, "connection: :path"],
    ["a nominated te", {}, "connection: te", "te: trailers"],
    ["te: trailers alone", {}, "te: trailers"],
    ["te: Trailers in capitals", {}, "te: TRAILERS"],
    ["te: trailers with a weight", {}, "te: trailers;q=0.5"],
    ["keep-alive", {}, "keep-alive: timeout=5"],
    ["trailer passes", {}, "trailer: x-t"],
    ["proxy-authorization passes", {}, "proxy-authorization: Basic eA=="],
    ["upgrade without Connection", {}, "upgrade: websocket"],
    ["http2-settings", {}, "http2-settings: AAMAAABkAAQAAP__"],
  ]),
  ...cases("names with underscores", [
    ["allowed by default", {}, "x_a: 1"],
    [
      "dropped",
      { common_http_protocol_options: { headers_with_underscores_action: "DROP_HEADER" } },
      "x_a: 1",
      "x-b: 2",
    ],
    ["refused", { common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" } }, "x_a: 1"],
    [
      "none there, refused if there were",
      { common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" } },
      "x-a: 1",
    ],
  ]),
  ...cases("lines that Envoy joins", [
    ["accept twice", {}, "accept: a/b", "accept: c/d"],
    ["content-type twice", {}, "content-type: a/b", "content-type: c/d"],
    ["user-agent twice", {}, "user-agent: one", "user-agent: two"],
    ["accept-encoding twice", {}, "accept-encoding: gzip", "accept-encoding: br"],
    ["authorization twice", {}, "authorization: a", "authorization: b"],
    ["origin twice", {}, "origin: http://a", "origin: http://b"],
    ["cookie twice, others between", {}, "cookie: a=1", "x-a: 1", "cookie: b=2"],
    ["x-forwarded-host twice", {}, "x-forwarded-host: a", "x-forwarded-host: b"],
    ["cache-control twice", {}, "cache-control: no-cache", "cache-control: no-store"],
    ["grpc-timeout twice", {}, "grpc-timeout: 1S", "grpc-timeout: 2S"],
    ["accept-language twice", {}, "accept-language: de", "accept-language: en"],
    ["range twice", {}, "range: bytes=0-1", "range: bytes=2-3"],
  ]),
  {
    name: "content-length of a request without a body",
    feature: "Request headers: framing headers",
    client: [head("GET / HTTP/1.1", "Host: a.test", "content-length: 0")],
  },
  {
    name: "a GET with a body",
    feature: "Request headers: framing headers",
    client: [`${head("GET / HTTP/1.1", "Host: a.test", "content-length: 2")}ok`],
  },
  {
    name: "content-length keeps its place",
    feature: "Request headers: framing headers",
    client: [`${head("POST / HTTP/1.1", "content-length: 2", "Host: a.test", "x-a: 1")}ok`],
  },
  {
    name: "OPTIONS without a body",
    feature: "Request headers: framing headers",
    client: [request("OPTIONS", "/")],
  },
  {
    name: "suppress_envoy_headers",
    feature: "Request headers: x-envoy-expected-rq-timeout-ms",
    router: { suppress_envoy_headers: true },
    client: [get()],
  },
  {
    name: "no route timeout, no expected timeout",
    feature: "Request headers: x-envoy-expected-rq-timeout-ms",
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", timeout: "0s" } }],
    client: [get()],
  },
  {
    name: "the route's timeout",
    feature: "Request headers: x-envoy-expected-rq-timeout-ms",
    routes: [{ match: { prefix: "/" }, route: { cluster: "a", timeout: "1.5s" } }],
    client: [get()],
  },
  {
    name: "x-envoy-upstream-rq-timeout-ms",
    feature: "Request headers: x-envoy-expected-rq-timeout-ms",
    manager: { ...EDGE, internal_address_config: { cidr_ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }] } },
    client: [get("/", "x-envoy-upstream-rq-timeout-ms: 700")],
  },
  {
    name: "include_request_attempt_count",
    feature: "Request headers: x-envoy-attempt-count",
    virtualHost: { include_request_attempt_count: true, include_attempt_count_in_response: true },
    client: [get("/", "x-envoy-attempt-count: 5")],
  },
  {
    name: "include_request_attempt_count in a local reply",
    feature: "Request headers: x-envoy-attempt-count",
    virtualHost: { include_request_attempt_count: true, include_attempt_count_in_response: true },
    clusters: { a: { endpoints: [] } },
    client: [post("x"), ended()],
  },
];
