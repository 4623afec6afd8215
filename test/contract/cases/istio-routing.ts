/** VirtualServices: what Istio's YAML means. */
import type { ContractCase } from "../harness/case.ts";
import { echo, matching, routed, rows, service, TO_V1 as toV1, TO_V2 as toV2 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import { answer, apply, gate, get, got } from "../harness/steps.ts";

const ONLY_V1 = { v1: { labels: { app: "echo", version: "v1" } } };

/** The VirtualService `echo`, changed. */
const TO_V2 = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http:
  - route: [{ destination: { host: echo, subset: v2 } }]`;

const ROWS: readonly Row[] = [
  {
    name: "a service without a VirtualService",
    workloads: ONLY_V1,
    feature: "services and their names",
    http: "",
    requests: [{ expect: { status: 200 } }],
  },
  {
    name: "all names of a service, with and without its port",
    feature: "services and their names",
    http: routed(""),
    requests: [
      "echo",
      "echo.default",
      "echo.default.svc",
      "echo.default.svc.cluster.local",
      "echo:80",
      "echo.default.svc.cluster.local:80",
    ].map((host) => ({ host, expect: toV1 })),
  },
  {
    name: "uri exact",
    feature: "match.uri",
    http: matching(`    - uri: { exact: /a }`),
    requests: [
      { path: "/a", expect: toV2 },
      { path: "/a?x=1", expect: toV2 },
      { path: "/a/", expect: toV1 },
      { path: "/A", expect: toV1 },
    ],
  },
  {
    name: "uri prefix is a string prefix",
    feature: "match.uri",
    http: matching(`    - uri: { prefix: /v2 }`),
    requests: [
      { path: "/v2", expect: toV2 },
      { path: "/v2example", expect: toV2 },
      { path: "/v1/v2", expect: toV1 },
    ],
  },
  {
    name: "uri regex matches the whole path without the query",
    feature: "match.uri",
    http: matching(`    - uri: { regex: "/item/[0-9]+" }`),
    requests: [
      { path: "/item/12?q=1", expect: toV2 },
      { path: "/item/12/x", expect: toV1 },
      { path: "/item/x", expect: toV1 },
    ],
  },
  {
    name: "ignoreUriCase",
    feature: "match.uri",
    http: matching(`    - uri: { prefix: /Cat }\n      ignoreUriCase: true`),
    requests: [
      { path: "/cATalog", expect: toV2 },
      { path: "/dog", expect: toV1 },
    ],
  },
  {
    name: "method",
    feature: "match.method",
    http: matching(`    - method: { exact: POST }`),
    requests: [
      { method: "POST", headers: ["content-length: 0"], expect: toV2 },
      { method: "GET", expect: toV1 },
    ],
  },
  {
    name: "method by regex",
    feature: "match.method",
    http: matching(`    - method: { regex: "PUT|DELETE" }`),
    requests: [
      { method: "DELETE", expect: toV2 },
      { method: "GET", expect: toV1 },
    ],
  },
  {
    name: "header exact, prefix, regex and presence",
    feature: "match.headers, match.withoutHeaders",
    http: `
  - match: [{ headers: { x-exact: { exact: "one" } } }]
    directResponse: { status: 201 }
  - match: [{ headers: { x-prefix: { prefix: "ab" } } }]
    directResponse: { status: 202 }
  - match: [{ headers: { x-regex: { regex: "[a-c]+" } } }]
    directResponse: { status: 203 }
  - match: [{ headers: { x-present: {} } }]
    directResponse: { status: 206 }
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { headers: ["x-exact: one"], expect: { status: 201 } },
      { headers: ["x-exact: One"], expect: toV1 },
      { headers: ["x-prefix: abc"], expect: { status: 202 } },
      { headers: ["x-regex: abcabc"], expect: { status: 203 } },
      { headers: ["x-regex: abcd"], expect: toV1 },
      { headers: ["x-present: "], expect: { status: 206 } },
      { headers: ["x-present: y"], expect: { status: 206 } },
      { expect: toV1 },
    ],
  },
  {
    name: "withoutHeaders",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - withoutHeaders: { x-internal: {} }`),
    requests: [{ expect: toV2 }, { headers: ["x-internal: 1"], expect: toV1 }],
  },
  {
    name: "withoutHeaders with a value",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - withoutHeaders: { x-env: { exact: prod } }`),
    requests: [
      { headers: ["x-env: prod"], expect: toV1 },
      { headers: ["x-env: test"], expect: toV2 },
      { expect: toV2 },
    ],
  },
  {
    name: "queryParams",
    feature: "match.queryParams",
    http: matching(`    - queryParams: { v: { exact: "2" } }`),
    requests: [
      { path: "/?v=2", expect: toV2 },
      { path: "/?a=b&v=2", expect: toV2 },
      { path: "/?v=22", expect: toV1 },
      { path: "/?v=1&v=2", expect: toV1 },
      { path: "/", expect: toV1 },
    ],
  },
  {
    name: "queryParams by regex and prefix",
    feature: "match.queryParams",
    http: matching(`    - queryParams: { a: { regex: "x+" }, b: { prefix: "y" } }`),
    requests: [
      { path: "/?a=xx&b=yz", expect: toV2 },
      { path: "/?a=xx", expect: toV1 },
    ],
  },
  {
    name: "authority",
    feature: "match.authority, match.scheme, match.port",
    http: matching(`    - authority: { prefix: "echo.default" }`),
    requests: [
      { host: "echo.default", expect: toV2 },
      { host: "echo", expect: toV1 },
    ],
  },
  {
    name: "scheme follows x-forwarded-proto",
    feature: "match.authority, match.scheme, match.port",
    http: matching(`    - scheme: { exact: https }`),
    requests: [{ headers: ["x-forwarded-proto: https"], expect: toV2 }, { expect: toV1 }],
  },
  {
    name: "port",
    feature: "match.authority, match.scheme, match.port",
    http: matching(`    - port: 80`),
    requests: [{ expect: toV2 }],
  },
  {
    name: "another port never matches",
    feature: "match.authority, match.scheme, match.port",
    http: matching(`    - port: 81`),
    requests: [{ expect: toV1 }],
  },
  {
    name: "sourceLabels of this workload",
    feature: "match.sourceLabels, match.sourceNamespace",
    http: matching(`    - sourceLabels: { app: client }`),
    requests: [{ expect: toV2 }],
  },
  {
    name: "sourceLabels of another workload",
    feature: "match.sourceLabels, match.sourceNamespace",
    http: matching(`    - sourceLabels: { app: other }`),
    requests: [{ expect: toV1 }],
  },
  {
    name: "sourceNamespace",
    feature: "match.sourceLabels, match.sourceNamespace",
    http: matching(`    - sourceNamespace: elsewhere\n    - sourceNamespace: default\n      uri: { prefix: /mine }`),
    requests: [
      { path: "/mine", expect: toV2 },
      { path: "/", expect: toV1 },
    ],
  },
  {
    name: "conditions of one match are ANDed, matches are ORed",
    feature: "order of routes",
    http: matching(`    - uri: { prefix: /a }\n      headers: { x-k: { exact: v } }\n    - uri: { prefix: /b }`),
    requests: [
      { path: "/a", headers: ["x-k: v"], expect: toV2 },
      { path: "/a", expect: toV1 },
      { path: "/b", expect: toV2 },
    ],
  },
  {
    name: "no match in a host that has a VirtualService",
    feature: "order of routes",
    http: `
  - match: [{ uri: { prefix: /only } }]
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/only", expect: toV1 },
      { path: "/other", expect: { status: 404, body: "" } },
    ],
  },
  {
    name: "nothing after a catch-all counts",
    feature: "order of routes",
    http: `
  - route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /x } }]
    route: [{ destination: { host: echo, subset: v2 } }]`,
    requests: [{ path: "/x", expect: toV1 }],
  },
  {
    name: "weight 100 to one",
    feature: "route",
    http: `
  - route:
    - { destination: { host: echo, subset: v1 }, weight: 0 }
    - { destination: { host: echo, subset: v2 }, weight: 100 }`,
    requests: [{ expect: toV2 }, { expect: toV2 }, { expect: toV2 }],
  },
  {
    name: "statPrefix: the route has statistics",
    feature: "match.statPrefix",
    http: `
  - match: [{ uri: { prefix: /a }, statPrefix: shop }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - route: [{ destination: { host: echo, subset: v2 } }]`,
    requests: [
      { path: "/a", expect: toV1 },
      { path: "/b", expect: toV2 },
    ],
    with: { stats: ["vhost.echo.default.svc.cluster.local:80.route.shop.upstream_rq_200"] },
  },
  {
    name: "a missing subset",
    feature: "route",
    http: `
  - route: [{ destination: { host: echo, subset: v9 } }]`,
    requests: [{ expect: { status: 503, body: "" } }],
  },
  {
    name: "an unknown destination",
    feature: "route",
    http: `
  - route: [{ destination: { host: nowhere.example } }]`,
    requests: [{ expect: { status: 503, body: "" } }],
  },
  {
    name: "a subset without endpoints",
    feature: "route",
    http: `
  - route: [{ destination: { host: echo, subset: nobody } }]`,
    requests: [{ expect: { status: 503, body: "no healthy upstream" } }],
  },
  {
    name: "rewrite of a matched prefix",
    feature: "rewrite",
    http: `
  - match: [{ uri: { prefix: /old } }]
    rewrite: { uri: /new }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/old/x?q=1", expect: { ...toV1, sent: ["GET /new/x?q=1 "] } },
      { path: "/oldest", expect: { ...toV1, sent: ["GET /newest "] } },
    ],
  },
  {
    name: "rewrite of /slash to /",
    feature: "rewrite",
    http: `
  - match: [{ uri: { prefix: /slash } }]
    rewrite: { uri: / }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/slash/x", expect: { ...toV1, sent: ["GET //x "] } },
      { path: "/slash", expect: { ...toV1, sent: ["GET / "] } },
    ],
  },
  {
    name: "rewrite of an exact match replaces the path",
    feature: "rewrite",
    http: `
  - match: [{ uri: { exact: /one } }]
    rewrite: { uri: /two }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [{ path: "/one?a=b", expect: { ...toV1, sent: ["GET /two?a=b "] } }],
  },
  {
    name: "rewrite of the authority",
    feature: "rewrite",
    http: routed(`    rewrite: { authority: other.example }`),
    requests: [{ expect: { ...toV1, sent: ["host: other.example"] } }],
  },
  {
    name: "rewrite by regex",
    feature: "rewrite",
    http: routed(`    rewrite: { uriRegexRewrite: { match: "^/service/([^/]+)(/.*)$", rewrite: '\\2/instance/\\1' } }`),
    requests: [{ path: "/service/foo/v1/api", expect: { ...toV1, sent: ["GET /v1/api/instance/foo "] } }],
  },
  {
    name: "redirect of authority and path",
    feature: "redirect",
    http: `
  - redirect: { uri: /to, authority: else.example }`,
    requests: [{ path: "/x?q=1", expect: { status: 301, got: ["location: http://else.example/to?q=1"] } }],
  },
  {
    name: "redirect with scheme, port and code",
    feature: "redirect",
    http: `
  - redirect: { scheme: https, port: 8443, redirectCode: 308 }`,
    requests: [{ path: "/x", expect: { status: 308, got: ["location: https://echo:8443/x"] } }],
  },
  {
    name: "redirect codes",
    feature: "redirect",
    http: `
  - match: [{ uri: { prefix: /302 } }]
    redirect: { redirectCode: 302, uri: /a }
  - match: [{ uri: { prefix: /303 } }]
    redirect: { redirectCode: 303, uri: /a }
  - match: [{ uri: { prefix: /307 } }]
    redirect: { redirectCode: 307, uri: /a }`,
    requests: [302, 303, 307].map((status) => ({ path: `/${status}`, expect: { status } })),
  },
  {
    name: "directResponse with a body",
    feature: "directResponse",
    http: `
  - directResponse: { status: 503, body: { string: "closed" } }`,
    requests: [{ expect: { status: 503, body: "closed" } }],
  },
  {
    name: "headers of request and response, at the route",
    feature: "headers",
    http: routed(`    headers:
      request: { set: { x-set: new }, add: { x-add: more }, remove: [x-gone] }
      response: { set: { x-answer: yes-please }, remove: [x-backend-secret] }`),
    requests: [
      {
        headers: ["x-set: old", "x-add: first", "x-gone: 1"],
        expect: { ...toV1, sent: [/x-set: new/], notSent: [/x-gone|x-set: old/], got: ["x-answer: yes-please"] },
      },
    ],
  },
  {
    name: "headers at the destination",
    feature: "headers",
    http: `
  - route:
    - destination: { host: echo, subset: v1 }
      headers:
        request: { set: { x-set: destination } }
        response: { add: { x-answer: destination } }
    headers:
      request: { set: { x-set: route } }`,
    requests: [{ expect: { ...toV1, sent: ["x-set: destination"], got: ["x-answer: destination"] } }],
  },
  {
    name: "set of Host is a rewrite, an authority rewrite wins over it",
    feature: "headers",
    http: `
  - match: [{ uri: { prefix: /set } }]
    headers: { request: { set: { Host: set.example } } }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /both } }]
    headers: { request: { set: { Host: set.example } } }
    rewrite: { authority: rewrite.example }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/set", expect: { ...toV1, sent: ["host: set.example"] } },
      { path: "/both", expect: { ...toV1, sent: ["host: rewrite.example"] } },
    ],
  },
  {
    name: "timeout",
    feature: "timeout",
    http: routed(`    timeout: 0.2s`),
    requests: [
      { path: "/hang", expect: { status: 504, body: "upstream request timeout" } },
      { path: "/", expect: toV1 },
    ],
    with: { upstreams: { v1: { answers: [[gate("never")], answer(200, "v1")] } } },
  },
  {
    name: "paths are normalised before they are matched",
    feature: "match.uri",
    http: matching(`    - uri: { prefix: /admin }`),
    requests: [
      { path: "/x/../admin", expect: { ...toV2, sent: ["GET /admin "] } },
      { path: "/%61dmin", expect: toV2 },
      { path: "//admin", expect: toV1 },
    ],
  },
  {
    name: "another service as destination",
    workloads: ONLY_V1,
    feature: "services and their names",
    http: `
  - route: [{ destination: { host: shared } }]`,
    more: service("shared", "echo"),
    requests: [{ expect: { status: 200, sent: ["host: echo"] } }],
  },
];

const CHANGED: ContractCase = {
  name: "a change reaches connections that are open",
  feature: "VirtualService: changes",
  istio: echo(routed("")),
  client: [get("/", "Host: echo"), got(1), apply(TO_V2), get("/", "Host: echo"), got(2)],
  expect: { answers: ["200 v1", "200 v2"] },
};

export const CASES: readonly ContractCase[] = [CHANGED, ...rows(ROWS)];
