/** How a client's requests are shared among places. (istio/istio `pilot/pkg/networking/core/loadbalancer/loadbalancer.go`) */
import type { Labels, LocalityLbSetting } from "@tulle/api";
import type { MeshEndpoint } from "../model/endpoints.ts";
import { localityMatches, NETWORK, splitLocality } from "../model/locality.ts";
import type { MeshSettings } from "../model/mesh-settings.ts";
import { rememberByObject } from "../model/sharing.ts";
import type { EffectivePolicy } from "../model/traffic-policy.ts";

/** Endpoints of one place and one priority. */
export interface EndpointGroup {
  readonly locality: string;
  readonly endpoints: readonly MeshEndpoint[];
  /** 0 comes first. */
  readonly priority: number;
  readonly weight: number;
}

/** What decides about places, and for which clients it differs. */
export interface LocalityBalancing {
  readonly setting: LocalityLbSetting;
  /** Without outlier detection nothing would ever fail over. */
  readonly failover: boolean;
}

/** Undefined: all places are alike. The rule's setting replaces the mesh's as a whole. (GetEffectiveLbSetting) */
export function localityBalancing(
  { loadBalancer, outlierDetection }: EffectivePolicy,
  mesh: MeshSettings,
): LocalityBalancing | undefined {
  // Zone-aware balancing is instead of this.
  if (loadBalancer?.zoneAwareLbSetting !== undefined) return undefined;
  const setting = loadBalancer?.localityLbSetting ?? mesh.config.localityLbSetting ?? BY_DEFAULT;
  if (setting.enabled === false) return undefined;
  const failover = outlierDetection !== undefined;
  if (!failover && !isDistributed(setting)) return undefined;
  const { withFailover, without } = balancings(setting);
  return failover ? withFailover : without;
}

/** The same object for the same setting, so that what is made of it can be shared. */
const balancings = rememberByObject((setting: LocalityLbSetting) => ({
  withFailover: { setting, failover: true },
  without: { setting, failover: false },
}));

/** (`pkg/config/mesh/mesh.go` DefaultMeshConfig) */
const BY_DEFAULT: LocalityLbSetting = { enabled: true };

function isDistributed({ distribute = [] }: LocalityLbSetting): boolean {
  return distribute.length > 0;
}

/** Whether localities have weights; otherwise the balancer takes all endpoints of a priority together. (ApplyToCluster) */
export function hasLocalityWeights({ setting, failover }: LocalityBalancing): boolean {
  const { failover: regions = [], failoverPriority = [] } = setting;
  return isDistributed(setting) || (failover && (regions.length > 0 || failoverPriority.length > 0));
}

/** Whether it matters where the client is. */
export function asksLocality({ setting, failover }: LocalityBalancing): boolean {
  const { failoverPriority = [], failover: regions = [] } = setting;
  return isDistributed(setting) || (failover && (failoverPriority.length === 0 || regions.length > 0));
}

/** Labels of the client by which endpoints are ranked: each is `key` or, with a value in place of the client's, `key=value`. */
export function rankingLabels({ setting, failover }: LocalityBalancing): readonly string[] {
  if (!failover || isDistributed(setting)) return [];
  return (setting.failoverPriority ?? []).map((text) => text.split("=", 1)[0]!);
}

/** Endpoints by place, in the order of the places' names. */
export function groupByLocality(endpoints: readonly MeshEndpoint[]): readonly EndpointGroup[] {
  const groups = [...Map.groupBy(endpoints, ({ locality }) => locality)];
  return groups
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([locality, own]) => ({ locality, endpoints: own, priority: 0, weight: weightOf(own) }));
}

function weightOf(endpoints: readonly MeshEndpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0);
}

/** As a client at `locality` sees them; `values` are those of its `rankingLabels`. (ApplyLocalityLoadBalancer) */
export function balanceLocalities(
  groups: readonly EndpointGroup[],
  { setting, failover }: LocalityBalancing,
  locality: string,
  values: readonly string[],
): readonly EndpointGroup[] {
  if (isDistributed(setting)) return distribute(groups, setting, locality);
  if (!failover) return groups;
  const { failoverPriority = [], failover: regions = [] } = setting;
  if (failoverPriority.length === 0) return byDistance(groups, regions, locality);
  const ranked = byLabels(groups, failoverPriority, values);
  return regions.length === 0 ? ranked : byDistance(ranked, regions, locality);
}

