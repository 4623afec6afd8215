/** What became of EnvoyFilters. */
import type { EnvoyFilterRule } from "../model/envoy-filter.ts";
import { isInScope } from "../model/policy-scope.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function envoyFilterFindings({ options, workloads }: Snapshot, rule: EnvoyFilterRule): readonly Finding[] {
  const { scope, patches } = rule;
  const applied = patches.filter(({ patch }) => patch !== undefined).length;
  const selected = workloads.filter((workload) => isInScope(scope, options.rootNamespace, workload));
  const problems = patches.flatMap(({ index, problem }): Finding[] =>
    problem === undefined ? [] : [finding(problem.type, ["spec", "configPatches", index], problem.message)],
  );
  if (applied === 0) return problems;
  if (selected.length === 0) {
    const path = scope.targets.length > 0 ? ["spec", "targetRefs"] : ["spec", "workloadSelector"];
    const written = scope.targets.length > 0 || scope.selector !== undefined ? path : [];
    return [finding("Ignored", written, "no registered workload is one that it is for"), ...problems];
  }
  return [
    finding("InForce", [], `changes what the proxies of ${count(selected.length)} are sent`),
    ...problems,
    ...withoutFilter(rule),
  ];
}

function count(workloads: number): string {
  return workloads === 1 ? "one workload" : `${workloads} workloads`;
}

/** Filters that Tulle's own proxy may lack: whether it does is for each proxy to say. */
function withoutFilter({ patches }: EnvoyFilterRule): readonly Finding[] {
  return patches.flatMap(({ index, patch }) =>
    patch === undefined || patch.filterType === ""
      ? []
      : [
          finding(
            "InForce",
            ["spec", "configPatches", index],
            `only for proxies that have the filter: ${patch.filterType}`,
          ),
        ],
  );
}
