import type { Path } from "@tulle/api";
import type { MeshService } from "../model/service.ts";
import { httpCarrier } from "../model/service.ts";
import { inboundFor } from "../model/endpoints.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

/** `services` are those that one object describes. */
export function serviceFindings(snapshot: Snapshot, services: readonly MeshService[]): readonly Finding[] {
  return services.flatMap((service) => {
    const winner = snapshot.shadowedServices.get(service);
    if (winner !== undefined) {
      return [finding("Shadowed", [], `${service.host} is described by another object`, winner.origin)];
    }
    return [
      finding("InForce", [], `${service.host} ${describeEndpoints(snapshot, service)}`),
      ...portFindings(service),
      ...missingPortFindings(snapshot, service),
    ];
  });
}

function describeEndpoints(snapshot: Snapshot, service: MeshService): string {
  const count = endpointCount(snapshot, service);
  const { resolution } = service;
  if (resolution === "dns" || resolution === "dns-round-robin") {
    return count === 1 ? "is looked up in DNS" : `has ${count} names that are looked up in DNS`;
  }
  return count === 1 ? "has 1 endpoint" : `has ${count} endpoints`;
}

function endpointCount(snapshot: Snapshot, { host }: MeshService): number {
  const found = snapshot.endpoints.get(host);
  return Math.max(0, ...[...(found?.byPort.values() ?? [])].map((endpoints) => endpoints.length));
}

function portFindings({ ports }: MeshService): readonly Finding[] {
  return ports.flatMap(({ protocol, number }, index): Finding[] => {
    const path: Path = ["spec", "ports", index];
    if (protocol === "UDP") return [finding("Ignored", path, `port ${number} is UDP, which a mesh does not carry`)];
    if (httpCarrier(protocol) !== undefined) return [];
    return [
      finding("InForce", path, `port ${number} is ${protocol}: connections are carried, captured or by --upstream`),
    ];
  });
}

/** Workloads that are selected, but have nothing at the target port. */
function missingPortFindings(snapshot: Snapshot, service: MeshService): readonly Finding[] {
  const workloads = (snapshot.endpoints.get(service.host)?.contributors ?? []).filter((one) => "inbound" in one);
  return service.ports.flatMap((port, index) => {
    const without = workloads.filter((workload) => inboundFor(workload, port) === undefined);
    if (without.length === 0) return [];
    const names = [...new Set(without.map(({ name }) => name))].join(", ");
    return [finding("Invalid", ["spec", "ports", index], `${names} does not listen on target port ${port.targetPort}`)];
  });
}
