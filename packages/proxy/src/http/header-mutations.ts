import type { HeaderBlock } from "../codec/header-block.ts";
import { headerId, isInline } from "../codec/header-names.ts";
import type { StreamInfo } from "../plan/format/stream-info.ts";
import type { HeaderMutation } from "../plan/route-plan.ts";

/** Applies a route's header mutations, in order. Where the header belongs to a request, `inRequest`. */
export function applyHeaderMutations(
  headers: HeaderBlock,
  mutations: readonly HeaderMutation[],
  stream: StreamInfo,
  inRequest: boolean,
): void {
  let evaluatedFrom = 0;
  let evaluatedTo = 0;
  for (let i = 0; i < mutations.length; i++) {
    const mutation = mutations[i];
    if (mutation.op === "remove") {
      headers.removeNamed(mutation.name);
      continue;
    }
    if (mutation.together > 0) {
      evaluatedFrom = i;
      evaluatedTo = i + mutation.together;
      for (let k = i; k < evaluatedTo; k++) EVALUATED[k - i] = evaluate(headers, mutations[k], stream);
    }
    const value = i < evaluatedTo ? EVALUATED[i - evaluatedFrom] : evaluate(headers, mutation, stream);
    if (value !== null) set(headers, mutation, value, inRequest);
  }
}

export function applyHeaderMutation(
  headers: HeaderBlock,
  mutation: HeaderMutation,
  stream: StreamInfo,
  inRequest: boolean,
): void {
  if (mutation.op === "remove") {
    headers.removeNamed(mutation.name);
    return;
  }
  const value = evaluate(headers, mutation, stream);
  if (value !== null) set(headers, mutation, value, inRequest);
}

function set(headers: HeaderBlock, { op, name }: HeaderMutation, value: string, inRequest: boolean): void {
  const present = headers.find(name) !== undefined;
  if (op === "append" || op === "add-if-absent") append(headers, name, value, present, inRequest);
  else {
    // Envoy moves what it overwrites to the end.
    if (present) headers.removeNamed(name);
    headers.appendNamed(name, value);
  }
}

/** What is applied together. */
const EVALUATED: (string | null)[] = [];

/** The value to set; null for none. */
function evaluate(headers: HeaderBlock, mutation: HeaderMutation, stream: StreamInfo): string | null {
  if (mutation.op === "remove") return null;
  const { op, name } = mutation;
  const value = mutation.value ?? formatted(mutation, stream);
  if (value === "" && !mutation.keepEmpty) return null;
  if (op === "append" || op === "overwrite") return value;
  return (headers.find(name) !== undefined) === (op === "overwrite-if-exists") ? value : null;
}

/** What could end the line (`%QUERY_PARAM%` is decoded) is as good as absent; Envoy 1.40 writes it into responses. */
export function formatted({ format }: Exclude<HeaderMutation, { op: "remove" }>, stream: StreamInfo): string {
  const value = format === null ? "" : format.format(stream);
  // eslint-disable-next-line no-control-regex
  return /[\r\n\0]/.test(value) ? "" : value;
}

function append(headers: HeaderBlock, name: string, value: string, present: boolean, inRequest: boolean): void {
  const id = headerId(name);
  if (!present || id === 0 || !isInline(id, inRequest)) headers.appendNamed(name, value);
  else if (value !== "") {
    const before = headers.get(id);
    headers.set(id, before === "" ? value : `${before},${value}`);
  }
}
