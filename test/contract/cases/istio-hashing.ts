/** What of a request chooses its endpoint, where a DestinationRule hashes. */
import type { ContractCase } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { get, got } from "../harness/steps.ts";

/** Endpoints hash by their addresses, which differ from run to run: so do the cookies that are made of clients' addresses. */
const COOKIE = [[/^set-cookie: c="[0-9a-f]{1,16}"/, 'set-cookie: c="{hash}"']] as const;

function hashed(hash: string, http = ""): string {
  const rule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  trafficPolicy: { loadBalancer: { consistentHash: { ${hash} } } }
  subsets: [{ name: v1, labels: { version: v1 } }]`;
  const routes = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec: { hosts: [echo], http: [${http}] }`;
  return service("echo", "echo") + rule + (http === "" ? "" : routes);
}

interface Row {
  readonly name: string;
  readonly hash: string;
  readonly http?: string;
  readonly headers?: readonly string[];
  readonly path?: string;
  readonly got?: readonly (string | RegExp)[];
  readonly notGot?: readonly (string | RegExp)[];
}

const ROWS: readonly Row[] = [
  {
    name: "a cookie with a ttl is made for clients without it",
    hash: "httpCookie: { name: c, ttl: 60s }",
    got: [/^set-cookie: c="\{hash\}"; Max-Age=60; HttpOnly$/],
  },
  {
    name: "a cookie has its path and attributes",
    hash: "httpCookie: { name: c, path: /p, ttl: 60s, attributes: [{ name: SameSite, value: Strict }, { name: Secure }] }",
    got: [/Path=\/p/, /SameSite=Strict/, /Secure/],
  },
  {
    name: "a cookie with a ttl of 0 is the browser session's",
    hash: "httpCookie: { name: c, ttl: 0s }",
    got: [/^set-cookie: c=/],
    notGot: [/Max-Age/],
  },
  { name: "a cookie without a ttl is not made", hash: "httpCookie: { name: c }", notGot: [/set-cookie/] },
  {
    name: "a cookie that the client has is not made again",
    hash: "httpCookie: { name: c, ttl: 60s }",
    headers: ["cookie: a=b; c=d"],
    notGot: [/set-cookie/],
  },
  {
    name: "a cookie is made in a VirtualService's route too",
    hash: "httpCookie: { name: c, ttl: 60s }",
    http: "{ route: [{ destination: { host: echo } }] }",
    got: [/^set-cookie: c=/],
  },
  {
    name: "a subset hashes as its service does",
    hash: "httpCookie: { name: c, ttl: 60s }",
    http: "{ route: [{ destination: { host: echo, subset: v1 } }] }",
    got: [/^set-cookie: c=/],
  },
  { name: "by a header", hash: "httpHeaderName: x-user", headers: ["x-user: jane"] },
  { name: "by a header that is not there", hash: "httpHeaderName: x-user" },
  { name: "by a query parameter", hash: "httpQueryParameterName: user", path: "/?user=jane" },
  { name: "by the client's address, in a Maglev table", hash: "useSourceIp: true, maglev: { tableSize: 257 }" },
];

export const CASES: readonly ContractCase[] = ROWS.map(({ name, hash, http, headers = [], path = "/", ...expect }) => ({
  name,
  feature: "DestinationRule: consistentHash",
  istio: { yaml: hashed(hash, http), workloads: { v1: { labels: { app: "echo", version: "v1" } } } },
  client: [get(path, "Host: echo", ...headers), got(1), get(path, "Host: echo", ...headers), got(2)],
  expect: { answers: ["200 v1", "200 v1"], ...expect },
  mask: COOKIE,
}));
