/** VirtualServices without hosts, and those that delegate to them. */
import { rows, service, TO_V1, TO_V2 } from "../harness/istio.ts";
import type { Row } from "../harness/istio.ts";
import type { ContractCase } from "../harness/case.ts";

const V1 = "route: [{ destination: { host: echo, subset: v1 } }]";
const V2 = "route: [{ destination: { host: echo, subset: v2 } }]";

function delegate(http: string, { name = "part", namespace = "default", more = "" } = {}): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
${more}
  http:${http}`;
}
/** What the root hands over, then the rest to v1. */
const root = (fields: string): string => `
  - ${fields}
    delegate: { name: part }
  - ${V1}`;
const prefix = (path: string): string => `match: [{ uri: { prefix: ${path} } }]`;

/** A delegate whose one match is a part of the root's, or is not. */
const PARTS: readonly (readonly [name: string, root: string, leaf: string, path: string, taken: boolean])[] = [
  ["a longer prefix", "uri: { prefix: /a }", "uri: { prefix: /a/b }", "/a/b/c", true],
  ["the same prefix", "uri: { prefix: /a }", "uri: { prefix: /a }", "/a/b", true],
  ["a shorter prefix", "uri: { prefix: /a/b }", "uri: { prefix: /a }", "/a/b", false],
  ["an exact path below the prefix", "uri: { prefix: /a }", "uri: { exact: /a/b }", "/a/b", true],
  ["a prefix elsewhere", "uri: { prefix: /a }", "uri: { prefix: /b }", "/b", false],
  ["the same exact path", "uri: { exact: /a }", "uri: { exact: /a }", "/a", true],
  ["a prefix of the exact path", "uri: { exact: /a }", "uri: { prefix: /a }", "/a", false],
  ["a path where the root has a regex", "uri: { regex: '/a.*' }", "uri: { exact: /ab }", "/ab", false],
  ["a regex where the root has a prefix", "uri: { prefix: /a }", "uri: { regex: '/a/[0-9]+' }", "/a/1", false],
  [
    "a regex where the root says nothing of the path",
    "method: { exact: GET }",
    "uri: { regex: '/a/[0-9]+' }",
    "/a/1",
    true,
  ],
  ["another method", "method: { exact: GET }", "method: { exact: POST }", "/", false],
  ["a header that the root does not ask for", "uri: { prefix: /a }", "headers: { x-none: {} }", "/a", false],
];

const ROWS: readonly Row[] = [
  {
    name: "a delegate's routes stand in the root's place, in order",
    feature: "delegate",
    http: `
  - ${prefix("/first")}
    ${V1}
  - ${prefix("/a")}
    delegate: { name: part }
  - ${V1}`,
    more: delegate(`
  - match: [{ uri: { prefix: /a/two } }]
    ${V2}
  - match: [{ uri: { prefix: /a/teapot } }]
    directResponse: { status: 418 }`),
    requests: [
      { path: "/first", expect: TO_V1 },
      { path: "/a/two", expect: TO_V2 },
      { path: "/a/teapot", expect: { status: 418 } },
      { path: "/a/other", expect: TO_V1 },
      { path: "/b", expect: TO_V1 },
    ],
  },
  ...PARTS.map(([name, wide, narrow, path, taken]): Row => ({
    name: `a delegate that asks for ${name} ${taken ? "gets it" : "gets nothing"}`,
    feature: "delegate: matches",
    http: root(`match: [{ ${wide} }]`),
    more: delegate(`
  - match: [{ ${narrow} }]
    ${V2}`),
    requests: [{ path, expect: taken ? TO_V2 : TO_V1 }],
  })),
  {
    name: "a delegate without a match has the root's",
    feature: "delegate: matches",
    http: root("match: [{ uri: { prefix: /a } }, { headers: { x-a: {} } }]"),
    more: delegate(`
  - ${V2}`),
    requests: [
      { path: "/a", expect: TO_V2 },
      { path: "/", headers: ["x-a: 1"], expect: TO_V2 },
      { path: "/", expect: TO_V1 },
    ],
  },
  {
    name: "a root without a match hands over everything",
    feature: "delegate: matches",
    http: root("name: all"),
    more: delegate(`
  - ${prefix("/a")}
    ${V2}`),
    requests: [
      { path: "/a", expect: TO_V2 },
      { path: "/b", expect: TO_V1 },
    ],
  },
  {
    name: "conditions of both must hold",
    feature: "delegate: matches",
    http: root("match: [{ uri: { prefix: /a }, headers: { x-root: { exact: r } } }]"),
    more: delegate(`
  - match: [{ headers: { x-part: { exact: p } }, queryParams: { q: { exact: "1" } } }]
    ${V2}`),
    requests: [
      { path: "/a?q=1", headers: ["x-root: r", "x-part: p"], expect: TO_V2 },
      { path: "/a?q=1", headers: ["x-root: r"], expect: TO_V1 },
      { path: "/a?q=1", headers: ["x-part: p"], expect: TO_V1 },
      { path: "/a", headers: ["x-root: r", "x-part: p"], expect: TO_V1 },
    ],
  },
  {
    name: "header operations of the delegate replace the root's as a whole",
    feature: "delegate: fields",
    http: root(`${prefix("/a")}
    headers: { request: { set: { x-root: r } }, response: { set: { x-root: r } } }`),
    more: delegate(`
  - match: [{ uri: { prefix: /a/own } }]
    headers: { request: { set: { x-part: p } } }
    ${V2}
  - ${V2}`),
    requests: [
      { path: "/a/own", expect: { ...TO_V2, sent: ["x-part: p"] } },
      { path: "/a/root", expect: { ...TO_V2, sent: ["x-root: r"], got: ["x-root: r"] } },
    ],
  },
  {
    name: "a rewrite of the root is for delegates without one",
    feature: "delegate: fields",
    http: root(`${prefix("/a")}
    rewrite: { uri: /root, authority: root.example }`),
    more: delegate(`
  - match: [{ uri: { prefix: /a/own } }]
    rewrite: { uri: /part }
    ${V2}
  - ${V2}`),
    requests: [
      { path: "/a/own/x", expect: { ...TO_V2, sent: ["GET /part/x ", "host: echo"] } },
      { path: "/a/other", expect: { ...TO_V2, sent: ["GET /root/other ", "host: root.example"] } },
    ],
  },
  {
    name: "a missing delegate: nothing else matches, 404",
    feature: "delegate: left out",
    http: `
  - ${prefix("/a")}
    delegate: { name: nobody }
  - ${prefix("/b")}
    ${V1}`,
    requests: [
      { path: "/a", expect: { status: 404, body: "" } },
      { path: "/b", expect: TO_V1 },
    ],
  },
  {
    name: "a root of which nothing is left is as if it were not there",
    feature: "delegate: left out",
    http: `
  - delegate: { name: nobody }`,
    requests: [{ expect: TO_V1 }],
    workloads: { v1: { labels: { app: "echo", version: "v1" } } },
  },
  {
    name: "a VirtualService with hosts is no delegate",
    feature: "delegate: left out",
    http: root(prefix("/a")),
    more: delegate(
      `
  - ${V2}`,
      { more: "  hosts: [other.example]" },
    ),
    requests: [{ path: "/a", expect: TO_V1 }],
  },
  {
    name: "a delegate in another namespace; its short names are of its own",
    feature: "delegate: namespaces",
    http: `
  - delegate: { name: part, namespace: shop }`,
    more:
      service("echo", "echo").replace("name: echo }", "name: echo, namespace: shop }") +
      delegate(
        `
  - route: [{ destination: { host: echo } }]`,
        { namespace: "shop" },
      ),
    requests: [{ expect: { status: 503, body: "no healthy upstream" } }],
  },
  {
    name: "a delegate that is not exported to the root's namespace",
    feature: "delegate: namespaces",
    http: `
  - ${prefix("/a")}
    delegate: { name: part, namespace: shop }
  - ${V1}`,
    more: delegate(
      `
  - route: [{ destination: { host: echo.default.svc.cluster.local, subset: v2 } }]`,
      { namespace: "shop", more: '  exportTo: ["."]' },
    ),
    requests: [{ path: "/a", expect: TO_V1 }],
  },
  {
    name: "a delegate for sidecars of some labels only",
    feature: "delegate: matches",
    http: root(prefix("/a")),
    more: delegate(`
  - match: [{ sourceLabels: { app: client }, uri: { prefix: /a/mine } }, { sourceLabels: { app: other }, uri: { prefix: /a/theirs } }]
    ${V2}`),
    requests: [
      { path: "/a/mine", expect: TO_V2 },
      { path: "/a/theirs", expect: TO_V1 },
    ],
  },
];

export const CASES: readonly ContractCase[] = rows(ROWS);
