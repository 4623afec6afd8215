import { hostMatches, isVisibleTo } from "@tulle/api";
import type { DestinationRuleRule } from "../model/destination-rule.ts";
import { servicesOfWorkload } from "../model/endpoints.ts";
import type { MeshService } from "../model/service.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function destinationRuleFindings(snapshot: Snapshot, rule: DestinationRuleRule): readonly Finding[] {
  if (rule.visibility.type === "none") {
    return [finding("Ignored", ["spec", "exportTo"], 'it is exported to nobody ("~")')];
  }
  const services = snapshot.services.filter(({ host }) => hostMatches(rule.host, host));
  if (services.length === 0) return [finding("Ignored", ["spec", "host"], `no service is called ${rule.host}`)];
  const namespace = clientNamespace(rule);
  const labels = rule.selector ?? {};
  const chosen = services.map((service) => snapshot.destinationRuleIndex.find(service, namespace, labels));
  const own = chosen.find((merged) => merged?.rules.includes(rule));
  if (own === undefined) {
    const winner = chosen.find((merged) => merged !== undefined);
    return [finding("Shadowed", ["spec", "host"], `another DestinationRule is used for ${rule.host}`, winner?.origin)];
  }
  const found: Finding[] = [];
  if (rule.spec.trafficPolicy !== undefined && own.trafficPolicy !== rule.spec.trafficPolicy) {
    found.push(
      finding(
        "Shadowed",
        ["spec", "trafficPolicy"],
        "an older DestinationRule for this host has one; policies are not merged",
        own.origin,
      ),
    );
  }
  for (const [index, { name }] of (rule.spec.subsets ?? []).entries()) {
    const winner = own.subsets.find(({ subset }) => subset.name === name);
    if (winner === undefined || winner.subset === rule.spec.subsets?.[index]) continue;
    found.push(finding("Shadowed", ["spec", "subsets", index], `subset ${name} is defined before`, winner.origin));
  }
  found.push(...tlsFindings(snapshot, rule, services));
  const hosts = services.length === 1 ? services[0]!.host : `${services.length} services`;
  return [finding("InForce", [], `applies to ${hosts}`), ...found];
}

/** Plaintext to those who take none; certificates for those who may not have them. */
function tlsFindings(
  snapshot: Snapshot,
  rule: DestinationRuleRule,
  services: readonly MeshService[],
): readonly Finding[] {
  const { trafficPolicy, subsets = [] } = rule.spec;
  const places = [
    { policy: trafficPolicy, path: ["spec", "trafficPolicy"] },
    ...subsets.map(({ trafficPolicy: policy }, index) => ({
      policy,
      path: ["spec", "subsets", index, "trafficPolicy"],
    })),
  ].flatMap(({ policy, path }) => [
    { tls: policy?.tls, path: [...path, "tls"] },
    ...(policy?.portLevelSettings ?? []).map(({ tls }, index) => ({
      tls,
      path: [...path, "portLevelSettings", index, "tls"],
    })),
  ]);
  const strict = snapshot.workloads.find(
    (workload) =>
      workload.mutualTls &&
      snapshot.peers.modesOf(workload).mode === "STRICT" &&
      servicesOfWorkload(services, workload).length > 0,
  );
  return places.flatMap(({ tls, path }): readonly Finding[] => {
    if (tls?.mode === "DISABLE" && strict !== undefined) {
      return [finding("Invalid", [...path, "mode"], `${strict.name} takes only mutual TLS: connections to it fail`)];
    }
    if ((tls?.credentialName ?? "") === "" || rule.selector !== undefined) return [];
    return [
      finding(
        "Ignored",
        [...path, "credentialName"],
        "by sidecars: only gateways, and workloads that workloadSelector selects, get Secrets",
      ),
    ];
  });
}

/** A namespace whose clients the rule is for. */
function clientNamespace({ visibility, origin }: DestinationRuleRule): string {
  if (visibility.type !== "namespaces" || isVisibleTo(visibility, origin.namespace)) return origin.namespace;
  return [...visibility.namespaces][0]!;
}
