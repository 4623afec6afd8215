/** Values that override what the configuration says (plan/runtime-values.ts). */
import type { Runtime } from "../plan/runtime-values.ts";
import { type AdminEndpoint, json, text } from "./endpoint.ts";

export const runtimeEndpoint: AdminEndpoint = {
  path: "/runtime",
  post: false,
  help: "print runtime values",
  parameters: {},
  handle: (_, { runtime }) =>
    json({
      entries: Object.fromEntries([...runtime.keys()].sort().map((key) => [key, entryOf(runtime, key)])),
      layers: runtime.layers.map(({ name }) => name),
    }),
};

/** A layer that does not have the key has "" in its place. */
function entryOf({ layers }: Runtime, key: string): object {
  const values = layers.map(({ entries }) => entries.get(key)?.text ?? "");
  return { layer_values: values, final_value: values.findLast((value) => value !== "") ?? "" };
}

const USAGE = `usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN
       or send the parameters as form values
use an empty value to remove a previously added override`;

export const runtimeModifyEndpoint: AdminEndpoint = {
  path: "/runtime_modify",
  post: true,
  help: "Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...",
  parameters: {},
  handle(query, { runtime }) {
    if (query.size === 0) return text(USAGE, 400);
    return runtime.modify(query) ? text("OK\n") : text("No admin layer specified", 503);
  },
};
