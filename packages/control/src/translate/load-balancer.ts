/** Who of a cluster's endpoints gets a request. (istio/istio `cluster_traffic_policy.go` applyLoadBalancer) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConsistentHash, LoadBalancerSettings } from "@tulle/api";
import { Cluster_LbPolicy as LbPolicy } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type {
  Cluster_SlowStartConfigSchema,
  ClusterSchema,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Capabilities } from "./data-plane.ts";
import { fromText } from "./durations.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>;

/** Istio's default; Envoy's too. (`cluster_traffic_policy.go` ApplyRingHashLoadBalancer) */
const MIN_RING_SIZE = 1024n;
const DEFAULT_WARM_UP = { aggression: 1, minimumPercent: 10 };
/** Envoy wants some key by which its runtime could override a value. */
const AGGRESSION_KEY = "istio.warmup.aggression";

/** The balancer of a cluster whose endpoints are known to the control plane or found by DNS. */
export function loadBalancer(
  settings: LoadBalancerSettings | undefined,
  { balancers, clusterFeatures }: Capabilities,
): Pick<ClusterInit, "lbPolicy" | "lbConfig"> {
  const hash = settings?.consistentHash;
  const wanted = hash === undefined ? simplePolicy(settings) : hashPolicy(hash);
  const fallback = balancers.has(LbPolicy.LEAST_REQUEST) ? LbPolicy.LEAST_REQUEST : LbPolicy.ROUND_ROBIN;
  const lbPolicy = balancers.has(wanted) ? wanted : fallback;
  const slowStartConfig = clusterFeatures.has("warm-up") ? slowStart(settings) : undefined;
  switch (lbPolicy) {
    case LbPolicy.RING_HASH:
      return { lbPolicy, lbConfig: { case: "ringHashLbConfig", value: { minimumRingSize: ringSize(hash) } } };
    case LbPolicy.MAGLEV:
      return { lbPolicy, ...maglevTable(hash) };
    case LbPolicy.LEAST_REQUEST:
      if (slowStartConfig === undefined) return { lbPolicy };
      return { lbPolicy, lbConfig: { case: "leastRequestLbConfig", value: { slowStartConfig } } };
    case LbPolicy.ROUND_ROBIN:
      if (slowStartConfig === undefined) return { lbPolicy };
      return { lbPolicy, lbConfig: { case: "roundRobinLbConfig", value: { slowStartConfig } } };
    default:
      return { lbPolicy };
  }
}

function simplePolicy(settings: LoadBalancerSettings | undefined): LbPolicy {
  switch (settings?.simple) {
    case "ROUND_ROBIN":
      return LbPolicy.ROUND_ROBIN;
    case "RANDOM":
      return LbPolicy.RANDOM;
    default:
      return LbPolicy.LEAST_REQUEST;
  }
}

function hashPolicy({ maglev }: ConsistentHash): LbPolicy {
  return maglev === undefined ? LbPolicy.RING_HASH : LbPolicy.MAGLEV;
}

function ringSize(hash: ConsistentHash | undefined): bigint {
  const size = hash?.ringHash?.minimumRingSize || hash?.minimumRingSize;
  return size ? BigInt(size) : MIN_RING_SIZE;
}

function maglevTable(hash: ConsistentHash | undefined): Pick<ClusterInit, "lbConfig"> {
  const size = hash?.maglev?.tableSize;
  return size ? { lbConfig: { case: "maglevLbConfig", value: { tableSize: BigInt(size) } } } : {};
}

/** New endpoints get more as they grow older. */
function slowStart(
  settings: LoadBalancerSettings | undefined,
): MessageInitShape<typeof Cluster_SlowStartConfigSchema> | undefined {
  const { warmup, warmupDurationSecs } = settings ?? {};
  if (warmup === undefined) {
    return warmupDurationSecs === undefined ? undefined : { slowStartWindow: fromText(warmupDurationSecs) };
  }
  const { aggression = DEFAULT_WARM_UP.aggression, minimumPercent = DEFAULT_WARM_UP.minimumPercent } = warmup;
  return {
    slowStartWindow: fromText(warmup.duration),
    aggression: { defaultValue: aggression, runtimeKey: AGGRESSION_KEY },
    minWeightPercent: { value: minimumPercent },
  };
}
