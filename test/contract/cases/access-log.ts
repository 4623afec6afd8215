/** Access logs: what each operator says of each way in which a request ends, and formats. */
import { type ContractCase, type JsonObject, REFUSED } from "../harness/case.ts";
import { json, logged, named, text } from "../harness/access-log.ts";
import {
  CLOSE,
  FINISH,
  RESET,
  answer,
  chunked,
  close,
  elapse,
  ended,
  gate,
  get,
  got,
  head,
  post,
  request,
  reset,
  seen,
  toCluster,
  typed,
} from "../harness/steps.ts";

/** The upstream's service time would make sizes vary. */
const SIZED = { router: { suppress_envoy_headers: true } } as const;

/** How a request ended. */
const END =
  "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESP(:STATUS)% %RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %RESPONSE_CODE_DETAILS% " +
  "body %BYTES_RECEIVED% %BYTES_SENT% down %DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT% " +
  "%DOWNSTREAM_HEADER_BYTES_SENT% up %UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT% " +
  "%UPSTREAM_HEADER_BYTES_SENT% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS% " +
  "%UPSTREAM_PROTOCOL% %UPSTREAM_TRANSPORT_FAILURE_REASON% %ROUTE_NAME% %LOCAL_REPLY_BODY%.";

type Parts = Omit<ContractCase, "name" | "feature" | "accessLog">;

function end(name: string, parts: Parts): ContractCase {
  return { name, feature: "Access log: how requests end", ...SIZED, accessLog: END, ...parts };
}

const ENDS: readonly ContractCase[] = [
  end("a GET", { routes: [named("/")], client: [get("/x?y=1")] }),
  end("a POST", { client: [post("12345")] }),
  end("a chunked request", { client: [request("POST", "/", "transfer-encoding: chunked") + chunked(["12345", "67"])] }),
  end("a chunked response", {
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["hello", "world!"]) },
    client: [get()],
  }),
  end("a HEAD", { upstreams: { a: head("HTTP/1.1 200 OK", "content-length: 5") }, client: [request("HEAD", "/")] }),
  end("a 204", { upstreams: { a: head("HTTP/1.1 204 No Content") }, client: [get()] }),
  end("request and response trailers", {
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: {
      a: {
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "extensions.upstreams.http.v3.HttpProtocolOptions",
            {
              explicit_http_config: { http_protocol_options: { enable_trailers: true } },
            },
          ),
        },
      },
    },
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["hello"], "x-t: tt", "x-u: u") },
    client: [request("POST", "/", "transfer-encoding: chunked") + chunked(["abc"], "x-tr: y")],
  }),
  end("100-continue", { client: [post("abc", "expect: 100-continue")] }),
  end("empty lines before a request", { client: [`\r\n\r\n${get()}`] }),
  end("two requests on a connection", { client: [get("/1"), got(1), get("/2", "connection: close"), got(2)] }),
  end("pipelined requests", {
    client: [get("/1") + get("/2")],
    waived:
      "Envoy counts the bytes of a pipelined request twice, to the request before it as well: each request has its own here.",
  }),
  end("a direct response", {
    routes: [{ name: "d", match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "hi" } } }],
    client: [get()],
  }),
  end("a direct response to HEAD", {
    routes: [{ name: "d", match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "hi" } } }],
    client: [request("HEAD", "/")],
  }),
  end("a redirect", {
    routes: [{ name: "d", match: { prefix: "/" }, redirect: { path_redirect: "/x" } }],
    client: [get()],
  }),
  end("no route", { routes: [named("/x")], client: [get("/y")] }),
  end("no cluster", {
    routes: [{ name: "r", match: { prefix: "/" }, route: { cluster_header: "x-c" } }],
    client: [get()],
  }),
  end("no endpoint", { routes: [named("/")], clusters: { a: { endpoints: [] } }, client: [get()] }),
  end("nothing listens", { upstreams: { a: REFUSED }, client: [get()] }),
  end("retries until nothing is left", {
    routes: [
      toCluster("/", "a", {
        retry_policy: { retry_on: "5xx", num_retries: 2, retry_back_off: { base_interval: "0.001s" } },
      }),
    ],
    upstreams: { a: answer(503, "no") },
    client: [get(), got(1)],
  }),
  end("a retry that is answered", {
    routes: [
      toCluster("/", "a", {
        retry_policy: { retry_on: "5xx", num_retries: 2, retry_back_off: { base_interval: "0.001s" } },
      }),
    ],
    upstreams: { a: { answers: [answer(503, "no"), answer(200, "yes")] } },
    client: [get(), got(1)],
  }),
  end("retries where nothing listens", {
    routes: [
      toCluster("/", "a", {
        retry_policy: { retry_on: "connect-failure", num_retries: 1, retry_back_off: { base_interval: "0.001s" } },
      }),
    ],
    upstreams: { a: REFUSED },
    client: [get(), got(1)],
  }),
  end("too many requests", {
    clusters: { a: { circuit_breakers: { thresholds: [{ max_requests: 0, max_pending_requests: 0 }] } } },
    client: [get()],
  }),
  end("the upstream resets before it answers", { upstreams: { a: { answers: [[RESET]] } }, client: [get()] }),
  end("the upstream closes before it answers", { upstreams: { a: { answers: [[CLOSE]] } }, client: [get()] }),
  end("the upstream answers nonsense", { upstreams: { a: "nonsense\r\n\r\n" }, client: [get()] }),
  end("the response breaks off", {
    upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 100") + "hello", FINISH]] } },
    client: [get(), ended()],
  }),
  end("the route's time is up", {
    routes: [toCluster("/", "a", { timeout: "0.05s" })],
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
  }),
  end("the time for one try is up", {
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx", num_retries: 0, per_try_timeout: "0.05s" } })],
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
  }),
  end("the stream was idle", {
    manager: { stream_idle_timeout: "0.1s" },
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
  }),
  end("the request was not complete in time", {
    manager: { request_timeout: "0.1s" },
    client: [request("POST", "/", "content-length: 5"), ended()],
  }),
  end("the stream took too long", {
    manager: { common_http_protocol_options: { max_stream_duration: "0.1s" } },
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1)],
  }),
  end("the client leaves before it is answered", {
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), seen("a", 1), close()],
  }),
  end("the client resets before it is answered", {
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), seen("a", 1), reset()],
  }),
  end("the client leaves in the middle of the response", {
    upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 100") + "hello", gate("never")]] } },
    client: [get(), got("hello"), close()],
  }),
  end("a malformed request", { client: [head("GET / HTTP/1.1", "bad header", "host: a"), ended()] }),
  end("half a head", { client: ["GET / HTTP/1.1\r\nhos", elapse(100), close()] }),
  end("HTTP/1.0", { client: [head("GET / HTTP/1.0"), ended()] }),
  end("HTTP/1.0 that is accepted", {
    manager: { http_protocol_options: { accept_http_10: true, default_host_for_http_10: "d" } },
    client: [head("GET / HTTP/1.0")],
  }),
  end("no host", { client: [head("GET / HTTP/1.1"), ended()] }),
  end("a body that is no chunk", {
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [request("POST", "/", "transfer-encoding: chunked"), seen("a", "POST"), "zz\r\n", ended()],
  }),
];

