/** MeshConfig's say about services: policies and visibilities where rules have none. */
import type { ContractCase } from "../harness/case.ts";
import { service } from "../harness/istio.ts";
import { answer, get, got, stat } from "../harness/steps.ts";

const HOST = "echo.default.svc.cluster.local";
const CONNECTIONS = `cluster.outbound|80||${HOST}.upstream_cx_total`;
const HELLO = get("/", `Host: ${HOST}`);
const ONCE = "connectionPool: { http: { maxRequestsPerConnection: 1 } }";

function mesh(...lines: readonly string[]): string {
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
${lines.map((line) => `    ${line}`).join("\n")}`;
}

function rule(spec: string, namespace = "default"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, namespace: ${namespace} }
spec: { host: ${HOST}, ${spec} }`;
}

function connections(name: string, feature: string, yaml: string, count: number): ContractCase {
  return {
    name,
    feature: `MeshConfig: ${feature}`,
    istio: { yaml: service("echo", "echo") + yaml, workloads: { v1: { labels: { app: "echo" } } } },
    client: [HELLO, got(1), HELLO, got(2), stat(CONNECTIONS, count)],
    expect: { answers: ["200 v1", "200 v1"] },
  };
}

const BY_DEFAULT = mesh(`defaultTrafficPolicy: { ${ONCE} }`);

const POLICIES: readonly ContractCase[] = [
  connections("a policy for services without a rule", "defaultTrafficPolicy", BY_DEFAULT, 2),
  connections(
    "what a rule does not say",
    "defaultTrafficPolicy",
    BY_DEFAULT + rule("trafficPolicy: { loadBalancer: { simple: RANDOM } }"),
    2,
  ),
  connections(
    "a rule's block replaces the mesh's",
    "defaultTrafficPolicy",
    BY_DEFAULT + rule("trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 } } }"),
    1,
  ),
  connections(
    "defaultDestinationRuleExportTo: the rule's own namespace",
    "visibilities",
    mesh('defaultDestinationRuleExportTo: ["."]') + rule(`trafficPolicy: { ${ONCE} }`, "istio-system"),
    1,
  ),
  connections(
    "defaultDestinationRuleExportTo: a rule that says its own",
    "visibilities",
    mesh('defaultDestinationRuleExportTo: ["."]') + rule(`exportTo: ["*"], trafficPolicy: { ${ONCE} }`, "istio-system"),
    2,
  ),
];

function visible(name: string, yaml: string, status: string): ContractCase {
  return {
    name,
    feature: "MeshConfig: visibilities",
    istio: { yaml, workloads: { v1: { labels: { app: "echo" }, namespace: "shop" } } },
    client: [get("/", "Host: other.shop"), got(1)],
    expect: { answers: [status] },
  };
}

const OTHER = service("other", "echo").replace("{ name: other }", "{ name: other, namespace: shop }");
const ONLY_KNOWN = "outboundTrafficPolicy: { mode: REGISTRY_ONLY }";

const VISIBILITIES: readonly ContractCase[] = [
  visible("services are for everybody", OTHER + mesh(ONLY_KNOWN), "200 v1"),
  visible(
    "defaultServiceExportTo: the service's own namespace",
    OTHER + mesh(ONLY_KNOWN, 'defaultServiceExportTo: ["."]'),
    "502",
  ),
  visible(
    "defaultServiceExportTo: a service that says its own",
    OTHER.replace("namespace: shop }", 'namespace: shop, annotations: { networking.istio.io/exportTo: "*" } }') +
      mesh(ONLY_KNOWN, 'defaultServiceExportTo: ["."]'),
    "200 v1",
  ),
];

function at(region: string) {
  return { labels: { app: "echo" }, node: { locality: { region } } };
}

function localities(name: string, yaml: string, who: string): ContractCase {
  return {
    name,
    feature: "MeshConfig: localityLbSetting",
    istio: {
      yaml: service("echo", "echo") + rule("trafficPolicy: { outlierDetection: { consecutive5xxErrors: 5 } }") + yaml,
      workloads: { r2: at("r2"), r3: at("r3") },
      proxy: { node: { locality: { region: "r1" } } },
    },
    upstreams: { r2: answer(200, "r2"), r3: answer(200, "r3") },
    client: [HELLO, got(1), HELLO, got(2), HELLO, got(3), HELLO, got(4)],
    expect: { answers: [1, 2, 3, 4].map(() => `200 ${who}`) },
  };
}

const LOCALITIES: readonly ContractCase[] = [
  localities("failover", mesh("localityLbSetting: { failover: [{ from: r1, to: r3 }] }"), "r3"),
  localities("distribute", mesh('localityLbSetting: { distribute: [{ from: "r1/*", to: { "r2/*": 100 } }] }'), "r2"),
];

export const CASES: readonly ContractCase[] = [...POLICIES, ...VISIBILITIES, ...LOCALITIES];
