import type { HeaderBlock } from "../codec/header-block.ts";
import { headerId, isInline } from "../codec/header-names.ts";
import type { StreamInfo } from "../plan/format/stream-info.ts";
import type { HeaderMutation } from "../plan/plan.ts";

/** Applies a route's header mutations, in order. Where the header belongs to a request, `inRequest`. */
export function applyHeaderMutations(
  headers: HeaderBlock,
  mutations: readonly HeaderMutation[],
  stream: StreamInfo,
  inRequest: boolean,
): void {
  for (let i = 0; i < mutations.length; i++) applyHeaderMutation(headers, mutations[i], stream, inRequest);
}

export function applyHeaderMutation(
  headers: HeaderBlock,
  mutation: HeaderMutation,
  stream: StreamInfo,
  inRequest: boolean,
): void {
  const { name } = mutation;
  if (mutation.op === "remove") {
    headers.removeNamed(name);
    return;
  }
  const value = mutation.value ?? formatted(mutation, stream);
  if (value === "" && !mutation.keepEmpty) return;
  const present = headers.find(name) !== undefined;
  switch (mutation.op) {
    case "append":
      append(headers, name, value, present, inRequest);
      break;
    case "add-if-absent":
      if (!present) headers.appendNamed(name, value);
      break;
    case "overwrite":
      // Envoy moves what it overwrites to the end.
      if (present) headers.removeNamed(name);
      headers.appendNamed(name, value);
      break;
    case "overwrite-if-exists":
      if (!present) break;
      headers.removeNamed(name);
      headers.appendNamed(name, value);
      break;
  }
}

/** What could end the line (`%QUERY_PARAM%` is decoded) is as good as absent; Envoy 1.40 writes it into responses. */
export function formatted({ format }: Exclude<HeaderMutation, { op: "remove" }>, stream: StreamInfo): string {
  const value = format === null ? "" : format.format(stream);
  // eslint-disable-next-line no-control-regex
  return /[\r\n\0]/.test(value) ? "" : value;
}

function append(headers: HeaderBlock, name: string, value: string, present: boolean, inRequest: boolean): void {
  const id = headerId(name);
  if (present && id !== 0 && isInline(id, inRequest)) headers.set(id, `${headers.get(id)},${value}`);
  else headers.appendNamed(name, value);
}
