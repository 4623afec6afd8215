/** CUSTOM AuthorizationPolicies: extension providers of MeshConfig, over HTTP and gRPC, at sidecars and gateways. */
import { token } from "../../support/tokens.ts";
import type { Verdict } from "../harness/authorizer.ts";
import type { ContractCase, Step, Upstream } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import { echo, service } from "../harness/istio.ts";
import { answer, authorizer, CLOSE, ended, get, got, post, sees } from "../harness/steps.ts";
import { jwk, jwks } from "../../support/tokens.ts";

const LOG = `
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: log, namespace: istio-system }
spec: { accessLogging: [{ providers: [{ name: file }] }] }`;

/** Both kinds of providers at one workload. */
function providers(grpc: string, http = ""): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: authz }
spec: { selector: { app: authz }, ports: [{ name: grpc, port: 9000, targetPort: 9000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 9000, targetPort: 9000 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
    - name: file
      envoyFileAccessLog: { path: "{log}", logFormat: { text: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\\n" } }
    - name: rpc
      envoyExtAuthzGrpc: { service: authz.default.svc.cluster.local, port: 9000${grpc} }
    - name: http
      envoyExtAuthzHttp: { service: web.default.svc.cluster.local, port: 9000${http} }`;
}

function policy(name: string, spec: string): string {
  return `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name} }
spec: ${spec}`;
}

const custom = (rule: string, provider = "rpc", more = ""): string =>
  `{ action: CUSTOM, provider: { name: ${provider} }${more}, rules: [${rule}] }`;
const paths = (...list: readonly string[]): string =>
  `{ to: [{ operation: { paths: [${list.map((each) => `"${each}"`).join(", ")}] } }] }`;

interface Row {
  readonly name: string;
  /** What the authorizer says; an upstream that is none of ours in its place. */
  readonly authz?: readonly Verdict[] | Upstream;
  readonly web?: Upstream;
  /** More fields of the providers. */
  readonly grpc?: string;
  readonly http?: string;
  readonly policies?: readonly string[];
  readonly more?: string;
  readonly asks: readonly (readonly [answer: string, request: string])[];
  readonly sent?: readonly (string | RegExp)[];
  readonly notSent?: readonly (string | RegExp)[];
}

const OK: Verdict = {};
const NO: Verdict = { status: { code: 7 } };

function row({ name, authz = [OK], web, grpc = "", http = "", policies, more = "", asks, ...seen }: Row): ContractCase {
  const all = (policies ?? [custom(paths("/a*"))]).map((spec, index) => policy(`p${index}`, spec)).join("");
  return {
    name,
    feature: "AuthorizationPolicy: CUSTOM by extension providers",
    istio: {
      yaml: service("echo", "echo") + providers(grpc, http) + LOG + all + more,
      workloads: { authz: { labels: { app: "authz" }, port: 9000 }, web: { labels: { app: "web" }, port: 9000 } },
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
    },
    client: asks.flatMap(([expected, request], index): Step[] => [
      request,
      got(index + 1),
      ...(expected.startsWith("413") ? [ended()] : []),
    ]),
    expect: { answers: asks.map(([each]) => each), ...seen },
    upstreams: {
      app: answer(200, "app"),
      authz: isVerdicts(authz) ? authorizer(...authz) : authz,
      ...(web === undefined ? {} : { web }),
    },
  };
}

function isVerdicts(authz: readonly Verdict[] | Upstream): authz is readonly Verdict[] {
  return Array.isArray(authz);
}

const header = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
const at = (path: string, ...lines: readonly string[]): string => get(path, "Host: echo", ...lines);
const APP = "200 app";

const ROWS: readonly Row[] = [
  {
    name: "gRPC: asked about what the policy is for, and about nothing else",
    asks: [
      [APP, at("/a?b=c", "x-a: 1", "x-b: 2")],
      [APP, at("/b")],
    ],
  },
  { name: "gRPC: refused", authz: [NO], asks: [["403 ", at("/a")]] },
  {
    name: "gRPC: refused with a status, headers and a body",
    authz: [
      {
        status: { code: 16 },
        deniedResponse: {
          status: { code: "Unauthorized" },
          headers: [header("www-authenticate", "Basic")],
          body: "who?",
        },
      },
    ],
    asks: [["401 who?", at("/a")]],
  },
  {
    name: "gRPC: headers for the application and for the client",
    authz: [
      {
        okResponse: {
          headers: [header("x-user", "alice"), header("x-a", "2", { append: true })],
          headersToRemove: ["x-secret"],
          responseHeadersToAdd: [header("x-seen", "yes")],
        },
      },
    ],
    asks: [[APP, at("/a", "x-a: 1", "x-secret: s", "x-user: mallory")]],
    sent: ["x-user: alice", "x-a: 1,2"],
  },
  {
    name: "gRPC: includeRequestBodyInCheck",
    grpc: ", includeRequestBodyInCheck: { maxRequestBytes: 8 }",
    asks: [
      [APP, post("hello", "Host: echo").replace("POST / ", "POST /a ")],
      ["413 Payload Too Large", post("longer than eight", "Host: echo").replace("POST / ", "POST /a ")],
    ],
  },
  {
    name: "gRPC: includeRequestBodyInCheck, allowPartialMessage",
    grpc: ", includeRequestBodyInCheck: { maxRequestBytes: 8, allowPartialMessage: true }",
    asks: [[APP, post("longer than eight", "Host: echo").replace("POST / ", "POST /a ")]],
  },
  {
    name: "gRPC: includeRequestBodyInCheck, packAsBytes",
    grpc: ", includeRequestBodyInCheck: { maxRequestBytes: 8, packAsBytes: true }",
    asks: [[APP, post("\x00\xff", "Host: echo").replace("POST / ", "POST /a ")]],
  },
  {
    name: "gRPC: an error of the authorizer's is no permission",
    authz: [{ grpcStatus: 13 }],
    asks: [["403 ", at("/a")]],
  },
  {
    name: "gRPC: no answer in time",
    grpc: ", timeout: 0.3s",
    authz: ["silent"],
    asks: [["403 ", at("/a")]],
  },
  {
    name: "gRPC: down",
    authz: REFUSED,
    asks: [
      ["403 ", at("/a")],
      [APP, at("/b")],
    ],
  },
  {
    name: "gRPC: down, statusOnError",
    grpc: ', statusOnError: "503"',
    authz: REFUSED,
    asks: [["503 ", at("/a")]],
  },
  {
    name: "gRPC: down, failOpen",
    grpc: ", failOpen: true",
    authz: REFUSED,
    asks: [[APP, at("/a")]],
  },
  {
    name: "gRPC: failOpen is not for those that say no",
    grpc: ", failOpen: true",
    authz: [NO],
    asks: [["403 ", at("/a")]],
  },
  {
    name: "gRPC: what DENY says holds, whatever the authorizer says",
    policies: [custom(paths("/a*")), `{ action: DENY, rules: [${paths("/a/secret")}] }`],
    asks: [
      [APP, at("/a")],
      ["403 RBAC: access denied", at("/a/secret")],
    ],
  },
  {
    name: "gRPC: what ALLOW does not say is denied, whatever the authorizer says",
    policies: [custom(paths("/a*")), `{ rules: [${paths("/a")}] }`],
    asks: [
      [APP, at("/a")],
      ["403 RBAC: access denied", at("/a/other")],
    ],
  },
  {
    name: "gRPC: the authorizer is asked before DENY and ALLOW",
    authz: [NO],
    policies: [custom(paths("/a*")), `{ action: DENY, rules: [${paths("/a")}] }`],
    asks: [["403 ", at("/a")]],
  },
  {
    name: "gRPC: two policies of one provider, asked once",
    policies: [custom(paths("/a")), custom(paths("/b")), custom(paths("/a", "/c"))],
    authz: [OK, NO, OK],
    asks: [
      [APP, at("/a")],
      ["403 ", at("/b")],
      [APP, at("/c")],
      [APP, at("/d")],
    ],
  },
  {
    name: "gRPC: a rule that matches nothing",
    policies: ["{ action: CUSTOM, provider: { name: rpc } }"],
    authz: [NO],
    asks: [[APP, at("/a")]],
  },
  {
    name: "gRPC: every request",
    policies: [custom("{}")],
    authz: [NO],
    asks: [["403 ", at("/anything")]],
  },
  {
    name: "gRPC: by method, header and host",
    policies: [
      custom(
        '{ to: [{ operation: { methods: [POST], hosts: ["echo*"] } }], when: [{ key: "request.headers[x-tenant]", values: ["*"] }] }',
      ),
    ],
    authz: [NO],
    asks: [
      [APP, at("/", "x-tenant: a")],
      [APP, post("x", "Host: echo")],
      ["403 ", post("x", "Host: echo", "x-tenant: a")],
    ],
  },
  {
    // Who sends a request is found out after authorizers have been asked.
    name: "gRPC: a policy by claims of tokens is about no request",
    policies: [custom('{ when: [{ key: "request.auth.claims[group]", values: [ops] }] }')],
    authz: [NO],
    more: `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { jwtRules: [{ issuer: "https://issuer.test", jwks: '${jwks(jwk("rsa"))}' }] }`,
    asks: [
      [APP, at("/", `authorization: Bearer ${token({ group: "ops" })}`)],
      [APP, at("/")],
    ],
  },
  {
    name: "HTTP: includeRequestHeadersInCheck by prefix and suffix",
    http: ', includeRequestHeadersInCheck: [x-exact, "x-ext-*", "*-uid"]',
    policies: [custom(paths("/a"), "http")],
    web: answer(200, "yes"),
    asks: [
      [APP, at("/a", "x-exact: 1", "x-exactly: 2", "cookie: c")],
      [APP, at("/a", "x-ext-a: 1", "x-exta: 2")],
      [APP, at("/a", "x-user-uid: 1", "x-uid-user: 2")],
      [APP, at("/a", "authorization: told in any case")],
    ],
  },
  {
    name: "HTTP: includeAdditionalHeadersInCheck",
    http: ', includeAdditionalHeadersInCheck: { x-fixed: v, x-path: "%REQ(:PATH)%" }',
    policies: [custom(paths("/a"), "http")],
    web: answer(200, "yes"),
    asks: [[APP, at("/a", "x-fixed: client")]],
  },
  {
    name: "HTTP: pathPrefix",
    http: ", pathPrefix: /check",
    policies: [custom(paths("/a"), "http")],
    web: answer(200, "yes"),
    asks: [[APP, at("/a?b=c")]],
    sent: ["GET /check/a?b=c HTTP/1.1"],
  },
  {
    name: "HTTP: headersToUpstreamOnAllow, headersToDownstreamOnAllow",
    http: ", headersToUpstreamOnAllow: [x-role, authorization], headersToDownstreamOnAllow: [set-cookie, x-seen]",
    policies: [custom(paths("/a"), "http")],
    web: answer(200, "", "x-role: admin", "authorization: inner", "set-cookie: s=1", "x-seen: y", "x-not: n"),
    asks: [[APP, at("/a", "x-role: mallory", "authorization: outer")]],
    sent: ["x-role: admin", "authorization: inner"],
    notSent: ["mallory", "x-not"],
  },
  {
    name: "HTTP: headersToDownstreamOnDeny",
    http: ", headersToDownstreamOnDeny: [x-why]",
    policies: [custom(paths("/a"), "http")],
    web: answer(302, "gone", "location: /login", "x-why: because", "x-inner: secret", "content-type: text/html"),
    asks: [["302 gone", at("/a")]],
  },
  {
    name: "HTTP: includeRequestBodyInCheck",
    http: ", includeRequestBodyInCheck: { maxRequestBytes: 8, allowPartialMessage: true }",
    policies: [custom(paths("/a"), "http")],
    web: answer(200, "yes"),
    asks: [[APP, post("longer than eight", "Host: echo").replace("POST / ", "POST /a ")]],
  },
  {
    name: "HTTP: a server that fails has not decided; statusOnError",
    http: ', statusOnError: "502"',
    policies: [custom(paths("/a"), "http")],
    web: answer(500, "oops"),
    asks: [["502 ", at("/a")]],
  },
  {
    name: "HTTP: a server that fails, failOpen",
    http: ", failOpen: true",
    policies: [custom(paths("/a"), "http")],
    web: answer(500, "oops"),
    asks: [[APP, at("/a")]],
  },
];

function atGateway({
  name,
  verdicts,
  asks,
}: {
  name: string;
  verdicts: readonly Verdict[];
  asks: Row["asks"];
}): ContractCase {
  const edge = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: gw }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec:
  hosts: [a.example]
  gateways: [edge]
  http: [{ route: [{ destination: { host: echo, subset: v1 } }] }]`;
  const only = policy("p", custom(paths("/a*"), "rpc", ", selector: { matchLabels: { istio: gw } }"));
  return {
    name,
    feature: "AuthorizationPolicy: CUSTOM by extension providers",
    istio: {
      ...echo("", providers("") + LOG + edge + only),
      workloads: { v1: { labels: { app: "echo", version: "v1" } }, authz: { labels: { app: "authz" }, port: 9000 } },
      proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 8080 } },
    },
    client: asks.flatMap(([, request], index): Step[] => [request, got(index + 1)]),
    expect: { answers: asks.map(([each]) => each) },
    upstreams: { authz: authorizer(...verdicts) },
  };
}

