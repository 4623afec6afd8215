/** `request_headers_to_add` and its three siblings, at each level that has them. */
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction as Action,
} from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { compileHeaderValue } from "./header-value-format.ts";
import type { HeaderMutation } from "./route-plan.ts";
import type { Place } from "./problems.ts";

/** What a route configuration, virtual host, route and weighted cluster have in common. */
export interface HeaderOperations {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

export interface HeaderMutations {
  readonly request: readonly HeaderMutation[];
  readonly response: readonly HeaderMutation[];
}

export function compileHeaderOperations(operations: HeaderOperations, place: Place): HeaderMutations {
  return {
    request: compileList(operations.requestHeadersToAdd, operations.requestHeadersToRemove, "request_", place),
    response: compileList(operations.responseHeadersToAdd, operations.responseHeadersToRemove, "response_", place),
  };
}

/** `headers_to_add` of a message that removes none. @param prefix of the field's name */
export function compileHeadersToAdd(
  toAdd: readonly HeaderValueOption[],
  place: Place,
  prefix: "request_" | "response_" | "" = "",
): readonly HeaderMutation[] {
  return compileList(toAdd, [], prefix, place);
}

type Addition = Exclude<HeaderMutation, { op: "remove" }>;

/**
 * Envoy removes first, then overwrites, then adds, whatever the order of the list; what a value or a condition sees is what was
 * there before any of that. (As seen on Envoy 1.40; `source/common/router/header_parser.cc`)
 */
function compileList(
  toAdd: readonly HeaderValueOption[],
  toRemove: readonly string[],
  prefix: "request_" | "response_" | "",
  place: Place,
): readonly HeaderMutation[] {
  const removals: HeaderMutation[] = [];
  const overwrites: Addition[] = [];
  const additions: Addition[] = [];
  toRemove.forEach((header, i) => {
    const name = header.toLowerCase();
    if (isProtected(name))
      place.item(`${prefix}headers_to_remove`, i).refuse(":-prefixed or host headers may not be removed");
    removals.push({ op: "remove", name });
  });
  toAdd.forEach((option, i) => {
    const mutation = compileHeaderAddition(option, place.item(`${prefix}headers_to_add`, i));
    if (mutation === null) return;
    (mutation.op === "overwrite" || mutation.op === "overwrite-if-exists" ? overwrites : additions).push(mutation);
  });
  const all = [...removals, ...together([...overwrites, ...additions])];
  return all.length === 0 ? NO_MUTATIONS : all;
}

function together(additions: readonly Addition[]): readonly Addition[] {
  const [first, ...rest] = additions;
  if (first === undefined || !rest.some(looksAround)) return additions;
  return [{ ...first, together: additions.length }, ...rest];
}

function looksAround({ op, format }: Addition): boolean {
  return format !== null || op === "add-if-absent" || op === "overwrite-if-exists";
}

/** Shared, so that levels without operations cost nothing. */
export const NO_MUTATIONS: readonly HeaderMutation[] = [];

const OPERATIONS = {
  [Action.APPEND_IF_EXISTS_OR_ADD]: "append",
  [Action.ADD_IF_ABSENT]: "add-if-absent",
  [Action.OVERWRITE_IF_EXISTS_OR_ADD]: "overwrite",
  [Action.OVERWRITE_IF_EXISTS]: "overwrite-if-exists",
} as const;

/** @param extensions message types of the formatters that there are beside the built-in ones */
export function compileHeaderAddition(
  option: HeaderValueOption,
  place: Place,
  extensions?: ReadonlySet<string>,
): Addition | null {
  const name = (option.header?.key ?? "").toLowerCase();
  if (isProtected(name)) {
    place.refuse(":-prefixed or host headers may not be modified");
    return null;
  }
  if (option.append !== undefined && option.appendAction !== Action.APPEND_IF_EXISTS_OR_ADD) {
    place.refuse("Both append and append_action are set and it's not allowed");
    return null;
  }
  const action = option.append === false ? Action.OVERWRITE_IF_EXISTS_OR_ADD : option.appendAction;
  const op = OPERATIONS[action as keyof typeof OPERATIONS];
  const { value, format } = compileHeaderValue(option.header?.value ?? "", place.field("header.value"), extensions);
  return { op, name, value, format, keepEmpty: option.keepEmptyValue, together: 0 };
}

function isProtected(name: string): boolean {
  return name.startsWith(":") || name === "host";
}
