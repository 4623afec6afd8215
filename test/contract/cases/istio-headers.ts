/** VirtualServices: header operations and rewrites, in Istio's order. */
import { HEADER_COMMANDS } from "../../../packages/control/src/translate/header-format.ts";
import { routed, rows, TO_V1 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";
import { answer } from "../harness/steps.ts";

/** Operations at the route, and at one or two destinations. */
function atBoth(route: string, destination: string, count: 1 | 2): string {
  const one = `
    - destination: { host: echo, subset: v1 }
      weight: 1
      headers: { ${destination} }`;
  return `
  - headers: { ${route} }
    route:${one.repeat(count)}`;
}
const request = (fields: string): string => routed(`    headers: { request: { ${fields} } }`);
const response = (fields: string): string => routed(`    headers: { response: { ${fields} } }`);

const ROWS: readonly Row[] = [
  {
    name: "one destination: the route's operations come first, so the destination's set wins",
    feature: "headers: order",
    http: atBoth("request: { set: { x-a: route } }", "request: { set: { x-a: destination } }", 1),
    requests: [{ headers: ["x-a: client"], expect: { ...TO_V1, sent: ["x-a: destination"], notSent: ["x-a: route"] } }],
  },
  {
    name: "several destinations: the route's operations come last, so its set wins",
    feature: "headers: order",
    http: atBoth("request: { set: { x-a: route } }", "request: { set: { x-a: destination } }", 2),
    requests: [{ headers: ["x-a: client"], expect: { ...TO_V1, sent: ["x-a: route"], notSent: ["x-a: destination"] } }],
  },
  {
    name: "several destinations of which one has no weight count as several",
    feature: "headers: order",
    http: `
  - headers: { request: { set: { x-a: route } }, response: { set: { x-b: route } } }
    route:
    - destination: { host: echo, subset: v1 }
      weight: 100
      headers: { request: { set: { x-a: destination, Host: d.test } }, response: { set: { x-b: destination } } }
    - { destination: { host: echo, subset: v2 }, weight: 0 }`,
    requests: [
      {
        headers: ["x-a: client"],
        expect: { ...TO_V1, sent: ["x-a: route", "host: d.test"], notSent: ["x-a: destination"], got: ["x-b: route"] },
      },
    ],
  },
  {
    name: "what both levels add is there twice",
    feature: "headers: order",
    http: atBoth("request: { add: { x-a: route } }", "request: { add: { x-a: destination } }", 1),
    requests: [{ expect: { ...TO_V1, sent: ["x-a: route", "x-a: destination"] } }],
  },
  {
    name: "of response headers too, with one destination",
    feature: "headers: order",
    http: atBoth("response: { set: { x-a: route } }", "response: { set: { x-a: destination } }", 1),
    requests: [{ expect: { ...TO_V1, got: ["x-a: destination"], notGot: ["x-a: route"] } }],
  },
  {
    name: "of response headers too, with several destinations",
    feature: "headers: order",
    http: atBoth("response: { set: { x-a: route } }", "response: { set: { x-a: destination } }", 2),
    requests: [{ expect: { ...TO_V1, got: ["x-a: route"], notGot: ["x-a: destination"] } }],
  },
  {
    name: "set comes before add",
    feature: "headers: order",
    http: request("add: { x-a: added }, set: { x-a: set }"),
    requests: [
      { headers: ["x-a: client"], expect: { ...TO_V1, sent: ["x-a: set", "x-a: added"], notSent: ["x-a: client"] } },
    ],
  },
  {
    name: "remove of a header that is set, or added, changes nothing",
    feature: "headers: order",
    http: request("set: { x-a: set }, add: { x-b: added }, remove: [x-a, x-b]"),
    requests: [
      {
        headers: ["x-a: client", "x-b: client"],
        expect: { ...TO_V1, sent: ["x-a: set", "x-b: added"], notSent: ["x-b: client"] },
      },
    ],
  },
  {
    name: "an empty value changes nothing",
    feature: "headers: values",
    http: request('set: { x-a: "" }, add: { x-b: "" }'),
    requests: [{ headers: ["x-a: client"], expect: { ...TO_V1, sent: ["x-a: client"], notSent: [/^x-b/] } }],
  },
  {
    name: "names count without regard to case, and are sent in lower case",
    feature: "headers: values",
    http: request("set: { X-Mixed: v }, remove: [X-Gone]"),
    requests: [
      { headers: ["x-MIXED: c", "x-gOne: 1"], expect: { ...TO_V1, sent: ["x-mixed: v"], notSent: [/gone/i] } },
    ],
  },
  {
    name: "every line of a header is replaced, or removed",
    feature: "headers: values",
    http: request("set: { x-a: one }, remove: [x-b]"),
    requests: [
      {
        headers: ["x-a: 1", "x-a: 2", "x-b: 1", "x-b: 2"],
        expect: { ...TO_V1, sent: ["x-a: one"], notSent: [/^x-a: \d/, /^x-b/] },
      },
    ],
  },
  {
    name: "values with commands: of the request, of the connection, and a doubled percent sign",
    feature: "headers: values",
    http: request('set: { x-a: "%REQ(x-user)%", x-b: "%PROTOCOL% %%", x-c: "<%REQ(x-none)%>" }'),
    requests: [{ headers: ["x-user: jane"], expect: { ...TO_V1, sent: ["x-a: jane", "x-b: HTTP/1.1 %", "x-c: <>"] } }],
  },
  {
    name: "a value of a command that has none is left out",
    feature: "headers: values",
    http: request('set: { x-a: "%REQ(x-none)%" }'),
    requests: [{ expect: { ...TO_V1, notSent: [/^x-a/] } }],
  },
  {
    name: "response: set, add and remove",
    feature: "headers",
    http: response("set: { x-a: set }, add: { x-b: added }, remove: [x-secret]"),
    requests: [
      { expect: { ...TO_V1, got: ["x-a: set", "x-b: backend", "x-b: added"], notGot: [/secret/, "x-a: backend"] } },
    ],
    with: { upstreams: { v1: answer(200, "v1", "x-a: backend", "x-b: backend", "x-secret: 1") } },
  },
  {
    name: "response operations are for redirects and direct responses too",
    feature: "headers",
    http: `
  - match: [{ uri: { prefix: /r } }]
    headers: { response: { set: { x-a: r } } }
    redirect: { uri: /to }
  - headers: { response: { set: { x-a: d } } }
    directResponse: { status: 200, body: { string: hi } }`,
    requests: [
      { path: "/r", expect: { status: 301, got: ["x-a: r"] } },
      { path: "/d", expect: { status: 200, body: "hi", got: ["x-a: d"] } },
    ],
  },
  {
    name: "response operations are for what the proxy answers itself",
    feature: "headers",
    http: `
  - headers: { response: { set: { x-a: v } } }
    route: [{ destination: { host: echo, subset: nobody } }]`,
    requests: [{ expect: { status: 503, body: "no healthy upstream", got: ["x-a: v"] } }],
  },
  {
    name: "Host is rewritten by set, by add, and by :authority",
    feature: "headers: authority",
    http: `
  - match: [{ uri: { prefix: /set } }]
    headers: { request: { set: { Host: set.example } } }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /add } }]
    headers: { request: { add: { host: add.example } } }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /auth } }]
    headers: { request: { set: { ":authority": auth.example } } }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: ["set", "add", "auth"].map((name) => ({
      path: `/${name}`,
      expect: { ...TO_V1, sent: [`host: ${name}.example`] },
    })),
  },
  {
    name: "a rewrite of the authority wins over the route's set of Host, that over the destination's",
    feature: "headers: authority",
    http: `
  - match: [{ uri: { prefix: /rewrite } }]
    headers: { request: { set: { Host: set.example } } }
    rewrite: { authority: rewrite.example }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /route } }]
    headers: { request: { set: { Host: route.example } } }
    route: [{ destination: { host: echo, subset: v1 }, headers: { request: { set: { Host: destination.example } } } }]
  - match: [{ uri: { prefix: /destination } }]
    route: [{ destination: { host: echo, subset: v1 }, headers: { request: { set: { Host: destination.example } } } }]`,
    requests: ["rewrite", "route", "destination"].map((name) => ({
      path: `/${name}`,
      expect: { ...TO_V1, sent: [`host: ${name}.example`] },
    })),
  },
  {
    name: "several destinations may each have a Host of their own",
    feature: "headers: authority",
    http: `
  - route:
    - { destination: { host: echo, subset: v1 }, weight: 1, headers: { request: { set: { Host: own.example } } } }
    - { destination: { host: echo, subset: v1 }, weight: 1, headers: { request: { set: { Host: own.example } } } }`,
    requests: [{ expect: { ...TO_V1, sent: ["host: own.example"] } }],
  },
  {
    name: "a rewrite of the authority wins over the Host of each of several destinations",
    feature: "headers: authority",
    http: `
  - rewrite: { authority: rewrite.example }
    route:
    - { destination: { host: echo, subset: v1 }, weight: 1, headers: { request: { set: { Host: own.example } } } }
    - { destination: { host: echo, subset: v1 }, weight: 1, headers: { request: { set: { Host: own.example } } } }`,
    requests: [{ expect: { ...TO_V1, sent: ["host: rewrite.example"] } }],
  },
  {
    name: "a prefix is rewritten as it is written, a rest and the query stay",
    feature: "rewrite",
    http: `
  - match: [{ uri: { prefix: /api/v1/ } }]
    rewrite: { uri: / }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /api } }]
    rewrite: { uri: "" , authority: api.example }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/api/v1/x?y=/api/v1/", expect: { ...TO_V1, sent: ["GET /x?y=/api/v1/ "] } },
      { path: "/api/other", expect: { ...TO_V1, sent: ["GET /api/other ", "host: api.example"] } },
    ],
  },
  {
    name: "a regex match is rewritten whole, a path that ignores its case by its length",
    feature: "rewrite",
    http: `
  - match: [{ uri: { regex: "/r/[0-9]+" } }]
    rewrite: { uri: /whole }
    route: [{ destination: { host: echo, subset: v1 } }]
  - match: [{ uri: { prefix: /Case }, ignoreUriCase: true }]
    rewrite: { uri: /c }
    route: [{ destination: { host: echo, subset: v1 } }]`,
    requests: [
      { path: "/r/12?q=1", expect: { ...TO_V1, sent: ["GET /whole?q=1 "] } },
      { path: "/cASE/x", expect: { ...TO_V1, sent: ["GET /c/x "] } },
    ],
  },
  {
    name: "a regex rewrite changes every match, groups and all, and not the query",
    feature: "rewrite",
    http: routed(`    rewrite: { uriRegexRewrite: { match: "([a-z])([0-9])", rewrite: '\\2\\1' } }`),
    requests: [{ path: "/a1/b2?c3", expect: { ...TO_V1, sent: ["GET /1a/2b?c3 "] } }],
  },
  {
    name: "the path as it was is told with what replaced it",
    feature: "rewrite",
    http: routed("    rewrite: { uri: /new }"),
    requests: [{ path: "/old", expect: { ...TO_V1, sent: ["x-envoy-original-path: /old"] } }],
  },
];

/** Arguments of commands that cannot be without one, or take only some. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  METADATA: "DYNAMIC:a:b",
  XFCC_VALUE: "uri",
  CLUSTER_METADATA: "istio:services",
  UPSTREAM_METADATA: "istio:workload",
  DYNAMIC_METADATA: "a:b",
};
const sample = (name: string, needsArgument: boolean): string =>
  needsArgument ? `<%${name}(${ARGUMENTS[name] ?? "x-user"})%>` : `<%${name}%>`;

/** Both proxies take every command that the control plane takes for one. */
const COMMANDS: Row = {
  name: "every command that a header value may have",
  feature: "headers: values",
  http: `
  - route: [{ destination: { host: echo, subset: v1 } }]
    headers:
      request:
        set:${[...HEADER_COMMANDS]
          .map(([name, { argument }], index) => `\n          x-c${index}: "${sample(name, !argument.test(""))}"`)
          .join("")}`,
  requests: [{ headers: ["x-user: jane"], expect: { ...TO_V1, sent: ["x-c0: <"] } }],
  with: { mask: [[/^(x-c[1-9]\d*): <.*>$/, "$1: <{value}>"]] },
};

export const CASES: readonly ContractCase[] = rows([...ROWS, COMMANDS]);
