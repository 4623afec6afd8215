/** What arrives at a captured workload's ports of which nobody has said what they are. (`listener_inbound.go` buildInboundPassthroughChains) */
import type { PeerModes } from "../model/peer-authentication.ts";
import type { AccessLogSink } from "../model/telemetry.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { accessLogsOf } from "../translate/access-log.ts";
import type { InboundPortChains, InboundRest } from "../translate/captured-listeners.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER } from "../translate/names.ts";
import { counted } from "../translate/mesh-stats.ts";
import { tcpProxy } from "../translate/network.ts";
import { authorized } from "../translate/security/authorization.ts";
import type { InboundSecurity } from "../translate/security/inbound-chains.ts";
import type { Authorization } from "./authorization.ts";

export interface CapturedRest {
  /** Those of which it is said how they are secured. */
  readonly ports: readonly InboundPortChains[];
  readonly others: InboundRest;
}

/** The workload's policies hold for them as well. */
export function restOf(
  { inbound, secrets }: Pick<ProxyNode, "inbound" | "secrets">,
  { mode, ofPorts }: PeerModes,
  authorization: Authorization,
  capabilities: Capabilities,
  sinks: readonly AccessLogSink[],
): CapturedRest {
  const logs = accessLogsOf(sinks, capabilities);
  const filters = counted(
    capabilities,
    "SERVER",
    authorized(
      authorization === undefined ? undefined : { ...authorization, port: (named) => [named] },
      capabilities,
      tcpProxy(INBOUND_PASSTHROUGH_CLUSTER, logs),
      () => tcpProxy(BLACK_HOLE_CLUSTER, logs),
    ),
  );
  const secured = (own: PeerModes["mode"]): InboundSecurity | undefined =>
    secrets === undefined ? undefined : { mode: own, secrets };
  const known = new Set(inbound.map(({ port }) => port));
  return {
    ports: [...ofPorts]
      .filter(([port]) => !known.has(port))
      .map(([port, own]) => ({ port, name: "virtualInbound", http: undefined, tcp: filters, security: secured(own) })),
    others: { filters, security: secured(mode) },
  };
}
