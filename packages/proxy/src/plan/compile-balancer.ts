/** `lb_policy` with its configuration, or `load_balancing_policy`: two ways to say the same. */
import {
  type Cluster,
  type LoadBalancingPolicy,
  type Cluster_CommonLbConfig as CommonLbConfig,
  type Cluster_SlowStartConfig as SlowStartConfig,
  Cluster_DiscoveryType as Discovery,
  Cluster_LbPolicy as LbPolicy,
  Cluster_RingHashLbConfig_HashFunction as RingHashFunction,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { LocalityLbConfig } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.js";
import {
  type LeastRequest,
  LeastRequest_SelectionMethod as SelectionMethod,
} from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import type { Maglev } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import {
  type RingHash,
  RingHash_HashFunction as TypedHashFunction,
} from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import type { RoundRobin } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import type { Random } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import type { Subset } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.js";
import { milliseconds } from "./duration.ts";
import type {
  BalancerPlan,
  ConsistentHashingPlan,
  LocalityRoutingPlan,
  OriginalDstPlan,
  SlowStartPlan,
  ZoneAwarePlan,
} from "./cluster-plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import {
  LB_CLUSTER_PROVIDED,
  LB_LEAST_REQUEST,
  LB_MAGLEV,
  LB_RANDOM,
  LB_RING_HASH,
  LB_ROUND_ROBIN,
  LB_SUBSET,
} from "./supported-fields/index.ts";

/** Sources: the protos of `envoy/config/cluster/v3/cluster.proto` and `envoy/extensions/load_balancing_policies`. */
const DEFAULTS = {
  choiceCount: 2,
  minRingSize: 1024,
  maxRingSize: 8 * 1024 * 1024,
  maglevTableSize: 65_537,
  slowStartMinWeightPercent: 10,
  minClusterSize: 6,
  cleanupMs: 5_000,
  /** Envoy `Http::Headers::EnvoyOriginalDstHost`. */
  originalDstHeader: "x-envoy-original-dst-host",
} as const;

export interface BalancerPlans {
  readonly balancer: BalancerPlan;
  readonly localityRouting: LocalityRoutingPlan;
}

const ZONE_AWARE: ZoneAwarePlan = {
  routingEnabled: 100,
  minClusterSize: DEFAULTS.minClusterSize,
  failTrafficOnPanic: false,
};
export const NO_ROUTING: LocalityRoutingPlan = { weighted: false, zoneAware: ZONE_AWARE };

export function compileBalancer(message: Cluster, place: Place): BalancerPlans {
  checkHostnameHashing(message, place);
  if (message.loadBalancingPolicy !== undefined) return compileTyped(message, place);
  const config = message.lbConfig;
  const common = message.commonLbConfig;
  const localityRouting = commonLocalityRouting(common);
  switch (message.lbPolicy) {
    case LbPolicy.ROUND_ROBIN: {
      const slowStart = config.case === "roundRobinLbConfig" ? config.value.slowStartConfig : undefined;
      const at = place.field("round_robin_lb_config.slow_start_config");
      return { balancer: { policy: "round-robin", slowStart: compileSlowStart(slowStart, at) }, localityRouting };
    }
    case LbPolicy.LEAST_REQUEST: {
      const least = config.case === "leastRequestLbConfig" ? config.value : undefined;
      const at = place.field("least_request_lb_config");
      return { balancer: compileLeastRequest(least, false, at), localityRouting };
    }
    case LbPolicy.RANDOM:
      return { balancer: { policy: "random" }, localityRouting };
    case LbPolicy.RING_HASH: {
      const ring = config.case === "ringHashLbConfig" ? config.value : undefined;
      const murmur = ring?.hashFunction === RingHashFunction.MURMUR_HASH_2;
      const at = place.field("ring_hash_lb_config");
      const hashing = compileHashing(common?.consistentHashingLbConfig);
      return { balancer: compileRing(ring, murmur, hashing, at), localityRouting };
    }
    case LbPolicy.MAGLEV: {
      const maglev = config.case === "maglevLbConfig" ? config.value : undefined;
      const hashing = compileHashing(common?.consistentHashingLbConfig);
      return { balancer: compileMaglev(maglev, hashing, place.field("maglev_lb_config")), localityRouting };
    }
    case LbPolicy.CLUSTER_PROVIDED:
      return { balancer: compileOriginalDst(message, place), localityRouting };
    default:
      place.refuse("cluster: field load_balancing_policy need to be set");
      return { balancer: { policy: "random" }, localityRouting };
  }
}

/** Elsewhere hosts need not have names. With a typed policy Envoy does not look. */
function checkHostnameHashing({ clusterDiscoveryType, commonLbConfig }: Cluster, place: Place): void {
  if (commonLbConfig?.consistentHashingLbConfig?.useHostnameForHashing !== true) return;
  const type = clusterDiscoveryType.case === "type" ? clusterDiscoveryType.value : Discovery.STATIC;
  if (type === Discovery.STRICT_DNS) return;
  place.refuse(
    `Cannot use hostname for consistent hashing loadbalancing for cluster of type: 'envoy.cluster.${Discovery[type].toLowerCase()}'`,
  );
}

