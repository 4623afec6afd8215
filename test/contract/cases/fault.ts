/** The fault filter. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import {
  answer,
  chunked,
  gate,
  get,
  got,
  head,
  header,
  inTurn,
  open,
  post,
  request,
  seen,
  send,
  stat,
  toCluster,
  typed,
} from "../harness/steps.ts";

const NAME = "envoy.filters.http.fault";
const TYPE = "extensions.filters.http.fault.v3.HTTPFault";
const ALWAYS = { percentage: { numerator: 100 } };
const ABORT = { abort: { http_status: 418, ...ALWAYS } };
const BY_HEADER = { abort: { header_abort: {}, ...ALWAYS } };
const DELAY = { delay: { fixed_delay: "0.02s", ...ALWAYS } };
const STATS = ["aborts_injected", "delays_injected", "faults_overflow", "response_rl_injected", "active_faults"].map(
  (name) => `http.in.fault.${name}`,
);
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";

function fault(fields: JsonObject, name = NAME): JsonObject {
  return { name, typed_config: typed(TYPE, fields) };
}

function perRoute(fields: JsonObject): JsonObject {
  return { typed_per_filter_config: { [NAME]: typed(TYPE, fields) } };
}

function refused(name: string, fields: JsonObject): ContractCase {
  return {
    name: `refused: ${name}`,
    feature: "Fault: configuration",
    filters: [fault(fields)],
    client: [],
    refused: true,
  };
}

/** Requests with a header, one for each value. */
function asking(name: string, values: readonly (string | number)[], ...more: readonly string[]): readonly string[] {
  return values.map((value) => get("/", `${name}: ${value}`, ...more));
}

