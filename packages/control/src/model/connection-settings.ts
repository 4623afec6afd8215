/** What DestinationRules say of connections that are passed on as bytes. (istio/istio `pilot/pkg/networking/core/networkfilter.go`) */
import { parseDuration } from "@tulle/api";
import type { Labels, TrafficPolicy } from "@tulle/api";
import type { TcpDestination } from "./connection-route.ts";
import type { DestinationRuleIndex } from "./destination-rule.ts";
import type { MeshService } from "./service.ts";
import { effectivePolicy } from "./traffic-policy.ts";

export interface ConnectionSettings {
  /** Undefined: as long as Envoy has it, an hour. 0: for ever. */
  readonly idleTimeoutMs: number | undefined;
  readonly maxDurationMs: number | undefined;
  /** Connections from one address go to one endpoint. */
  readonly hashesSource: boolean;
  /** The destination is an HTTP proxy, which is asked for that. */
  readonly tunnel: TrafficPolicy["tunnel"];
}

const NOTHING: ConnectionSettings = {
  idleTimeoutMs: undefined,
  maxDurationMs: undefined,
  hashesSource: false,
  tunnel: undefined,
};

/** Of several destinations the first one's rule counts, without its subset. */
export function connectionSettings(
  destinations: readonly TcpDestination[],
  services: ReadonlyMap<string, MeshService>,
  rules: DestinationRuleIndex,
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
): ConnectionSettings {
  const [first, second] = destinations;
  const service = services.get(first?.host ?? "");
  const rule = service === undefined ? undefined : rules.find(service, namespace, labels);
  if (first === undefined || rule === undefined) return NOTHING;
  const subset = second === undefined ? rule.subsets.find((each) => each.subset.name === first.subset) : undefined;
  const { connectionPool, loadBalancer } = effectivePolicy(rule, subset, first.port);
  const { idleTimeout, maxConnectionDuration } = connectionPool?.tcp ?? {};
  return {
    idleTimeoutMs: idleTimeout === undefined ? undefined : parseDuration(idleTimeout),
    maxDurationMs: maxConnectionDuration === undefined ? undefined : parseDuration(maxConnectionDuration),
    hashesSource: loadBalancer?.consistentHash?.useSourceIp === true,
    // A subset has its own or none. (`tunnelingconfig/apply.go`)
    tunnel: (second === undefined && first.subset !== "" ? subset?.subset : rule)?.trafficPolicy?.tunnel,
  };
}
