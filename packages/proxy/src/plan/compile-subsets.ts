import {
  type Cluster,
  type Cluster_LbSubsetConfig as LbSubsetConfig,
  Cluster_LbPolicy as LbPolicy,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as Fallback,
  Cluster_LbSubsetConfig_LbSubsetMetadataFallbackPolicy as MetadataFallback,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy as SelectorFallback,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Subset } from "@tulle/xds/gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.js";
import type { SubsetPlan, SubsetSelectorPlan } from "./cluster-plan.ts";
import { valueText } from "./metadata-match.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { LB_SUBSET } from "./supported-fields/index.ts";

const FALLBACK: Readonly<Record<number, SubsetPlan["fallback"]>> = {
  [Fallback.NO_FALLBACK]: "none",
  [Fallback.ANY_ENDPOINT]: "any",
  [Fallback.DEFAULT_SUBSET]: "default",
};

const SELECTOR_FALLBACK: Readonly<Record<number, SubsetSelectorPlan["fallback"]>> = {
  [SelectorFallback.NOT_DEFINED]: "as the cluster",
  [SelectorFallback.NO_FALLBACK]: "none",
  [SelectorFallback.ANY_ENDPOINT]: "any",
  [SelectorFallback.DEFAULT_SUBSET]: "default",
  [SelectorFallback.KEYS_SUBSET]: "keys",
};

/** Null: there are none; so it is, too, where the cluster's own field has no selectors, but not where a typed policy has none. */
export function compileSubsets(cluster: Cluster, place: Place): SubsetPlan | null {
  const { lbSubsetConfig, lbPolicy } = cluster;
  if (lbSubsetConfig === undefined) return compileTyped(cluster, place.field("load_balancing_policy"));
  if (lbPolicy === LbPolicy.CLUSTER_PROVIDED) {
    place.refuse("cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config");
  }
  return lbSubsetConfig.subsetSelectors.length === 0
    ? null
    : compileConfig(lbSubsetConfig, place.field("lb_subset_config"));
}

/** The two say the same by the same numbers. */
function compileTyped({ loadBalancingPolicy }: Cluster, place: Place): SubsetPlan | null {
  const any = loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.typedConfig;
  if (any === undefined) return null;
  const { typeName, typeUrl, message } = unpackExtension(any);
  if (typeName !== LB_SUBSET) return null;
  const at = place.item("policies", 0).field("typed_extension_config").packed("typed_config", typeUrl);
  return compileConfig(message as Subset, at);
}

function compileConfig(
  message: Omit<LbSubsetConfig, "$typeName" | "subsetSelectors" | "fallbackPolicy" | "metadataFallbackPolicy"> & {
    readonly fallbackPolicy: number;
    readonly metadataFallbackPolicy: number;
    readonly subsetSelectors: readonly Selector[];
  },
  at: Place,
): SubsetPlan {
  return {
    fallback: FALLBACK[message.fallbackPolicy],
    defaultSubset: Object.entries(message.defaultSubset ?? {}).map(
      ([name, value]) => [name, valueText(value)] as const,
    ),
    selectors: message.subsetSelectors.map((each, i) => compileSelector(each, at.item("subset_selectors", i))),
    localityWeightAware: message.localityWeightAware,
    scaleLocalityWeight: message.scaleLocalityWeight,
    panicModeAny: message.panicModeAny,
    listAsAny: message.listAsAny,
    fallbackList: message.metadataFallbackPolicy === (MetadataFallback.FALLBACK_LIST as number),
  };
}

interface Selector {
  readonly keys: readonly string[];
  readonly fallbackPolicy: number;
  readonly fallbackKeysSubset: readonly string[];
  readonly singleHostPerSubset: boolean;
}

/** Envoy's words (`source/extensions/load_balancing_policies/subset/subset_lb_config.cc`). */
function compileSelector(message: Selector, place: Place): SubsetSelectorPlan {
  const keys = [...new Set(message.keys)].sort();
  const fallbackKeys = new Set(message.fallbackKeysSubset);
  if (message.fallbackPolicy !== (SelectorFallback.KEYS_SUBSET as number)) {
    if (fallbackKeys.size > 0) place.refuse("fallback_keys_subset can be set only for KEYS_SUBSET fallback_policy");
  } else if (fallbackKeys.size === 0) {
    place.refuse("fallback_keys_subset cannot be empty");
  } else if ([...fallbackKeys].some((key) => !keys.includes(key))) {
    place.refuse("fallback_keys_subset must be a subset of selector keys");
  } else if (fallbackKeys.size === keys.length) {
    place.refuse("fallback_keys_subset cannot be equal to keys");
  }
  return {
    keys,
    fallback: SELECTOR_FALLBACK[message.fallbackPolicy],
    fallbackKeys,
    singleHost: message.singleHostPerSubset,
  };
}
