/** Who answers for a service: registered workloads that it selects, endpoints that files list, and its own. */
import { matchesLabels } from "@tulle/api";
import type { Labels } from "@tulle/api";
import type { EndpointList } from "./endpoint-slices.ts";
import type { MeshService, ServicePort, StaticEndpoint } from "./service.ts";
import { rememberByObject, sameElements } from "./sharing.ts";
import type { InboundPort, Workload } from "./workload.ts";
import { DEFAULT_CLUSTER_ID, workloadMetadata } from "./workload.ts";

export interface MeshEndpoint {
  readonly address: string;
  readonly port: number;
  readonly labels: Labels;
  readonly healthy: boolean;
  readonly weight: number;
  /** Istio's `filter_metadata.istio.workload`; "" if unknown. */
  readonly workload: string;
}

interface ServiceEndpoints {
  readonly service: MeshService;
  readonly byPort: ReadonlyMap<number, readonly MeshEndpoint[]>;
  /** What it was made of; equal elements mean equal endpoints. */
  readonly contributors: readonly (Workload | EndpointList)[];
}

/** By service host. */
export type EndpointIndex = ReadonlyMap<string, ServiceEndpoints>;

export function indexEndpoints(
  services: readonly MeshService[],
  workloads: readonly Workload[],
  lists: readonly EndpointList[],
  previous: EndpointIndex | undefined,
): EndpointIndex {
  const members = contributorsByService(services, workloads, lists);
  const index = new Map<string, ServiceEndpoints>();
  for (const service of services) {
    const contributors = members.get(service) ?? [];
    const before = previous?.get(service.host);
    const unchanged = before?.service === service && sameElements(before.contributors, contributors);
    index.set(service.host, unchanged ? before : endpointsOf(service, contributors));
  }
  return index;
}

type Contributors = Map<MeshService, (Workload | EndpointList)[]>;

function contributorsByService(
  services: readonly MeshService[],
  workloads: readonly Workload[],
  lists: readonly EndpointList[],
): Contributors {
  const members: Contributors = new Map();
  const add = (service: MeshService, contributor: Workload | EndpointList): void => {
    const found = members.get(service);
    if (found === undefined) members.set(service, [contributor]);
    else found.push(contributor);
  };
  for (const workload of workloads) {
    for (const service of servicesOfWorkload(services, workload)) add(service, workload);
  }
  const byName = new Map(services.filter(({ shortNames }) => shortNames).map((s) => [`${s.namespace}/${s.name}`, s]));
  const sliced = new Set(lists.filter(({ kind }) => kind === "EndpointSlice").map(({ service }) => service));
  for (const list of lists) {
    const service = byName.get(list.service);
    // Kubernetes mirrors Endpoints into slices: counting both would double every endpoint.
    const mirrored = list.kind === "Endpoints" && sliced.has(list.service);
    if (service !== undefined && !mirrored) add(service, list);
  }
  return members;
}

/** Services by `namespace`, then by one `key=value` of their selector, so that a workload meets few of them. */
interface SelectorIndex {
  readonly byLabel: ReadonlyMap<string, readonly MeshService[]>;
  /** Services without selector, which workloads join by name. */
  readonly byName: ReadonlyMap<string, MeshService>;
}

const servicesBySelector = rememberByObject((services: readonly MeshService[]): SelectorIndex => {
  const byLabel = new Map<string, MeshService[]>();
  const byName = new Map<string, MeshService>();
  for (const service of services) {
    const pair = Object.entries(service.selector ?? {})[0];
    if (pair === undefined) {
      if (service.shortNames) byName.set(`${service.namespace}/${service.name}`, service);
      continue;
    }
    const key = `${service.namespace}/${pair[0]}=${pair[1]}`;
    const found = byLabel.get(key);
    if (found === undefined) byLabel.set(key, [service]);
    else found.push(service);
  }
  return { byLabel, byName };
});

