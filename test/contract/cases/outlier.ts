/** Outlier detection: which failures count, who is ejected, for how long. One host mostly, and no panic, so that an ejection shows as 503. */
import { type ContractCase, type JsonObject, REFUSED, type Step } from "../harness/case.ts";
import { RESET, answer, endpoint, gate, get, got, post, send, stat, toCluster, typed } from "../harness/steps.ts";

const PREFIX = "cluster.a.outlier_detection.ejections_";

/** Cluster `a` with these options; everything may be ejected, nothing panics. */
const detecting = (options: JsonObject = {}, fields: JsonObject = {}): Pick<ContractCase, "clusters"> => ({
  clusters: {
    a: {
      outlier_detection: { max_ejection_percent: 100, ...options },
      common_lb_config: { healthy_panic_threshold: { value: 0 } },
      ...fields,
    },
  },
});

const STATS = [
  "active",
  "enforced_total",
  "enforced_consecutive_5xx",
  "detected_consecutive_5xx",
  "detected_consecutive_gateway_failure",
  "enforced_consecutive_gateway_failure",
  "detected_consecutive_local_origin_failure",
  "enforced_consecutive_local_origin_failure",
  "detected_success_rate",
  "enforced_success_rate",
  "detected_local_origin_success_rate",
  "enforced_local_origin_success_rate",
  "detected_failure_percentage",
  "enforced_failure_percentage",
  "detected_local_origin_failure_percentage",
  "enforced_local_origin_failure_percentage",
  "overflow",
  "total",
  "consecutive_5xx",
  "success_rate",
];
const stats = (...more: string[]): string[] => [...STATS.map((name) => PREFIX + name), ...more];
const counts = (name: string, value: number): Step => stat(PREFIX + name, value);

/** So many requests one after another. */
const asks = (count: number, bytes = get()): Step[] => Array.from({ length: count }, () => bytes);
/** So many answers, then others. */
const then = (count: number, first: string, rest: string) => ({
  answers: [...Array.from({ length: count }, () => first), rest],
});