export const CASES: readonly ContractCase[] = [
  {
    name: "without a fault nothing happens",
    feature: "Fault: configuration",
    filters: [fault({})],
    client: inTurn(get(), get("/", "x-envoy-fault-abort-request: 418")),
    stats: STATS,
  },
  {
    name: "abort",
    feature: "Fault: abort",
    filters: [fault(ABORT)],
    client: inTurn(get(), get("/", "content-type: application/grpc"), request("HEAD", "/")),
    stats: STATS,
  },
  {
    name: "abort of a request with a body ends the connection",
    feature: "Fault: abort",
    filters: [fault(ABORT)],
    client: inTurn(post("hello")),
  },
  {
    name: "abort: details and flag",
    feature: "Fault: abort",
    filters: [fault(ABORT)],
    client: inTurn(get()),
    accessLog: LOG,
  },
  {
    name: "abort with a body of its own",
    feature: "Fault: abort",
    filters: [fault({ abort: { http_status: 503, response_body: "no", ...ALWAYS } })],
    client: inTurn(get(), get("/", "content-type: application/grpc")),
  },
  {
    name: "abort without a percentage is none",
    feature: "Fault: percentages",
    filters: [fault({ abort: { http_status: 503 } })],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "a million of a million",
    feature: "Fault: percentages",
    filters: [fault({ abort: { http_status: 599, percentage: { numerator: 1000000, denominator: "MILLION" } } })],
    client: inTurn(get()),
  },
  {
    name: "more than a hundred percent",
    feature: "Fault: percentages",
    filters: [fault({ abort: { http_status: 418, percentage: { numerator: 200 } } })],
    client: inTurn(get()),
  },
  {
    name: "gRPC status: for gRPC clients that, for others 200",
    feature: "Fault: abort",
    filters: [fault({ abort: { grpc_status: 7, ...ALWAYS } })],
    client: inTurn(
      get(),
      get("/", "content-type: application/grpc"),
      get("/", "content-type: application/grpc+proto"),
      get("/", "content-type: application/grpc-web"),
    ),
  },
  {
    name: "by header: statuses from 200 to 599",
    feature: "Fault: by header",
    filters: [fault(BY_HEADER)],
    client: inTurn(
      get(),
      ...asking("x-envoy-fault-abort-request", [
        200,
        299,
        418,
        599,
        600,
        199,
        999,
        "abc",
        "",
        "503 ",
        "0503",
        "+503",
        -503,
      ]),
    ),
    stats: STATS,
  },
  {
    name: "by header: 204 and 304 have no body",
    feature: "Fault: by header",
    filters: [fault(BY_HEADER)],
    client: inTurn(...asking("x-envoy-fault-abort-request", [204, 304])),
    waived: "Envoy sends a body with 204 and 304, which ends in the client's next response (RFC 9110 §15.3.5, §15.4.5)",
  },
  {
    name: "by header: gRPC statuses",
    feature: "Fault: by header",
    filters: [fault(BY_HEADER)],
    client: inTurn(
      ...asking(
        "x-envoy-fault-abort-grpc-request",
        [0, 14, 17, 4294967295, 4294967296, "abc", -1],
        "content-type: application/grpc",
      ),
      get("/", "x-envoy-fault-abort-grpc-request: 7"),
    ),
  },
  {
    name: "by header: the HTTP status goes before the gRPC status",
    feature: "Fault: by header",
    filters: [fault(BY_HEADER)],
    client: inTurn(
      get("/", "x-envoy-fault-abort-grpc-request: 7", "x-envoy-fault-abort-request: 418"),
      get(
        "/",
        "x-envoy-fault-abort-grpc-request: 7",
        "x-envoy-fault-abort-request: 1",
        "content-type: application/grpc",
      ),
    ),
  },
  {
    name: "by header: the first of several lines",
    feature: "Fault: by header",
    filters: [fault(BY_HEADER)],
    client: inTurn(get("/", "x-envoy-fault-abort-request: 418", "x-envoy-fault-abort-request: 419")),
  },
  {
    name: "by header: a percentage lowers the configured one and does not raise it",
    feature: "Fault: by header",
    filters: [fault(BY_HEADER)],
    client: inTurn(
      ...asking(
        "x-envoy-fault-abort-request-percentage",
        [0, 100, 200, "abc", "", "1.5"],
        "x-envoy-fault-abort-request: 418",
      ),
    ),
  },
  {
    name: "what is configured is not changed by headers",
    feature: "Fault: by header",
    filters: [fault(ABORT)],
    client: inTurn(get("/", "x-envoy-fault-abort-request: 419", "x-envoy-fault-abort-request-percentage: 0")),
  },
  {
    name: "delay",
    feature: "Fault: delay",
    filters: [fault(DELAY)],
    client: inTurn(get(), post("hello")),
    stats: STATS,
  },
  {
    name: "the body comes after the delay, whole",
    feature: "Fault: delay",
    filters: [fault({ delay: { fixed_delay: "0.1s", ...ALWAYS } })],
    client: [head("POST / HTTP/1.1", "Host: a.test", "content-length: 10"), "hello", "world", got(1)],
  },
  {
    name: "chunks come after the delay, and what follows as it comes",
    feature: "Fault: delay",
    filters: [fault(DELAY)],
    client: [
      head("POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked"),
      "3\r\nabc\r\n",
      seen("a", "abc"),
      "2\r\nde\r\n",
      "0\r\n\r\n",
      got(1),
    ],
  },
  {
    name: "delay and abort",
    feature: "Fault: delay",
    filters: [fault({ ...DELAY, ...ABORT })],
    client: inTurn(get(), post("hello")),
    stats: STATS,
  },
  {
    name: "a delay by header",
    feature: "Fault: by header",
    filters: [fault({ delay: { header_delay: {}, ...ALWAYS } })],
    client: inTurn(
      ...asking("x-envoy-fault-delay-request", [10, 0, -5, "abc", "", "50ms", "99999999999999999999"]),
      get("/", "x-envoy-fault-delay-request: 10", "x-envoy-fault-delay-request-percentage: 0"),
    ),
    stats: STATS,
  },
  {
    name: "less than a millisecond is no delay",
    feature: "Fault: delay",
    filters: [fault({ delay: { fixed_delay: "0.0005s", ...ALWAYS } })],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "flags of a delay and of what came after it, in the order in which they came",
    feature: "Fault: delay",
    filters: [fault(DELAY)],
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "connect-failure" } })],
    upstreams: { a: REFUSED },
    client: inTurn(get()),
    accessLog: LOG,
  },
  {
    name: "a client that leaves while it is delayed",
    feature: "Fault: delay",
    filters: [fault({ delay: { fixed_delay: "60s", ...ALWAYS } })],
    client: [
      get(),
      stat("http.in.fault.active_faults", 1),
      { do: "close", on: "c" },
      stat("http.in.fault.active_faults", 0),
      stat("http.in.downstream_cx_active", 0),
    ],
    stats: [
      ...STATS,
      "http.in.downstream_rq_rx_reset",
      "http.in.downstream_cx_destroy_remote_active_rq",
      "http.in.downstream_cx_destroy_local_active_rq",
    ],
  },
  {
    name: "the route's timeout begins after the delay",
    feature: "Fault: delay",
    filters: [fault({ delay: { fixed_delay: "1.1s", ...ALWAYS } })],
    routes: [toCluster("/", "a", { timeout: "1s" })],
    client: inTurn(get()),
  },
  {
    name: "the stream's idle timeout does not wait for the delay",
    feature: "Fault: delay",
    filters: [fault({ delay: { fixed_delay: "60s", ...ALWAYS } })],
    manager: { stream_idle_timeout: "0.1s" },
    client: inTurn(get()),
  },
  {
    name: "nor does the request timeout, though the request is complete",
    feature: "Fault: delay",
    filters: [fault({ delay: { fixed_delay: "60s", ...ALWAYS } })],
    manager: { request_timeout: "0.1s" },
    client: inTurn(get()),
  },
  {
    name: "two filters delay one after the other",
    feature: "Fault: delay",
    filters: [fault(DELAY, "one"), fault({ ...DELAY, ...ABORT }, "two")],
    client: inTurn(post("hello")),
    stats: STATS,
  },
  {
    name: "max_active_faults",
    feature: "Fault: limits",
    filters: [fault({ delay: { fixed_delay: "60s", ...ALWAYS }, max_active_faults: 1 })],
    client: [get("/delayed"), stat("http.in.fault.active_faults", 1), send("d", get("/passes")), got(1, "d")],
    stats: STATS,
  },
  {
    name: "max_active_faults 0",
    feature: "Fault: limits",
    filters: [fault({ ...ABORT, max_active_faults: 0, headers: [{ name: "x-fault" }] })],
    client: inTurn(get(), get("/", "x-fault: 1")),
    stats: STATS,
  },
  {
    name: "headers: all must match",
    feature: "Fault: conditions",
    filters: [fault({ ...ABORT, headers: [{ name: "x-a", string_match: { exact: "1" } }, { name: "x-b" }] })],
    client: inTurn(get(), get("/", "x-a: 1"), get("/", "x-a: 1", "x-b:"), get("/", "x-a: 2", "x-b: 1")),
    stats: STATS,
  },
  {
    name: "upstream_cluster",
    feature: "Fault: conditions",
    filters: [fault({ ...ABORT, upstream_cluster: "b" })],
    clusters: { a: {}, b: {} },
    routes: [
      toCluster("/b", "b"),
      { match: { prefix: "/weighted" }, route: { weighted_clusters: { clusters: [{ name: "b", weight: 1 }] } } },
      { match: { prefix: "/header" }, route: { cluster_header: "x-cluster" } },
      { match: { prefix: "/direct" }, direct_response: { status: 200 } },
      toCluster("/a", "a"),
    ],
    client: inTurn(
      get("/a"),
      get("/b"),
      get("/weighted"),
      get("/header", "x-cluster: b"),
      get("/direct"),
      get("/none"),
    ),
  },
  {
    name: "downstream_nodes",
    feature: "Fault: conditions",
    filters: [fault({ ...ABORT, downstream_nodes: ["n1", "n2"] })],
    client: inTurn(get(), ...asking("x-envoy-downstream-service-node", ["n2", "n3"])),
  },
  {
    name: "counters of downstream clusters",
    feature: "Fault: statistics",
    filters: [fault({ ...ABORT, ...DELAY })],
    client: inTurn(...asking("x-envoy-downstream-service-cluster", ["canary", "", "a.b:c"])),
    stats: [
      ...STATS,
      "http.in.fault.canary.aborts_injected",
      "http.in.fault.canary.delays_injected",
      "http.in.fault.a.b:c.aborts_injected",
    ],
  },
  {
    name: "disable_downstream_cluster_stats",
    feature: "Fault: statistics",
    filters: [fault({ ...ABORT, disable_downstream_cluster_stats: true })],
    client: inTurn(...asking("x-envoy-downstream-service-cluster", ["canary"])),
    stats: ["http.in.fault.canary.aborts_injected"],
  },
  {
    name: "redirects, direct responses and what finds no route fail, too",
    feature: "Fault: conditions",
    filters: [fault(ABORT)],
    routes: [
      { match: { prefix: "/direct" }, direct_response: { status: 200 } },
      { match: { prefix: "/away" }, redirect: { path_redirect: "/to" } },
    ],
    client: inTurn(get("/direct"), get("/away"), get("/none")),
  },
  {
    name: "a route's fault replaces the filter's, an empty one is none",
    feature: "Fault: routes",
    filters: [fault(ABORT)],
    virtualHost: perRoute({ abort: { http_status: 417, ...ALWAYS } }),
    routes: [
      toCluster("/own", "a", {}, perRoute({ abort: { http_status: 419, ...ALWAYS } })),
      toCluster("/none", "a", {}, perRoute({})),
      toCluster("/", "a"),
    ],
    client: inTurn(get("/own"), get("/none"), get("/")),
    stats: STATS,
  },
  {
    name: "the route's headers are on an abort",
    feature: "Fault: abort",
    filters: [fault(ABORT)],
    routes: [toCluster("/", "a", {}, { response_headers_to_add: [header("x-route", "r")] })],
    client: inTurn(get()),
  },
  {
    name: "filter_metadata of what has been delayed or aborted",
    feature: "Fault: metadata",
    filters: [
      fault(
        { ...ABORT, headers: [{ name: "x-fault" }], filter_metadata: { a: 1, b: { c: [true, null, "x"] } } },
        "mine",
      ),
    ],
    client: inTurn(get("/", "x-fault: 1"), get()),
    accessLog: "%DYNAMIC_METADATA(mine)%",
  },
  {
    name: "a response at 1 KiB/s",
    feature: "Fault: response rate limit",
    filters: [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 1 }, ...ALWAYS } })],
    upstreams: { a: answer(200, "x".repeat(200)) },
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "a rate limit, chunks and trailers",
    feature: "Fault: response rate limit",
    filters: [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 1 }, ...ALWAYS } })],
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: {
      a: {
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "extensions.upstreams.http.v3.HttpProtocolOptions",
            { explicit_http_config: { http_protocol_options: { enable_trailers: true } } },
          ),
        },
      },
    },
    upstreams: {
      a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["y".repeat(100), "z".repeat(50)], "x-t: 1"),
    },
    client: inTurn(get()),
  },
  {
    name: "a rate limit where there is no body",
    feature: "Fault: response rate limit",
    filters: [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 1 }, ...ALWAYS } })],
    upstreams: { a: answer(204) },
    client: inTurn(get(), request("HEAD", "/")),
    stats: STATS,
  },
  {
    name: "a rate limit holds for local replies",
    feature: "Fault: response rate limit",
    filters: [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 1 }, ...ALWAYS } })],
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "x".repeat(120) } } }],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "a rate limit by header",
    feature: "Fault: response rate limit",
    filters: [fault({ response_rate_limit: { header_limit: {}, ...ALWAYS } })],
    client: inTurn(
      get(),
      ...asking("x-envoy-fault-throughput-response", [1, 0, "abc", -1]),
      get("/", "x-envoy-fault-throughput-response: 1", "x-envoy-fault-throughput-response-percentage: 0"),
    ),
    stats: STATS,
  },
  {
    name: "a rate limit and an abort are one active fault",
    feature: "Fault: response rate limit",
    filters: [
      fault({ response_rate_limit: { fixed_limit: { limit_kbps: 1 }, ...ALWAYS }, ...ABORT, max_active_faults: 1 }),
    ],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "a slow upstream is not slowed down further",
    feature: "Fault: response rate limit",
    filters: [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 100 }, ...ALWAYS } })],
    upstreams: {
      a: {
        answers: [
          [head("HTTP/1.1 200 OK", "transfer-encoding: chunked"), gate("one"), "1\r\na\r\n", gate("two"), "0\r\n\r\n"],
        ],
      },
    },
    client: [get(), got("200 OK"), open("one"), got("a"), open("two"), got(1)],
  },
  refused("an abort of no kind", { abort: {} }),
  refused("status 199", { abort: { http_status: 199 } }),
  refused("status 600", { abort: { http_status: 600 } }),
  refused("a delay of 0", { delay: { fixed_delay: "0s" } }),
  refused("a delay of no kind", { delay: {} }),
  refused("a rate of 0", { response_rate_limit: { fixed_limit: { limit_kbps: 0 } } }),
];
