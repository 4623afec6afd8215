/** Fields that say where an object applies: exportTo, selectors, target references, gateway names. */
import type { Path } from "../diagnostic.ts";
import type { LabelsSelector, PolicyTargetReference, WorkloadSelector } from "../kinds/istio/selector.ts";
import { isDnsLabel, isFqdn, isLabel } from "../schema/formats.ts";
import type { Reporter } from "./reporter.ts";

export function validateExportTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  { error }: Reporter,
): void {
  if (exportTo === undefined) return;
  const seen = new Set<string>();
  for (const [index, entry] of exportTo.entries()) {
    const path = ["spec", "exportTo", index];
    if (entry !== "." && entry !== "*" && entry !== "~" && !isDnsLabel(entry)) {
      error(path, `is ${JSON.stringify(entry)}`, 'a namespace, ".", "*" or "~"');
      continue;
    }
    const resolved = entry === "." ? namespace : entry;
    if (seen.has(resolved)) error(path, `${JSON.stringify(entry)} is listed twice`, "each namespace once");
    seen.add(resolved);
  }
  for (const alone of ["*", "~"]) {
    if (exportTo.length > 1 && exportTo.includes(alone)) {
      const path = ["spec", "exportTo", exportTo.indexOf(alone)];
      error(
        path,
        `${JSON.stringify(alone)} stands beside other namespaces`,
        `either ${JSON.stringify(alone)} or namespaces`,
      );
    }
  }
}

const WITHOUT_LABELS = "selects by no labels, so it applies to the whole namespace";

export function validateWorkloadSelector(selector: WorkloadSelector | undefined, reporter: Reporter): void {
  if (selector === undefined || Object.keys(selector.matchLabels ?? {}).length > 0) return;
  reporter.warning(["spec", "selector"], WITHOUT_LABELS);
}

export function validateLabelsSelector(selector: LabelsSelector | undefined, reporter: Reporter): void {
  if (selector === undefined || Object.keys(selector.labels ?? {}).length > 0) return;
  reporter.warning(["spec", "workloadSelector"], WITHOUT_LABELS);
}

interface Targeted {
  readonly selector?: WorkloadSelector;
  readonly targetRef?: PolicyTargetReference;
  readonly targetRefs?: readonly PolicyTargetReference[];
}

/** What policies may attach to (istio/istio `pkg/config/validation`, allowedTargetRefs). */
const TARGETS: readonly (readonly [string, string])[] = [
  ["", "Service"],
  ["core", "Service"],
  ["networking.istio.io", "ServiceEntry"],
  ["gateway.networking.k8s.io", "Gateway"],
  ["gateway.networking.k8s.io", "GatewayClass"],
];

export function validateTargets(spec: Targeted, reporter: Reporter): void {
  validateWorkloadSelector(spec.selector, reporter);
  if (spec.targetRef !== undefined) validateTarget(spec.targetRef, ["spec", "targetRef"], reporter);
  for (const [index, reference] of (spec.targetRefs ?? []).entries()) {
    validateTarget(reference, ["spec", "targetRefs", index], reporter);
  }
}

function validateTarget({ group = "", kind, namespace }: PolicyTargetReference, path: Path, { error }: Reporter): void {
  if (namespace !== undefined) {
    error(
      [...path, "namespace"],
      `is ${JSON.stringify(namespace)}`,
      "no namespace: only the policy's own can be meant",
    );
  }
  if (!TARGETS.some(([allowedGroup, allowedKind]) => allowedGroup === group && allowedKind === kind)) {
    const allowed = TARGETS.filter(([one]) => one !== "core").map(([one, name]) =>
      one === "" ? name : `${one}/${name}`,
    );
    error([...path, "kind"], `is ${group === "" ? kind : `${group}/${kind}`}`, `one of ${allowed.join(", ")}`);
  }
}

/** `mesh`, `name`, `namespace/name`, and with a warning the old `name.namespace.svc…`. */
export function validateGatewayNames(names: readonly string[], path: Path, { error, warning }: Reporter): void {
  for (const [index, name] of names.entries()) {
    const at = [...path, index];
    const slash = name.indexOf("/");
    if (slash >= 0) {
      const namespace = name.slice(0, slash);
      if ((namespace !== "." && !isDnsLabel(namespace)) || !isLabel(name.slice(slash + 1))) {
        error(at, `is ${JSON.stringify(name)}`, "a gateway as name or namespace/name");
      }
    } else if (!isFqdn(name)) {
      error(at, `is ${JSON.stringify(name)}`, "a gateway as name or namespace/name");
    } else if (name.includes(".")) {
      const [gateway, namespace] = name.split(".");
      warning(at, `${JSON.stringify(name)} is the old form; write "${namespace!}/${gateway!}"`);
    }
  }
}
