import type { Labels, TrafficPolicy } from "@tulle/api";
import type { DestinationRuleIndex, MergedDestinationRule } from "../model/destination-rule.ts";
import type { MeshService } from "../model/service.ts";
import { rememberByObject, rememberLast } from "../model/sharing.ts";

export type HashRules = ReadonlyMap<string, MergedDestinationRule>;

/**
 * DestinationRules by which a hash may choose endpoints, by the service's host: the part of them that routes depend on. The
 * same map for as long as it has the same rules, so that others change no routes.
 */
export function hashRulesOf(client: {
  readonly namespace: string;
  readonly labels: Labels;
}): (services: readonly MeshService[], index: DestinationRuleIndex) => HashRules {
  let before: HashRules = new Map();
  return rememberLast((services: readonly MeshService[], index: DestinationRuleIndex) => {
    const rules = new Map<string, MergedDestinationRule>();
    for (const service of services) {
      const rule = index.find(service, client.namespace, client.labels);
      if (rule !== undefined && mayHash(rule)) rules.set(service.host, rule);
    }
    if (rules.size !== before.size || [...rules].some(([host, rule]) => before.get(host) !== rule)) before = rules;
    return before;
  });
}

const mayHash = rememberByObject(({ trafficPolicy, subsets }: MergedDestinationRule) =>
  [trafficPolicy, ...subsets.map(({ subset }) => subset.trafficPolicy)].some(hashes),
);

function hashes(policy: TrafficPolicy | undefined): boolean {
  return [policy, ...(policy?.portLevelSettings ?? [])].some(
    (level) => level?.loadBalancer?.consistentHash !== undefined,
  );
}
