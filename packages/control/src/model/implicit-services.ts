/** Services that no object describes: workloads name them when they register (`tulle run --service`). */
import { parseProtocol, serviceHost } from "@tulle/api";
import { isSelected } from "./endpoints.ts";
import type { MeshService, ServicePort } from "./service.ts";
import type { Workload } from "./workload.ts";

/**
 * One service for each name that workloads give and that neither an object has nor a selecting Service makes
 * unnecessary. Its ports are all the ports of its workloads. `previous` ones are handed out again while they are equal.
 */
export function implicitServices(
  workloads: readonly Workload[],
  declared: readonly MeshService[],
  domain: string,
  previous: ReadonlyMap<string, MeshService>,
): readonly MeshService[] {
  const taken = new Set(declared.map(({ host }) => host));
  const members = new Map<string, Workload[]>();
  for (const workload of workloads) {
    if (workload.service === undefined || workload.inbound.length === 0) continue;
    const host = serviceHost(workload.service, workload.namespace, domain).toLowerCase();
    if (taken.has(host) || isSelected(declared, workload)) continue;
    members.set(host, [...(members.get(host) ?? []), workload]);
  }
  return [...members].map(([host, same]) => share(previous.get(host), implicitService(host, same)));
}

function implicitService(host: string, members: readonly Workload[]): MeshService {
  const { service, namespace } = members[0]!;
  const ports = new Map<number, ServicePort>();
  for (const { port, protocol } of members.flatMap(({ inbound }) => inbound)) {
    const known = parseProtocol(protocol) ?? "AUTO";
    if (!ports.has(port))
      ports.set(port, { number: port, name: known.toLowerCase(), protocol: known, targetPort: port });
  }
  return {
    host,
    name: service!,
    namespace,
    ports: [...ports.values()].sort((a, b) => a.number - b.number),
    visibility: { type: "public" },
    selector: undefined,
    kubernetes: true,
    resolution: "static",
    external: false,
    addresses: [],
    endpoints: [],
    subjectAltNames: [],
    implicit: true,
    origin: { kind: "Service", namespace, name: service! },
  };
}

function share(previous: MeshService | undefined, next: MeshService): MeshService {
  const text = (service: MeshService): string => JSON.stringify([service.name, service.ports]);
  return previous !== undefined && text(previous) === text(next) ? previous : next;
}
