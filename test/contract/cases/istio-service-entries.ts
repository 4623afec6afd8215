/** ServiceEntries and WorkloadEntries: services that the platform does not know. */
import type { ContractCase, IstioParts, Step, Upstream } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, connect, get, got, seen, send } from "../harness/steps.ts";

/** Unknown hosts get 502 by this, and not what is at their address. */
export const REGISTRY_ONLY = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    outboundTrafficPolicy: { mode: REGISTRY_ONLY }`;

function entry(spec: string, { name = "ext", namespace = "default" } = {}): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }`;
}

function workload(name: string, spec: string, namespace = "default"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }`;
}

const HTTP = "ports: [{ number: 80, name: http, protocol: HTTP }]";
const A = "{ address: 127.0.0.1, ports: { http: {port a} } }";
const B = "{ address: 127.0.0.1, ports: { http: {port b} } }";
const EXT = "hosts: [ext.example], resolution: STATIC";

interface Row {
  readonly name: string;
  readonly feature: string;
  readonly yaml: string;
  /** Hosts that are asked, with who answers: `a`, or a status. Default `ext.example`, answered by `a`. */
  readonly asks?: readonly (readonly [host: string, answer: string])[];
  readonly upstreams?: Readonly<Record<string, Upstream>>;
  readonly workloads?: IstioParts["workloads"];
  readonly proxy?: IstioParts["proxy"];
  /** In place of `asks`. */
  readonly client?: readonly Step[];
  readonly answers?: readonly string[];
}

const DEFAULT_ASKS = [["ext.example", "200 a"]] as const;

function row({ name, feature, yaml, asks = DEFAULT_ASKS, workloads = {}, proxy, ...rest }: Row): ContractCase {
  const client = rest.client ?? asks.flatMap(([host], i) => [get("/", `Host: ${host}`), got(i + 1)]);
  return {
    name,
    feature,
    istio: { yaml: REGISTRY_ONLY + yaml, workloads, ...(proxy === undefined ? {} : { proxy }) },
    upstreams: rest.upstreams ?? { a: answer(200, "a"), b: answer(200, "b") },
    client,
    expect: { answers: rest.answers ?? asks.map(([, text]) => text) },
  };
}

const SE = "ServiceEntry: ";
const EVENLY: readonly Step[] = [1, 2, 3, 4].flatMap((n) => [get("/", "Host: ext.example"), got(n)]);
const ALIKE = { a: answer(200, "x"), b: answer(200, "x") };
const FOUR_ALIKE = ["200 x", "200 x", "200 x", "200 x"];
const ROUND_ROBIN = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ext }
spec:
  host: ext.example
  trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }
  subsets: [{ name: b, labels: { version: b } }]`;

