/** Changes of the parameters in a request's path. Behaviour: Envoy `source/common/http/utility.cc`, `QueryParamsMulti`. */
import type { KeyValueMutation } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { KeyValueAppend_KeyValueAppendAction as Action } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { bytesOf } from "./format/byte-text.ts";
import { type Format, compileTextFormat, refuseFormatErrors } from "./format/format.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import type { Place } from "./problems.ts";

/** One step; a list is applied in order. */
export type QueryMutation =
  | { readonly op: "remove"; readonly key: string }
  | {
      readonly op: "append" | "add-if-absent" | "overwrite" | "overwrite-if-exists";
      readonly key: string;
      readonly format: Format;
    };

const OPERATIONS = {
  [Action.APPEND_IF_EXISTS_OR_ADD]: "append",
  [Action.ADD_IF_ABSENT]: "add-if-absent",
  [Action.OVERWRITE_IF_EXISTS_OR_ADD]: "overwrite",
  [Action.OVERWRITE_IF_EXISTS]: "overwrite-if-exists",
} as const;

export function compileQueryMutations(
  list: readonly KeyValueMutation[],
  extensions: ReadonlySet<string>,
  place: Place,
): readonly QueryMutation[] {
  return list.flatMap((each, i) => compileOne(each, extensions, place.item("query_parameter_mutations", i)) ?? []);
}

function compileOne(
  { append, remove }: KeyValueMutation,
  extensions: ReadonlySet<string>,
  place: Place,
): QueryMutation | null {
  if (remove !== "") {
    if (append !== undefined) place.refuse("Only one of 'append'/'remove can be specified.");
    return { op: "remove", key: bytesOf(remove) };
  }
  if (append === undefined) {
    place.refuse("One of 'append'/'remove' must be specified.");
    return null;
  }
  const { record, action } = append;
  if (record === undefined) {
    place.refuse("No record specified for append mutation.");
    return null;
  }
  const value = record.value?.kind;
  if (value?.case !== "stringValue") {
    place.refuse("Only string value is allowed for record value.");
    return null;
  }
  const format = refuseFormatErrors(place.field("append.record.value"), null, () =>
    compileTextFormat(bytesOf(value.value), { omitEmpty: true, extensions }),
  );
  return format === null ? null : { op: OPERATIONS[action], key: bytesOf(record.key), format };
}

/** As they are written in the path, by decoded key. */
type Parameters = Map<string, { readonly key: string; readonly value: string }[]>;

/**
 * The path with its parameters changed, and sorted by key as Envoy sorts them. What nobody changes stays as it was written: Envoy decodes
 * it and does not encode it again, so that an escaped `&` begins another parameter.
 */
export function mutateQuery(path: string, mutations: readonly QueryMutation[], stream: StreamInfo): string {
  const question = path.indexOf("?");
  const parameters = question < 0 ? new Map() : parse(path.slice(question + 1));
  for (const mutation of mutations) apply(parameters, mutation, stream);
  return (question < 0 ? path : path.slice(0, question)) + written(parameters);
}

/** The first value of a parameter with its escapes resolved, "" if it has none; undefined if it is not there. @param name bytes */
export function decodedParameter(path: string, name: string): string | undefined {
  const question = path.indexOf("?");
  return question < 0 ? undefined : decodedValue(parse(path.slice(question + 1)).get(name)?.[0]?.value);
}

function decodedValue(value: string | undefined): string | undefined {
  return value === undefined ? undefined : decoded(value);
}

/** Parameters set, each in place of all of its name, and others removed. Names and values are bytes, not escaped. */
export function withQuery(
  path: string,
  set: readonly (readonly [name: string, value: string])[],
  removed: readonly string[],
): string {
  const question = path.indexOf("?");
  const parameters: Parameters = question < 0 ? new Map() : parse(path.slice(question + 1));
  for (const [name, value] of set) parameters.set(name, [{ key: encoded(name), value: encoded(value) }]);
  for (const name of removed) parameters.delete(name);
  return (question < 0 ? path : path.slice(0, question)) + written(parameters);
}

function written(parameters: Parameters): string {
  let query = "";
  for (const key of [...parameters.keys()].sort(byBytes)) {
    for (const { key: name, value } of parameters.get(key) ?? []) {
      query += `${query === "" ? "?" : "&"}${name}=${value}`;
    }
  }
  return query;
}

function parse(query: string): Parameters {
  const parameters: Parameters = new Map();
  if (query === "") return parameters;
  for (const piece of query.split("&")) {
    const equals = piece.indexOf("=");
    const key = equals < 0 ? piece : piece.slice(0, equals);
    add(parameters, decoded(key), { key, value: equals < 0 ? "" : piece.slice(equals + 1) });
  }
  return parameters;
}

function add(parameters: Parameters, name: string, parameter: { key: string; value: string }): void {
  const list = parameters.get(name);
  if (list === undefined) parameters.set(name, [parameter]);
  else list.push(parameter);
}

function apply(parameters: Parameters, mutation: QueryMutation, stream: StreamInfo): void {
  const { op, key } = mutation;
  if (op === "remove") {
    parameters.delete(key);
    return;
  }
  const parameter = { key: sendable(key), value: encoded(mutation.format.format(stream)) };
  const present = parameters.has(key);
  if (op === "append") add(parameters, key, parameter);
  else if (op === "overwrite" || (op === "overwrite-if-exists" ? present : !present)) parameters.set(key, [parameter]);
}

/** Escapes resolved; what is no escape stays. */
function decoded(text: string): string {
  return text.includes("%")
    ? text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
}

/** Source: Envoy `PercentEncoding::urlEncode`. */
function encoded(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9*._-]/g, escape);
}

/** Envoy writes keys as they are configured: what would end the request's path must not be among them. */
function sendable(key: string): string {
  return key.replaceAll(/[^!-~]/g, escape);
}

function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
