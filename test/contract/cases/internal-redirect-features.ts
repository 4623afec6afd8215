/** Redirects that the proxy follows, together with what else it does. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import type { Following } from "../harness/internal-redirects.ts";
import {
  COUNTS,
  first,
  following,
  hosts,
  LOG,
  moved,
  OK,
  predicate,
  REST,
  ring,
  TO,
  toA,
} from "../harness/internal-redirects.ts";
import { answer, ended, gate, got, head, header, open, seen, send, toCluster, typed } from "../harness/steps.ts";

const ROUTED = "%REQ(:SCHEME)% %ROUTE_NAME% %UPSTREAM_CLUSTER% %VIRTUAL_CLUSTER_NAME% %RESPONSE_CODE_DETAILS%";

/** As `REST`, of attempts that follow so soon that a fast machine has nothing to take away. */
const REST_OR_ALL: NonNullable<ContractCase["mask"]> = [
  [/x-envoy-expected-rq-timeout-ms: 1(?:49\d\d|5000)/g, "x-envoy-expected-rq-timeout-ms: {rest}"],
];

/** Two pairs of ids in the second request would mean that it began a trace of its own. */
const IDS: NonNullable<ContractCase["mask"]> = [
  [/x-b3-(traceid|spanid|parentspanid): [0-9a-f]+/g, "x-b3-$1: {hex}"],
  [/traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}/g, "traceparent: 00-{trace}-{span}"],
  [/\[\{.*$/s, "{spans}"],
];
const zipkin = (sampling: number, fields: JsonObject = {}): Partial<ContractCase> => ({
  manager: {
    tracing: {
      random_sampling: { value: sampling },
      provider: {
        name: "zipkin",
        typed_config: typed("config.trace.v3.ZipkinConfig", {
          collector_cluster: "z",
          collector_endpoint: "/api/v2/spans",
          collector_endpoint_version: "HTTP_JSON",
        }),
      },
      ...fields,
    },
  },
  clusters: { a: {}, b: {}, z: {} },
  mask: [...REST, ...IDS],
  stats: [...COUNTS, "http.in.tracing.random_sampling", "http.in.tracing.not_traceable", "tracing.zipkin.spans_sent"],
});
const traced: Readonly<Record<string, Following>> = Object.fromEntries(
  [
    ["traced", zipkin(100)] as const,
    ["not sampled", zipkin(0)] as const,
    ["traced, with spans of attempts", zipkin(100, { spawn_upstream_span: true })] as const,
  ].map(([name, parts]) => [
    name,
    {
      a: [moved("http://b.test/z")],
      more: { ...parts, upstreams: { a: { answers: [moved("http://b.test/z")] }, b: OK, z: answer(202) } },
    },
  ]),
);

export const CASES: readonly ContractCase[] = [
  ...following("with other features", {
    "retries before": {
      a: [answer(503, "no"), moved("http://b.test/z")],
      more: {
        mask: REST_OR_ALL,
        virtualHosts: hosts({}, { retry_policy: { retry_on: "5xx", retry_back_off: { base_interval: "0.001s" } } }),
      },
    },
    "retries after": {
      a: [moved("http://b.test/z")],
      b: [answer(503, "no"), OK],
      more: {
        mask: REST_OR_ALL,
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              toCluster("/", "b", { retry_policy: { retry_on: "5xx", retry_back_off: { base_interval: "0.001s" } } }),
            ],
          },
        ],
      },
    },
    "a redirect that is to be retried": {
      a: [moved("http://b.test/z"), OK],
      more: {
        mask: REST_OR_ALL,
        virtualHosts: hosts(
          {},
          {
            retry_policy: {
              retry_on: "retriable-status-codes",
              retriable_status_codes: [302],
              retry_back_off: { base_interval: "0.001s" },
            },
          },
        ),
      },
    },
    "a mirror gets both": {
      a: [moved("http://b.test/z")],
      client: [toA(), got(1), seen("m", 1)],
      more: {
        clusters: { a: {}, b: {}, m: {} },
        virtualHosts: hosts({}, { request_mirror_policies: [{ cluster: "m" }] }),
        upstreams: { a: { answers: [moved("http://b.test/z")] }, b: OK, m: OK },
      },
    },
    "cors, header_mutation and fault see both requests": {
      a: [moved("http://b.test/z")],
      more: {
        filters: [
          {
            name: "mutation",
            typed_config: typed("extensions.filters.http.header_mutation.v3.HeaderMutation", {
              mutations: {
                request_mutations: [{ append: header("x-seen", "%REQ(:AUTHORITY)%") }],
                response_mutations: [{ append: header("x-done", "%RESPONSE_CODE%") }],
              },
            }),
          },
        ],
      },
    },
    "rate limits count both requests": {
      a: [moved("http://b.test/z")],
      more: {
        filters: [
          {
            name: "limit",
            typed_config: typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", {
              stat_prefix: "rl",
              token_bucket: { max_tokens: 1, fill_interval: "3600s" },
              filter_enabled: { default_value: { numerator: 100 } },
              filter_enforced: { default_value: { numerator: 100 } },
            }),
          },
        ],
        stats: [...COUNTS, "rl.http_local_rate_limit.ok", "rl.http_local_rate_limit.rate_limited"],
      },
    },
    "max_requests_per_connection counts both": {
      a: [moved("http://b.test/z"), OK],
      client: [toA(), ended()],
      more: { manager: { common_http_protocol_options: { max_requests_per_connection: 2 } } },
    },
    "the second destination is not there": {
      a: [moved("http://b.test/z")],
      more: { upstreams: { a: { answers: [moved("http://b.test/z")] }, b: { refused: true } } },
    },
    "the second takes too long": {
      a: [moved("http://b.test/z")],
      b: [[gate("never")]],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          { name: "vb", domains: ["b.test"], routes: [toCluster("/", "b", { timeout: "0.1s" })] },
        ],
      },
    },
    "the client leaves meanwhile": {
      a: [moved("http://b.test/z")],
      b: [[gate("never")]],
      client: [send("c", toA()), seen("b", 1), { do: "close", on: "c" }],
    },
    "connection: close from the client": {
      a: [moved("http://b.test/z")],
      client: [toA("GET", "/x", "connection: close"), ended()],
    },
    "HTTP/1.0": {
      a: [moved("http://b.test/z")],
      client: [send("c", head("GET /x HTTP/1.0", "Host: a.test")), ended()],
      more: { manager: { http_protocol_options: { accept_http_10: true } } },
    },
    "absolute form": {
      a: [moved("http://b.test/z")],
      client: [send("c", head("GET http://a.test/x HTTP/1.1", "Host: e")), got(1)],
    },
    "a weighted cluster's destination": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          {
            name: "vb",
            domains: ["b.test"],
            routes: [
              {
                match: { prefix: "/" },
                route: {
                  weighted_clusters: {
                    clusters: [{ name: "b", weight: 1, request_headers_to_add: [header("x-w", "1")] }],
                  },
                },
              },
            ],
          },
        ],
      },
    },
    "the field of old": {
      a: [TO(2)],
      b: [TO(3)],
      client: first,
      more: {
        virtualHosts: [
          {
            name: "v",
            domains: ["*"],
            routes: [
              {
                ...toCluster("/1", "a", {
                  internal_redirect_action: "HANDLE_INTERNAL_REDIRECT",
                  max_internal_redirects: 2,
                }),
                name: "r1",
              },
              { ...toCluster("/2", "b", { internal_redirect_action: "HANDLE_INTERNAL_REDIRECT" }), name: "r2" },
              { ...toCluster("/3", "a"), name: "r3" },
            ],
          },
        ],
      },
    },
    "virtual clusters count both": {
      a: [moved("http://b.test/z")],
      more: {
        virtualHosts: hosts({}).map((each) => ({
          ...each,
          virtual_clusters: [{ name: "all", headers: [{ name: ":path", string_match: { prefix: "/" } }] }],
        })),
        stats: [...COUNTS, "vhost.va.vcluster.all.upstream_rq_302", "vhost.vb.vcluster.all.upstream_rq_200"],
      },
    },
    ...traced,
    "access log: the route is the next one's": { a: [moved("http://b.test/z")], more: { accessLog: ROUTED } },
    "access log: a redirect that is not followed is its own route's": {
      policy: { predicates: [predicate("allow_listed_routes")] },
      a: [moved("http://b.test/z")],
      more: {
        accessLog: ROUTED,
        waived: "Envoy names the route that was not taken, and the scheme twice: here it is the one that has answered",
      },
    },
    "a body, to a route that answers by itself": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 5") + "hello" + toA("GET", "/2"), got(2)],
      more: {
        virtualHosts: [
          ...hosts({}).slice(0, 1),
          { name: "vb", domains: ["b.test"], routes: [{ match: { prefix: "/" }, direct_response: { status: 418 } }] },
        ],
        upstreams: { a: { answers: [moved("http://b.test/z"), OK] } },
      },
    },
    "a filter that waits for the body": {
      a: [moved("http://b.test/z")],
      client: [toA("POST", "/x", "content-length: 5") + "hello", got(1)],
      more: {
        filters: [
          {
            name: "buffer",
            typed_config: typed("extensions.filters.http.buffer.v3.Buffer", { max_request_bytes: 100 }),
          },
        ],
      },
    },
    "access log at the start of requests": {
      a: [moved("http://b.test/z")],
      more: {
        manager: {
          access_log_options: { flush_access_log_on_new_request: true },
        },
        accessLog: `%ACCESS_LOG_TYPE% ${LOG}`,
      },
    },
    "a response that has begun with 103": {
      a: [[head("HTTP/1.1 103 Early Hints", "link: </a>"), moved("http://b.test/z")]],
    },
    "a second redirect is the client's, as it came": {
      a: [TO(2)],
      b: [moved("http://a.test/3", 302, "x-k: v")],
      client: first,
      more: ring({}),
    },
    "posted with open()": {
      a: [[gate("go"), moved("http://b.test/z")]],
      client: [
        send("c", `POST /x HTTP/1.1\r\nHost: a.test\r\ncontent-length: 6\r\n\r\nhel`),
        seen("a", "hel"),
        send("c", "lo!"),
        seen("a", "lo!"),
        open("go"),
        got(1),
      ],
    },
  }),
];
