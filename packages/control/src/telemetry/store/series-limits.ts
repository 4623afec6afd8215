/** What one series may be. One that is more is not kept at all: cut labels would make two series one. */
import type { Labels } from "@tulle/telemetry/records";

export const SERIES_LIMITS = {
  /** Of one sender. Istio's proxies have some thousands. */
  ofOne: 20_000,
  /** 2.5 KB of heap each: a quarter of a gigabyte. */
  all: 100_000,
  /** Characters of all labels, each text once however many series have it. */
  textOfOne: 8 * 1024 * 1024,
  textOfAll: 64 * 1024 * 1024,
  labels: 64,
  name: 256,
  value: 1_024,
} as const;

/** (Prometheus' data model) */
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Why these cannot be the labels of a series; undefined if they can. */
export function labelsRefusal(labels: Labels): string | undefined {
  const names = Object.keys(labels);
  if (names.length > SERIES_LIMITS.labels) return `more than ${SERIES_LIMITS.labels} labels`;
  for (const name of names) {
    const value = labels[name]!;
    if (name === "__name__") {
      if (!METRIC_NAME.test(value)) return "a name that no metric can have";
    } else if (!LABEL_NAME.test(name) || name.startsWith("__")) return "a name that no label can have";
    // What every object has: `labels[name]` would be there without the label.
    if (name in Object.prototype) return "a name that no label can have";
    if (name.length > SERIES_LIMITS.name) return `a label's name of more than ${SERIES_LIMITS.name} characters`;
    if (value.length > SERIES_LIMITS.value) return `a label's value of more than ${SERIES_LIMITS.value} characters`;
  }
  return undefined;
}
