/** Rules for DestinationRule (istio/istio `pkg/config/validation`, ValidateDestinationRule). */
import type { ResourceObject } from "../kinds/registry.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateExportTo } from "./scope.ts";
import { validateTrafficPolicy } from "./traffic-policy.ts";

type DestinationRule = ResourceObject<"networking.istio.io", "DestinationRule">;

export function validateDestinationRule({ spec, metadata }: DestinationRule, reporter: Reporter): void {
  const { error, warning } = reporter;
  validateTrafficPolicy(spec.trafficPolicy, ["spec", "trafficPolicy"], reporter);
  const subsets = spec.subsets ?? [];
  for (const [index, subset] of subsets.entries()) {
    validateTrafficPolicy(subset.trafficPolicy, ["spec", "subsets", index, "trafficPolicy"], reporter);
  }
  eachRepeated(
    subsets,
    ({ name }) => name,
    (index, name) => error(["spec", "subsets", index, "name"], `subset "${name}" exists already`, "each name once"),
  );
  validateExportTo(spec.exportTo, metadata.namespace, reporter);
  if (spec.workloadSelector === undefined) return;
  const elsewhere = (spec.exportTo ?? []).findIndex((entry) => entry !== "." && entry !== metadata.namespace);
  if (elsewhere >= 0) {
    const message = "reaches beyond the namespace, but workloadSelector makes the rule private";
    error(["spec", "exportTo", elsewhere], message, '"." or no exportTo');
  }
  if (Object.keys(spec.workloadSelector.matchLabels ?? {}).length === 0) {
    warning(["spec", "workloadSelector"], "selects by no labels, so it applies to the whole namespace");
  }
}