function ofConnections(
  name: string,
  spec: string,
  passes: boolean,
  { authz = [OK], web, grpc = "" }: Pick<Row, "authz" | "web" | "grpc"> = {},
): ContractCase {
  return {
    name: `connections: ${name}`,
    feature: "AuthorizationPolicy: CUSTOM by extension providers",
    istio: {
      yaml: service("echo", "echo").replace("name: http,", "name: tcp,") + providers(grpc) + policy("p", spec),
      workloads: { authz: { labels: { app: "authz" }, port: 9000 }, web: { labels: { app: "web" }, port: 9000 } },
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app", protocol: "tcp" } } },
    },
    client: passes ? ["hello", got("hi"), ended()] : ["hello", ended()],
    upstreams: {
      app: { greeting: [sees("hello"), "hi", CLOSE], answers: ["unused"] },
      authz: isVerdicts(authz) ? authorizer(...authz) : authz,
      ...(web === undefined ? {} : { web }),
    },
    stats: ["total", "ok", "denied", "error", "disabled", "failure_mode_allowed", "cx_closed"].map(
      (each) => `ext_authz.tcp..${each}`,
    ),
  };
}

const ports = (port: number): string => `{ to: [{ operation: { ports: ["${port}"] } }] }`;

export const CASES: readonly ContractCase[] = [
  ...ROWS.map(row),
  ofConnections("allowed", custom("{}"), true),
  ofConnections("denied", custom("{}"), false, { authz: [NO] }),
  ofConnections("those to a port", custom(ports(8080)), false, { authz: [NO] }),
  ofConnections("not those to another port", custom(ports(9090)), true, { authz: [NO] }),
  ofConnections("a rule for requests is for all that it says no more of", custom(paths("/a")), false, { authz: [NO] }),
  ofConnections("the authorizer is down", custom("{}"), false, { authz: REFUSED }),
  ofConnections("the authorizer is down, failOpen", custom("{}"), true, { authz: REFUSED, grpc: ", failOpen: true" }),
  ofConnections("an authorizer that speaks HTTP is not asked", custom("{}", "http"), true, { web: answer(403, "no") }),
  ofConnections("a provider that there is not", custom("{}", "nobody"), false),
  atGateway({
    name: "gRPC: at a gateway",
    verdicts: [OK, NO],
    asks: [
      ["200 v1", get("/a", "Host: a.example")],
      ["403 ", get("/a", "Host: a.example")],
      ["200 v1", get("/b", "Host: a.example")],
    ],
  }),
];
