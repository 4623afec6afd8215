/** What became of Sidecars. */
import { isVisibleTo, matchesLabels, MESH_GATEWAY } from "@tulle/api";
import { importsNothing, scopeOf } from "../model/scope.ts";
import type { SidecarRule } from "../model/sidecar.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { visibleRules } from "../model/virtual-service.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function sidecarFindings(snapshot: Snapshot, rule: SidecarRule): readonly Finding[] {
  const { namespace } = rule.origin;
  const winner = snapshot.sidecars.find(namespace, rule.selector ?? {});
  // One without labels to select by is a namespace's only if it has no selector at all.
  if (winner !== rule && winner !== undefined && sameSelector(winner, rule)) {
    return [finding("Shadowed", [], "an older Sidecar is for the same workloads; they are not merged", winner.origin)];
  }
  return [
    finding(
      "InForce",
      [],
      `for ${clients(snapshot, rule)}${dependsOnClient(snapshot, rule) ? "" : seen(snapshot, rule)}`,
    ),
    ...emptyHosts(snapshot, rule),
  ];
}

function sameSelector({ selector: a }: SidecarRule, { selector: b }: SidecarRule): boolean {
  if (a === undefined || b === undefined) return a === b;
  return matchesLabels(a, b) && matchesLabels(b, a);
}

function clients({ options }: Snapshot, { origin, selector }: SidecarRule): string {
  if (selector !== undefined) {
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    return `workloads of ${origin.namespace} with ${labels.length === 0 ? "any labels" : labels.join(", ")}`;
  }
  return origin.namespace === options.rootNamespace
    ? "workloads of all namespaces that have no Sidecar of their own"
    : `workloads of ${origin.namespace}`;
}

/** What `.` is: each workload's own namespace, where the Sidecar is for all of them. */
function dependsOnClient({ options }: Snapshot, { origin, selector, spec }: SidecarRule): boolean {
  if (selector !== undefined || origin.namespace !== options.rootNamespace) return false;
  return (spec.egress ?? []).some(({ hosts }) => hosts.some(isOfOwnNamespace));
}

function isOfOwnNamespace(host: string): boolean {
  return host.startsWith("./") || host.startsWith("~./");
}

function seen(snapshot: Snapshot, rule: SidecarRule): string {
  if ((rule.spec.egress ?? []).length === 0) return "";
  const all = exported(snapshot, rule.origin.namespace);
  const { services } = scopeOf(rule, rule.origin.namespace, all.services, all.rules, undefined);
  return `: they see ${services.length} of ${all.services.length} services`;
}

function exported(snapshot: Snapshot, namespace: string) {
  return {
    services: snapshot.services.filter(({ visibility }) => isVisibleTo(visibility, namespace)),
    rules: visibleRules(snapshot.virtualServices, namespace, MESH_GATEWAY).filter(({ hasHttp }) => hasHttp),
  };
}

/** Entries by which nothing is imported: a service may still come, or the name is wrong. */
function emptyHosts(snapshot: Snapshot, rule: SidecarRule): readonly Finding[] {
  const { spec, origin } = rule;
  const skipsOwn = dependsOnClient(snapshot, rule);
  const { services, rules } = exported(snapshot, origin.namespace);
  return (spec.egress ?? []).flatMap(({ hosts }, i) =>
    hosts.flatMap((host, j) =>
      !(skipsOwn && isOfOwnNamespace(host)) && importsNothing(host, origin.namespace, services, rules)
        ? [finding("Ignored", ["spec", "egress", i, "hosts", j], "no service and no VirtualService is called so")]
        : [],
    ),
  );
}
