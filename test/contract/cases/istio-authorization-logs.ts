/** What is told of decisions: details in access logs, dynamic metadata, counters; of AuthorizationPolicies for requests and for connections. */
import type { ContractCase, Step } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, connect, ended, get, got, post, seen, send } from "../harness/steps.ts";

function logged(format: string): string {
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    accessLogFile: "{log}"
    accessLogFormat: "${format}\\n"`;
}

const HTTP_LOG = logged(
  "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac)% %DYNAMIC_METADATA(envoy.common)%",
);
const TCP_LOG = logged(
  "%RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% %DYNAMIC_METADATA(envoy.filters.network.rbac)% %DYNAMIC_METADATA(envoy.common)%",
);

/** `[spec, name, more metadata]` */
type Policy = readonly [spec: string, name?: string, metadata?: string];

function policy([spec, name = "p", metadata = ""]: Policy): string {
  return `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}${metadata} }
spec: ${spec}`;
}

const DRY_RUN = ', annotations: { istio.io/dry-run: "true" }';
const ROOT = ", namespace: istio-system";
const to = (operation: string, action = "ALLOW"): string =>
  `{ action: ${action}, rules: [{ to: [{ operation: { ${operation} } }] }] }`;
const paths = (list: string, action?: string): string => to(`paths: [${list}]`, action);

interface Row {
  readonly name: string;
  readonly policies: readonly Policy[];
  /** Requests, and whether they come through. */
  readonly asks: readonly (readonly [verdict: "ok" | "no", request: string])[];
}

const FEATURE = "AuthorizationPolicy: what logs tell";
const at = (path: string): string => get(path, "Host: echo");

function row({ name, policies, asks }: Row): ContractCase {
  return {
    name,
    feature: FEATURE,
    istio: {
      yaml: service("echo", "echo") + policies.map(policy).join("") + HTTP_LOG,
      workloads: {},
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
    },
    client: asks.flatMap(([verdict, request], index): Step[] => [
      request,
      got(index + 1),
      // One that still had something to say.
      ...(verdict === "no" && request.startsWith("POST") ? [ended()] : []),
    ]),
    expect: { answers: asks.map(([verdict]) => (verdict === "ok" ? "200 app" : "403 RBAC: access denied")) },
    upstreams: { app: answer(200, "app") },
  };
}

const ROWS: readonly Row[] = [
  {
    name: "DENY: the policy that has denied",
    policies: [
      [paths('"/a"', "DENY"), "first"],
      [paths('"/b", "/a"', "DENY"), "second"],
    ],
    asks: [
      ["no", at("/a")],
      ["no", at("/b")],
      ["ok", at("/c")],
    ],
  },
  {
    name: "DENY: which of its rules",
    policies: [
      [
        '{ action: DENY, rules: [{ to: [{ operation: { paths: ["/a"] } }] }, { to: [{ operation: { methods: [POST] } }] }] }',
      ],
    ],
    asks: [
      ["no", at("/a")],
      ["no", post("x", "Host: echo")],
    ],
  },
  {
    name: "DENY: names in order, not ages; the root namespace's among them",
    policies: [
      [paths('"/a"', "DENY"), "z", `${ROOT}, creationTimestamp: "2020-01-01T00:00:00Z"`],
      [paths('"/a"', "DENY"), "a", ', creationTimestamp: "2026-01-01T00:00:00Z"'],
    ],
    asks: [["no", at("/a")]],
  },
  {
    name: "DENY: the eleventh rule is before the second",
    policies: [
      [
        `{ action: DENY, rules: [${Array.from({ length: 12 }, (_, i) => `{ to: [{ operation: { paths: ["/${i}", "/all"] } }] }`).join(", ")}] }`,
      ],
    ],
    asks: [
      ["no", at("/11")],
      ["no", at("/all")],
    ],
  },
  {
    name: "ALLOW: no policy has denied",
    policies: [[paths('"/a"'), "only"]],
    asks: [
      ["ok", at("/a")],
      ["no", at("/b")],
    ],
  },
  { name: "allow nothing", policies: [["{}", "nothing"]], asks: [["no", at("/a")]] },
  {
    name: "allow nothing, said by an empty list",
    policies: [["{ action: ALLOW, rules: [] }"]],
    asks: [["no", at("/a")]],
  },
  { name: "allow everything", policies: [["{ rules: [{}] }"]], asks: [["ok", at("/a")]] },
  { name: "deny everything", policies: [["{ action: DENY, rules: [{}] }", "all"]], asks: [["no", at("/a")]] },
  { name: "deny nothing", policies: [["{ action: DENY }", "none"]], asks: [["ok", at("/a")]] },
  {
    name: "allow nothing, and one that allows something",
    policies: [
      ["{}", "nothing"],
      [paths('"/a"'), "some"],
    ],
    asks: [
      ["ok", at("/a")],
      ["no", at("/b")],
    ],
  },
  {
    name: "AUDIT: a hint for logs, and nothing else",
    policies: [[paths('"/a"', "AUDIT"), "audit"]],
    asks: [
      ["ok", at("/a")],
      ["ok", at("/b")],
    ],
  },
  {
    name: "AUDIT before DENY",
    policies: [
      [paths('"/a"', "AUDIT"), "audit"],
      [paths('"/a"', "DENY"), "deny"],
    ],
    asks: [["no", at("/a")]],
  },
  {
    name: "a dry run of DENY: which policy would have, and which would not",
    policies: [[paths('"/a"', "DENY"), "tried", DRY_RUN]],
    asks: [
      ["ok", at("/a")],
      ["ok", at("/b")],
    ],
  },
  {
    name: "a dry run of ALLOW",
    policies: [[paths('"/a"'), "tried", DRY_RUN]],
    asks: [
      ["ok", at("/a")],
      ["ok", at("/b")],
    ],
  },
  {
    name: "dry runs of both kinds, beside one that counts",
    policies: [
      [paths('"/a"', "DENY"), "tried-deny", DRY_RUN],
      [paths('"/b"'), "tried-allow", DRY_RUN],
      [paths('"/c"', "DENY"), "real"],
    ],
    asks: [
      ["ok", at("/a")],
      ["ok", at("/b")],
      ["no", at("/c")],
    ],
  },
  {
    name: "a dry run that allows nothing",
    policies: [["{}", "tried", DRY_RUN]],
    asks: [["ok", at("/a")]],
  },
  {
    name: "CUSTOM with a provider that there is not: denied by a name that says so",
    policies: [
      ['{ action: CUSTOM, provider: { name: nobody }, rules: [{ to: [{ operation: { paths: ["/a"] } }] }] }', "ask"],
    ],
    asks: [
      ["no", at("/a")],
      ["ok", at("/b")],
    ],
  },
];

const STATS = ["allowed", "denied"].map((name) => `tcp.rbac.${name}`);
const SHADOW = ["allow", "deny"].flatMap((kind) =>
  ["allowed", "denied"].map((name) => `tcp.rbac.istio_dry_run_${kind}_.shadow_${name}`),
);

function connections(
  name: string,
  policies: readonly Policy[],
  passes: boolean,
  parts: Partial<ContractCase> = {},
): ContractCase {
  return {
    name: `connections: ${name}`,
    feature: FEATURE,
    istio: {
      yaml: service("echo", "echo").replace("name: http,", "name: tcp,") + policies.map(policy).join("") + TCP_LOG,
      workloads: {},
      proxy: { labels: { app: "echo" }, outbound: {}, inbound: { l: { port: 8080, app: "app", protocol: "tcp" } } },
    },
    client: passes
      ? [connect("c"), send("c", "hello"), seen("app", "hello"), { do: "finish", on: "c" }, ended("c")]
      : [connect("c"), send("c", "hello"), ended("c")],
    upstreams: { app: { answers: ["unused"] } },
    stats: [...STATS, ...SHADOW],
    ...parts,
  };
}

const port = (number: number, action: string): string => to(`ports: ["${number}"]`, action);
const from = (block: string, action: string): string =>
  `{ action: ${action}, rules: [{ from: [{ source: { ipBlocks: ["${block}"] } }] }] }`;

export const CASES: readonly ContractCase[] = [
  ...ROWS.map(row),
  connections("without policies", [], true),
  connections("DENY", [[port(8080, "DENY"), "closed"]], false),
  connections("DENY of another port", [[port(9090, "DENY"), "closed"]], true),
  connections("DENY of a source", [[from("127.0.0.0/8", "DENY"), "local"]], false),
  connections("ALLOW of another source", [[from("10.0.0.0/8", "ALLOW"), "far"]], false),
  connections("ALLOW of the source", [[from("127.0.0.1", "ALLOW"), "near"]], true),
  connections("allow nothing", [["{}", "nothing"]], false),
  connections("deny everything", [["{ action: DENY, rules: [{}] }", "all"]], false),
  connections("a rule for requests allows nothing", [[paths('"/a"'), "paths"]], false),
  connections("a rule for requests denies all that it says no more of", [[paths('"/a"', "DENY"), "paths"]], false),
  connections("AUDIT", [[port(8080, "AUDIT"), "audit"]], true),
  connections("a dry run of DENY", [[port(8080, "DENY"), "tried", DRY_RUN]], true),
  connections("a dry run of ALLOW that would deny", [[port(9090, "ALLOW"), "tried", DRY_RUN]], true),
  connections(
    "CUSTOM with a provider that there is not",
    [["{ action: CUSTOM, provider: { name: nobody }, rules: [{}] }", "ask"]],
    false,
  ),
];
