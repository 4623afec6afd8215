/** Label sets: what a query does to them, and how they are compared and shown. */
import type { Labels } from "@tulle/telemetry/records";

export const METRIC_NAME = "__name__";

type Writable = Record<string, string>;

/** Names that come from a query are anything, `__proto__` among them. */
function put(labels: Writable, name: string, value: string): void {
  if (name === "__proto__") Object.defineProperty(labels, name, { value, enumerable: true, configurable: true });
  else labels[name] = value;
}

/** "" for an absent label. Names such as `constructor` come from queries, and are on every object that has a prototype. */
export function labelValue(labels: Labels, name: string): string {
  const value: unknown = labels[name];
  return typeof value === "string" ? value : "";
}

export const NO_LABELS: Labels = {};

export function withoutName(labels: Labels): Labels {
  if (labels[METRIC_NAME] === undefined) return labels;
  const { [METRIC_NAME]: _, ...kept } = labels;
  return kept;
}

export function keepLabels(labels: Labels, names: readonly string[]): Labels {
  const kept: Writable = {};
  for (const name of names) {
    const value = labelValue(labels, name);
    if (value !== "") put(kept, name, value);
  }
  return kept;
}

/** Without those, and without the metric's name. */
export function dropLabels(labels: Labels, names: readonly string[]): Labels {
  const kept: Writable = { ...labels };
  delete kept[METRIC_NAME];
  for (const name of names) delete kept[name];
  return kept;
}

/** An empty value removes the label. */
export function setLabel(labels: Labels, name: string, value: string): Labels {
  const changed: Writable = { ...labels };
  if (value === "") delete changed[name];
  else put(changed, name, value);
  return changed;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Equal for equal label sets alone. */
export function labelKey(labels: Labels): string {
  const names = Object.keys(labels).toSorted(compareText);
  let key = "";
  for (const name of names) key += `${name}\xff${labels[name]}\xff`;
  return key;
}

/** Equal for label sets that agree in `names`. */
export function keyOfNames(labels: Labels, names: readonly string[]): string {
  let key = "";
  for (const name of names) key += `${labelValue(labels, name)}\xff`;
  return key;
}

/** `{a="b", c="d"}`, with the metric's name in front, as in Prometheus' messages. */
export function formatLabels(labels: Labels): string {
  const parts = Object.keys(labels)
    .toSorted(compareText)
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `{${parts.join(", ")}}`;
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function isLabelName(text: string): boolean {
  return LABEL_NAME.test(text);
}
