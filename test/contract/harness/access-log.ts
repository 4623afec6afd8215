/** Connection managers with an access log. */
import type { JsonObject } from "./case.ts";
import { toCluster, typed } from "./steps.ts";

export const FILE = "extensions.access_loggers.file.v3.FileAccessLog";

/** A connection manager with one access log. */
export function logged(config: JsonObject, more: JsonObject = {}): JsonObject {
  return { access_log: [{ name: "f", typed_config: typed(FILE, { path: "{log}", ...config }), ...more }] };
}

export const json = (template: JsonObject, more: JsonObject = {}): JsonObject =>
  logged({ log_format: { json_format: template, ...more } });
export const text = (format: string, more: JsonObject = {}): JsonObject =>
  logged({ log_format: { text_format_source: { inline_string: `${format}\n` } } }, more);

/** A route that logs can tell. */
export const named = (prefix: string, action: JsonObject = {}, cluster = "a"): JsonObject => ({
  name: "r",
  ...toCluster(prefix, cluster, action),
});
