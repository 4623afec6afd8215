/** EnvoyFilters: what both data planes make of the patched configuration. How patches match: packages/control/test/translate/envoy-filter.test.ts. */
import type { ContractCase, IstioParts } from "../harness/case.ts";
import type { Ask } from "../harness/istio.ts";
import { asking, echo, service } from "../harness/istio.ts";
import { answer } from "../harness/steps.ts";

const MUTATION = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
const RATE_LIMIT = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

/** The one that most people write: before the router. */
const ROUTER =
  "listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } } } }";

const sets = (name: string, value: string): string =>
  `{ name: ${name}, typed_config: { "@type": ${MUTATION}, mutations: { request_mutations: [{ append: { header: { key: x-by, value: ${value} } } }] } } }`;

function filter(name: string, patches: readonly string[], spec = ""): string {
  return `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name} }
spec: { ${spec} configPatches: [${patches.join(", ")}] }`;
}

function patch(applyTo: string, match: string, operation: string, value: string): string {
  const given = value === "" ? "" : `, value: ${value}`;
  return `{ applyTo: ${applyTo}, match: { ${match} }, patch: { operation: ${operation}${given} } }`;
}

const HTTP = `
  - route: [{ destination: { host: echo, subset: v1 } }]`;

/** At the sidecar of the client. */
const client = (...documents: string[]): IstioParts => echo(HTTP, documents.join(""));

/** At the sidecar of the service. */
const server = (...documents: string[]): IstioParts => ({
  yaml: service("echo", "echo") + documents.join(""),
  workloads: {},
  proxy: { labels: { app: "echo", version: "v1" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
});

const atGateway = (...documents: string[]): IstioParts => ({
  ...echo(
    "",
    `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { istio: gw }, servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec: { hosts: [e.test], gateways: [edge], http: [{ name: main, route: [{ destination: { host: echo, subset: v1 } }] }] }${documents.join("")}`,
  ),
  proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 8080 } },
});

interface Row {
  readonly istio: IstioParts;
  readonly asks: readonly Ask[];
  readonly more?: Partial<ContractCase>;
}

const UPSTREAMS = { v1: answer(200, "v1"), v2: answer(200, "v2") };

function cases(feature: string, rows: Readonly<Record<string, Row>>): ContractCase[] {
  return Object.entries(rows).map(([name, { istio, asks, more = {} }]) => ({
    name: `${feature}: ${name}`,
    feature: `EnvoyFilter: ${feature}`,
    istio,
    upstreams: istio.workloads === undefined ? UPSTREAMS : { app: answer(200, "app") },
    ...asking(asks),
    ...more,
  }));
}

const by = (...values: string[]): Ask["expect"] => ({ status: 200, sent: values.map((value) => `x-by: ${value}`) });
const V1: Ask["expect"] = { status: 200, body: "v1" };
const OUTBOUND = "context: SIDECAR_OUTBOUND";
const INBOUND = "context: SIDECAR_INBOUND";
const VHOST = "routeConfiguration: { vhost: { name: echo.default.svc.cluster.local:80 } }";

