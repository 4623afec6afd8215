/** The one walker: checks a value against a schema, reports everything that is wrong, returns the normalised value. */
import type { DiagnosticCode, Path, Severity } from "../diagnostic.ts";
import { parseDuration } from "../duration.ts";
import { closest } from "./closest.ts";
import { describeSchema, describeValue } from "./describe.ts";
import type { Format } from "./format.ts";
import { regexError } from "./regex.ts";
import type { AnySchema, EnumSchema, ListSchema, MapSchema, ObjectSchema } from "./schema.ts";

/** A diagnostic before it is known which object and file it belongs to. */
export interface Finding {
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  readonly path: Path;
  /** Point at the field's name rather than at its value. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly expected?: string;
  /** The value is not part of the result, so rules about its surroundings may be led astray. */
  readonly leftOut?: boolean;
}

export type Report = (finding: Finding) => void;

export interface CheckOptions {
  readonly report: Report;
  /** Accept protobuf's snake_case field names, with a warning (Istio kinds: their JSON is protobuf's). */
  readonly protoNames: boolean;
}

/** Stands for a value that is not of its schema's type, so that nothing can be said about it any more. */
export const UNSOUND: unique symbol = Symbol("unsound");

/**
 * The value as its kind means it: absent for null, defaults filled in, protobuf names turned into JSON names. The
 * input is not changed.
 *
 * The result is always of the schema's type, even after errors: fields of another type are left out (a list with such
 * an item as a whole), and where that is not possible the result is UNSOUND. So further rules can go on looking.
 */
export function check(schema: AnySchema, value: unknown, path: Path, options: CheckOptions): unknown {
  switch (schema.type) {
    case "object":
      return checkObject(schema, value, path, options);
    case "list":
      return checkList(schema, value, path, options);
    case "map":
      return checkMap(schema, value, path, options);
    case "opaque":
      return value;
    default:
      return checkScalar(schema, value, path, options.report) ? value : UNSOUND;
  }
}

function mismatch(schema: AnySchema, value: unknown, path: Path, report: Report, code: DiagnosticCode): void {
  let expected = describeSchema(schema);
  // People who write `version: 1.0` mean the text.
  if (schema.type === "string" && typeof value !== "string" && typeof value !== "object") {
    expected = "a string (in quotes)";
  }
  const leftOut = code === "wrong-type" || schema.type === "enum";
  report({ severity: "error", code, path, message: `is ${describeValue(value)}`, expected, leftOut });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Assignment that treats `__proto__` as any other name. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function checkObject(schema: ObjectSchema, value: unknown, path: Path, options: CheckOptions): unknown {
  if (!isObject(value)) {
    mismatch(schema, value, path, options.report, "wrong-type");
    return UNSOUND;
  }
  const { report } = options;
  const result: Record<string, unknown> = {};
  const pathOf = new Map<string, Path>();
  let sound = true;
  for (const key of Object.keys(value)) {
    const given = value[key];
    const fieldPath = [...path, key];
    const name = fieldName(schema, key, fieldPath, options);
    if (name === undefined) {
      if (schema.open) setOwn(result, key, given);
      continue;
    }
    if (pathOf.has(name)) {
      report({
        severity: "error",
        code: "duplicate-key",
        path: fieldPath,
        atKey: true,
        message: `sets ${name} a second time`,
        expected: `only ${name}`,
      });
      continue;
    }
    if (given === null || given === undefined) continue;
    pathOf.set(name, fieldPath);
    const field = schema.fields[name]!;
    if (field.deprecated !== undefined) {
      report({
        severity: "warning",
        code: "deprecated",
        path: fieldPath,
        atKey: true,
        message: `is deprecated; ${field.deprecated}`,
      });
    }
    const normal = check(field, given, fieldPath, options);
    if (normal !== UNSOUND) result[name] = normal;
    else if (field.required === true) sound = false;
  }
  for (const name in schema.fields) {
    const field = schema.fields[name]!;
    if (field.required !== true || pathOf.has(name)) continue;
    if (field.defaultValue !== undefined) {
      result[name] = check(field, field.defaultValue, [...path, name], options);
    } else {
      sound = false;
      report({
        severity: "error",
        code: "required",
        leftOut: true,
        path: [...path, name],
        message: "is missing",
        expected: describeSchema(field),
      });
    }
  }
  checkGroups(schema, path, pathOf, report);
  return sound ? result : UNSOUND;
}

/** The schema's name of a given field; undefined (and, unless the object is open, an error) if it has none. */
function fieldName(schema: ObjectSchema, key: string, path: Path, options: CheckOptions): string | undefined {
  if (Object.hasOwn(schema.fields, key)) return key;
  if (options.protoNames && key.includes("_")) {
    const camel = camelCase(key);
    if (Object.hasOwn(schema.fields, camel)) {
      options.report({
        severity: "warning",
        code: "proto-name",
        path,
        atKey: true,
        message: `is the protobuf name; write ${camel}`,
      });
      return camel;
    }
  }
  if (schema.open) return undefined;
  const names = Object.keys(schema.fields);
  const similar = closest(key, names);
  const base = { severity: "error", code: "unknown-field", path, atKey: true, leftOut: true } as const;
  if (similar !== undefined) {
    options.report({ ...base, message: `unknown field, did you mean ${JSON.stringify(similar)}?` });
  } else {
    const current = names.filter((name) => schema.fields[name]!.deprecated === undefined);
    options.report({ ...base, message: "unknown field", expected: `one of ${current.join(", ")}` });
  }
  return undefined;
}

function checkGroups(schema: ObjectSchema, path: Path, pathOf: ReadonlyMap<string, Path>, report: Report): void {
  const groups: readonly (readonly [readonly string[], boolean])[] = [
    ...schema.oneOf.map((group) => [group, false] as const),
    ...schema.exactlyOne.map((group) => [group, true] as const),
  ];
  for (const [group, exactly] of groups) {
    // In the order of writing, so that the finding points at the one that came too late.
    const present = [...pathOf.keys()].filter((name) => group.includes(name));
    if (present.length === 0 && exactly) {
      report({
        severity: "error",
        code: "one-of",
        path,
        message: `has none of ${group.join(", ")}`,
        expected: "exactly one of them",
      });
    }
    for (const name of present.slice(1)) {
      report({
        severity: "error",
        code: "one-of",
        path: pathOf.get(name)!,
        atKey: true,
        message: `is set together with ${present[0]!}`,
        expected: `only one of ${group.join(", ")}`,
      });
    }
  }
}

function checkList(schema: ListSchema, value: unknown, path: Path, options: CheckOptions): unknown {
  if (!Array.isArray(value)) {
    mismatch(schema, value, path, options.report, "wrong-type");
    return UNSOUND;
  }
  if (value.length < schema.min || value.length > schema.max) {
    options.report({
      severity: "error",
      code: "bad-value",
      path,
      message: `has ${value.length} item${value.length === 1 ? "" : "s"}`,
      expected: describeSchema(schema),
    });
  }
  const items = value.map((item: unknown, index) => check(schema.item, item, [...path, index], options));
  return items.includes(UNSOUND) ? UNSOUND : items;
}

function checkMap(schema: MapSchema, value: unknown, path: Path, options: CheckOptions): unknown {
  if (!isObject(value)) {
    mismatch(schema, value, path, options.report, "wrong-type");
    return UNSOUND;
  }
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const itemPath = [...path, key];
    if (schema.key !== undefined && !schema.key.accepts(key)) {
      options.report({
        severity: "error",
        code: "bad-value",
        path: itemPath,
        atKey: true,
        message: `${describeValue(key)} as a key`,
        expected: schema.key.expected,
      });
    }
    const item = value[key];
    // A string written as nothing is the empty string, as for the Kubernetes API server.
    const given = item === null && schema.value.type === "string" ? "" : item;
    const normal = check(schema.value, given, itemPath, options);
    if (normal !== UNSOUND) setOwn(result, key, normal);
  }
  return result;
}

