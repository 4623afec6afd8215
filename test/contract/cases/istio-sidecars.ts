/** What a client sees of the mesh, and what becomes of hosts that it does not know. */
import type { ContractCase, IstioParts, Step, Upstream } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, apply, CLOSE, connect, ended, get, got, request, sees, send } from "../harness/steps.ts";
import { REGISTRY_ONLY } from "./istio-service-entries.ts";

function sidecar(spec: string, { name = "default", namespace = "default" } = {}): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }`;
}

/** `echo`, in the client's namespace, is answered by v1; `other` in namespace `shop` by v2. */
const SERVICES =
  service("echo", "echo") + service("other", "echo").replace("{ name: other }", "{ name: other, namespace: shop }");
const WORKLOADS = {
  v1: { labels: { app: "echo" } },
  v2: { labels: { app: "echo" }, namespace: "shop" },
};
const ECHO = ["echo", "200 v1"] as const;
const OTHER = ["other.shop.svc.cluster.local", "200 v2"] as const;
const NO_ECHO = ["echo", "502"] as const;
const NO_OTHER = ["other.shop.svc.cluster.local", "502"] as const;

type Asks = readonly (readonly [host: string, answer: string])[];

function asking(asks: Asks): readonly Step[] {
  return asks.flatMap(([host], i) => [get("/", `Host: ${host}`), got(i + 1)]);
}

function scope(name: string, feature: string, yaml: string, asks: Asks, parts: Partial<IstioParts> = {}): ContractCase {
  return {
    name,
    feature,
    istio: { yaml: REGISTRY_ONLY + SERVICES + yaml, workloads: WORKLOADS, ...parts },
    client: asking(asks),
    expect: { answers: asks.map(([, text]) => text) },
  };
}

const EGRESS = "Sidecar: egress.hosts";
const SELECTION = "Sidecar: which one counts";

const SCOPES: readonly ContractCase[] = [
  scope("without a Sidecar everything", EGRESS, "", [ECHO, OTHER]),
  scope("./*: the client's own namespace", EGRESS, sidecar('egress: [{ hosts: ["./*"] }]'), [ECHO, NO_OTHER]),
  scope("*/*: all namespaces", EGRESS, sidecar('egress: [{ hosts: ["*/*"] }]'), [ECHO, OTHER]),
  scope("NAMESPACE/*", EGRESS, sidecar('egress: [{ hosts: ["shop/*"] }]'), [NO_ECHO, OTHER]),
  scope("~/*: nothing", EGRESS, sidecar('egress: [{ hosts: ["~/*"] }]'), [NO_ECHO, NO_OTHER]),
  scope("a host of any namespace", EGRESS, sidecar('egress: [{ hosts: ["*/other.shop.svc.cluster.local"] }]'), [
    NO_ECHO,
    OTHER,
  ]),
  scope(
    "a host of another namespace than said",
    EGRESS,
    sidecar('egress: [{ hosts: ["default/other.shop.svc.cluster.local"] }]'),
    [NO_ECHO, NO_OTHER],
  ),
  scope("a wildcard", EGRESS, sidecar('egress: [{ hosts: ["*/*.shop.svc.cluster.local"] }]'), [NO_ECHO, OTHER]),
  scope("several", EGRESS, sidecar('egress: [{ hosts: ["./*", "shop/*"] }]'), [ECHO, OTHER]),
  scope(
    "a listener's port",
    "Sidecar: egress.port",
    sidecar('egress: [{ port: { number: 80, protocol: HTTP, name: http }, hosts: ["shop/*"] }, { hosts: ["./*"] }]'),
    [NO_ECHO, OTHER],
  ),
  scope("a Sidecar without egress sees everything", EGRESS, sidecar("outboundTrafficPolicy: { mode: REGISTRY_ONLY }"), [
    ECHO,
    OTHER,
  ]),
  scope(
    "one that selects the client comes before its namespace's",
    SELECTION,
    sidecar('egress: [{ hosts: ["./*"] }]') +
      sidecar('workloadSelector: { labels: { app: client } }, egress: [{ hosts: ["shop/*"] }]', { name: "mine" }),
    [NO_ECHO, OTHER],
  ),
  scope(
    "one that selects others",
    SELECTION,
    sidecar('egress: [{ hosts: ["./*"] }]') +
      sidecar('workloadSelector: { labels: { app: else } }, egress: [{ hosts: ["shop/*"] }]', { name: "else" }),
    [ECHO, NO_OTHER],
  ),
  scope(
    "the root namespace's where the namespace has none",
    SELECTION,
    sidecar('egress: [{ hosts: ["shop/*"] }]', { namespace: "istio-system" }),
    [NO_ECHO, OTHER],
  ),
  scope(
    "the namespace's comes before the root namespace's",
    SELECTION,
    sidecar('egress: [{ hosts: ["shop/*"] }]', { namespace: "istio-system" }) + sidecar('egress: [{ hosts: ["./*"] }]'),
    [ECHO, NO_OTHER],
  ),
  scope("another namespace's", SELECTION, sidecar('egress: [{ hosts: ["~/*"] }]', { namespace: "shop" }), [
    ECHO,
    OTHER,
  ]),
  scope(
    "a VirtualService of a namespace that is not seen",
    "Sidecar: egress.hosts",
    sidecar('egress: [{ hosts: ["./*"] }]') +
      `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: shop }