export const CASES: readonly ContractCase[] = [
  ...cases("HTTP_FILTER", {
    "INSERT_BEFORE the router, outbound": {
      istio: client(filter("a", [patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a"))])),
      asks: [{ expect: by("a") }],
    },
    inbound: {
      istio: server(filter("a", [patch("HTTP_FILTER", `${INBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a"))])),
      asks: [{ expect: by("a") }],
    },
    "inbound, by the workload's port": {
      istio: server(
        filter("a", [
          patch(
            "HTTP_FILTER",
            `${INBOUND}, ${ROUTER.replace("{ filterChain", "{ portNumber: 8080, filterChain")}`,
            "INSERT_BEFORE",
            sets("m", "a"),
          ),
          patch(
            "HTTP_FILTER",
            `${INBOUND}, ${ROUTER.replace("{ filterChain", "{ portNumber: 8081, filterChain")}`,
            "INSERT_BEFORE",
            sets("n", "b"),
          ),
        ]),
      ),
      asks: [{ expect: { ...by("a"), notSent: ["x-by: b"] } }],
    },
    "outbound, by the service's port": {
      istio: client(
        filter("a", [
          patch(
            "HTTP_FILTER",
            `${OUTBOUND}, ${ROUTER.replace("{ filterChain", "{ portNumber: 80, filterChain")}`,
            "INSERT_BEFORE",
            sets("m", "a"),
          ),
          patch(
            "HTTP_FILTER",
            `${OUTBOUND}, ${ROUTER.replace("{ filterChain", "{ portNumber: 81, filterChain")}`,
            "INSERT_BEFORE",
            sets("n", "b"),
          ),
        ]),
      ),
      asks: [{ expect: { ...by("a"), notSent: ["x-by: b"] } }],
    },
    "not for the other direction": {
      istio: client(filter("a", [patch("HTTP_FILTER", `${INBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a"))])),
      asks: [{ expect: { status: 200, notSent: ["x-by"] } }],
    },
    "INSERT_FIRST, then before the router: in that order": {
      istio: client(
        filter("a", [
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "last")),
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_FIRST", sets("n", "first")),
        ]),
      ),
      asks: [{ expect: by("first", "last") }],
    },
    "by priority, whatever their names": {
      istio: client(
        filter(
          "a",
          [patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "second"))],
          "priority: 5,",
        ),
        filter(
          "b",
          [patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("n", "first"))],
          "priority: -5,",
        ),
      ),
      asks: [{ expect: by("first", "second") }],
    },
    "a workload that the selector does not name": {
      istio: client(
        filter(
          "a",
          [patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a"))],
          "workloadSelector: { labels: { app: other } },",
        ),
      ),
      asks: [{ expect: { status: 200, notSent: ["x-by"] } }],
    },
    "MERGE into a filter that is there": {
      istio: client(
        filter("a", [
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a")),
          patch(
            "HTTP_FILTER",
            `${OUTBOUND}, ${ROUTER.replace("envoy.filters.http.router", "m")}`,
            "MERGE",
            `{ typed_config: { "@type": ${MUTATION}, mutations: { response_mutations: [{ append: { header: { key: x-merged, value: "1" } } }] } } }`,
          ),
        ]),
      ),
      asks: [{ expect: { ...by("a"), got: ["x-merged: 1"] } }],
    },
    REPLACE: {
      istio: client(
        filter("a", [
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "old")),
          patch(
            "HTTP_FILTER",
            `${OUTBOUND}, ${ROUTER.replace("envoy.filters.http.router", "m")}`,
            "REPLACE",
            sets("m", "new"),
          ),
        ]),
      ),
      asks: [{ expect: { ...by("new"), notSent: ["x-by: old"] } }],
    },
    REMOVE: {
      istio: client(
        filter("a", [
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "old")),
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER.replace("envoy.filters.http.router", "m")}`, "REMOVE", ""),
        ]),
      ),
      asks: [{ expect: { status: 200, notSent: ["x-by"] } }],
    },
    "a local rate limit, as Istio's task has it": {
      istio: server(
        filter(
          "limit",
          [
            patch(
              "HTTP_FILTER",
              `${INBOUND}, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } }`,
              "INSERT_BEFORE",
              `{ name: envoy.filters.http.local_ratelimit, typed_config: { "@type": type.googleapis.com/udpa.type.v1.TypedStruct, type_url: ${RATE_LIMIT}, value: { stat_prefix: http_local_rate_limiter, token_bucket: { max_tokens: 2, tokens_per_fill: 2, fill_interval: 3600s }, filter_enabled: { runtime_key: local_rate_limit_enabled, default_value: { numerator: 100, denominator: HUNDRED } }, filter_enforced: { runtime_key: local_rate_limit_enforced, default_value: { numerator: 100, denominator: HUNDRED } }, response_headers_to_add: [{ append: false, header: { key: x-local-rate-limit, value: "true" } }] } } }`,
            ),
          ],
          "workloadSelector: { labels: { app: echo } },",
        ),
      ),
      asks: [
        { expect: { status: 200 } },
        { expect: { status: 200 } },
        { expect: { status: 429, got: ["x-local-rate-limit: true"] } },
      ],
    },
    "at a gateway": {
      istio: atGateway(
        filter("a", [patch("HTTP_FILTER", `context: GATEWAY, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a"))]),
      ),
      asks: [{ host: "e.test", expect: by("a") }],
    },
    "what nobody knows is left out, the rest of the object is applied": {
      istio: client(
        filter("a", [
          patch(
            "HTTP_FILTER",
            `${OUTBOUND}, ${ROUTER}`,
            "INSERT_BEFORE",
            `{ name: x, typed_config: { "@type": type.googleapis.com/acme.v1.Nothing } }`,
          ),
          patch("HTTP_FILTER", `${OUTBOUND}, ${ROUTER}`, "INSERT_BEFORE", sets("m", "a")),
        ]),
      ),
      asks: [{ expect: by("a") }],
    },
  }),
  ...cases("NETWORK_FILTER", {
    "MERGE into the connection manager": {
      istio: client(
        filter("a", [
          patch(
            "NETWORK_FILTER",
            `${OUTBOUND}, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } }`,
            "MERGE",
            `{ name: envoy.filters.network.http_connection_manager, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, server_name: mine, via: tulle } }`,
          ),
        ]),
      ),
      asks: [{ expect: { ...V1, got: ["server: mine"], sent: ["via: tulle"] } }],
    },
    "INSERT_BEFORE: no connection comes through": {
      istio: server(
        filter("a", [
          patch(
            "NETWORK_FILTER",
            `${INBOUND}, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } }`,
            "INSERT_BEFORE",
            `{ name: envoy.filters.network.rbac, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC, stat_prefix: none, rules: { action: ALLOW } } }`,
          ),
        ]),
      ),
      asks: [],
      more: { client: ["GET / HTTP/1.1\r\nHost: echo\r\n\r\n", { do: "ended", on: "c" }], expect: { answers: [] } },
    },
  }),
  ...cases("HTTP_ROUTE", {
    "MERGE into every route of a host": {
      istio: client(
        filter("a", [
          patch(
            "HTTP_ROUTE",
            `${OUTBOUND}, ${VHOST}`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: a } }] }`,
          ),
        ]),
      ),
      asks: [{ expect: by("a") }],
    },
    "MERGE of internal redirects and a timeout": {
      istio: client(
        filter("a", [
          patch(
            "HTTP_ROUTE",
            `${OUTBOUND}, ${VHOST}`,
            "MERGE",
            `{ route: { timeout: 7s, internal_redirect_policy: { max_internal_redirects: 2 } } }`,
          ),
        ]),
      ),
      asks: [{ expect: { ...V1, sent: ["x-envoy-original-url: http://echo/"] } }],
      more: {
        upstreams: {
          v1: { answers: [answer(302, "", "location: http://echo/z"), answer(200, "v1")] },
          v2: answer(200, "v2"),
        },
      },
    },
    "by name": {
      istio: echo(
        `
  - name: one
    match: [{ uri: { prefix: /one } }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - name: two
    route: [{ destination: { host: echo, subset: v2 } }]`,
        filter("a", [
          patch(
            "HTTP_ROUTE",
            `${OUTBOUND}, routeConfiguration: { vhost: { route: { name: two } } }`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: a } }] }`,
          ),
        ]),
      ),
      asks: [
        { path: "/one", expect: { status: 200, body: "v1" } },
        { path: "/two", expect: { status: 200, body: "v2", sent: ["x-by: a"] } },
      ],
    },
    INSERT_FIRST: {
      istio: client(
        filter("a", [
          patch(
            "HTTP_ROUTE",
            `${OUTBOUND}, ${VHOST}`,
            "INSERT_FIRST",
            `{ name: mine, match: { path: /mine }, direct_response: { status: 418, body: { inline_string: tea } } }`,
          ),
        ]),
      ),
      asks: [{ path: "/mine", expect: { status: 418, body: "tea" } }, { expect: V1 }],
    },
    REMOVE: {
      istio: client(filter("a", [patch("HTTP_ROUTE", `${OUTBOUND}, ${VHOST}`, "REMOVE", "")])),
      asks: [{ expect: { status: 404 } }],
    },
    inbound: {
      istio: server(
        filter("a", [
          patch(
            "HTTP_ROUTE",
            `${INBOUND}, routeConfiguration: { portNumber: 8080, vhost: { route: { name: default } } }`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: a } }] }`,
          ),
        ]),
      ),
      asks: [{ expect: by("a") }],
    },
    "at a gateway, by port and name": {
      istio: atGateway(
        filter("a", [
          patch(
            "HTTP_ROUTE",
            `context: GATEWAY, routeConfiguration: { portNumber: 8080, vhost: { route: { name: main } } }`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: a } }] }`,
          ),
          patch(
            "HTTP_ROUTE",
            `context: GATEWAY, routeConfiguration: { portNumber: 9090 }`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: b } }] }`,
          ),
        ]),
      ),
      asks: [{ host: "e.test", expect: { ...by("a"), notSent: ["x-by: b"] } }],
    },
  }),
  ...cases("VIRTUAL_HOST", {
    MERGE: {
      istio: client(
        filter("a", [
          patch(
            "VIRTUAL_HOST",
            `${OUTBOUND}, ${VHOST}`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: a } }] }`,
          ),
        ]),
      ),
      asks: [{ expect: by("a") }],
    },
    ADD: {
      istio: client(
        filter("a", [
          patch(
            "VIRTUAL_HOST",
            `${OUTBOUND}, routeConfiguration: { name: "80" }`,
            "ADD",
            `{ name: mine, domains: [mine.test], routes: [{ match: { prefix: / }, direct_response: { status: 418 } }] }`,
          ),
        ]),
      ),
      asks: [{ host: "mine.test", expect: { status: 418 } }, { expect: V1 }],
    },
    "by domain": {
      istio: client(
        filter("a", [
          patch(
            "VIRTUAL_HOST",
            `${OUTBOUND}, routeConfiguration: { vhost: { domainName: echo.default } }`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: a } }] }`,
          ),
          patch(
            "VIRTUAL_HOST",
            `${OUTBOUND}, routeConfiguration: { vhost: { domainName: other.default } }`,
            "MERGE",
            `{ request_headers_to_add: [{ header: { key: x-by, value: b } }] }`,
          ),
        ]),
      ),
      asks: [{ expect: { ...by("a"), notSent: ["x-by: b"] } }],
    },
  }),
  ...cases("ROUTE_CONFIGURATION", {
    MERGE: {
      istio: client(
        filter("a", [
          patch(
            "ROUTE_CONFIGURATION",
            `${OUTBOUND}, routeConfiguration: { portNumber: 80 }`,
            "MERGE",
            `{ response_headers_to_add: [{ header: { key: x-a, value: a } }] }`,
          ),
        ]),
      ),
      asks: [{ expect: { ...V1, got: ["x-a: a"] } }],
    },
  }),
  ...cases("CLUSTER", {
    "MERGE: a list grows, and the first one counts": {
      istio: client(
        filter("a", [
          patch(
            "CLUSTER",
            `${OUTBOUND}, cluster: { service: echo.default.svc.cluster.local, portNumber: 80, subset: v1 }`,
            "MERGE",
            `{ circuit_breakers: { thresholds: [{ max_requests: 0 }] } }`,
          ),
        ]),
      ),
      asks: [{ expect: V1 }],
    },
    MERGE_AND_REPLACE_LIST: {
      istio: client(
        filter("a", [
          patch(
            "CLUSTER",
            `${OUTBOUND}, cluster: { service: echo.default.svc.cluster.local, portNumber: 80, subset: v1 }`,
            "MERGE_AND_REPLACE_LIST",
            `{ circuit_breakers: { thresholds: [{ max_requests: 0 }] } }`,
          ),
        ]),
      ),
      asks: [{ expect: { status: 503 } }],
    },
    REMOVE: {
      istio: client(
        filter("a", [
          patch(
            "CLUSTER",
            `${OUTBOUND}, cluster: { name: "outbound|80|v1|echo.default.svc.cluster.local" }`,
            "REMOVE",
            "",
          ),
        ]),
      ),
      asks: [{ expect: { status: 503, body: "" } }],
    },
    "another subset's": {
      istio: client(filter("a", [patch("CLUSTER", `${OUTBOUND}, cluster: { subset: v2 }`, "REMOVE", "")])),
      asks: [{ expect: V1 }],
    },
    "ADD, and a route to it": {
      istio: client(
        filter("a", [
          patch(
            "CLUSTER",
            OUTBOUND,
            "ADD",
            `{ name: mine, type: STATIC, connect_timeout: 1s, load_assignment: { cluster_name: mine } }`,
          ),
          patch(
            "HTTP_ROUTE",
            `${OUTBOUND}, ${VHOST}`,
            "INSERT_FIRST",
            `{ match: { prefix: /mine }, route: { cluster: mine } }`,
          ),
        ]),
      ),
      asks: [{ path: "/mine", expect: { status: 503, body: "no healthy upstream" } }, { expect: V1 }],
    },
  }),
  ...cases("LISTENER", {
    MERGE: {
      istio: client(
        filter("a", [
          patch(
            "LISTENER",
            `${OUTBOUND}, listener: { portNumber: 80 }`,
            "MERGE",
            `{ per_connection_buffer_limit_bytes: 1000 }`,
          ),
        ]),
      ),
      asks: [{ expect: V1 }],
    },
    "LISTENER_FILTER ADD": {
      istio: server(
        filter("a", [
          patch(
            "LISTENER_FILTER",
            INBOUND,
            "ADD",
            `{ name: envoy.filters.listener.proxy_protocol, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol } }`,
          ),
        ]),
      ),
      asks: [],
      more: {
        client: [
          "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET / HTTP/1.1\r\nHost: echo\r\n\r\n",
          { do: "got", what: 1, on: "c" },
        ],
        expect: { answers: ["200"] },
      },
    },
  }),
];
