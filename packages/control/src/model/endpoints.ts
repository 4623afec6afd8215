/** Who answers for a service: registered workloads that it selects, endpoints that files list, and its own. */
import { isIP, matchesLabels } from "@tulle/api";
import type { Labels } from "@tulle/api";
import type { EndpointList } from "./endpoint-slices.ts";
import { withPlace } from "./locality.ts";
import type { PeerAuthentications } from "./peer-authentication.ts";
import { modeAt } from "./peer-authentication.ts";
import type { MeshService, ServicePort } from "./service.ts";
import { rememberByObject, sameElements, shareList } from "./sharing.ts";
import type { EntryEndpoint, EntryMember } from "./workload-entry.ts";
import type { InboundPort, Workload } from "./workload.ts";
import { serviceAccount, workloadMetadata } from "./workload.ts";

export interface MeshEndpoint {
  /** An IP address; a name only for services whose endpoints are found by name. */
  readonly address: string;
  readonly port: number;
  /** With those that its place gives it. */
  readonly labels: Labels;
  /** `region/zone/subzone`, "" if unknown. */
  readonly locality: string;
  readonly healthy: boolean;
  readonly weight: number;
  /** Istio's `filter_metadata.istio.workload`; "" if unknown. */
  readonly workload: string;
  /** It takes mutual TLS. */
  readonly mutualTls: boolean;
  /** Who it is: `namespace/account`; "" if unknown. */
  readonly account: string;
}

type Contributor = Workload | EndpointList | EntryMember;

interface ServiceEndpoints {
  readonly service: MeshService;
  readonly byPort: ReadonlyMap<number, readonly MeshEndpoint[]>;
  /** What it was made of; equal elements mean equal endpoints. */
  readonly contributors: readonly Contributor[];
  readonly peers: PeerAuthentications;
  /** Of those that take mutual TLS; the same list for as long as it is. */
  readonly accounts: readonly string[];
  /** Whether it is known where some of them are. */
  readonly hasLocality: boolean;
}

/** By service host. */
export type EndpointIndex = ReadonlyMap<string, ServiceEndpoints>;

export interface EndpointSources {
  readonly workloads: readonly Workload[];
  readonly lists: readonly EndpointList[];
  readonly entries: readonly EntryMember[];
  readonly peers: PeerAuthentications;
}

export function indexEndpoints(
  services: readonly MeshService[],
  sources: EndpointSources,
  previous: EndpointIndex | undefined,
): EndpointIndex {
  const members = contributorsByService(services, sources);
  const { peers } = sources;
  const index = new Map<string, ServiceEndpoints>();
  for (const service of services) {
    const contributors = members.get(service) ?? [];
    const before = previous?.get(service.host);
    const unchanged =
      before?.service === service && before.peers === peers && sameElements(before.contributors, contributors);
    index.set(service.host, unchanged ? before : endpointsOf(service, contributors, peers, before?.accounts));
  }
  return index;
}

function contributorsByService(
  services: readonly MeshService[],
  { workloads, lists, entries }: EndpointSources,
): Map<MeshService, Contributor[]> {
  const members = new Map<MeshService, Contributor[]>();
  const add = (service: MeshService, contributor: Contributor): void => {
    const found = members.get(service);
    if (found === undefined) members.set(service, [contributor]);
    else found.push(contributor);
  };
  for (const workload of workloads) {
    for (const service of servicesOfWorkload(services, workload)) add(service, workload);
  }
  for (const entry of entries) {
    for (const service of servicesSelecting(services, entry)) if (takes(service, entry)) add(service, entry);
  }
  const byName = new Map(services.filter(({ kubernetes }) => kubernetes).map((s) => [`${s.namespace}/${s.name}`, s]));
  const sliced = new Set(lists.filter(({ kind }) => kind === "EndpointSlice").map(({ service }) => service));
  for (const list of lists) {
    const service = byName.get(list.service);
    // Kubernetes mirrors Endpoints into slices: counting both would double every endpoint.
    const mirrored = list.kind === "Endpoints" && sliced.has(list.service);
    if (service !== undefined && !mirrored) add(service, list);
  }
  return members;
}

/** A Service has its pods by its slices. Names can only be endpoints where endpoints are looked up. */
function takes({ kubernetes, resolution }: MeshService, { kind, endpoint }: EntryMember): boolean {
  if (kind === "Pod" && kubernetes) return false;
  return isIP(endpoint.address) || resolution === "dns" || resolution === "dns-round-robin";
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
      if (service.kubernetes) byName.set(`${service.namespace}/${service.name}`, service);
      continue;
    }
    const key = `${service.namespace}/${pair[0]}=${pair[1]}`;
    const found = byLabel.get(key);
    if (found === undefined) byLabel.set(key, [service]);
    else found.push(service);
  }
  return { byLabel, byName };
});