spec: { hosts: [echo.default.svc.cluster.local], http: [{ directResponse: { status: 418 } }] }`,
    [ECHO],
  ),
];

const ALLOW_ANY = "outboundTrafficPolicy: { mode: ALLOW_ANY }";
const POLICY = "outboundTrafficPolicy";

const TUNNELLED: Upstream = { answers: [[]], greeting: [sees("ping"), "pong", sees("bye"), CLOSE] };

/** On a connection to the HTTP proxy. */
function tunnelling(target: string): readonly Step[] {
  return [connect("p", "proxy"), send("p", `${request("CONNECT", target, `Host: ${target}`)}ping`)];
}

/** ALLOW_ANY, and an upstream `x` that the mesh does not know. */
function passing(name: string, parts: Partial<ContractCase> & Pick<ContractCase, "client">): ContractCase {
  return {
    name: `ALLOW_ANY: ${name}`,
    feature: `${POLICY}: ALLOW_ANY`,
    istio: { yaml: SERVICES + sidecar(ALLOW_ANY), workloads: WORKLOADS },
    upstreams: { x: answer(200, "x") },
    expect: { answers: ["200 x"] },
    ...parts,
  };
}

/** A ServiceEntry for names of this machine. */
function wild(name: string, resolution: string, url: string, expected: string): ContractCase {
  const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wild }
spec:
  hosts: ["*.localhost"]
  ports: [{ number: {port x}, name: http, protocol: HTTP }]
  resolution: ${resolution}`;
  return {
    name: `a ServiceEntry of resolution ${name}`,
    feature: `ServiceEntry: ${resolution}`,
    istio: { yaml: REGISTRY_ONLY + SERVICES + entry, workloads: WORKLOADS },
    upstreams: { x: answer(200, "x") },
    client: [connect("p", "proxy"), send("p", get(url)), got(1, "p")],
    expect: { answers: [expected] },
  };
}

