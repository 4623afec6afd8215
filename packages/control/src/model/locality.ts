/** Where workloads run: `region/zone/subzone`, of which the later parts may be missing. */
import type { Labels } from "@tulle/api";

/** Labels that say it, the first before the second. Label values have no `/`, so `.` may stand for it. (istio/istio `pkg/model/proxy.go`) */
const LOCALITY_LABELS = ["topology.istio.io/locality", "istio-locality"];

const REGION = "topology.kubernetes.io/region";
const ZONE = "topology.kubernetes.io/zone";
const SUBZONE = "topology.istio.io/subzone";
const CLUSTER = "topology.istio.io/cluster";
export const NETWORK = "topology.istio.io/network";
const HOSTNAME = "kubernetes.io/hostname";

/** Of the labels of a workload; "" if they say none. */
export function localityOfLabels(labels: Labels): string {
  const text = LOCALITY_LABELS.map((key) => labels[key]).find((value) => value !== undefined) ?? "";
  return text.includes("/") ? text : text.replaceAll(".", "/");
}

/** Of the labels of a Kubernetes node. */
export function localityOfNode(labels: Labels): string {
  const parts = [labels[REGION] ?? "", labels[ZONE] ?? "", labels[SUBZONE] ?? ""];
  return formatLocality(parts[0]!, parts[1]!, parts[2]!);
}

export function formatLocality(region: string, zone: string, subzone: string): string {
  return `${region}/${zone}/${subzone}`.replace(/\/+$/, "");
}

export function splitLocality(locality: string): readonly [region: string, zone: string, subzone: string] {
  const [region = "", zone = "", subzone = ""] = locality.split("/");
  return [region, zone, subzone];
}

/** Whether `region/*`, `region/zone` and the like cover the locality. (istio/istio `pilot/pkg/networking/util` LocalityMatch) */
export function localityMatches(pattern: string, locality: string): boolean {
  const [region, zone, subzone] = splitLocality(pattern);
  const own = splitLocality(locality);
  const covers = (part: string, value: string): boolean => part === "*" || part === value;
  return covers(region, own[0]) && (zone === "" || covers(zone, own[1])) && (subzone === "" || covers(subzone, own[2]));
}

export interface Place {
  readonly locality: string;
  readonly network: string;
  readonly clusterId: string;
  /** Name of the Kubernetes node; "" if there is none. */
  readonly node: string;
}

/** A workload's labels and those that its place gives it. (istio/istio `pilot/pkg/serviceregistry/util/label` AugmentLabels) */
export function withPlace(labels: Labels, { locality, network, clusterId, node }: Place): Labels {
  const [region, zone, subzone] = splitLocality(locality);
  const all: Record<string, string> = { ...labels };
  if (region !== "") all[REGION] = region;
  if (zone !== "") all[ZONE] = zone;
  if (subzone !== "") all[SUBZONE] = subzone;
  if (clusterId !== "") all[CLUSTER] = clusterId;
  if (node !== "") all[HOSTNAME] = node;
  if (network !== "") all[NETWORK] ??= network;
  return all;
}
