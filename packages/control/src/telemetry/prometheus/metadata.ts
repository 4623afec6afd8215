/** What metrics mean, as far as it is known here: Istio's standard metrics. */
import { STANDARD_METRICS } from "@tulle/telemetry";

/** The JSON of `/api/v1/metadata`; `limit` < 0: all. */
export function metadata(metric: string, limit: number): string {
  const known = STANDARD_METRICS.filter(({ name }) => metric === "" || name === metric);
  const entries = known.map(({ name, type, help }) => [name, [{ type, help, unit: "" }]] as const);
  return JSON.stringify(Object.fromEntries(limit < 0 ? entries : entries.slice(0, limit)));
}
