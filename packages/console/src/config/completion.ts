/** What can be written at a place of a manifest, by the kinds' own schemas. Pure. */
import { KINDS } from "@tulle/api/kinds";
import type { AnySchema, KindInfo } from "@tulle/api/kinds";

interface Suggestion {
  readonly label: string;
  /** What is put in. */
  readonly apply: string;
  readonly detail: string;
}

export interface Completion {
  /** Offset of what is replaced. */
  readonly from: number;
  readonly options: readonly Suggestion[];
}

/** Undefined: nothing is known of what could stand there. */
export function completeAt(text: string, offset: number): Completion | undefined {
  const start = text.lastIndexOf("\n---", offset - 1);
  const document = text.slice(start < 0 ? 0 : text.indexOf("\n", start + 1) + 1, nextDocument(text, offset));
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const line = text.slice(lineStart, offset);
  const value = /^(\s*(?:- +)*)([\w.-]+): +([\w.-]*)$/.exec(line);
  const above = text.slice(start < 0 ? 0 : text.indexOf("\n", start + 1) + 1, lineStart).split("\n");
  if (value !== null) {
    const [, indent, key, typed] = value as unknown as [string, string, string, string];
    const from = offset - typed.length;
    if (indent === "" && key === "kind") return { from, options: kindOptions(document) };
    if (indent === "" && key === "apiVersion") return { from, options: versionOptions() };
    const schema = schemaAt(document, [...pathAbove(above, indent.length), key]);
    return schema === undefined ? undefined : { from, options: valueOptions(schema) };
  }
  const name = /^(\s*(?:- +)*)([\w.-]*)$/.exec(line);
  if (name === null) return undefined;
  const [, indent, typed] = name as unknown as [string, string, string];
  const from = offset - typed.length;
  if (indent === "") return { from, options: rootOptions(document) };
  const path = pathAbove(above, indent.length);
  const schema = schemaAt(document, indent.includes("-") ? [...path, ITEM] : path);
  return schema === undefined ? undefined : { from, options: fieldOptions(schema) };
}

function nextDocument(text: string, offset: number): number {
  const next = text.indexOf("\n---", offset);
  return next < 0 ? text.length : next;
}

/** Stands for any item of a list. */
const ITEM = "[]";

/** Keys that lead to a line with this indentation, from the outside in. */
function pathAbove(lines: readonly string[], indent: number): readonly string[] {
  const path: string[] = [];
  let limit = indent;
  /** Lists may stand at their parent's own indentation. */
  let inList = false;
  for (let index = lines.length - 1; index >= 0 && (limit > 0 || inList); index--) {
    const match = /^( *)((?:- +)*)([\w./-]+):(.*)$/.exec(lines[index]!);
    if (match === null) continue;
    const [, spaces, dashes, key, rest] = match as unknown as [string, string, string, string, string];
    const column = spaces.length + dashes.length;
    const isParent = rest.trim() === "" && (column < limit || (inList && column === limit));
    // The first key of the item that this line is in, too.
    const isItemStart = column === limit && !inList && dashes !== "";
    if (!isParent && !isItemStart) continue;
    if (isParent) path.unshift(key);
    limit = column;
    inList = dashes !== "";
    if (inList) {
      path.unshift(ITEM);
      limit = spaces.length;
    }
  }
  return path;
}

function kindOf(document: string): KindInfo | undefined {
  const kind = /^kind:\s*(\w+)/m.exec(document)?.[1];
  const version = /^apiVersion:\s*(\S+)/m.exec(document)?.[1];
  const group = version === undefined ? undefined : version.includes("/") ? version.split("/")[0] : "";
  const all: readonly KindInfo[] = KINDS;
  return (
    all.find((one) => one.kind === kind && (group === undefined || one.group === group)) ??
    all.find((one) => one.kind === kind)
  );
}

function schemaAt(document: string, path: readonly string[]): AnySchema | undefined {
  let schema: AnySchema | undefined = kindOf(document)?.body;
  if (path[0] === "metadata") return undefined;
  for (const step of path) {
    if (schema === undefined) return undefined;
    if (schema.type === "list") {
      schema = schema.item;
      if (step === ITEM) continue;
    }
    if (schema.type === "object") schema = schema.fields[step];
    else if (schema.type === "map") schema = schema.value;
    else return undefined;
  }
  return schema;
}

function rootOptions(document: string): readonly Suggestion[] {
  const fields = Object.keys(kindOf(document)?.body.fields ?? { spec: true }).filter((name) => name !== "status");
  return ["apiVersion", "kind", "metadata", ...fields]
    .filter((name) => !new RegExp(`^${name}:`, "m").test(document))
    .map((name) => ({
      label: name,
      apply: `${name}:${name === "apiVersion" || name === "kind" ? " " : "\n  "}`,
      detail: "",
    }));
}

function kindOptions(document: string): readonly Suggestion[] {
  const version = /^apiVersion:\s*(\S+)/m.exec(document)?.[1];
  const all: readonly KindInfo[] = KINDS;
  return all
    .filter(
      ({ group, versions }) => version === undefined || versions.some((one) => apiVersion(group, one) === version),
    )
    .map(({ kind, group }) => ({ label: kind, apply: kind, detail: group }));
}

function versionOptions(): readonly Suggestion[] {
  const all: readonly KindInfo[] = KINDS;
  return [...new Set(all.map(({ group, versions }) => apiVersion(group, versions[0]!)))].map((label) => ({
    label,
    apply: label,
    detail: "",
  }));
}

function apiVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

function fieldOptions(schema: AnySchema): readonly Suggestion[] {
  if (schema.type === "list") return fieldOptions(schema.item);
  if (schema.type !== "object") return [];
  return Object.entries(schema.fields).map(([name, field]) => ({
    label: name,
    apply: `${name}: `,
    detail: `${describe(field)}${field.required === true ? ", required" : ""}${field.deprecated === undefined ? "" : ", deprecated"}`,
  }));
}

function valueOptions(schema: AnySchema): readonly Suggestion[] {
  const values = schema.type === "enum" ? schema.values : schema.type === "boolean" ? ["true", "false"] : [];
  return values.map((label) => ({ label, apply: label, detail: "" }));
}

function describe(schema: AnySchema): string {
  switch (schema.type) {
    case "list":
      return `list of ${describe(schema.item)}`;
    case "intOrString":
      return "number or text";
    case "opaque":
      return "anything";
    case "enum":
      return schema.values.slice(0, 3).join(" | ");
    default:
      return schema.type;
  }
}