/** The first policy of the list holds; what is in the list and not supported has been refused. */
function compileTyped(message: Cluster, place: Place): BalancerPlans {
  const common = message.commonLbConfig;
  if (message.lbSubsetConfig !== undefined) {
    place.refuse("cluster: load_balancing_policy cannot be combined with lb_subset_config");
  }
  if (common?.localityConfigSpecifier.case !== undefined || common?.consistentHashingLbConfig !== undefined) {
    place
      .field("common_lb_config")
      .refuse(
        "cluster: load_balancing_policy cannot be combined with partial fields (zone_aware_lb_config, " +
          "locality_weighted_lb_config, consistent_hashing_lb_config) of common_lb_config",
      );
  }
  return compilePolicies(message.loadBalancingPolicy, message, place.field("load_balancing_policy"), place);
}

function compilePolicies(
  policy: LoadBalancingPolicy | undefined,
  message: Cluster,
  list: Place,
  place: Place,
): BalancerPlans {
  const any = policy?.policies[0]?.typedExtensionConfig?.typedConfig;
  const nothing: BalancerPlans = { balancer: { policy: "random" }, localityRouting: NO_ROUTING };
  if (any === undefined) {
    list.refuse("cluster: didn't find a registered load balancer factory implementation");
    return nothing;
  }
  const at = list.item("policies", 0).field("typed_extension_config").packed("typed_config", any.typeUrl);
  const extension = unpackExtension(any);
  switch (extension.typeName) {
    case LB_ROUND_ROBIN: {
      const config = extension.message as RoundRobin;
      const slowStart = compileSlowStart(config.slowStartConfig, at.field("slow_start_config"));
      return {
        balancer: { policy: "round-robin", slowStart },
        localityRouting: typedLocalityRouting(config.localityLbConfig),
      };
    }
    case LB_LEAST_REQUEST: {
      const config = extension.message as LeastRequest;
      const fullScan = config.selectionMethod === SelectionMethod.FULL_SCAN;
      return {
        balancer: compileLeastRequest(config, fullScan, at),
        localityRouting: typedLocalityRouting(config.localityLbConfig),
      };
    }
    case LB_RANDOM: {
      const { localityLbConfig } = extension.message as Random;
      return { balancer: { policy: "random" }, localityRouting: typedLocalityRouting(localityLbConfig) };
    }
    case LB_RING_HASH: {
      const config = extension.message as RingHash;
      const murmur = config.hashFunction === TypedHashFunction.MURMUR_HASH_2;
      const hashing = compileHashing(config.consistentHashingLbConfig ?? config);
      const weighted = config.localityWeightedLbConfig !== undefined;
      return {
        balancer: compileRing(config, murmur, hashing, at),
        localityRouting: { weighted, zoneAware: ZONE_AWARE },
      };
    }
    case LB_MAGLEV: {
      const config = extension.message as Maglev;
      const weighted = config.localityWeightedLbConfig !== undefined;
      return {
        balancer: compileMaglev(config, compileHashing(config.consistentHashingLbConfig), at),
        localityRouting: { weighted, zoneAware: ZONE_AWARE },
      };
    }
    case LB_CLUSTER_PROVIDED:
      return { balancer: compileOriginalDst(message, place), localityRouting: NO_ROUTING };
    case LB_SUBSET:
      // What chooses within a subset.
      return compilePolicies(
        (extension.message as Subset).subsetLbPolicy,
        message,
        at.field("subset_lb_policy"),
        place,
      );
    default:
      return nothing;
  }
}

interface ZoneAwareMessage {
  readonly routingEnabled?: { readonly value: number } | undefined;
  readonly minClusterSize?: bigint | undefined;
  readonly failTrafficOnPanic: boolean;
}

function compileZoneAware(message: ZoneAwareMessage): ZoneAwarePlan {
  return {
    // Rounded to a whole percent.
    routingEnabled: message.routingEnabled === undefined ? 100 : Math.round(message.routingEnabled.value),
    minClusterSize: Number(message.minClusterSize ?? DEFAULTS.minClusterSize),
    failTrafficOnPanic: message.failTrafficOnPanic,
  };
}

function commonLocalityRouting(common: CommonLbConfig | undefined): LocalityRoutingPlan {
  const specifier = common?.localityConfigSpecifier;
  if (specifier?.case === "zoneAwareLbConfig") return { weighted: false, zoneAware: compileZoneAware(specifier.value) };
  return { weighted: specifier?.case === "localityWeightedLbConfig", zoneAware: ZONE_AWARE };
}

