/** RequestAuthentications at a sidecar, and AuthorizationPolicies that ask for what tokens say. */
import { jwk, jwks, token } from "../../support/tokens.ts";
import type { ContractCase } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, get, got, request } from "../harness/steps.ts";

const ISSUER = "https://issuer.test";
const KEYS = `jwks: '${jwks(jwk("rsa"))}'`;

/** What is answered, or what the application gets where it is asked for. */
type Ask = readonly [answer: string, path: string, ...lines: readonly string[]];

interface Row {
  readonly name: string;
  readonly feature: string;
  /** Items of `jwtRules`, in flow style. */
  readonly rules?: readonly string[];
  /** Specs of AuthorizationPolicies. */
  readonly policies?: readonly string[];
  readonly asks: readonly Ask[];
  readonly sent?: readonly (string | RegExp)[];
  readonly notSent?: readonly (string | RegExp)[];
  readonly got?: readonly (string | RegExp)[];
  readonly more?: string;
}

function rule(more = "", issuer = ISSUER): string {
  return `{ issuer: "${issuer}", ${KEYS}${more === "" ? "" : `, ${more}`} }`;
}

function row({ name, feature, rules = [rule()], policies = [], asks, more = "", ...seen }: Row): ContractCase {
  const authentication = `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec:
  jwtRules:
${rules.map((each) => `  - ${each}`).join("\n")}`;
  const authorization = policies.map(
    (spec, index) => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p${index} }
spec: ${spec}`,
  );
  return {
    name,
    feature: `RequestAuthentication: ${feature}`,
    istio: {
      yaml: service("echo", "echo") + authentication + authorization.join("") + more,
      workloads: {},
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
    },
    client: asks.flatMap(([, path, ...lines], index) => [
      path.startsWith("OPTIONS ")
        ? request("OPTIONS", path.slice("OPTIONS ".length), "Host: echo", ...lines)
        : get(path, "Host: echo", ...lines),
      got(index + 1),
    ]),
    expect: { answers: asks.map(([expected]) => expected), ...seen },
    upstreams: { app: answer(200, "app") },
  };
}

const bearer = (text: string): string => `authorization: Bearer ${text}`;
const GOOD = token();
const OK = "200 app";
const NO = "403 RBAC: access denied";
const allow = (rules: string): string => `{ rules: [${rules}] }`;
const when = (key: string, ...values: readonly string[]): string =>
  allow(`{ when: [{ key: "${key}", values: [${values.map((value) => `"${value}"`).join(", ")}] }] }`);

const TOKENS: readonly Row[] = [
  {
    name: "a token must be valid where there is one",
    feature: "jwtRules",
    asks: [
      [OK, "/", bearer(GOOD)],
      [OK, "/"],
      ["401 Jwt verification fails", "/", bearer(token({}, { key: "rsa2" }))],
      ["401 Jwt is expired", "/", bearer(token({ exp: 1 }))],
      ["401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections", "/", bearer("x")],
      ["401 Jwt issuer is not configured", "/", bearer(token({ iss: "https://other.test" }))],
    ],
  },
  {
    name: "tokens in the query, too",
    feature: "jwtRules",
    asks: [
      [OK, `/?access_token=${GOOD}`],
      ["401 Jwt verification fails", `/?access_token=${token({}, { key: "rsa2" })}`],
    ],
  },
  {
    name: "fromHeaders, fromParams, fromCookies instead",
    feature: "jwtRules.from…",
    rules: [rule('fromHeaders: [{ name: x-jwt, prefix: "T " }], fromParams: [t], fromCookies: [c]')],
    policies: [allow('{ from: [{ source: { requestPrincipals: ["*"] } }] }')],
    asks: [
      [OK, "/", `x-jwt: T ${GOOD}`],
      [OK, `/?t=${GOOD}`],
      [OK, "/", `cookie: c=${GOOD}`],
      [NO, "/", bearer(GOOD)],
    ],
  },
  {
    name: "the token stays here unless it is forwarded",
    feature: "jwtRules.forwardOriginalToken",
    asks: [[OK, "/", bearer(GOOD)]],
    notSent: ["authorization"],
  },
  {
    name: "forwardOriginalToken",
    feature: "jwtRules.forwardOriginalToken",
    rules: [rule("forwardOriginalToken: true")],
    asks: [[OK, "/", bearer(GOOD)]],
    sent: ["authorization: Bearer"],
  },
  {
    name: "claims to headers, and the whole payload",
    feature: "jwtRules.outputClaimToHeaders",
    rules: [rule("outputClaimToHeaders: [{ header: x-sub, claim: sub }], outputPayloadToHeader: x-payload")],
    asks: [[OK, "/", bearer(token({ sub: "bob" })), "x-sub: forged"]],
    sent: ["x-sub: bob", "x-payload: "],
    notSent: ["forged"],
  },
  {
    name: "audiences",
    feature: "jwtRules.audiences",
    rules: [rule("audiences: [shop]")],
    asks: [
      [OK, "/", bearer(token({ aud: "shop" }))],
      [OK, "/", bearer(token({ aud: ["other", "shop"] }))],
      ["403 Audiences in Jwt are not allowed", "/", bearer(token({ aud: "other" }))],
    ],
  },
  {
    name: "tokens of several issuers in one place",
    feature: "jwtRules",
    rules: [rule(), rule("", "https://second.test")],
    asks: [
      [OK, "/", bearer(GOOD)],
      [OK, "/", bearer(token({ iss: "https://second.test" }))],
      [OK, "/"],
      ["401 Jwt issuer is not configured", "/", bearer(token({ iss: "https://third.test" }))],
    ],
  },
  {
    name: "no keys: no token passes",
    feature: "jwtRules.jwks",
    rules: [`{ issuer: "${ISSUER}" }`],
    asks: [
      ["401 Jwt verification fails", "/", bearer(GOOD)],
      [OK, "/"],
    ],
  },
  {
    name: "preflights need no token",
    feature: "jwtRules",
    rules: [rule("presence: REQUIRED")],
    asks: [
      [OK, "OPTIONS /", "origin: http://a.test", "access-control-request-method: GET"],
      ["401 Jwt is missing", "/"],
      [OK, "/", bearer(GOOD)],
    ],
  },
  {
    name: "a selector of others",
    feature: "selector",
    rules: [rule()],
    asks: [[OK, "/", bearer(GOOD)]],
    more: `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: other }