/** Weights for each place; a place that none is given to gets nothing. (applyLocalityWeights) */
function distribute(
  groups: readonly EndpointGroup[],
  setting: LocalityLbSetting,
  locality: string,
): readonly EndpointGroup[] {
  const rule = setting.distribute?.find(({ from = "" }) => localityMatches(from, locality));
  if (rule === undefined) return groups;
  const left = new Set(groups);
  const weighted: EndpointGroup[] = [];
  // The narrower pattern first: a wildcard shares its weight among what no other names.
  const targets = Object.entries(rule.to ?? {}).sort(([a], [b]) => narrowness(b) - narrowness(a) || (a < b ? -1 : 1));
  for (const [pattern, share] of targets) {
    const members = [...left].filter((group) => localityMatches(pattern, group.locality));
    const total = members.reduce((sum, { weight }) => sum + weight, 0);
    for (const group of members) {
      left.delete(group);
      const weight = Math.ceil((group.weight * share) / total);
      if (weight > 0) weighted.push({ ...group, weight });
    }
  }
  return weighted.sort((a, b) => (a.locality < b.locality ? -1 : 1));
}

function narrowness(pattern: string): number {
  return splitLocality(pattern).filter((part) => part !== "" && part !== "*").length;
}

/** Steps of distance: same subzone, zone, region, the region to fail over to, elsewhere. (applyLocalityFailover) */
const DISTANCES = 5;

function byDistance(
  groups: readonly EndpointGroup[],
  regions: NonNullable<LocalityLbSetting["failover"]>,
  locality: string,
): readonly EndpointGroup[] {
  const [region] = splitLocality(locality);
  const next = regions.find(({ from }) => from === region);
  return withoutGaps(
    groups.map((group) => {
      const step = distance(locality, group.locality);
      const elsewhere = step === 3 && next !== undefined && splitLocality(group.locality)[0] !== next.to;
      return { ...group, priority: group.priority * DISTANCES + (elsewhere ? 4 : step) };
    }),
  );
}

function distance(a: string, b: string): number {
  const [left, right] = [splitLocality(a), splitLocality(b)];
  const different = left.findIndex((part, index) => part !== right[index]);
  return different < 0 ? 0 : 3 - different;
}

/** The more of the labels an endpoint shares with the client, in their order, the earlier it comes. (applyFailoverPriorityPerLocality) */
function byLabels(
  groups: readonly EndpointGroup[],
  priorities: readonly string[],
  values: readonly string[],
): readonly EndpointGroup[] {
  const wanted = priorities.map((text, index): readonly [label: string, value: string] => {
    const [label = "", value] = text.split("=");
    return [label, value ?? values[index] ?? ""];
  });
  return withoutGaps(
    groups.flatMap(({ locality, endpoints }) =>
      [...Map.groupBy(endpoints, ({ labels }) => rank(labels, wanted))]
        .sort(([a], [b]) => a - b)
        .map(([priority, own]) => ({ locality, endpoints: own, priority, weight: weightOf(own) })),
    ),
  );
}

/** Another network only puts an endpoint behind all others: which of the rest it shares still counts. */
function rank(labels: Labels, wanted: readonly (readonly [label: string, value: string])[]): number {
  let adjust = 0;
  for (const [index, [label, value]] of wanted.entries()) {
    if ((labels[label] ?? "") === value) continue;
    if (index === 0 && label === NETWORK) adjust = wanted.length;
    else return wanted.length - index + adjust;
  }
  return adjust;
}

/** Priorities must go from 0 up without leaving one out. */
function withoutGaps(groups: readonly EndpointGroup[]): readonly EndpointGroup[] {
  const used = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map((group) => ({ ...group, priority: used.indexOf(group.priority) }));
}
