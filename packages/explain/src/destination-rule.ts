/** Where a DestinationRule says what a cluster does. */
import type { Path } from "@tulle/api";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { OriginLink } from "./answer.ts";
import { fullHost, listAt, originOf, textAt, valueAt } from "./origins.ts";
import type { OriginOf } from "./origins.ts";
import type { Question } from "./question.ts";

export interface ClusterName {
  readonly port: number;
  readonly subset: string;
  readonly host: string;
}

/** `outbound|9080|v1|reviews.default.svc.cluster.local`; undefined: it is no service's. */
export function clusterName(name: string): ClusterName | undefined {
  const [direction, port, subset, host] = name.split("|");
  if (direction !== "outbound" || host === undefined || host === "") return undefined;
  return { port: Number(port), subset: (subset ?? "").replace(/~tcp$/, ""), host };
}

type Rule = Pick<OriginOf, "kind" | "namespace" | "name">;

/** DestinationRules that name the host; the one that the cluster says it is made of is the first. */
export function rulesFor(question: Question, { host }: ClusterName, cluster: Cluster | undefined): readonly Rule[] {
  const { origins, world } = question;
  const first = originOf(cluster?.metadata);
  const all = origins.ofKind("DestinationRule").flatMap(({ loaded: { object } }): Rule[] => {
    const { namespace, name } = object.metadata;
    const named = fullHost(textAt(object, "spec", "host"), namespace, world.domain);
    return named === host ? [{ kind: object.kind, namespace, name }] : [];
  });
  const isFirst = (rule: Rule): boolean =>
    first?.kind === rule.kind && first.name === rule.name && first.namespace === rule.namespace;
  return [...all.filter(isFirst), ...all.filter((rule) => !isFirst(rule))];
}

/** The line of a setting of a cluster, such as `["connectionPool", "tcp", "maxConnections"]`: the most specific place that has it. */
export function settingLink(
  question: Question,
  name: ClusterName | undefined,
  cluster: Cluster,
  setting: Path,
): OriginLink | undefined {
  if (name === undefined) return undefined;
  for (const rule of rulesFor(question, name, cluster)) {
    const object = question.origins.find(rule)?.loaded.object;
    for (const policy of policyPaths(object, name)) {
      const path = [...policy, ...setting];
      if (valueAt(object, path) !== undefined) return question.origins.link(rule, path);
    }
  }
  return undefined;
}

function policyPaths(object: Parameters<typeof listAt>[0], { port, subset }: ClusterName): readonly Path[] {
  const subsets = listAt(object, ["spec", "subsets"]);
  const index = subsets.findIndex((each) => textAt(each, "name") === subset);
  const bases: Path[] = [
    ...(index < 0 ? [] : [["spec", "subsets", index, "trafficPolicy"]]),
    ["spec", "trafficPolicy"],
  ];
  return bases.flatMap((base): Path[] => {
    const ports = listAt(object, [...base, "portLevelSettings"]);
    const own = ports.findIndex((each) => textAt(each, "port", "number") === String(port));
    return own < 0 ? [base] : [[...base, "portLevelSettings", own], base];
  });
}

/** The labels of a subset, in the rule that has it. */
export function subsetLink(
  question: Question,
  name: ClusterName,
  cluster: Cluster | undefined,
): { readonly rule: Rule; readonly path: Path; readonly labels: readonly string[] } | undefined {
  for (const rule of rulesFor(question, name, cluster)) {
    const object = question.origins.find(rule)?.loaded.object;
    const index = listAt(object, ["spec", "subsets"]).findIndex((each) => textAt(each, "name") === name.subset);
    if (index < 0) continue;
    const path = ["spec", "subsets", index];
    const labels = valueAt(object, [...path, "labels"]);
    return { rule, path, labels: typeof labels === "object" && labels !== null ? Object.keys(labels) : [] };
  }
  return undefined;
}