const ALL_NAMES =
  "ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS " +
  "DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID " +
  "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_HANDSHAKE_DURATION " +
  "DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN " +
  "DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START " +
  "DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN " +
  "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION " +
  "DOWNSTREAM_TRANSPORT_FAILURE_REASON FILTER_CHAIN_NAME GRPC_STATUS GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME LOCAL_REPLY_BODY " +
  "PACKETS_RETRANSMITTED PATH PROTOCOL QUERY_PARAMS REQUESTED_SERVER_NAME REQUEST_HEADERS_BYTES RESPONSE_CODE RESPONSE_CODE_DETAILS " +
  "RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES ROUNDTRIP_DURATION ROUTE_NAME SPAN_ID STREAM_ID " +
  "TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HOST " +
  "UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED " +
  "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT " +
  "UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL " +
  "UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT " +
  "UPSTREAM_SERVER_NAME UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON VIRTUAL_CLUSTER_NAME";

const NAMES = ALL_NAMES.split(" ");
const ALL_JSON = Object.fromEntries(NAMES.map((name) => [name, `%${name}%`]));
const HALVES: readonly (readonly [name: string, names: readonly string[]])[] = [
  ["the first half of them", NAMES.slice(0, 40)],
  ["the second half of them", NAMES.slice(40)],
];
const someJson = (names: readonly string[]): JsonObject =>
  Object.fromEntries(names.map((name) => [name, ALL_JSON[name]]));
const DIRECT: readonly JsonObject[] = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];

const OPERATORS = "Access log: command operators";
const HEADERS = ["x-rep: one", "x-rep: two", "x-empty:", "x-tab: a\tb", 'x-quote: say "hi" \\ end'] as const;

