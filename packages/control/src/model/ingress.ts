/** What a Sidecar's ingress listeners change about where a workload takes requests. */
import { isIP } from "@tulle/api";
import type { ConnectionPoolSettings, SidecarIngress } from "@tulle/api";
import type { SidecarRule } from "./sidecar.ts";
import type { InboundPort } from "./workload.ts";

/**
 * A listener for a port that the workload has gets the application's place from `defaultEndpoint`; one for another port is
 * added. Ports that no listener is for stay as they are: in Istio their connections are passed through.
 */
export function withIngress(
  inbound: readonly InboundPort[],
  sidecar: SidecarRule | undefined,
  address: string,
): readonly InboundPort[] {
  const ingress = sidecar?.spec.ingress ?? [];
  if (ingress.length === 0) return inbound;
  const changed = inbound.map((port) => {
    const listener = ingress.find((candidate) => candidate.port.number === port.port);
    return listener === undefined ? port : changedPort(port, listener, address);
  });
  const known = new Set(inbound.map(({ port }) => port));
  const added = ingress
    .filter(({ port }) => !known.has(port.number))
    .flatMap((listener) => addedPort(listener, address) ?? []);
  return [...changed, ...added];
}

function changedPort(port: InboundPort, listener: SidecarIngress, address: string): InboundPort {
  const { bind = "", defaultEndpoint } = listener;
  const place = applicationAt(defaultEndpoint, address);
  return {
    ...port,
    ...(isIP(bind) ? { address: bind, bindPort: listener.port.number } : {}),
    ...(place === undefined ? {} : { appAddress: place.address, appPort: place.port }),
  };
}

/** Undefined if it does not say where the application is: its own port would be the listener itself. */
function addedPort({ port, bind = "", defaultEndpoint }: SidecarIngress, address: string): InboundPort | undefined {
  const place = applicationAt(defaultEndpoint, address);
  if (place === undefined) return undefined;
  const at = isIP(bind) ? bind : "0.0.0.0";
  if (place.port === port.number && (at === "0.0.0.0" || at === place.address)) return undefined;
  return {
    port: port.number,
    name: port.name || undefined,
    protocol: port.protocol || "http",
    address: at,
    bindPort: port.number,
    appAddress: place.address,
    appPort: place.port,
  };
}

/** `127.0.0.1:8080`; the unspecified address is the workload's own. Undefined for Unix sockets. */
function applicationAt(text: string | undefined, own: string): { address: string; port: number } | undefined {
  const match = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(text ?? "");
  if (match === null) return undefined;
  const address = match[1] ?? match[2] ?? "";
  return { address: address === "0.0.0.0" || address === "::" ? own : address, port: Number(match[3]) };
}

/** Limits for requests to a port, before those of DestinationRules. (istio/istio `sidecar.go` InboundConnectionPoolForPort) */
export function inboundPool(sidecar: SidecarRule | undefined, port: number): ConnectionPoolSettings | undefined {
  const listener = sidecar?.spec.ingress?.find((candidate) => candidate.port.number === port);
  return listener?.connectionPool ?? sidecar?.spec.inboundConnectionPool;
}
