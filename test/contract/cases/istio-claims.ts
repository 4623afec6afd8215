/** Routes at gateways by what tokens say: `@request.auth.claims` in matches of VirtualServices. */
import { jwk, jwks, token } from "../../support/tokens.ts";
import type { ContractCase } from "../harness/case.ts";
import { echo } from "../harness/istio.ts";
import type { Step } from "../harness/case.ts";
import { get, got } from "../harness/steps.ts";

const EDGE = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: gw }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example"] }]`;

const authentication = (rules: readonly string[], more = ""): string => `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { selector: { matchLabels: { istio: gw } }, jwtRules: [${rules.join(", ")}]${more} }`;

const RULE = `{ issuer: "https://issuer.test", jwks: '${jwks(jwk("rsa"))}' }`;
const OTHER = `{ issuer: "https://other.test", jwks: '${jwks(jwk("rsa"))}', fromHeaders: [{ name: x-other }] }`;

const bearer = (claims: object = {}): string => `authorization: Bearer ${token(claims)}`;
const to = (subset: string, more = ""): string =>
  `{ ${more}route: [{ destination: { host: echo, subset: ${subset} } }] }`;

type Ask = readonly [answer: string, ...lines: string[]];

interface Row {
  readonly name: string;
  /** Of the first route, to v2; the rest goes to v1. */
  readonly match: string;
  readonly asks: readonly Ask[];
  readonly rules?: readonly string[];
  /** In place of both routes. */
  readonly http?: string;
  readonly more?: string;
  readonly path?: string;
}

