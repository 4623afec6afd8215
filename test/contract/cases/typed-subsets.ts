/** Subsets said by `load_balancing_policy`: the same cases as those of `lb_subset_config`. */
import type { ClusterParts, ContractCase, Json, JsonObject } from "../harness/case.ts";
import { typed } from "../harness/steps.ts";
import { CASES as FALLBACKS } from "./subset-fallbacks.ts";
import { CASES as CHOICES } from "./subsets.ts";

const POLICY = "extensions.load_balancing_policies";
const policies = (name: string, config: JsonObject): JsonObject => ({
  policies: [{ typed_extension_config: { name, typed_config: config } }],
});
const ROUND_ROBIN = policies("envoy.load_balancing_policies.round_robin", typed(`${POLICY}.round_robin.v3.RoundRobin`));

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null: it says something of balancing that is said otherwise here. */
function typedCluster(cluster: ClusterParts): ClusterParts | null {
  const { lb_subset_config: config, lb_policy: policy, common_lb_config: common, ...rest } = cluster;
  if (!isObject(config) || policy !== undefined || common !== undefined) return null;
  const subset = typed(`${POLICY}.subset.v3.Subset`, { ...config, subset_lb_policy: ROUND_ROBIN });
  return { ...rest, load_balancing_policy: policies("envoy.load_balancing_policies.subset", subset) };
}

export const CASES: readonly ContractCase[] = [...CHOICES, ...FALLBACKS].flatMap((each): ContractCase[] => {
  const own = each.clusters?.["a"];
  const cluster = own === undefined || Object.keys(each.clusters ?? {}).length !== 1 ? null : typedCluster(own);
  if (cluster === null || each.waived !== undefined) return [];
  return [{ ...each, feature: each.feature.replace("Subsets:", "Typed subsets:"), clusters: { a: cluster } }];
});