/** Services that a workload answers for: those that select it, and the one without selector that it names. */
export function servicesOfWorkload(
  services: readonly MeshService[],
  workload: Pick<Workload, "namespace" | "labels" | "service">,
): readonly MeshService[] {
  const { byLabel, byName } = servicesBySelector(services);
  const found: MeshService[] = [];
  for (const [key, value] of Object.entries(workload.labels)) {
    for (const service of byLabel.get(`${workload.namespace}/${key}=${value}`) ?? []) {
      if (matchesLabels(service.selector, workload.labels)) found.push(service);
    }
  }
  const named = workload.service === undefined ? undefined : byName.get(`${workload.namespace}/${workload.service}`);
  if (named !== undefined) found.push(named);
  return found;
}

/** Whether some Service object selects the workload: then the service that it names itself is not made up. */
export function isSelected(services: readonly MeshService[], workload: Workload): boolean {
  return servicesOfWorkload(services, workload).some(
    ({ selector, shortNames }) => shortNames && selector !== undefined,
  );
}

function endpointsOf(service: MeshService, contributors: readonly (Workload | EndpointList)[]): ServiceEndpoints {
  const byPort = new Map<number, readonly MeshEndpoint[]>();
  for (const port of service.ports) {
    const endpoints = [
      ...contributors.flatMap((contributor) =>
        "inbound" in contributor ? fromWorkload(contributor, port) : fromList(contributor, port),
      ),
      ...service.endpoints.map((endpoint) => fromService(endpoint, port)),
    ];
    byPort.set(port.number, withoutDuplicates(endpoints));
  }
  return { service, byPort, contributors };
}

/** A proxy refuses an assignment that lists an address twice; the first wins. */
function withoutDuplicates(endpoints: readonly MeshEndpoint[]): readonly MeshEndpoint[] {
  const seen = new Set<string>();
  return endpoints.filter(({ address, port }) => {
    const key = `${address} ${port}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The workload's port that a service port goes to. A named target is its port of that name, or its only port. */
export function inboundFor(
  workload: Pick<Workload, "inbound">,
  { targetPort }: Pick<ServicePort, "targetPort">,
): InboundPort | undefined {
  if (typeof targetPort === "number") return workload.inbound.find(({ port }) => port === targetPort);
  const named = workload.inbound.find(({ name }) => name === targetPort);
  return named ?? (workload.inbound.length === 1 ? workload.inbound[0] : undefined);
}

const ANY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

function fromWorkload(workload: Workload, servicePort: ServicePort): readonly MeshEndpoint[] {
  const inbound = inboundFor(workload, servicePort);
  if (inbound === undefined) return [];
  return [
    {
      address: ANY_ADDRESS.has(inbound.address) ? workload.address : inbound.address,
      port: inbound.bindPort,
      labels: workload.labels,
      healthy: workload.healthy,
      weight: 1,
      workload: workloadMetadata(workload),
    },
  ];
}

/** A list's ports go by the names of the service's ports. (Kubernetes docs, EndpointPort.name) */
function fromList({ endpoints, service }: EndpointList, servicePort: ServicePort): readonly MeshEndpoint[] {
  const namespace = service.slice(0, service.indexOf("/"));
  return endpoints.flatMap(({ addresses, ready, ports, labels, workload }) => {
    const named = ports.find(({ name = "" }) => name === servicePort.name);
    const number = (named ?? (ports.length === 1 && servicePort.name === "" ? ports[0] : undefined))?.port;
    if (number === undefined) return [];
    const metadata = workloadMetadata({ name: workload, namespace, labels, clusterId: DEFAULT_CLUSTER_ID });
    return addresses.map((address): MeshEndpoint => ({
      address,
      port: number,
      labels,
      healthy: ready,
      weight: 1,
      workload: metadata,
    }));
  });
}

function fromService({ address, ports, labels, weight }: StaticEndpoint, servicePort: ServicePort): MeshEndpoint {
  const target = typeof servicePort.targetPort === "number" ? servicePort.targetPort : servicePort.number;
  const port = ports[servicePort.name] ?? target;
  return { address, port, labels, healthy: true, weight, workload: "" };
}