type ScalarSchema = Exclude<AnySchema, { readonly type: "object" | "list" | "map" | "opaque" }>;

/** Whether the value is of the schema's type; it may be reported for its contents all the same. */
function checkScalar(schema: ScalarSchema, value: unknown, path: Path, report: Report): boolean {
  if (!isOfType(schema, value)) {
    mismatch(schema, value, path, report, "wrong-type");
    return false;
  }
  switch (schema.type) {
    case "string":
      if (schema.format !== undefined) checkFormat(schema.format, value as string, path, report);
      return true;
    case "number":
      if ((value as number) < schema.min || (value as number) > schema.max) {
        mismatch(schema, value, path, report, "bad-value");
      }
      return true;
    case "enum":
      return checkEnum(schema, value as string, path, report);
    case "duration": {
      const milliseconds = parseDuration(value as string);
      if (milliseconds === undefined || milliseconds < schema.minMs) mismatch(schema, value, path, report, "bad-value");
      return true;
    }
    case "regex":
      if (value !== schema.except) checkRegex(value as string, path, report);
      return true;
    default:
      return true;
  }
}

function isOfType(schema: ScalarSchema, value: unknown): boolean {
  switch (schema.type) {
    case "number":
      return schema.integer ? Number.isInteger(value) : Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "intOrString":
      return typeof value === "string" || Number.isInteger(value);
    default:
      return typeof value === "string";
  }
}

function checkEnum(schema: EnumSchema, value: string, path: Path, report: Report): boolean {
  if (Object.hasOwn(schema.deprecatedValues, value)) {
    const message = `${value} is deprecated; use ${schema.deprecatedValues[value]!}`;
    report({ severity: "warning", code: "deprecated", path, message });
    return true;
  }
  if (schema.values.includes(value)) return true;
  mismatch(schema, value, path, report, "bad-value");
  return false;
}

function checkFormat(format: Format, value: string, path: Path, report: Report): void {
  if (format.accepts(value)) return;
  const message = `is ${describeValue(value)}`;
  report({ severity: "error", code: "bad-value", path, message, expected: format.expected });
}

function checkRegex(value: string, path: Path, report: Report): void {
  const reason = regexError(value);
  if (reason === undefined) return;
  report({
    severity: "error",
    code: "bad-value",
    path,
    message: `is ${describeValue(value)} (${reason})`,
    expected: "a regular expression in RE2 syntax",
  });
}
