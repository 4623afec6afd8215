/** AuthorizationPolicies at a sidecar, without mutual TLS: which apply, what they do together, who else is asked. */
import { type Row, logged, policy, root, row, to } from "../harness/authorization-policy.ts";
import { REFUSED } from "../harness/case.ts";
import type { ContractCase } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, get, got } from "../harness/steps.ts";

const DRY_RUN = logged("%REQ(:PATH)% %DYNAMIC_METADATA(envoy.filters.http.rbac)%");

const ALLOW_GET = '{ action: ALLOW, rules: [{ to: [{ operation: { methods: ["GET"] } }] }] }';

const ACTIONS: readonly Row[] = [
  { name: "no policy: everything passes", feature: "actions", specs: [], asks: [["ok", "/"]] },
  { name: "an empty spec allows nothing", feature: "actions", specs: ["{}"], asks: [["no", "/"]] },
  { name: "no rules allow nothing", feature: "actions", specs: ["{ rules: [] }"], asks: [["no", "/"]] },
  { name: "an empty rule allows everything", feature: "actions", specs: ["{ rules: [{}] }"], asks: [["ok", "/"]] },
  {
    name: "an empty rule denies everything",
    feature: "actions",
    specs: ["{ action: DENY, rules: [{}] }"],
    asks: [["no", "/"]],
  },
  {
    name: "what no rule allows is denied",
    feature: "actions",
    specs: [ALLOW_GET],
    asks: [
      ["ok", "/"],
      ["no", "POST /", "content-length: 0"],
    ],
  },
  {
    name: "what no rule denies is allowed",
    feature: "actions",
    specs: [to('methods: ["POST"]', "DENY")],
    asks: [
      ["ok", "/"],
      ["no", "POST /", "content-length: 0"],
    ],
  },
  {
    name: "denial comes before what is allowed",
    feature: "actions",
    specs: [ALLOW_GET, to('paths: ["/admin*"]', "DENY")],
    asks: [
      ["ok", "/"],
      ["no", "/admin/x"],
      ["no", "POST /", "content-length: 0"],
    ],
  },
  {
    name: "one of several policies is enough",
    feature: "actions",
    specs: [to('paths: ["/a"]'), to('paths: ["/b"]')],
    asks: [
      ["ok", "/a"],
      ["ok", "/b"],
      ["no", "/c"],
    ],
  },
  {
    name: "AUDIT changes nothing",
    feature: "actions",
    specs: [to('paths: ["/a"]', "AUDIT")],
    asks: [
      ["ok", "/a"],
      ["ok", "/b"],
    ],
    more: logged("%REQ(:PATH)% %DYNAMIC_METADATA(envoy.common:access_log_hint)%"),
  },
  {
    name: "the details name the policy that decided",
    feature: "actions",
    specs: [to('paths: ["/b"]', "DENY"), to('paths: ["/a", "/b"]')],
    asks: [
      ["ok", "/a"],
      ["no", "/b"],
      ["no", "/c"],
    ],
    more: logged("%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%"),
  },
  {
    name: "a dry run counts and denies nothing",
    feature: "dry runs",
    specs: [to('paths: ["/a"]', "DENY")],
    metadata: ', annotations: { istio.io/dry-run: "true" }',
    more: DRY_RUN,
    asks: [
      ["ok", "/a"],
      ["ok", "/b"],
    ],
  },
  {
    name: "a dry run of what is allowed denies nothing",
    feature: "dry runs",
    specs: [to('paths: ["/a"]')],
    metadata: ', annotations: { istio.io/dry-run: "true" }',
    more: DRY_RUN,
    asks: [
      ["ok", "/a"],
      ["ok", "/b"],
    ],
  },
  {
    name: "a provider that nobody has: what the policy is for is denied",
    feature: "CUSTOM",
    specs: ['{ action: CUSTOM, provider: { name: nobody }, rules: [{ to: [{ operation: { paths: ["/a"] } }] }] }'],
    asks: [
      ["no", "/a"],
      ["ok", "/b"],
    ],
  },
];