export const CASES: readonly ContractCase[] = [
  {
    name: "five 5xx in a row",
    feature: "Outlier detection: consecutive_5xx",
    ...detecting(),
    upstreams: { a: answer(500) },
    client: [...asks(5), got(5), counts("active", 1), get(), got(6)],
    stats: stats("cluster.a.membership_healthy", "cluster.a.upstream_cx_none_healthy"),
  },
  {
    name: "a good answer between them",
    feature: "Outlier detection: consecutive_5xx",
    ...detecting({ consecutive_5xx: 3 }),
    upstreams: { a: { answers: [answer(500), answer(503), answer(404), answer(500), answer(500)] } },
    client: [...asks(5), got(5)],
    stats: stats(),
  },
  {
    name: "consecutive_5xx: 0 never happens",
    feature: "Outlier detection: consecutive_5xx",
    ...detecting({ consecutive_5xx: 0, consecutive_gateway_failure: 0 }),
    upstreams: { a: answer(503) },
    client: [...asks(6), got(6)],
    stats: stats(),
  },
  {
    name: "detected and not enforced: it goes on",
    feature: "Outlier detection: enforcing",
    ...detecting({ consecutive_5xx: 2, enforcing_consecutive_5xx: 0 }),
    upstreams: { a: answer(500) },
    client: [...asks(4), got(4), counts("detected_consecutive_5xx", 2)],
    stats: stats(),
  },
  {
    name: "gateway failures are detected by default",
    feature: "Outlier detection: consecutive_gateway_failure",
    ...detecting({ consecutive_5xx: 0 }),
    upstreams: { a: { answers: [502, 503, 504, 503, 502, 502].map((status) => answer(status)) } },
    client: [...asks(6), got(6), counts("detected_consecutive_gateway_failure", 1)],
    stats: stats(),
  },
  {
    name: "gateway failures that are enforced",
    feature: "Outlier detection: consecutive_gateway_failure",
    ...detecting({
      consecutive_5xx: 0,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
    }),
    upstreams: { a: answer(502) },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },
  {
    name: "500 and 501 are no gateway failures",
    feature: "Outlier detection: consecutive_gateway_failure",
    ...detecting({ consecutive_5xx: 0, consecutive_gateway_failure: 2 }),
    upstreams: { a: { answers: [503, 500, 503, 501, 503, 505].map((status) => answer(status)) } },
    client: [...asks(6), got(6)],
    stats: stats(),
  },
  {
    name: "both at once: the gateway failures come first",
    feature: "Outlier detection: consecutive_gateway_failure",
    ...detecting({
      consecutive_5xx: 2,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
    }),
    upstreams: { a: answer(503) },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },

  // What counts.
  {
    name: "a connection that is refused is a 503",
    feature: "Outlier detection: local origin failures",
    ...detecting({ consecutive_5xx: 2, consecutive_gateway_failure: 2 }),
    upstreams: { a: REFUSED },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },
  {
    name: "a reset is a 503",
    feature: "Outlier detection: local origin failures",
    ...detecting({ consecutive_5xx: 2, consecutive_gateway_failure: 2 }),
    upstreams: { a: { answers: [[RESET]] } },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },
  {
    name: "a reset after the head was good",
    feature: "Outlier detection: local origin failures",
    ...detecting({ consecutive_5xx: 1 }),
    upstreams: { a: { answers: [["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", RESET]] } },
    client: [get(), counts("detected_consecutive_5xx", 1), send("d", get()), got(1, "d")],
    stats: stats(),
  },
  {
    name: "a route's time-out is a 504",
    feature: "Outlier detection: local origin failures",
    routes: [toCluster("/", "a", { timeout: "0.05s" })],
    ...detecting({ consecutive_5xx: 2, consecutive_gateway_failure: 2 }),
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },
  {
    name: "a try's time-out is a 504, each of them",
    feature: "Outlier detection: local origin failures",
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx", num_retries: 2, per_try_timeout: "0.05s" } })],
    ...detecting({ consecutive_5xx: 3 }),
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1), counts("active", 1), get(), got(2)],
    stats: stats(),
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
  },
  {
    name: "each retried answer counts",
    feature: "Outlier detection: retries",
    routes: [toCluster("/", "a", { retry_policy: { retry_on: "5xx", num_retries: 2 } })],
    ...detecting({ consecutive_5xx: 3 }),
    upstreams: { a: answer(500) },
    client: [get(), got(1), counts("active", 1), get(), got(2)],
    stats: stats(),
    mask: [[/(?<=expected-rq-timeout-ms: )\d+/g, "{left}"]],
  },
  {
    name: "a circuit breaker that is open says nothing about the host",
    feature: "Outlier detection: local origin failures",
    ...detecting({ consecutive_5xx: 1 }, { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }),
    client: [...asks(2), got(2)],
    stats: stats(),
  },
  {
    name: "a client that leaves says nothing about the host",
    feature: "Outlier detection: local origin failures",
    ...detecting({ consecutive_5xx: 1 }),
    upstreams: { a: { answers: [[gate("never")], answer(200, "fine")] } },
    client: [
      send("gone", get()),
      { do: "seen", upstream: "a", what: 1 },
      { do: "close", on: "gone" },
      stat("http.in.downstream_cx_active", 0),
      get(),
    ],
    stats: stats(),
  },
  {
    name: "gRPC: grpc-status in the head stands for a status",
    feature: "Outlier detection: gRPC",
    ...detecting({ consecutive_5xx: 2 }),
    upstreams: { a: answer(200, "", "content-type: application/grpc", "grpc-status: 14") },
    client: [
      ...asks(2, post("x", "content-type: application/grpc")),
      got(2),
      counts("active", 1),
      post("x", "content-type: application/grpc"),
      got(3),
    ],
    stats: stats(),
    mask: [[/(?<=upstream-service-time: )\d+/g, "{ms}"]],
  },
  {
    name: "gRPC: a status that is no server's fault",
    feature: "Outlier detection: gRPC",
    ...detecting({ consecutive_5xx: 1 }),
    upstreams: { a: answer(200, "", "content-type: application/grpc", "grpc-status: 5") },
    client: [...asks(2, post("x", "content-type: application/grpc")), got(2)],
    stats: stats(),
  },

  // Local origin failures apart.
  {
    name: "split: failures to connect are their own kind",
    feature: "Outlier detection: split_external_local_origin_errors",
    ...detecting({ split_external_local_origin_errors: true, consecutive_local_origin_failure: 2, consecutive_5xx: 1 }),
    upstreams: { a: REFUSED },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },
  {
    name: "split: 5xx are external, and a connection resets the count",
    feature: "Outlier detection: split_external_local_origin_errors",
    ...detecting({ split_external_local_origin_errors: true, consecutive_local_origin_failure: 2, consecutive_5xx: 3 }),
    upstreams: { a: { answers: [[RESET], answer(500), [RESET], answer(500), answer(500)] } },
    client: [...asks(5), got(5), counts("active", 1), get(), got(6)],
    stats: stats(),
  },
  {
    name: "split: time-outs",
    feature: "Outlier detection: split_external_local_origin_errors",
    routes: [toCluster("/", "a", { timeout: "0.05s" })],
    ...detecting({ split_external_local_origin_errors: true, consecutive_local_origin_failure: 1 }),
    upstreams: { a: { answers: [[gate("never")]] } },
    client: [get(), got(1), counts("active", 1), get(), got(2)],
    stats: stats(),
  },

  // How many, and for how long.
  {
    name: "10 % of one host is nobody",
    feature: "Outlier detection: max_ejection_percent",
    clusters: { a: { outlier_detection: { consecutive_5xx: 1 } } },
    upstreams: { a: answer(500) },
    client: [...asks(2), got(2), counts("overflow", 2)],
    stats: stats(),
  },
  {
    name: "always_eject_one_host",
    feature: "Outlier detection: max_ejection_percent",
    ...detecting({ consecutive_5xx: 1, max_ejection_percent: 0, always_eject_one_host: true }),
    upstreams: { a: answer(500) },
    client: [get(), got(1), counts("active", 1), get(), got(2)],
    stats: stats(),
  },
  {
    name: "half of two hosts",
    feature: "Outlier detection: max_ejection_percent",
    ...detecting(
      { consecutive_5xx: 1, max_ejection_percent: 50 },
      {
        load_assignment: {
          cluster_name: "a",
          endpoints: [{ lb_endpoints: [endpoint("a1")] }, { priority: 1, lb_endpoints: [endpoint("a2")] }],
        },
      },
    ),
    upstreams: { a1: answer(500), a2: answer(500) },
    client: [get(), counts("active", 1), get(), got(2), counts("overflow", 1), get(), got(3), counts("overflow", 2)],
    stats: stats(),
  },
  {
    name: "an ejected host in panic gets requests",
    feature: "Outlier detection: panic",
    clusters: { a: { outlier_detection: { consecutive_5xx: 1, max_ejection_percent: 100 } } },
    upstreams: { a: then(1, answer(500), answer(200, "fine")) },
    client: [get(), got(1), counts("active", 1), get(), got(2)],
    stats: stats("cluster.a.lb_healthy_panic"),
  },
  {
    name: "an ejected host is asked no more while there are others",
    feature: "Outlier detection: consecutive_5xx",
    clusters: {
      a: {
        outlier_detection: { consecutive_5xx: 1, max_ejection_percent: 100 },
        load_assignment: {
          cluster_name: "a",
          endpoints: [{ lb_endpoints: [endpoint("bad")] }, { priority: 1, lb_endpoints: [endpoint("good")] }],
        },
      },
    },
    upstreams: { bad: answer(500, "bad") },
    client: [get(), got(1), counts("active", 1), ...asks(3), got(4)],
    stats: stats("cluster.a.membership_healthy", "cluster.a.lb_healthy_panic"),
  },
  {
    name: "it comes back after the base time, at an interval's end",
    feature: "Outlier detection: ejection time",
    ...detecting({ consecutive_5xx: 1, base_ejection_time: "1s", interval: "0.2s" }),
    upstreams: { a: then(1, answer(500), answer(200, "fine")) },
    client: [get(), got(1), counts("active", 1), get(), got(2), counts("active", 0), get(), got(3)],
    stats: stats("cluster.a.membership_healthy"),
  },
  {
    name: "max_ejection_time below base_ejection_time",
    feature: "Outlier detection: ejection time",
    ...detecting({ base_ejection_time: "10s", max_ejection_time: "5s" }),
    client: [],
    refused: true,
  },

  // Rates.
  {
    name: "a success rate below the others'",
    feature: "Outlier detection: success rate",
    ...detecting(
      {
        consecutive_5xx: 0,
        interval: "2s",
        base_ejection_time: "60s",
        success_rate_minimum_hosts: 2,
        success_rate_request_volume: 4,
        success_rate_stdev_factor: 500,
      },
      { endpoints: ["a1", "a2"] },
    ),
    upstreams: { a1: answer(500, "bad"), a2: answer(200, "fine") },
    client: [...asks(8), got(8), counts("active", 1), ...asks(2), got(10)],
    stats: stats(),
    mask: [[/^(HTTP\/1.1 (200 OK|500 Internal Server Error)|content-length: [34]|bad|fine)$/g, "{either}"]],
  },
  {
    name: "too few requests to judge by",
    feature: "Outlier detection: success rate",
    ...detecting({
      consecutive_5xx: 0,
      interval: "2s",
      success_rate_minimum_hosts: 1,
      success_rate_request_volume: 3,
      failure_percentage_minimum_hosts: 1,
      failure_percentage_request_volume: 2,
    }),
    upstreams: { a: answer(500) },
    client: [...asks(2), got(2), counts("detected_failure_percentage", 1)],
    stats: stats(),
  },
  {
    name: "failure percentage, enforced",
    feature: "Outlier detection: failure percentage",
    ...detecting({
      consecutive_5xx: 0,
      interval: "2s",
      base_ejection_time: "60s",
      enforcing_failure_percentage: 100,
      failure_percentage_minimum_hosts: 1,
      failure_percentage_request_volume: 4,
      failure_percentage_threshold: 75,
    }),
    upstreams: { a: { answers: [answer(500), answer(200), answer(500), answer(500)] } },
    client: [...asks(4), got(4), counts("active", 1), get(), got(5)],
    stats: stats(),
  },
  {
    name: "failure percentage of local origin failures",
    feature: "Outlier detection: failure percentage",
    ...detecting({
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 0,
      interval: "2s",
      base_ejection_time: "60s",
      enforcing_failure_percentage_local_origin: 100,
      failure_percentage_minimum_hosts: 1,
      failure_percentage_request_volume: 2,
    }),
    upstreams: { a: REFUSED },
    client: [...asks(2), got(2), counts("active", 1), get(), got(3)],
    stats: stats(),
  },

  // What else errors may be.
  {
    name: "error_matcher: what it matches is an error, nothing else is",
    feature: "Outlier detection: error_matcher",
    ...detecting(
      { consecutive_5xx: 2 },
      {
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "extensions.upstreams.http.v3.HttpProtocolOptions",
            {
              explicit_http_config: { http_protocol_options: {} },
              outlier_detection: {
                error_matcher: {
                  http_response_headers_match: { headers: [{ name: ":status", string_match: { exact: "404" } }] },
                },
              },
            },
          ),
        },
      },
    ),
    upstreams: { a: { answers: [answer(500), answer(500), answer(404), answer(500), answer(404), answer(404)] } },
    client: [...asks(6), got(6), counts("active", 1), get(), got(7)],
    stats: stats(),
  },
  {
    name: "error_matcher: a 5xx that it matches counts as what it is",
    feature: "Outlier detection: error_matcher",
    ...detecting(
      { consecutive_5xx: 0, consecutive_gateway_failure: 2 },
      {
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "extensions.upstreams.http.v3.HttpProtocolOptions",
            {
              explicit_http_config: { http_protocol_options: {} },
              outlier_detection: {
                error_matcher: {
                  or_match: {
                    rules: [
                      { http_response_headers_match: { headers: [{ name: "x-bad", present_match: true }] } },
                      {
                        http_response_headers_match: { headers: [{ name: ":status", string_match: { prefix: "5" } }] },
                      },
                    ],
                  },
                },
              },
            },
          ),
        },
      },
    ),
    upstreams: { a: { answers: [answer(503), answer(200, "", "x-bad: 1"), answer(503), answer(504)] } },
    client: [...asks(4), got(4), counts("detected_consecutive_gateway_failure", 1)],
    stats: stats(),
  },

  {
    name: "the event log",
    feature: "Outlier detection: event log",
    bootstrap: { cluster_manager: { outlier_detection: { event_log_path: "{log}" } } },
    ...detecting({
      consecutive_5xx: 2,
      consecutive_gateway_failure: 2,
      base_ejection_time: "1s",
      interval: "0.2s",
    }),
    upstreams: { a: then(2, answer(503), answer(200)) },
    client: [...asks(2), got(2), counts("active", 1), counts("active", 0), get(), got(3)],
    mask: [[/"secs_since_last_action":"\d"/g, '"secs_since_last_action":"{s}"']],
  },
];
