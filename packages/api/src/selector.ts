/** Label selectors (Kubernetes `apimachinery/pkg/labels`). */
import type { LabelSelector } from "./kinds/kubernetes/pod.ts";

export type Labels = Readonly<Record<string, string>>;

/** Whether `labels` has every pair of `wanted`. An empty or absent `wanted` matches everything. */
export function matchesLabels(wanted: Labels | undefined, labels: Labels): boolean {
  for (const key in wanted) {
    if (labels[key] !== wanted[key]) return false;
  }
  return true;
}

/** matchLabels and matchExpressions, all of them. An empty selector matches everything. */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  if (!matchesLabels(selector.matchLabels, labels)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      default:
        return value === undefined;
    }
  });
}