spec: { selector: { matchLabels: { app: other } }, jwtRules: [${rule("audiences: [never]")}] }`,
  },
];

const CLAIMS: readonly Row[] = [
  {
    name: "requestPrincipals are issuer and subject",
    feature: "requestPrincipals",
    policies: [allow(`{ from: [{ source: { requestPrincipals: ["${ISSUER}/bob"] } }] }`)],
    asks: [
      [OK, "/", bearer(token({ sub: "bob" }))],
      [NO, "/", bearer(token({ sub: "eve" }))],
      [NO, "/"],
    ],
  },
  {
    name: "requestPrincipals with patterns",
    feature: "requestPrincipals",
    policies: [allow(`{ from: [{ source: { requestPrincipals: ["${ISSUER}/b*", "*/ann"] } }] }`)],
    asks: [
      [OK, "/", bearer(token({ sub: "bob" }))],
      [OK, "/", bearer(token({ sub: "ann" }))],
      [NO, "/", bearer(token({ sub: "eve" }))],
    ],
  },
  {
    name: "notRequestPrincipals: a token must be there",
    feature: "requestPrincipals",
    policies: ['{ action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }] }] }'],
    asks: [
      [OK, "/", bearer(GOOD)],
      [NO, "/"],
    ],
  },
  {
    name: "request.auth.claims: texts and lists",
    feature: "request.auth.claims",
    policies: [when("request.auth.claims[groups]", "admin", "dev*")],
    asks: [
      [OK, "/", bearer(token({ groups: "admin" }))],
      [OK, "/", bearer(token({ groups: ["x", "developers"] }))],
      [NO, "/", bearer(token({ groups: ["x"] }))],
      [NO, "/", bearer(GOOD)],
      [NO, "/"],
    ],
  },
  {
    name: "request.auth.claims of claims",
    feature: "request.auth.claims",
    policies: [when("request.auth.claims[realm][roles]", "admin")],
    asks: [
      [OK, "/", bearer(token({ realm: { roles: ["admin"] } }))],
      [NO, "/", bearer(token({ roles: ["admin"] }))],
    ],
  },
  {
    name: "scope is a list with spaces",
    feature: "request.auth.claims",
    policies: [when("request.auth.claims[scope]", "read")],
    asks: [
      [OK, "/", bearer(token({ scope: "write read" }))],
      [NO, "/", bearer(token({ scope: "reads" }))],
    ],
  },
  {
    name: "spaceDelimitedClaims",
    feature: "jwtRules.spaceDelimitedClaims",
    rules: [rule("spaceDelimitedClaims: [roles]")],
    policies: [when("request.auth.claims[roles]", "b")],
    asks: [
      [OK, "/", bearer(token({ roles: "a b c" }))],
      [NO, "/", bearer(token({ roles: "abc" }))],
    ],
  },
  {
    name: "request.auth.audiences and request.auth.presenter",
    feature: "request.auth.audiences",
    policies: [
      allow(
        '{ when: [{ key: request.auth.audiences, values: ["shop"] }, { key: request.auth.presenter, values: ["app*"] }] }',
      ),
    ],
    asks: [
      [OK, "/", bearer(token({ aud: ["x", "shop"], azp: "app-1" }))],
      [NO, "/", bearer(token({ aud: "shop", azp: "other" }))],
      [NO, "/", bearer(token({ aud: "x", azp: "app-1" }))],
    ],
  },
  {
    name: "request.auth.principal",
    feature: "requestPrincipals",
    policies: [when("request.auth.principal", `${ISSUER}/*`)],
    asks: [
      [OK, "/", bearer(GOOD)],
      [NO, "/"],
    ],
  },
];

export const CASES: readonly ContractCase[] = [...TOKENS, ...CLAIMS].map(row);
