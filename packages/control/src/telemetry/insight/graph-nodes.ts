/** Which node of a graph each end of the traffic is. */
import type { GraphType, NodeKind } from "@tulle/telemetry/insight";
import type { FactIndex, ServiceFacts, WorkloadFacts } from "./facts.ts";
import type { Destination, EndPoint } from "./traffic-cell.ts";

export interface NodeIdentity {
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  readonly namespace: string;
  readonly app: string;
  readonly service: string;
  readonly workload: string;
  readonly version: string;
  readonly isGateway: boolean;
  /** What is known of it beside its traffic. */
  readonly serviceFacts: readonly ServiceFacts[];
  readonly workloadFacts: readonly WorkloadFacts[];
}

const NOBODY = { namespace: "", app: "", service: "", workload: "", version: "" } as const;
const NO_FACTS = { isGateway: false, serviceFacts: [], workloadFacts: [] } as const;
const OUTSIDE = "outside the mesh";

export function sourceNode(from: EndPoint, type: GraphType, facts: FactIndex, principal: string): NodeIdentity {
  if (from.workload === "" && from.app === "") return outside(principal);
  return ofWorkload(from, type, facts, undefined);
}

export function targetNode(to: Destination, type: GraphType, facts: FactIndex): NodeIdentity {
  const service = facts.service(to.serviceNamespace || to.namespace, to.service, to.host);
  if (to.workload === "" && to.app === "") return ofService(to, service);
  return ofWorkload(to, type, facts, service ?? to);
}

export function namespaceNode(namespace: string): NodeIdentity {
  return { ...NOBODY, ...NO_FACTS, id: `ns:${namespace}`, kind: "namespace", name: namespace, namespace };
}

/** Whoever has no proxy is called by his certificate, if he has one. */
function outside(principal: string): NodeIdentity {
  const name = principal === "" ? OUTSIDE : principal;
  return { ...NOBODY, ...NO_FACTS, id: `out:${principal}`, kind: "outside", name };
}

/** Nobody there has a proxy, or nobody was found. */
function ofService(to: Destination, facts: ServiceFacts | undefined): NodeIdentity {
  if (facts !== undefined && !facts.external) {
    const { namespace, name } = facts;
    return {
      ...NOBODY,
      ...NO_FACTS,
      id: `svc:${namespace}/${name}`,
      kind: "service",
      name,
      namespace,
      service: name,
      serviceFacts: [facts],
    };
  }
  const host = to.host || to.service;
  return {
    ...NOBODY,
    ...NO_FACTS,
    id: `ext:${host}`,
    kind: "external",
    name: host,
    service: to.service || host,
    serviceFacts: facts === undefined ? [] : [facts],
  };
}

function ofWorkload(
  end: EndPoint,
  type: GraphType,
  facts: FactIndex,
  called: ServiceFacts | Destination | undefined,
): NodeIdentity {
  const { namespace, workload, app, version } = end;
  const workloadFacts = facts.workload(namespace, workload);
  const behind = (workloadFacts?.services ?? []).flatMap((host) => facts.service("", "", host) ?? []);
  const serviceFacts = called !== undefined && "badges" in called ? [called] : behind;
  const calledName = called === undefined ? "" : "badges" in called ? called.name : called.service;
  const service = calledName || behind[0]?.name || app;
  const base = {
    namespace,
    app,
    service,
    workload,
    version,
    isGateway: workloadFacts?.isGateway ?? false,
    serviceFacts,
    workloadFacts: workloadFacts === undefined ? [] : [workloadFacts],
  };
  if (type === "versionedApp") return { ...base, id: `app:${namespace}/${app}@${version}`, kind: "app", name: app };
  if (type === "workload") return { ...base, id: `wl:${namespace}/${workload}`, kind: "workload", name: workload };
  if (type === "app") {
    return { ...base, id: `app:${namespace}/${app}`, kind: "app", name: app, version: "", workload: "" };
  }
  const home = serviceFacts[0]?.namespace ?? namespace;
  const id = `svc:${home}/${service}`;
  return { ...base, id, kind: "service", name: service, namespace: home, version: "", workload: "", app: "" };
}
