/** Which policy holds for one port of a service or a subset, once all levels are put together. */
import type {
  ClientTlsSettings,
  ConnectionPoolSettings,
  LoadBalancerSettings,
  OutlierDetection,
  TrafficPolicy,
} from "@tulle/api";
import type { MergedDestinationRule, MergedSubset } from "./destination-rule.ts";

/** `MeshConfig.defaultTrafficPolicy`: beneath every rule, block by block. */
export interface DefaultTrafficPolicy {
  readonly connectionPool?: ConnectionPoolSettings | undefined;
  readonly outlierDetection?: OutlierDetection | undefined;
}

/** The blocks of a policy for one port. */
export interface EffectivePolicy {
  readonly loadBalancer: LoadBalancerSettings | undefined;
  readonly connectionPool: ConnectionPoolSettings | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTlsSettings | undefined;
  readonly proxyProtocol: TrafficPolicy["proxyProtocol"];
  readonly retryBudget: TrafficPolicy["retryBudget"];
}

/**
 * A subset's blocks replace the rule's, one by one. A port's settings stand for the whole of their level: what they leave out is
 * Istio's default, not what the level says. (istio/istio `pilot/pkg/networking/util/util.go` GetPortLevelTrafficPolicy,
 * `pilot/pkg/model/destination_rule.go` MergeTrafficPolicy, `cluster_traffic_policy.go` applyDefaultTrafficPolicy)
 */
export function effectivePolicy(
  rule: MergedDestinationRule | undefined,
  subset: MergedSubset | undefined,
  port: number,
  defaults?: DefaultTrafficPolicy,
): EffectivePolicy {
  const ofRule = levelAt(rule?.trafficPolicy, port).blocks;
  const base: EffectivePolicy = {
    ...ofRule,
    connectionPool: ofRule.connectionPool ?? defaults?.connectionPool,
    outlierDetection: ofRule.outlierDetection ?? defaults?.outlierDetection,
  };
  const { blocks: own, ofPort } = levelAt(subset?.subset.trafficPolicy, port);
  return {
    loadBalancer: ofPort ? own.loadBalancer : (own.loadBalancer ?? base.loadBalancer),
    connectionPool: ofPort ? own.connectionPool : (own.connectionPool ?? base.connectionPool),
    outlierDetection: ofPort ? own.outlierDetection : (own.outlierDetection ?? base.outlierDetection),
    tls: ofPort ? own.tls : (own.tls ?? base.tls),
    // A port has none of these: a subset's port leaves the rule's alone.
    proxyProtocol: own.proxyProtocol ?? base.proxyProtocol,
    retryBudget: own.retryBudget ?? base.retryBudget,
  };
}

/** One level's blocks, and whether they are a port's. */
function levelAt(policy: TrafficPolicy | undefined, port: number): { blocks: EffectivePolicy; ofPort: boolean } {
  const settings = policy?.portLevelSettings?.find((candidate) => candidate.port?.number === port);
  const { loadBalancer, connectionPool, outlierDetection, tls } = settings ?? policy ?? {};
  const { proxyProtocol, retryBudget } = settings === undefined ? (policy ?? {}) : ({} as TrafficPolicy);
  return {
    blocks: { loadBalancer, connectionPool, outlierDetection, tls, proxyProtocol, retryBudget },
    ofPort: settings !== undefined,
  };
}