function servicesSelecting(
  services: readonly MeshService[],
  { namespace, labels }: Pick<Workload, "namespace" | "labels">,
): MeshService[] {
  const { byLabel } = servicesBySelector(services);
  const found: MeshService[] = [];
  for (const [key, value] of Object.entries(labels)) {
    for (const service of byLabel.get(`${namespace}/${key}=${value}`) ?? []) {
      if (matchesLabels(service.selector, labels)) found.push(service);
    }
  }
  return found;
}

/** Services that a workload answers for: those that select it, and the one without selector that it names. */
export function servicesOfWorkload(
  services: readonly MeshService[],
  workload: Pick<Workload, "namespace" | "labels" | "service">,
): readonly MeshService[] {
  const found = servicesSelecting(services, workload);
  const named =
    workload.service === undefined
      ? undefined
      : servicesBySelector(services).byName.get(`${workload.namespace}/${workload.service}`);
  if (named !== undefined) found.push(named);
  return found;
}

/** Whether some Service object selects the workload: then the service that it names itself is not made up. */
export function isSelected(services: readonly MeshService[], workload: Workload): boolean {
  return servicesOfWorkload(services, workload).some(
    ({ selector, kubernetes }) => kubernetes && selector !== undefined,
  );
}

function endpointsOf(
  service: MeshService,
  contributors: readonly Contributor[],
  peers: PeerAuthentications,
  accountsBefore: readonly string[] | undefined,
): ServiceEndpoints {
  const byPort = new Map<number, readonly MeshEndpoint[]>();
  let hasLocality = false;
  for (const port of service.ports) {
    const endpoints = [
      ...contributors.flatMap((contributor) => fromContributor(contributor, port)),
      ...service.endpoints.map((endpoint) => fromEntry(endpoint, port)),
    ].map(({ of, ...endpoint }): MeshEndpoint => ({
      ...endpoint,
      mutualTls: of.mutualTls && modeAt(peers.modesOf(of), of.port) !== "DISABLE",
    }));
    hasLocality ||= endpoints.some(({ locality }) => locality !== "");
    byPort.set(port.number, withoutDuplicates(endpoints));
  }
  const accounts = [...byPort.values()].flat().flatMap(({ mutualTls, account }) => (mutualTls ? [account] : []));
  return {
    service,
    byPort,
    contributors,
    peers,
    // Where one's name is not known, any will do.
    accounts: shareList(accountsBefore, accounts.includes("") ? [] : [...new Set(accounts)].sort()),
    hasLocality,
  };
}

/** Before it is known whether it may take mutual TLS. */
interface Candidate extends Omit<MeshEndpoint, "mutualTls"> {
  readonly of: {
    readonly namespace: string;
    readonly labels: Labels;
    readonly mutualTls: boolean;
    /** The workload's. */
    readonly port: number;
  };
}

function fromContributor(contributor: Contributor, port: ServicePort): readonly Candidate[] {
  if ("inbound" in contributor) return fromWorkload(contributor, port);
  if ("endpoints" in contributor) return fromList(contributor, port);
  return [fromEntry(contributor.endpoint, port)];
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

function fromWorkload(workload: Workload, servicePort: ServicePort): readonly Candidate[] {
  const inbound = inboundFor(workload, servicePort);
  if (inbound === undefined) return [];
  const { locality, network, clusterId, labels } = workload;
  return [
    {
      address: ANY_ADDRESS.has(inbound.address) ? workload.address : inbound.address,
      port: inbound.bindPort,
      labels: withPlace(labels, { locality, network, clusterId, node: "" }),
      locality,
      healthy: workload.healthy,
      weight: workload.weight,
      workload: workloadMetadata(workload),
      account: serviceAccount(workload.namespace, workload.serviceAccount),
      of: { namespace: workload.namespace, labels, mutualTls: workload.mutualTls, port: inbound.port },
    },
  ];
}

/** A list's ports go by the names of the service's ports. (Kubernetes docs, EndpointPort.name) */
function fromList({ endpoints }: EndpointList, servicePort: ServicePort): readonly Candidate[] {
  return endpoints.flatMap(({ addresses, ready, ports, namespace, mutualTls, ...facts }) => {
    const named = ports.find(({ name = "" }) => name === servicePort.name);
    const number = (named ?? (ports.length === 1 && servicePort.name === "" ? ports[0] : undefined))?.port;
    if (number === undefined) return [];
    const of = { namespace, labels: facts.labels, mutualTls, port: number };
    return addresses.map((address): Candidate => ({ address, port: number, healthy: ready, weight: 1, ...facts, of }));
  });
}

/** The entry's port of that name, else the service's target, else its own number. */
function fromEntry(entry: EntryEndpoint, { name, number, targetPort }: ServicePort): Candidate {
  const { address, ports, labels, locality, healthy, weight, workload, account, namespace, mutualTls } = entry;
  const port = ports[name] ?? (typeof targetPort === "number" ? targetPort : number);
  const of = { namespace, labels, mutualTls, port };
  return { address, port, labels, locality, healthy, weight, workload, account, of };
}
