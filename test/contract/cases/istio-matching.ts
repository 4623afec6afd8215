/** VirtualServices: which requests a match means, where Istio's users are most often surprised. */
import { matching, rows, TO_V1, TO_V2 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";

const ROWS: readonly Row[] = [
  {
    name: "authority includes the port and counts case, unlike the look-up of the host",
    feature: "match.authority, match.scheme, match.port",
    http: matching(`    - authority: { exact: "echo" }`),
    requests: [
      { host: "echo", expect: TO_V2 },
      { host: "echo:80", expect: TO_V1 },
      { host: "ECHO", expect: TO_V1 },
    ],
  },
  {
    name: "any port in Host will do",
    feature: "services and their names",
    http: matching(`    - authority: { regex: "echo:[0-9]+" }`),
    requests: [
      { host: "echo:9999", expect: TO_V2 },
      { host: "echo.default.svc.cluster.local:1", expect: TO_V1 },
    ],
  },
  {
    name: "of a query parameter that is there twice the first counts, undecoded",
    feature: "match.queryParams",
    http: matching(`    - queryParams: { a: { exact: "x y" } }\n    - queryParams: { a: { exact: "x%20y" } }`),
    requests: [
      { path: "/?a=x%20y&a=z", expect: TO_V2 },
      { path: "/?a=z&a=x%20y", expect: TO_V1 },
      { path: "/?a=x+y", expect: TO_V1 },
    ],
  },
  {
    name: "a query parameter without value, and one that must only be there",
    feature: "match.queryParams",
    http: matching(`    - queryParams: { a: { exact: "" } }\n    - queryParams: { b: {} }`),
    requests: [
      { path: "/?a", expect: TO_V2 },
      { path: "/?a=", expect: TO_V2 },
      { path: "/?a=1", expect: TO_V1 },
      { path: "/?b", expect: TO_V2 },
      { path: "/?b=1", expect: TO_V2 },
      { path: "/?c", expect: TO_V1 },
    ],
  },
  {
    name: "names of query parameters count case",
    feature: "match.queryParams",
    http: matching(`    - queryParams: { Key: { exact: "1" } }`),
    requests: [
      { path: "/?Key=1", expect: TO_V2 },
      { path: "/?key=1", expect: TO_V1 },
    ],
  },
  {
    name: "a regex stays case-sensitive under ignoreUriCase",
    feature: "match.uri",
    http: matching(`    - uri: { regex: "/Cat.*" }\n      ignoreUriCase: true`),
    requests: [
      { path: "/Catalog", expect: TO_V2 },
      { path: "/catalog", expect: TO_V1 },
    ],
  },
  {
    name: "ignoreUriCase with an exact path",
    feature: "match.uri",
    http: matching(`    - uri: { exact: /Cat }\n      ignoreUriCase: true`),
    requests: [
      { path: "/cAT", expect: TO_V2 },
      { path: "/cats", expect: TO_V1 },
    ],
  },
  {
    name: "a regex with its own flags",
    feature: "match.uri",
    http: matching(`    - uri: { regex: "(?i)/cat[^/]*" }`),
    requests: [
      { path: "/CATALOG", expect: TO_V2 },
      { path: "/cat/x", expect: TO_V1 },
    ],
  },
  {
    name: "an empty prefix, and no uri at all, are every path",
    feature: "match.uri",
    http: matching(`    - uri: { prefix: "" }\n      headers: { x-a: {} }\n    - headers: { x-b: {} }`),
    requests: [
      { path: "/any", headers: ["x-a: 1"], expect: TO_V2 },
      { path: "/any", headers: ["x-b: 1"], expect: TO_V2 },
      { path: "/any", expect: TO_V1 },
    ],
  },
  {
    name: "dots and encoded unreserved characters are taken out before matching; double slashes and %2F stay",
    feature: "match.uri",
    http: matching(`    - uri: { prefix: /admin }`),
    requests: [
      { path: "/./admin", expect: TO_V2 },
      { path: "/a/../admin", expect: TO_V2 },
      { path: "/a\\..\\admin", expect: TO_V2 },
      { path: "/%61dmin", expect: TO_V2 },
      { path: "//admin", expect: TO_V1 },
      { path: "/%2Fadmin", expect: TO_V1 },
    ],
  },
  {
    name: "names of headers count without regard to case, values with it",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - headers: { x-User: { exact: Jane } }`),
    requests: [
      { headers: ["X-USER: Jane"], expect: TO_V2 },
      { headers: ["x-user: jane"], expect: TO_V1 },
    ],
  },
  {
    name: "every line of a header that is there several times is matched by itself",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - headers: { x-a: { exact: "2" } }`),
    requests: [
      { headers: ["x-a: 1", "x-a: 2"], expect: TO_V2 },
      { headers: ["x-a: 1,2"], expect: TO_V1 },
    ],
  },
  {
    name: "a header's regex must match all of the value; * stands for presence",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - headers: { x-a: { regex: "[0-9]+" } }\n    - headers: { x-b: { regex: ".*" } }`),
    requests: [
      { headers: ["x-a: 12"], expect: TO_V2 },
      { headers: ["x-a: 12a"], expect: TO_V1 },
      { headers: ["x-b: anything"], expect: TO_V2 },
      { headers: ["x-b: "], expect: TO_V2 },
      { expect: TO_V1 },
    ],
  },
  {
    name: "cookies are matched in the header they are in",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - headers: { cookie: { regex: "^(.*?;)?(user=jason)(;.*)?$" } }`),
    requests: [
      { headers: ["cookie: user=jason"], expect: TO_V2 },
      { headers: ["cookie: a=b;user=jason;c=d"], expect: TO_V2 },
      { headers: ["cookie: user=jane"], expect: TO_V1 },
    ],
  },
  {
    name: "withoutHeaders by prefix and regex: a missing header is an empty one",
    feature: "match.headers, match.withoutHeaders",
    http: matching(
      `    - withoutHeaders: { x-a: { prefix: "no" } }\n      uri: { prefix: /p }\n    - withoutHeaders: { x-a: { regex: "y.*" } }\n      uri: { prefix: /r }`,
    ),
    requests: [
      { path: "/p", headers: ["x-a: nothing"], expect: TO_V1 },
      { path: "/p", headers: ["x-a: yes"], expect: TO_V2 },
      { path: "/p", expect: TO_V2 },
      { path: "/r", headers: ["x-a: yes"], expect: TO_V1 },
      { path: "/r", headers: ["x-a: no"], expect: TO_V2 },
      { path: "/r", expect: TO_V2 },
    ],
  },
  {
    name: "withoutHeaders by a regex that is true of everything: the header must be absent",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - withoutHeaders: { x-a: { regex: ".*" } }`),
    requests: [{ headers: ["x-a: 1"], expect: TO_V1 }, { expect: TO_V2 }],
  },
  {
    name: "headers and withoutHeaders together",
    feature: "match.headers, match.withoutHeaders",
    http: matching(`    - headers: { x-a: {} }\n      withoutHeaders: { x-b: {} }`),
    requests: [
      { headers: ["x-a: 1"], expect: TO_V2 },
      { headers: ["x-a: 1", "x-b: 1"], expect: TO_V1 },
    ],
  },
  {
    name: "method by prefix, and the method that a client made up",
    feature: "match.method",
    http: matching(`    - method: { prefix: "P" }`),
    requests: [
      { method: "PUT", headers: ["content-length: 0"], expect: TO_V2 },
      { method: "PATCH", headers: ["content-length: 0"], expect: TO_V2 },
      { method: "GET", expect: TO_V1 },
    ],
  },
  {
    name: "all labels of sourceLabels must be the client's",
    feature: "match.sourceLabels, match.sourceNamespace",
    http: matching(
      `    - sourceLabels: { app: client, version: v1 }\n      uri: { prefix: /both }\n    - sourceLabels: { app: client }\n      uri: { prefix: /one }`,
    ),
    requests: [
      { path: "/both", expect: TO_V2 },
      { path: "/one", expect: TO_V2 },
      { path: "/none", expect: TO_V1 },
    ],
    proxy: { labels: { app: "client", version: "v1", more: "x" } },
  },
  {
    name: "sourceNamespace of a client in another namespace",
    feature: "match.sourceLabels, match.sourceNamespace",
    http: matching(`    - sourceNamespace: shop`),
    requests: [{ host: "echo.default", expect: TO_V2 }],
    proxy: { namespace: "shop" },
  },
  {
    name: "gateways of a match: mesh is every sidecar, another gateway none",
    feature: "match.gateways",
    http: matching(
      `    - gateways: [mesh]\n      uri: { prefix: /mesh }\n    - gateways: [edge]\n      uri: { prefix: /edge }`,
    ),
    requests: [
      { path: "/mesh", expect: TO_V2 },
      { path: "/edge", expect: TO_V1 },
    ],
  },
  {
    name: "gateways of a match stand in place of sourceLabels",
    feature: "match.gateways",
    http: matching(`    - gateways: [mesh]\n      sourceLabels: { app: nobody }`),
    requests: [{ expect: TO_V2 }],
  },
  {
    name: "a rule with nothing for the client leaves the service's own route",
    feature: "match.sourceLabels, match.sourceNamespace",
    http: `
  - match: [{ sourceLabels: { app: other } }]
    route: [{ destination: { host: echo, subset: v2 } }]`,
    requests: [{ expect: { status: 200, body: "v1" } }],
    workloads: { v1: { labels: { app: "echo", version: "v1" } } },
  },
  {
    name: "prefix / with other conditions stays where it is",
    feature: "order of routes",
    http: `
  - match: [{ uri: { prefix: / }, headers: { x-a: {} } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - match: [{ uri: { prefix: /x } }]
    directResponse: { status: 418 }
  - route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/x", headers: ["x-a: 1"], expect: TO_V2 },
      { path: "/x", expect: { status: 418 } },
      { path: "/", expect: TO_V1 },
    ],
  },
  {
    name: "prefix / without conditions ends the rule",
    feature: "order of routes",
    http: `
  - match: [{ uri: { prefix: / } }]
    route: [{ destination: { host: echo, subset: v2 } }]
  - match: [{ uri: { exact: /x } }]
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [{ path: "/x", expect: TO_V2 }],
  },
  {
    name: "the first route that matches counts, not the most specific",
    feature: "order of routes",
    http: `
  - match: [{ uri: { prefix: /a } }]
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /a/b } }]
    route: [{ destination: { host: echo, subset: v2 } }]`,
    requests: [{ path: "/a/b", expect: TO_V1 }],
  },
];

export const CASES: readonly ContractCase[] = rows(ROWS);
