/** What is wrong with an object, and where; the one form in which the mesh says so. */

export type Severity = "error" | "warning";

/** Stable names of what can be wrong; texts may change, these do not. */
export type DiagnosticCode =
  | "yaml-syntax"
  | "duplicate-key"
  | "too-large"
  | "not-an-object"
  | "unknown-kind"
  | "version-not-served"
  | "third-party"
  | "unknown-field"
  | "proto-name"
  | "required"
  | "wrong-type"
  | "bad-value"
  | "one-of"
  | "deprecated"
  /** A field that changes nothing where it stands; always a warning. */
  | "no-effect"
  | "semantic";

export interface Diagnostic {
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  readonly file: string;
  /** From 1; 0 if the object came from no file. */
  readonly line: number;
  /** From 1; 0 if the object came from no file. */
  readonly column: number;
  /** "" if the document is no object. */
  readonly kind: string;
  /** "" for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  /** Dotted path with [index]: `spec.http[0].route[0].weight`; "" for the object as a whole. */
  readonly field: string;
  /** What is wrong. */
  readonly message: string;
  /** What would be right; completes "expected …". */
  readonly expected?: string;
}

/** `reviews.yaml:12:17: VirtualService default/reviews: spec.http[0].timeout: is "5 s", expected a duration such as "1.5s"`. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, kind, namespace, name, field, message, expected, severity } = diagnostic;
  const parts = [line > 0 ? `${file}:${line}:${column}` : file];
  if (severity === "warning") parts.push("warning");
  if (kind !== "") parts.push(`${kind} ${namespace === "" ? name : `${namespace}/${name}`}`.trimEnd());
  if (field !== "") parts.push(field);
  parts.push(expected === undefined ? message : `${message}, expected ${expected}`);
  return parts.filter((part) => part !== "").join(": ");
}

/** One step into a value: a field name or a list index. */
export type PathStep = string | number;
export type Path = readonly PathStep[];

/** `["spec", "http", 0, "headers", "x.y"]` → `spec.http[0].headers["x.y"]`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w@-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}