function headersCase(name: string, format: string): ContractCase {
  return {
    name,
    feature: OPERATORS,
    routes: [toCluster("/rw", "a", { prefix_rewrite: "/new" })],
    upstreams: { a: answer(200, "hi", "x-r: 1", "x-r: 2", "set-cookie: a", "set-cookie: b") },
    accessLog: format,
    client: [get("/rw/x%20y?a=1%202&b&c=%C3%A9t+e&a=3&d=%zz%4", ...HEADERS)],
  };
}

const NS = { s: 'str"ing', n: 1.5, i: 100_000, b: true, l: [1, "a", null], o: { k: "v", a: 2 }, null: null } as const;
const METADATA = { filter_metadata: { ns: NS } } as const;
const SOURCES = ["ROUTE", "VIRTUAL_HOST", "CLUSTER", "UPSTREAM_HOST", "LISTENER", "LISTENER_FILTER_CHAIN", "DYNAMIC"];

const OPERATOR_CASES: readonly ContractCase[] = [
  ...HALVES.flatMap(([half, names]): ContractCase[] => [
    {
      name: `all plain operators as JSON: ${half}`,
      feature: OPERATORS,
      ...SIZED,
      manager: json(someJson(names)),
      client: [post("abc")],
    },
    {
      name: `all plain operators as text: ${half}`,
      feature: OPERATORS,
      ...SIZED,
      accessLog: names.map((name) => `${name}=%${name}%`).join(" "),
      client: [get("/x?y")],
    },
    {
      name: `all plain operators of a direct response: ${half}`,
      feature: OPERATORS,
      routes: DIRECT,
      manager: json(someJson(names)),
      client: [get()],
    },
    {
      name: `all plain operators of a malformed request: ${half}`,
      feature: OPERATORS,
      manager: json(someJson(names)),
      client: [head("GET / HTTP/1.1", "bad"), ended()],
    },
    {
      name: `all plain operators where nothing listens: ${half}`,
      feature: OPERATORS,
      manager: json(someJson(names)),
      upstreams: { a: REFUSED },
      client: [get()],
    },
  ]),
  headersCase(
    "request headers",
    "%REQ(x-rep)% %REQUEST_HEADER(X-Rep)% %STREAM_INFO_REQ(x-rep)% [%REQ(x-empty)%] [%REQ(x-empty?x-rep)%] %REQ(x-none)% %REQ(x-none?x-rep)% %REQ(?x-rep)% %REQ(x-none?)% %REQ(x-rep):2% [%REQ(x-rep):0%] %REQ(x-tab)% %REQ(x-quote)% %REQ(host)% %REQ(:scheme)% %REQ(:protocol)% %REQ(user-agent)%",
  ),
  headersCase(
    "response headers",
    "%RESP(x-r)% %RESPONSE_HEADER(set-cookie)% %RESP(:status)% %RESP(x-none?x-r):1% %RESP(content-length)% %RESP(server)% %TRAILER(x)% %RESPONSE_TRAILER(x?y)%",
  ),
  headersCase(
    "path and query",
    "%PATH% %PATH(NQ)% %PATH(WQ:ORIG)% %PATH(NQ:PATH)% %PATH(:ORIG_OR_PATH)% %PATH:3% %QUERY_PARAM(a)% [%QUERY_PARAM(b)%] %QUERY_PARAM(c)% %QUERY_PARAM(z)% %QUERY_PARAM(c):2% %QUERY_PARAMS% %QUERY_PARAMS(DECODED)% %QUERY_PARAMS(ORIG):4%",
  ),
  headersCase(
    "the name that is asked for",
    "%REQUESTED_SERVER_NAME% %REQUESTED_SERVER_NAME(HOST_FIRST)% %REQUESTED_SERVER_NAME(SNI_FIRST)% %REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)% %REQUESTED_SERVER_NAME(HOST_FIRST:HOST)%",
  ),
  headersCase("literals and percent signs", "100%% %REQ(x-rep)%%REQ(x-none)%%% é ☃"),
  headersCase(
    "details and flags",
    "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)% %RESPONSE_CODE_DETAILS(x)% %RESPONSE_FLAGS% [%CUSTOM_FLAGS%] %XFCC_VALUE(uri)% %FILTER_STATE(x)% %UPSTREAM_FILTER_STATE(x:PLAIN)% %ENVIRONMENT(NO_SUCH_VARIABLE)%",
  ),
  {
    name: "the first that has a value",
    feature: OPERATORS,
    manager: json(
      Object.fromEntries(
        (
          [
            ["a", ["REQUESTED_SERVER_NAME", { command: "REQ", param: "x-none" }, "PROTOCOL"], ""],
            ["b", [{ command: "REQ", param: "x-e" }, "PROTOCOL"], ""],
            ["c", ["RESPONSE_CODE"], ":1"],
            ["d", [{ command: "REQ", param: "x-l", max_length: 4 }], ":2"],
            ["e", ["TRACE_ID"], ""],
          ] as const
        ).map(([key, operators, limit]) => [key, `%COALESCE(${JSON.stringify({ operators })})${limit}%`]),
      ),
    ),
    client: [get("/", "x-e:", "x-l: abcdef")],
  },
  ...["JSON", "text"].map((kind): ContractCase => {
    const formats = [
      ...SOURCES.map((source) => `%METADATA(${source}:ns:s)%`),
      ...["s", "n", "i", "b", "l", "o", "o:k", "null", "nope", "s:k"].map((path) => `%METADATA(ROUTE:ns:${path})%`),
      "%METADATA(ROUTE:ns:s):2%", "%METADATA(ROUTE:ns:o):4%", "%METADATA(ROUTE:ns)%", "%METADATA(ROUTE)%", "%DYNAMIC_METADATA(ns)%", "%CLUSTER_METADATA(ns:s)%", "%UPSTREAM_METADATA(ns:l)%",
    ]; // prettier-ignore
    return {
      name: `metadata as ${kind}`,
      feature: OPERATORS,
      manager:
        kind === "text"
          ? text(formats.join(" "))
          : json(Object.fromEntries(formats.map((format) => [format.slice(1, -1), format]))),
      routes: [{ ...toCluster("/", "a"), metadata: METADATA }],
      virtualHost: { metadata: METADATA },
      listener: { metadata: METADATA },
      clusters: { a: { metadata: METADATA } },
      client: [get()],
    };
  }),
  ...(
    [
      ["of the headers", head("HTTP/1.1 200 OK", "grpc-status: 5", "content-length: 0"), true],
      ["that is no number", head("HTTP/1.1 200 OK", "grpc-status: abc", "content-length: 0"), true],
      ["that is unknown", head("HTTP/1.1 200 OK", "grpc-status: 99", "content-length: 0"), true],
      ["that stands for an HTTP status", answer(503), true],
      ["that is none", answer(200), true],
      ["of a request that is no gRPC", head("HTTP/1.1 200 OK", "grpc-status: 5", "content-length: 0"), false],
    ] as const
  ).map(([name, a, grpc]): ContractCase => ({
    name: `a gRPC status ${name}`,
    feature: OPERATORS,
    upstreams: { a },
    accessLog:
      "%GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%",
    client: [post("", ...(grpc ? ["content-type: application/grpc"] : []))],
  })),
  ...["1.2.3.4", "1.2.3.4, 5.6.7.8", "bad", "2001:DB8::1"].map((address): ContractCase => ({
    name: `the client is who x-forwarded-for says: ${address}`,
    feature: OPERATORS,
    manager: json({
      n: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
      m: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%",
      d: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(8)%",
      o: "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(99)%",
      x: "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(x)%",
    }),
    client: [get("/", `x-forwarded-for: ${address}`)],
  })),
  {
    name: "times",
    feature: OPERATORS,
    accessLog:
      "%START_TIME% %START_TIME(%Z %z %:z %Ez %% %t)% %START_TIME(%s.%3f)% %START_TIME(%f %1f %6f %9f %E3S %E*S)% %EMIT_TIME% %START_TIME(%Y-%m-%dT%H:%M:%S)%",
    mask: [
      [/\d+\.\d{3} \d{9} \d \d{6} \d{9} \d\d\.\d{3} \d\d\.\d+/, "{fractions}"],
      [/ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, " {seconds}"],
    ],
    client: [get()],
  },
  {
    name: "durations that have not been",
    feature: OPERATORS,
    routes: DIRECT,
    manager: json({
      a: "%REQUEST_TX_DURATION%",
      b: "%RESPONSE_DURATION%",
      c: "%RESPONSE_TX_DURATION%",
      d: "%COMMON_DURATION(DS_RX_BEG:US_RX_BEG)%",
      e: "%COMMON_DURATION(FOO:DS_RX_BEG)%",
      f: "%COMMON_DURATION(DS_RX_BEG:US_CX_BEG:us)%",
      g: "%UPSTREAM_CONNECTION_POOL_READY_DURATION%",
    }),
    client: [get()],
  },
  {
    name: "durations that have been",
    feature: OPERATORS,
    accessLog:
      "%DURATION% %REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %COMMON_DURATION(DS_RX_BEG:DS_RX_END)% %COMMON_DURATION(DS_RX_BEG:US_CX_BEG)% %COMMON_DURATION(US_CX_BEG:US_CX_END:us)% %COMMON_DURATION(US_TX_BEG:US_TX_END)% %COMMON_DURATION(US_RX_BEG:US_RX_END:ns)% %COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG)% %COMMON_DURATION(DS_TX_BEG:DS_TX_END)% %COMMON_DURATION(DS_RX_BEG:US_HS_END)% %UPSTREAM_CONNECTION_POOL_READY_DURATION%",
    mask: [[/\d+/g, "{n}"]],
    client: [get()],
  },
];

