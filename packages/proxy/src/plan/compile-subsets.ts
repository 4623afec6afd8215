import {
  type Cluster,
  type Cluster_LbSubsetConfig_LbSubsetSelector as Selector,
  Cluster_LbPolicy as LbPolicy,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as Fallback,
  Cluster_LbSubsetConfig_LbSubsetMetadataFallbackPolicy as MetadataFallback,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy as SelectorFallback,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { SubsetPlan, SubsetSelectorPlan } from "./cluster-plan.ts";
import { valueText } from "./metadata-match.ts";
import type { Place } from "./problems.ts";

const FALLBACK: Readonly<Record<Fallback, SubsetPlan["fallback"]>> = {
  [Fallback.NO_FALLBACK]: "none",
  [Fallback.ANY_ENDPOINT]: "any",
  [Fallback.DEFAULT_SUBSET]: "default",
};

const SELECTOR_FALLBACK: Readonly<Record<SelectorFallback, SubsetSelectorPlan["fallback"]>> = {
  [SelectorFallback.NOT_DEFINED]: "as the cluster",
  [SelectorFallback.NO_FALLBACK]: "none",
  [SelectorFallback.ANY_ENDPOINT]: "any",
  [SelectorFallback.DEFAULT_SUBSET]: "default",
  [SelectorFallback.KEYS_SUBSET]: "keys",
};

/** Null: there are none; so it is, too, where there are no selectors. */
export function compileSubsets({ lbSubsetConfig: message, lbPolicy }: Cluster, place: Place): SubsetPlan | null {
  if (message === undefined) return null;
  if (lbPolicy === LbPolicy.CLUSTER_PROVIDED) {
    place.refuse("cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config");
  }
  if (message.subsetSelectors.length === 0) return null;
  const at = place.field("lb_subset_config");
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
    fallbackList: message.metadataFallbackPolicy === MetadataFallback.FALLBACK_LIST,
  };
}

/** Envoy's words (`source/extensions/load_balancing_policies/subset/subset_lb_config.cc`). */
function compileSelector(message: Selector, place: Place): SubsetSelectorPlan {
  const keys = [...new Set(message.keys)].sort();
  const fallbackKeys = new Set(message.fallbackKeysSubset);
  if (message.fallbackPolicy !== SelectorFallback.KEYS_SUBSET) {
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