function row({ name, match, asks, rules = [RULE], http, more = "", path = "/" }: Row): ContractCase {
  const virtualService = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec: { hosts: [a.example], gateways: [edge], http: ${http ?? `[${to("v2", `match: [${match}], `)}, ${to("v1")}]`} }`;
  return {
    name,
    feature: "VirtualService: routing by claims of tokens",
    istio: {
      ...echo("", EDGE + (rules.length === 0 ? "" : authentication(rules)) + virtualService + more),
      proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 8080 } },
    },
    client: asks.flatMap(([, ...lines], index): Step[] => [get(path, "Host: a.example", ...lines), got(index + 1)]),
    expect: { answers: asks.map(([answer]) => answer) },
  };
}

const V1 = "200 v1";
const V2 = "200 v2";
const claim = (key: string, form: string): string => `{ headers: { "@request.auth.claims${key}": ${form} } }`;
const without = (key: string, form: string): string => `{ withoutHeaders: { "@request.auth.claims${key}": ${form} } }`;

const ROWS: readonly Row[] = [
  {
    name: "exact",
    match: claim(".group", "{ exact: dev }"),
    asks: [[V2, bearer({ group: "dev" })], [V1, bearer({ group: "developers" })], [V1, bearer()], [V1]],
  },
  {
    name: "prefix",
    match: claim(".group", "{ prefix: dev }"),
    asks: [
      [V2, bearer({ group: "dev" })],
      [V2, bearer({ group: "developers" })],
      [V1, bearer({ group: "a dev" })],
    ],
  },
  {
    name: "regex: all of the claim",
    match: claim(".group", '{ regex: "dev|ops-[0-9]+" }'),
    asks: [
      [V2, bearer({ group: "dev" })],
      [V2, bearer({ group: "ops-17" })],
      [V1, bearer({ group: "ops-17a" })],
    ],
  },
  {
    name: "one of a list",
    match: claim(".group", "{ exact: dev }"),
    asks: [
      [V2, bearer({ group: ["ops", "dev"] })],
      [V1, bearer({ group: ["ops"] })],
      [V1, bearer({ group: [] })],
      [V1, bearer({ group: [["dev"]] })],
    ],
  },
  {
    name: "numbers and truth values are no texts",
    match: claim(".level", '{ exact: "1" }'),
    asks: [
      [V1, bearer({ level: 1 })],
      [V1, bearer({ level: true })],
      [V2, bearer({ level: "1" })],
    ],
  },
  {
    name: "nested, by dots",
    match: claim(".realm.roles", "{ exact: admin }"),
    asks: [
      [V2, bearer({ realm: { roles: ["admin", "user"] } })],
      [V1, bearer({ realm: { roles: ["user"] } })],
      [V1, bearer({ "realm.roles": "admin" })],
      [V1, bearer({ realm: "admin" })],
    ],
  },
  {
    name: "nested, by brackets",
    match: claim("[realm][roles]", "{ exact: admin }"),
    asks: [
      [V2, bearer({ realm: { roles: "admin" } })],
      [V1, bearer({ roles: "admin" })],
    ],
  },
  {
    name: "brackets: a name with dots",
    match: claim("[https://x.test/group]", "{ exact: dev }"),
    asks: [
      [V2, bearer({ "https://x.test/group": "dev" })],
      [V1, bearer({ group: "dev" })],
    ],
  },
  {
    name: "dots first: brackets are part of a name",
    match: claim(".[group]", "{ exact: dev }"),
    asks: [
      [V2, bearer({ "[group]": "dev" })],
      [V1, bearer({ group: "dev" })],
    ],
  },
  {
    name: "names of claims have their case, the word before them has none",
    match: '{ headers: { "@Request.Auth.Claims.Group": { exact: dev } } }',
    asks: [
      [V2, bearer({ Group: "dev" })],
      [V1, bearer({ group: "dev" })],
    ],
  },
  {
    name: "scope is a list with spaces",
    match: claim(".scope", "{ exact: write }"),
    asks: [
      [V2, bearer({ scope: "read write" })],
      [V1, bearer({ scope: "read writes" })],
    ],
  },
  {
    name: "iss and sub are claims like others",
    match: claim(".sub", "{ exact: alice }"),
    asks: [
      [V2, bearer()],
      [V1, bearer({ sub: "bob" })],
    ],
  },
  {
    name: "withoutHeaders: another value, or none at all",
    match: without(".group", "{ exact: dev }"),
    asks: [
      [V1, bearer({ group: "dev" })],
      [V1, bearer({ group: ["ops", "dev"] })],
      [V2, bearer({ group: "ops" })],
      [V2, bearer()],
      [V2],
    ],
  },
  {
    name: "with a header and a path",
    match: '{ uri: { prefix: /x }, headers: { "@request.auth.claims.group": { exact: dev }, x-a: { exact: b } } }',
    path: "/x/y",
    asks: [
      [V2, bearer({ group: "dev" }), "x-a: b"],
      [V1, bearer({ group: "dev" })],
      [V1, "x-a: b"],
    ],
  },
  {
    name: "two claims of one match",
    match: '{ headers: { "@request.auth.claims.a": { exact: x }, "@request.auth.claims[b]": { exact: y } } }',
    asks: [
      [V2, bearer({ a: "x", b: "y" })],
      [V1, bearer({ a: "x" })],
      [V1, bearer({ b: "y" })],
    ],
  },
  {
    name: "two matches: either",
    match: `${claim(".a", "{ exact: x }")}, ${claim(".b", "{ exact: y }")}`,
    asks: [
      [V2, bearer({ a: "x" })],
      [V2, bearer({ b: "y" })],
      [V1, bearer({ a: "y" })],
    ],
  },
  {
    name: "no header can say what only a token may",
    match: claim(".group", "{ exact: dev }"),
    asks: [
      [V1, "request.auth.claims.group: dev"],
      ["400 Bad Request", "@request.auth.claims.group: dev"],
    ],
  },
  {
    name: "a token that is refused routes nothing",
    match: claim(".group", "{ exact: dev }"),
    asks: [
      ["401 Jwt verification fails", `authorization: Bearer ${token({ group: "dev" }, { key: "rsa2" })}`],
      ["401 Jwt is expired", bearer({ group: "dev", exp: 1 })],
    ],
  },
  {
    name: "without RequestAuthentication there are no claims",
    rules: [],
    match: claim(".group", "{ exact: dev }"),
    asks: [[V1, bearer({ group: "dev" })]],
  },
  {
    name: "a token of one of two issuers",
    rules: [RULE, OTHER],
    match: claim(".iss", '{ exact: "https://other.test" }'),
    asks: [[V2, `x-other: ${token({ iss: "https://other.test" })}`], [V1, bearer()], [V1]],
  },
  {
    name: "a route by a claim, and no other",
    match: "",
    http: `[${to("v2", `match: [${claim(".group", "{ exact: dev }")}], `)}]`,
    asks: [
      [V2, bearer({ group: "dev" })],
      ["404 ", bearer()],
    ],
  },
  {
    name: "a match on all paths with a claim does not end the routes",
    match: '{ uri: { prefix: / }, headers: { "@request.auth.claims.group": { exact: dev } } }',
    asks: [
      [V2, bearer({ group: "dev" })],
      [V1, bearer({ group: "ops" })],
    ],
  },
  {
    name: "what is allowed by the same claim",
    match: claim("[group]", "{ exact: dev }"),
    more: `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p }
spec:
  selector: { matchLabels: { istio: gw } }
  rules: [{ when: [{ key: "request.auth.claims[group]", values: [dev, ops] }] }]`,
    asks: [
      [V2, bearer({ group: "dev" })],
      [V1, bearer({ group: "ops" })],
      ["403 RBAC: access denied", bearer({ group: "hr" })],
      ["403 RBAC: access denied"],
    ],
  },
  {
    name: "the claim of a header that tokens set",
    rules: [RULE.replace(" }", ", outputClaimToHeaders: [{ header: x-group, claim: group }] }")],
    match: "{ headers: { x-group: { exact: dev } } }",
    asks: [
      [V2, bearer({ group: "dev" })],
      // The header is gone then, but its route had been chosen.
      [V2, "x-group: dev"],
      [V1, bearer({ group: "ops" }), "x-group: dev"],
    ],
  },
];

export const CASES: readonly ContractCase[] = ROWS.map(row);