function typedLocalityRouting(config: LocalityLbConfig | undefined): LocalityRoutingPlan {
  const specifier = config?.localityConfigSpecifier;
  if (specifier?.case === "zoneAwareLbConfig") return { weighted: false, zoneAware: compileZoneAware(specifier.value) };
  return { weighted: specifier?.case === "localityWeightedLbConfig", zoneAware: ZONE_AWARE };
}

function compileLeastRequest(
  config:
    | {
        readonly choiceCount?: number | undefined;
        readonly activeRequestBias?: { readonly defaultValue: number; readonly runtimeKey: string } | undefined;
        readonly slowStartConfig?: SlowStartMessage | undefined;
      }
    | undefined,
  fullScan: boolean,
  place: Place,
): BalancerPlan {
  const bias = config?.activeRequestBias;
  return {
    policy: "least-request",
    choiceCount: config?.choiceCount ?? DEFAULTS.choiceCount,
    fullScan,
    activeRequestBias: place.runtime.number(bias?.runtimeKey ?? "", bias?.defaultValue ?? 1),
    slowStart: compileSlowStart(config?.slowStartConfig, place.field("slow_start_config")),
  };
}

type SlowStartMessage = Pick<SlowStartConfig, "slowStartWindow" | "aggression" | "minWeightPercent">;

function compileSlowStart(config: SlowStartMessage | undefined, place: Place): SlowStartPlan | null {
  const windowMs = milliseconds(config?.slowStartWindow, 0);
  if (windowMs === 0) return null;
  const aggression = config?.aggression?.defaultValue ?? 1;
  if (Number.isNaN(aggression)) place.field("aggression").refuse("is not a number");
  return {
    windowMs,
    aggression: place.runtime.number(config?.aggression?.runtimeKey ?? "", aggression),
    minWeight: (config?.minWeightPercent?.value ?? DEFAULTS.slowStartMinWeightPercent) / 100,
  };
}

function compileHashing(
  config: { readonly useHostnameForHashing: boolean; readonly hashBalanceFactor?: number | undefined } | undefined,
): ConsistentHashingPlan {
  return { useHostname: config?.useHostnameForHashing ?? false, balanceFactor: config?.hashBalanceFactor ?? 0 };
}

function compileRing(
  config: { readonly minimumRingSize?: bigint | undefined; readonly maximumRingSize?: bigint | undefined } | undefined,
  murmur: boolean,
  hashing: ConsistentHashingPlan,
  place: Place,
): BalancerPlan {
  const minRingSize = Number(config?.minimumRingSize ?? DEFAULTS.minRingSize);
  const maxRingSize = Number(config?.maximumRingSize ?? DEFAULTS.maxRingSize);
  if (minRingSize > maxRingSize) {
    place.refuse(`ring hash: minimum_ring_size (${minRingSize}) > maximum_ring_size (${maxRingSize})`);
  }
  return { policy: "ring-hash", hashFunction: murmur ? "murmur2" : "xx", minRingSize, maxRingSize, ...hashing };
}

function compileMaglev(
  config: { readonly tableSize?: bigint | undefined } | undefined,
  hashing: ConsistentHashingPlan,
  place: Place,
): BalancerPlan {
  const tableSize = Number(config?.tableSize ?? DEFAULTS.maglevTableSize);
  if (!isPrime(tableSize)) place.field("table_size").refuse("The table size of maglev must be prime number");
  return { policy: "maglev", tableSize, ...hashing };
}

function isPrime(n: number): boolean {
  if (n < 2 || (n > 2 && n % 2 === 0)) return false;
  for (let i = 3; i * i <= n; i += 2) if (n % i === 0) return false;
  return true;
}

function compileOriginalDst(message: Cluster, place: Place): OriginalDstPlan {
  const type = message.clusterDiscoveryType.value;
  if (type !== Discovery.ORIGINAL_DST) {
    place.refuse(
      `cluster manager: cluster provided LB specified but cluster '${message.name}' did not provide one. Check cluster documentation.`,
    );
  }
  const config = message.lbConfig.case === "originalDstLbConfig" ? message.lbConfig.value : undefined;
  const name = config?.httpHeaderName ?? "";
  if (name !== "" && config?.useHttpHeader !== true) {
    place.refuse(
      `ORIGINAL_DST cluster: invalid config http_header_name=${name} and use_http_header is false. ` +
        "Set use_http_header to true if http_header_name is desired.",
    );
  }
  return {
    policy: "original-dst",
    header: config?.useHttpHeader === true ? (name === "" ? DEFAULTS.originalDstHeader : name.toLowerCase()) : "",
    metadata:
      config?.metadataKey === undefined
        ? null
        : {
            namespace: config.metadataKey.key,
            path: config.metadataKey.path.map(({ segment }) => (segment.case === "key" ? segment.value : "")),
          },
    port: config?.upstreamPortOverride ?? 0,
    cleanupMs: milliseconds(message.cleanupInterval, DEFAULTS.cleanupMs),
  };
}