const UNKNOWN: readonly ContractCase[] = [
  scope("REGISTRY_ONLY for the mesh: 502", `${POLICY}: REGISTRY_ONLY`, "", [["nobody.example", "502"]]),
  scope("REGISTRY_ONLY: at a port's listener the port of a Host does not count", `${POLICY}: REGISTRY_ONLY`, "", [
    ["echo:81", "200 v1"],
  ]),
  {
    ...scope("a Sidecar's REGISTRY_ONLY", `${POLICY}: REGISTRY_ONLY`, "", [["nobody.example", "502"]]),
    istio: {
      yaml: SERVICES + sidecar("outboundTrafficPolicy: { mode: REGISTRY_ONLY }"),
      workloads: WORKLOADS,
    },
  },
  {
    name: "REGISTRY_ONLY at the HTTP proxy",
    feature: `${POLICY}: REGISTRY_ONLY`,
    istio: { yaml: REGISTRY_ONLY + SERVICES, workloads: WORKLOADS },
    client: [connect("p", "proxy"), send("p", get("http://nobody.example/")), got(1, "p")],
    expect: { answers: ["502"] },
  },
  scope(
    "egressProxy: unknown hosts go to a service",
    `${POLICY}: egressProxy`,
    sidecar(
      "outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: other.shop.svc.cluster.local, port: { number: 80 } } }",
    ),
    [["nobody.example", "200 v2"], ECHO],
  ),
  {
    name: "unknown hosts become known",
    feature: `${POLICY}: REGISTRY_ONLY`,
    istio: { yaml: REGISTRY_ONLY + SERVICES, workloads: WORKLOADS },
    client: [get("/", "Host: new"), got(1), apply(service("new", "echo")), get("/", "Host: new"), got(2)],
    expect: { answers: ["502", "200 v1"] },
  },
  passing("to the host that the request names", { client: [get("/", "Host: 127.0.0.1:{port x}"), got(1)] }),
  passing("by name", { client: [get("/", "Host: localhost:{port x}"), got(1)] }),
  passing("a host that is not there", {
    client: [get("/", "Host: no-such-host.invalid"), got(1)],
    expect: { answers: ["503"] },
  }),
  passing("known hosts go where they always do", {
    client: asking([ECHO, OTHER]),
    expect: { answers: ["200 v1", "200 v2"] },
  }),
  passing("at the HTTP proxy", {
    client: [connect("p", "proxy"), send("p", get("http://127.0.0.1:{port x}/")), got(1, "p")],
  }),
  passing("CONNECT at the HTTP proxy", {
    client: [...tunnelling("127.0.0.1:{port x}"), got("pong", "p"), send("p", "bye"), ended("p")],
    upstreams: { x: TUNNELLED },
    expect: {},
  }),
  passing("CONNECT at the HTTP proxy, by name", {
    client: [...tunnelling("localhost:{port x}"), got("pong", "p"), send("p", "bye"), ended("p")],
    upstreams: { x: TUNNELLED },
    expect: {},
  }),
  passing("CONNECT at the HTTP proxy to a host that is not there", {
    client: [...tunnelling("no-such-host.invalid:443"), got(1, "p"), ended("p")],
    expect: { answers: ["503"] },
  }),
  {
    name: "REGISTRY_ONLY: CONNECT at the HTTP proxy",
    feature: `${POLICY}: REGISTRY_ONLY`,
    istio: { yaml: REGISTRY_ONLY + SERVICES, workloads: WORKLOADS },
    client: [...tunnelling("nobody.example:443"), got(1, "p"), ended("p")],
    expect: { answers: ["502"] },
  },
  ...["NONE", "DYNAMIC_DNS"].flatMap((resolution): ContractCase[] => [
    wild(`${resolution}: the host that the request names`, resolution, "http://a.localhost:{port x}/", "200 x"),
    wild(`${resolution}: a host beside the wildcard`, resolution, "http://nobody.example:{port x}/", "502"),
    wild(`${resolution}: at another port`, resolution, "http://a.localhost:81/", "502"),
  ]),
];

const INBOUND = { v: { port: 8080, app: "app" } };

function inbound(name: string, feature: string, spec: string, answers: readonly string[], client: readonly Step[]) {
  return {
    name,
    feature,
    istio: {
      yaml: SERVICES + sidecar(spec),
      workloads: WORKLOADS,
      proxy: { labels: { app: "echo", own: "yes" }, inbound: INBOUND },
    },
    client,
    expect: { answers },
  } satisfies ContractCase;
}

const TO_OWN: readonly Step[] = [connect("i", "v"), send("i", get("/", "Host: echo")), got(1, "i")];

const INGRESS: readonly ContractCase[] = [
  inbound(
    "the application's port of defaultEndpoint",
    "Sidecar: ingress",
    "workloadSelector: { labels: { own: 'yes' } }, ingress: [{ port: { number: 8080, protocol: HTTP, name: http }, " +
      "defaultEndpoint: '127.0.0.1:{port app}' }]",
    ["200 app"],
    TO_OWN,
  ),
  inbound(
    "without defaultEndpoint the application where it said it is",
    "Sidecar: ingress",
    "workloadSelector: { labels: { own: 'yes' } }, ingress: [{ port: { number: 8080, protocol: HTTP, name: http } }]",
    ["200 app"],
    TO_OWN,
  ),
  {
    ...inbound(
      "inboundConnectionPool: connections to the application",
      "Sidecar: inboundConnectionPool",
      "workloadSelector: { labels: { own: 'yes' } }, inboundConnectionPool: { http: { maxRequestsPerConnection: 1 } }",
      ["200 app", "200 app"],
      [...TO_OWN, send("i", get("/", "Host: echo")), got(2, "i")],
    ),
    stats: ["cluster.inbound|8080||.upstream_cx_total"],
  },
];

export const CASES: readonly ContractCase[] = [...SCOPES, ...UNKNOWN, ...INGRESS];
