/** Whom a policy of a `security.istio.io` kind reaches, in words. */
import { matchesLabels } from "@tulle/api";
import type { PolicyScope } from "../model/policy-scope.ts";
import { isInScope } from "../model/policy-scope.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Workload } from "../model/workload.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export interface Reach {
  /** `workloads of default with app=reviews`. */
  readonly who: string;
  readonly workloads: readonly Workload[];
  /** What speaks against it. */
  readonly findings: readonly Finding[];
}

export function reachOf({ options, workloads, gateways }: Snapshot, scope: PolicyScope): Reach {
  const { namespace, selector, targets } = scope;
  if (targets.length > 0) {
    const who = targets.map(({ kind, name }) => `${kind} ${name}`).join(", ");
    const path = ["spec", "targetRefs"];
    return {
      who,
      workloads: [],
      findings: [finding("NotYetApplied", path, "policies of single gateways of Gateway API")],
    };
  }
  const everywhere = namespace === options.rootNamespace;
  const labels = Object.entries(selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const who = `workloads of ${everywhere ? "all namespaces" : namespace}${labels.length === 0 ? "" : ` with ${labels.join(", ")}`}`;
  const reached = workloads.filter((workload) => isInScope(scope, options.rootNamespace, workload));
  // Gateways' proxies register nowhere; their Gateways name labels that they have.
  const isGateways = gateways.some(
    ({ spec }) => selector !== undefined && matchesLabels(selector, spec.selector ?? {}),
  );
  const missing = selector !== undefined && reached.length === 0 && !isGateways;
  return {
    who,
    workloads: reached,
    findings: missing ? [finding("Ignored", ["spec", "selector"], `there are no ${who}`)] : [],
  };
}
