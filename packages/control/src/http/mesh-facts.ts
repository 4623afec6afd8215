/** What the telemetry thread is told of the configuration and the registry, so that numbers get names and reasons. */
import type { Badge } from "@tulle/telemetry/insight";
import { workloadOfNode } from "@tulle/telemetry";
import { gatewaysOf } from "../model/gateway.ts";
import type { MeshService } from "../model/service.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { workloadMetadata } from "../model/workload.ts";
import type { MeshFacts, ServiceFacts, WorkloadFacts } from "../telemetry/insight/facts.ts";
import type { ApiContext } from "./handler.ts";
import { proxySyncs } from "./proxy-sync.ts";
import { refTo, trafficRules } from "./traffic-rules.ts";
import type { TrafficRules } from "./traffic-rules.ts";

/** What follows from a snapshot alone. */
interface Configured {
  readonly rules: TrafficRules;
  readonly services: readonly ServiceFacts[];
  /** Hosts of services by what their endpoints say of themselves. */
  readonly hostsByWorkload: ReadonlyMap<string, readonly string[]>;
}

const remembered = new WeakMap<Snapshot, Configured>();

export function configured(snapshot: Snapshot): Configured {
  let found = remembered.get(snapshot);
  if (found === undefined) {
    const rules = trafficRules(snapshot);
    const services = snapshot.services.map((service) => serviceFacts(service, rules));
    found = { rules, services, hostsByWorkload: hostsByWorkload(snapshot) };
    remembered.set(snapshot, found);
  }
  return found;
}

function serviceFacts(service: MeshService, rules: TrafficRules): ServiceFacts {
  const { host, namespace, name, external, ports, implicit, origin } = service;
  return {
    host,
    namespace,
    name,
    external,
    badges: rules.badges.get(host) ?? [],
    objects: [...(implicit ? [] : [refTo(origin)]), ...(rules.objects.get(host) ?? [])],
    ports: ports.map(({ number, name: portName, protocol }) => ({ number, name: portName, protocol })),
  };
}

function hostsByWorkload({ endpoints }: Snapshot): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, Set<string>>();
  for (const { service, byPort } of endpoints.values()) {
    for (const { workload } of [...byPort.values()].flat()) {
      if (workload === "") continue;
      const known = hosts.get(workload);
      if (known === undefined) hosts.set(workload, new Set([service.host]));
      else known.add(service.host);
    }
  }
  return new Map([...hosts].map(([workload, set]) => [workload, [...set]]));
}

/** One that runs. */
interface Instance {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterId: string;
  readonly addresses: readonly string[];
  readonly isReady: boolean;
  readonly isGateway: boolean;
  readonly services: readonly string[];
}

/** Those that have registered, and gateways, which only connect. */
function instances(context: ApiContext, hosts: ReadonlyMap<string, readonly string[]>): readonly Instance[] {
  const routers = new Map(
    context.pusher.proxies().flatMap(({ node }) => (node.type === "router" ? [[node.id, node] as const] : [])),
  );
  const registered = context.registry.list().map(({ workload, connected }): Instance => {
    const { id, namespace, name, labels, clusterId, address, healthy } = workload;
    return {
      id,
      namespace,
      name,
      labels,
      clusterId,
      addresses: [address],
      isReady: connected && healthy,
      isGateway: routers.delete(id),
      services: hosts.get(workloadMetadata(workload)) ?? [],
    };
  });
  const others = [...routers.values()].map(({ id, namespace, workload, labels, clusterId }): Instance => ({
    id,
    namespace,
    name: workload,
    labels,
    clusterId,
    addresses: [],
    isReady: true,
    isGateway: true,
    services: [],
  }));
  return [...registered, ...others];
}

/** Instances of one name are one workload. */
function workloadFacts(context: ApiContext, snapshot: Snapshot): readonly WorkloadFacts[] {
  const { hostsByWorkload: hosts } = configured(snapshot);
  const syncs = new Map(proxySyncs(context).map((sync) => [sync.id, sync]));
  const groups = new Map<string, WorkloadFacts>();
  for (const instance of instances(context, hosts)) {
    const { id, namespace, name, labels, clusterId, addresses, isReady, isGateway } = instance;
    const { canonicalName, canonicalRevision, version } = workloadOfNode({
      WORKLOAD_NAME: name,
      NAMESPACE: namespace,
      CLUSTER_ID: clusterId,
      LABELS: labels,
    });
    const sync = syncs.get(id);
    const known = groups.get(`${namespace}/${name}`);
    const gateways = isGateway ? gatewaysOf(snapshot.gateways, labels) : [];
    const badges: readonly Badge[] = gateways.map(({ origin, spec }) => ({
      kind: "gateway",
      text: spec.servers.flatMap(({ hosts: names }) => names).join(", "),
      objects: [refTo(origin)],
    }));
    groups.set(`${namespace}/${name}`, {
      namespace,
      name,
      app: canonicalName,
      version: versionOf(labels["version"] === undefined ? canonicalRevision : version),
      isGateway: isGateway || (known?.isGateway ?? false),
      services: known?.services ?? instance.services,
      addresses: [...new Set([...(known?.addresses ?? []), ...addresses])],
      instances: (known?.instances ?? 0) + 1,
      ready: (known?.ready ?? 0) + (isReady ? 1 : 0),
      proxies: [...(known?.proxies ?? []), ...(sync === undefined ? [] : [sync])],
      badges: known?.badges ?? badges,
      objects: known?.objects ?? gateways.map(({ origin }) => refTo(origin)),
    });
  }
  return [...groups.values()];
}

/** Istio's word for none. */
function versionOf(revision: string): string {
  return revision === "latest" ? "" : revision;
}

interface Told {
  readonly snapshot: Snapshot;
  readonly starts: number;
  readonly workloads: string;
}

/** What each control plane's telemetry thread was told last. */
const told = new WeakMap<ApiContext["telemetry"], Told>();

/** Tells the telemetry thread what is new. Rejects with QuestionError if it cannot be told. */
export async function tellFacts(context: ApiContext): Promise<void> {
  const { telemetry, pusher } = context;
  const snapshot = pusher.current();
  const workloads = workloadFacts(context, snapshot);
  const now: Told = { snapshot, starts: telemetry.starts, workloads: JSON.stringify(workloads) };
  const last = told.get(telemetry);
  const isKnown = last?.snapshot === now.snapshot && last.starts === now.starts && last.workloads === now.workloads;
  if (isKnown) return;
  const { rules, services } = configured(snapshot);
  const facts: MeshFacts = { services, workloads, rules: rules.delays };
  await telemetry.ask("meshFacts", facts);
  told.set(telemetry, now);
}