const FORMATS = "Access log: formats";
const TEMPLATE = {
  z: "%REQ(x-none)%",
  a: "%REQ(x-in)%",
  mix: "x%REQ(x-none)%y",
  o: { b: "%REQ(x-none)%", a: "1" },
  l: ["%REQ(x-none)%", "b"],
  o2: { q: "%REQ(x-none)%" },
  n: null,
  num: 1.5,
  big: 1e21,
  b: true,
  e: {},
  s: "",
  code: "%RESPONSE_CODE%",
} as const;

const FORMAT_CASES: readonly ContractCase[] = [
  { name: "Envoy's own", feature: FORMATS, manager: logged({}), mask: [[/ \d+ \d+ "-"/, ' {ms} {ms} "-"']], client: [get("/", "user-agent: ua")] },
  { name: "an empty one", feature: FORMATS, manager: logged({ format: "" }), mask: [[/ \d+ \d+ "-"/, ' {ms} {ms} "-"']], client: [get()] },
  { name: "a text", feature: FORMATS, manager: logged({ format: "F %RESPONSE_CODE%\n" }), client: [get()] },
  { name: "JSON, as it was configured before", feature: FORMATS, manager: logged({ json_format: { c: "%RESPONSE_CODE%", n: "%REQ(x)%" } }), client: [get()] },
  { name: "typed JSON, as it was configured before", feature: FORMATS, manager: logged({ typed_json_format: { c: "%RESPONSE_CODE%", n: "%REQ(x)%" } }), client: [get()] },
  { name: "text_format", feature: FORMATS, manager: logged({ log_format: { text_format: "T %RESPONSE_CODE% %REQ(x)%.\n" } }), client: [get()] },
  { name: "JSON", feature: FORMATS, manager: json(TEMPLATE), client: [get("/", "x-in: in")] },
  { name: "JSON, sorted", feature: FORMATS, manager: json(TEMPLATE, { json_format_options: { sort_properties: true } }), client: [get("/", "x-in: in")] },
  { name: "JSON without what is empty", feature: FORMATS, manager: json(TEMPLATE, { omit_empty_values: true }), client: [get("/", "x-in: in")] },
  { name: "text without what is empty", feature: FORMATS, manager: logged({ log_format: { text_format: "[%REQ(x)%] %RESPONSE_FLAGS%\n", omit_empty_values: true } }), client: [get()] },
  { name: "JSON escapes", feature: FORMATS, manager: json({ 'k"é': "%REQ(x-q)%", u: "%REQ(x-u)%", d: "%QUERY_PARAM(d)%", i: "%QUERY_PARAM(i)%", m: "a%QUERY_PARAM(i)%b" }), client: [get("/?d=%c3%a9%22%0a%08%1b&i=%00%0a%22%5c%7f%ff", 'x-q: say "hi" \\', "x-u: a\tb")] },
  { name: "a path without its query", feature: FORMATS, manager: logged({ log_format: { text_format: "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH):4%\n", formatters: [{ name: "f", typed_config: typed("extensions.formatter.req_without_query.v3.ReqWithoutQuery") }] } }), client: [get("/abcdef?x")] },
  ...["%FOO%", "%REQ%", "%REQ(a", "%REQ(a?b?c)%", "%PROTOCOL(x)%", "%PROTOCOL:3%", "100% sure", "%GRPC_STATUS(x)%", "%START_TIME(%n)%", "%PATH(x)%", "%METADATA(X:y)%", "%FILTER_STATE%", "%COMMON_DURATION(a)%", "%COALESCE({})%"].map((format): ContractCase => ({
    name: `refused: ${format}`, feature: "Access log: refused formats", accessLog: format, refused: true, client: [get()],
  })),
]; // prettier-ignore

export const CASES: readonly ContractCase[] = [...ENDS, ...OPERATOR_CASES, ...FORMAT_CASES];