function routes(route: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ext }
spec: { hosts: [ext.example], http: [${route}] }`;
}

const POD = { a: { labels: { app: "pod", version: "b" } } };

const ROWS: readonly Row[] = [
  { name: "STATIC: its endpoints", feature: `${SE}resolution`, yaml: entry(`${EXT}, ${HTTP}, endpoints: [${A}]`) },
  {
    name: "STATIC: endpoints in turn",
    feature: `${SE}resolution`,
    yaml: entry(`${EXT}, ${HTTP}, endpoints: [${A}, ${B}]`) + ROUND_ROBIN,
    upstreams: ALIKE,
    client: [...EVENLY, seen("a", 2), seen("b", 2)],
    answers: FOUR_ALIKE,
  },
  {
    name: "STATIC: without endpoints nobody answers",
    feature: `${SE}resolution`,
    yaml: entry(`${EXT}, ${HTTP}`),
    asks: [["ext.example", "503 no healthy upstream"]],
  },
  {
    name: "DNS: endpoints by name",
    feature: `${SE}resolution`,
    yaml: entry(
      `hosts: [ext.example], resolution: DNS, ${HTTP}, endpoints: [{ address: localhost, ports: { http: {port a} } }]`,
    ),
  },
  {
    name: "DNS: endpoints may be addresses",
    feature: `${SE}resolution`,
    yaml: entry(`hosts: [ext.example], resolution: DNS, ${HTTP}, endpoints: [${A}]`),
  },
  {
    name: "DNS_ROUND_ROBIN",
    feature: `${SE}resolution`,
    yaml: entry(
      "hosts: [ext.example], resolution: DNS_ROUND_ROBIN, " +
        `${HTTP}, endpoints: [{ address: localhost, ports: { http: {port a} } }]`,
    ),
  },
  {
    name: "DNS: without endpoints the host itself, at the target port",
    feature: `${SE}resolution`,
    yaml: entry(
      "hosts: [localhost.localdomain, localhost], resolution: DNS, " +
        "ports: [{ number: 80, name: http, protocol: HTTP, targetPort: {port a} }]",
    ),
    asks: [["localhost", "200 a"]],
  },
  {
    name: "several hosts",
    feature: `${SE}hosts`,
    yaml: entry(`hosts: [ext.example, also.example], resolution: STATIC, ${HTTP}, endpoints: [${A}]`),
    asks: [
      ["ext.example", "200 a"],
      ["also.example", "200 a"],
      ["other.example", "502"],
    ],
  },
  {
    name: "hosts with their port, and in any case",
    feature: `${SE}hosts`,
    yaml: entry(`${EXT}, ${HTTP}, endpoints: [${A}]`),
    asks: [
      ["ext.example:80", "200 a"],
      ["EXT.example", "200 a"],
    ],
  },
  {
    name: "a wildcard host",
    feature: `${SE}hosts`,
    yaml: entry(`hosts: ["*.ext.example"], resolution: STATIC, ${HTTP}, endpoints: [${A}]`),
    asks: [
      ["x.ext.example", "200 a"],
      ["x.y.ext.example", "200 a"],
      ["ext.example", "502"],
    ],
  },
  {
    name: "an exact host comes before a wildcard",
    feature: `${SE}hosts`,
    yaml:
      entry(`hosts: ["*.ext.example"], resolution: STATIC, ${HTTP}, endpoints: [${A}]`) +
      entry(`hosts: [x.ext.example], resolution: STATIC, ${HTTP}, endpoints: [${B}]`, { name: "exact" }),
    asks: [
      ["x.ext.example", "200 b"],
      ["y.ext.example", "200 a"],
    ],
  },
  {
    name: "its addresses are names of it",
    feature: `${SE}addresses`,
    yaml: entry(`${EXT}, addresses: [240.1.2.3], ${HTTP}, endpoints: [${A}]`),
    asks: [
      ["240.1.2.3", "200 a"],
      ["240.1.2.3:80", "200 a"],
      ["240.1.2.4", "502"],
    ],
  },
  {
    name: "targetPort, where the endpoint does not say its own",
    feature: `${SE}ports`,
    yaml: entry(
      `${EXT}, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: {port a} }], ` +
        "endpoints: [{ address: 127.0.0.1 }]",
    ),
  },
  {
    name: "an endpoint's port comes before targetPort",
    feature: `${SE}ports`,
    yaml: entry(`${EXT}, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: {port b} }], endpoints: [${A}]`),
  },
  {
    name: "several ports",
    feature: `${SE}ports`,
    yaml: entry(
      `${EXT}, ports: [{ number: 80, name: http, protocol: HTTP }, { number: 81, name: more, protocol: HTTP }], ` +
        "endpoints: [{ address: 127.0.0.1, ports: { http: {port a}, more: {port b} } }]",
    ),
    client: [
      connect("p", "proxy"),
      send("p", get("/", "Host: ext.example")),
      got(1, "p"),
      send("p", get("/", "Host: ext.example:81")),
      got(2, "p"),
    ],
    answers: ["200 a", "200 b"],
  },
  {
    name: "a port that is not for HTTP has no route",
    feature: `${SE}ports`,
    yaml: entry(
      `${EXT}, ports: [{ number: 80, name: tcp, protocol: TCP }], ` +
        "endpoints: [{ address: 127.0.0.1, ports: { tcp: {port a} } }]",
    ),
    asks: [["ext.example", "502"]],
  },
  {
    name: "endpoints of a weight of their own",
    feature: `${SE}endpoints`,
    yaml:
      entry(
        `${EXT}, ${HTTP}, endpoints: [{ address: 127.0.0.1, ports: { http: {port a} }, weight: 1000000 }, ` +
          "{ address: 127.0.0.1, ports: { http: {port b} }, weight: 1 }]",
      ) + ROUND_ROBIN,
    upstreams: ALIKE,
    client: [...EVENLY, seen("a", 4)],
    answers: FOUR_ALIKE,
  },
  {
    name: "subsets by the labels of endpoints",
    feature: `${SE}endpoints`,
    yaml:
      entry(
        `${EXT}, ${HTTP}, endpoints: [{ address: 127.0.0.1, ports: { http: {port a} }, labels: { version: a } }, ` +
          "{ address: 127.0.0.1, ports: { http: {port b} }, labels: { version: b } }]",
      ) +
      ROUND_ROBIN +
      routes("{ route: [{ destination: { host: ext.example, subset: b } }] }"),
    asks: [["ext.example", "200 b"]],
  },
  {
    name: "a VirtualService's rules are for it too",
    feature: `${SE}routing`,
    yaml:
      entry(`${EXT}, ${HTTP}, endpoints: [${A}]`) +
      routes("{ headers: { request: { set: { x-a: b } } }, route: [{ destination: { host: ext.example } }] }"),
  },
  {
    name: "a VirtualService leads from a service to it",
    feature: `${SE}routing`,
    yaml:
      entry(`${EXT}, ${HTTP}, endpoints: [${A}]`) +
      service("echo", "echo") +
      routes("{ route: [{ destination: { host: ext.example } }] }").replace("[ext.example]", "[echo]"),
    asks: [["echo", "200 a"]],
  },
  {
    name: "exported to its own namespace only",
    feature: `${SE}exportTo`,
    yaml: entry(`${EXT}, exportTo: ["."], ${HTTP}, endpoints: [${A}]`, { namespace: "other" }),
    asks: [["ext.example", "502"]],
  },
  {
    name: "exported to the client's namespace",
    feature: `${SE}exportTo`,
    yaml: entry(`${EXT}, exportTo: [default], ${HTTP}, endpoints: [${A}]`, { namespace: "other" }),
  },
  {
    name: "the client's namespace comes first where two have the host",
    feature: `${SE}exportTo`,
    yaml:
      entry(`${EXT}, ${HTTP}, endpoints: [${B}]`, { name: "b", namespace: "other" }) +
      entry(`${EXT}, ${HTTP}, endpoints: [${A}]`, { name: "a" }),
  },
  {
    name: "workloadSelector: WorkloadEntries",
    feature: `${SE}workloadSelector`,
    yaml:
      entry(`${EXT}, ${HTTP}, workloadSelector: { labels: { app: vm } }`) +
      workload("vm-a", "address: 127.0.0.1, ports: { http: {port a} }, labels: { app: vm }") +
      workload("vm-b", "address: 127.0.0.1, ports: { http: {port b} }, labels: { app: other }"),
  },
  {
    name: "workloadSelector: those of its own namespace only",
    feature: `${SE}workloadSelector`,
    yaml:
      entry(`${EXT}, ${HTTP}, workloadSelector: { labels: { app: vm } }`) +
      workload("vm-a", "address: 127.0.0.1, ports: { http: {port a} }, labels: { app: vm }") +
      workload("vm-b", "address: 127.0.0.1, ports: { http: {port b} }, labels: { app: vm }", "other"),
  },
  {
    name: "workloadSelector: workloads of the mesh",
    feature: `${SE}workloadSelector`,
    yaml: entry(
      "hosts: [ext.example], resolution: STATIC, workloadSelector: { labels: { app: pod } }, " +
        "ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }]",
    ),
    workloads: POD,
  },
  {
    name: "WorkloadEntries have subsets",
    feature: "WorkloadEntry: endpoints",
    yaml:
      entry(`${EXT}, ${HTTP}, workloadSelector: { labels: { app: vm } }`) +
      workload("vm-a", "address: 127.0.0.1, ports: { http: {port a} }, labels: { app: vm, version: a }") +
      workload("vm-b", "address: 127.0.0.1, ports: { http: {port b} }, labels: { app: vm, version: b }") +
      ROUND_ROBIN +
      routes("{ route: [{ destination: { host: ext.example, subset: b } }] }"),
    asks: [["ext.example", "200 b"]],
  },
  {
    name: "WorkloadEntries have weights",
    feature: "WorkloadEntry: endpoints",
    yaml:
      entry(`${EXT}, ${HTTP}, workloadSelector: { labels: { app: vm } }`) +
      workload("vm-a", "address: 127.0.0.1, ports: { http: {port a} }, labels: { app: vm }, weight: 1000000") +
      workload("vm-b", "address: 127.0.0.1, ports: { http: {port b} }, labels: { app: vm }, weight: 1") +
      ROUND_ROBIN,
    upstreams: ALIKE,
    // Where in its round a balancer begins is up to chance.
    client: [...EVENLY, seen("a", 4)],
    answers: FOUR_ALIKE,
  },
  {
    name: "WorkloadEntries are endpoints of Services that select them",
    feature: "WorkloadEntry: endpoints",
    yaml:
      service("echo", "vm") + workload("vm-a", "address: 127.0.0.1, ports: { http: {port a} }, labels: { app: vm }"),
    asks: [["echo", "200 a"]],
  },
  {
    name: "WorkloadEntries found by name",
    feature: "WorkloadEntry: endpoints",
    yaml:
      entry(`hosts: [ext.example], resolution: DNS, ${HTTP}, workloadSelector: { labels: { app: vm } }`) +
      workload("vm-a", "address: localhost, ports: { http: {port a} }, labels: { app: vm }"),
  },
];

export const CASES: readonly ContractCase[] = ROWS.map(row);