const SCOPES: readonly Row[] = [
  {
    name: "a selector of other workloads",
    feature: "selector",
    specs: ["{ selector: { matchLabels: { app: other } } }"],
    asks: [["ok", "/"]],
  },
  {
    name: "a selector of this workload",
    feature: "selector",
    specs: ["{ selector: { matchLabels: { app: echo } } }"],
    asks: [["no", "/"]],
  },
  {
    name: "the root namespace's is for everybody",
    feature: "root namespace",
    specs: [],
    more: root("{}"),
    asks: [["no", "/"]],
  },
  {
    name: "the root namespace's with a selector",
    feature: "root namespace",
    specs: [],
    more: root("{ selector: { matchLabels: { app: other } } }"),
    asks: [["ok", "/"]],
  },
  {
    name: "allowed by the workload's namespace where the root namespace allows nothing",
    feature: "root namespace",
    specs: [ALLOW_GET],
    more: root("{}"),
    asks: [["ok", "/"]],
  },
  {
    name: "other namespaces' are for others",
    feature: "selector",
    specs: [],
    more: policy("{}", 1, ", namespace: other"),
    asks: [["ok", "/"]],
  },
  {
    name: "targetRefs are not for sidecars",
    feature: "targetRefs",
    specs: ["{ targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gw }] }"],
    asks: [["ok", "/"]],
  },
];

/** An authorizer that speaks HTTP, asked about /a. */
const AUTHORIZER = (more = "", action = '"/a"'): string => `
---
apiVersion: v1
kind: Service
metadata: { name: authz }
spec: { selector: { app: authz }, ports: [{ name: http, port: 9000, targetPort: 9000 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
    - name: web
      envoyExtAuthzHttp: { service: authz.default.svc.cluster.local, port: 9000${more} }${policy(
        `{ action: CUSTOM, provider: { name: web }, rules: [{ to: [{ operation: { paths: [${action}] } }] }] }`,
        7,
      )}`;

function asked(
  name: string,
  more: string,
  authz: ContractCase["upstreams"],
  client: ContractCase["client"],
  answers: readonly string[],
): ContractCase {
  return {
    name,
    feature: "AuthorizationPolicy: CUSTOM",
    istio: {
      yaml: service("echo", "echo") + AUTHORIZER(more),
      workloads: { authz: { labels: { app: "authz" }, port: 9000 } },
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
    },
    client,
    expect: { answers },
    upstreams: { app: answer(200, "app"), ...authz },
  };
}

const AB = [get("/a", "Host: echo"), got(1), get("/b", "Host: echo"), got(2)];

const EXTERNAL: readonly ContractCase[] = [
  asked(
    "an authorizer lets through what the policy is for; others are not asked about",
    "",
    { authz: answer(200, "fine") },
    AB,
    ["200 app", "200 app"],
  ),
  asked("an authorizer refuses", "", { authz: answer(401, "who are you") }, AB, ["401 who are you", "200 app"]),
  asked(
    "headers to and from an authorizer",
    ", pathPrefix: /check, includeRequestHeadersInCheck: [x-user], includeAdditionalHeadersInCheck: { x-from: mesh }, headersToUpstreamOnAllow: [x-role], headersToDownstreamOnAllow: [x-seen]",
    { authz: answer(200, "", "x-role: admin", "x-seen: yes", "x-other: no") },
    [get("/a", "Host: echo", "x-user: bob", "x-secret: s"), got(1)],
    ["200 app"],
  ),
  asked("an authorizer that is down: nobody passes", "", { authz: REFUSED }, AB, ["403 ", "200 app"]),
  asked("an authorizer that is down, statusOnError", ', statusOnError: "503"', { authz: REFUSED }, AB, [
    "503 ",
    "200 app",
  ]),
  asked("an authorizer that is down, failOpen", ", failOpen: true", { authz: REFUSED }, AB, ["200 app", "200 app"]),
];

export const CASES: readonly ContractCase[] = [...[...ACTIONS, ...SCOPES].map(row), ...EXTERNAL];
