/** `label_replace`, `label_join`, and the labels of what is absent. */
import type { Labels } from "@tulle/telemetry/records";
import type { Expr } from "./ast.ts";
import { executionError } from "./error.ts";
import { isLabelName, labelValue, METRIC_NAME, NO_LABELS, setLabel } from "./labels.ts";
import { compileRegex } from "./matchers.ts";
import { mergeSame, type StepSeries, type Vector } from "./values.ts";

/** `$1`, `${1}`, `$name` and `$$` (Go's regexp.Expand). */
const REFERENCE = /\$(?:\$|(\w+)|\{(\w+)\})/g;

export function labelReplace(
  vector: Vector,
  [destination, replacement, source, pattern]: readonly [string, string, string, string],
): Vector {
  let regex: ReturnType<typeof compileRegex>;
  try {
    regex = compileRegex(pattern);
  } catch (error) {
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`, error);
  }
  if (!isLabelName(destination))
    throw executionError(`invalid destination label name in label_replace(): ${destination}`);
  const groupNames = regex.namedGroups();
  return mergeSame(
    vector.map((series): StepSeries => {
      const matcher = regex.matcher(labelValue(series.labels, source));
      if (!matcher.matches()) return series;
      const value = replacement.replace(REFERENCE, (whole, bare?: string, braced?: string) => {
        if (whole === "$$") return "$";
        const name = bare ?? braced!;
        const index = /^\d+$/.test(name) ? Number(name) : groupNames[name];
        return index === undefined || index > regex.groupCount() ? "" : (matcher.group(index) ?? "");
      });
      return { ...series, labels: setLabel(series.labels, destination, value) };
    }),
  );
}

export function labelJoin(vector: Vector, [destination, separator, ...sources]: readonly string[]): Vector {
  for (const source of sources) {
    if (!isLabelName(source)) throw executionError(`invalid source label name in label_join(): ${source}`);
  }
  if (!isLabelName(destination!))
    throw executionError(`invalid destination label name in label_join(): ${destination}`);
  return mergeSame(
    vector.map((series) => {
      const value = sources.map((source) => labelValue(series.labels, source)).join(separator);
      return { ...series, labels: setLabel(series.labels, destination!, value) };
    }),
  );
}

/** What `absent` says of a selector that finds nothing: the labels that it wants to be equal to something, once. */
export function absentLabels(expr: Expr): Labels {
  const selector = expr.kind === "matrix selector" ? expr.selector : expr;
  if (selector.kind !== "vector selector") return NO_LABELS;
  const labels = new Map<string, string>();
  const had = new Set<string>();
  for (const { name, op, value } of selector.matchers) {
    if (name === METRIC_NAME) continue;
    if (op === "=" && !had.has(name)) {
      if (value !== "") labels.set(name, value);
      had.add(name);
    } else labels.delete(name);
  }
  return Object.fromEntries(labels);
}
