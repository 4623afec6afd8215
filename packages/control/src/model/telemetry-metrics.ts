/** Which standard metrics a workload has, and with which labels. (istio/istio `pilot/pkg/model/telemetry.go` mergeMetrics) */
import { parseDuration } from "@tulle/api";
import type { MetricsSettings } from "@tulle/api";
import { checkExpression } from "./access-log-filter.ts";
import type { MeshSettings } from "./mesh-settings.ts";
import type { TelemetryRule, WorkloadMode } from "./telemetry.ts";
import { findProvider } from "./telemetry.ts";

/** What is said of one metric; `""` as a name: of all. */
interface MetricOverride {
  /** Prometheus' name without `istio_`. */
  readonly name: string;
  readonly drop: boolean;
  /** Labels, and the expressions that say their values. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

export interface MetricSettings {
  /** Nothing is counted at all. */
  readonly isOff: boolean;
  readonly overrides: readonly MetricOverride[];
  /** Of TCP metrics; undefined: the proxy's, 5 s. */
  readonly reportingMs: number | undefined;
}

export type WorkloadMetrics = Readonly<Record<WorkloadMode, MetricSettings>>;

const STANDARD: MetricSettings = { isOff: false, overrides: [], reportingMs: undefined };
export const STANDARD_METRICS: WorkloadMetrics = { CLIENT: STANDARD, SERVER: STANDARD };

/** (istio/istio `telemetry.go` metricToPrometheusMetric) */
const NAMES: Readonly<Record<string, string>> = {
  REQUEST_COUNT: "requests_total",
  REQUEST_DURATION: "request_duration_milliseconds",
  REQUEST_SIZE: "request_bytes",
  RESPONSE_SIZE: "response_bytes",
  TCP_OPENED_CONNECTIONS: "tcp_connections_opened_total",
  TCP_CLOSED_CONNECTIONS: "tcp_connections_closed_total",
  TCP_SENT_BYTES: "tcp_sent_bytes_total",
  TCP_RECEIVED_BYTES: "tcp_received_bytes_total",
  GRPC_REQUEST_MESSAGES: "request_messages_total",
  GRPC_RESPONSE_MESSAGES: "response_messages_total",
};

/** Of whom nothing is said has Prometheus' metrics, as Istio's installation says. (`manifests/charts` values, defaultProviders.metrics) */
const DEFAULTS: readonly string[] = ["prometheus"];

export function workloadMetrics(rules: readonly TelemetryRule[], mesh: MeshSettings): WorkloadMetrics {
  const items = rules.flatMap(({ spec }) => spec.metrics ?? []);
  const defaults = mesh.config.defaultProviders?.metrics ?? DEFAULTS;
  if (items.length === 0 && defaults === DEFAULTS) return STANDARD_METRICS;
  return {
    CLIENT: metricSettings(items, defaults, mesh, "CLIENT"),
    SERVER: metricSettings(items, defaults, mesh, "SERVER"),
  };
}

function metricSettings(
  items: readonly MetricsSettings[],
  defaults: readonly string[],
  mesh: MeshSettings,
  mode: WorkloadMode,
): MetricSettings {
  // The last level that names providers says which there are.
  const inScope = items.map(namesIn).findLast((names) => names.length > 0) ?? defaults;
  const provider = inScope.find((name) => isPrometheus(mesh, name));
  if (provider === undefined) return { isOff: true, overrides: [], reportingMs: undefined };
  const merged = new Map<string, Merged>();
  let [isOff, reportingMs]: [boolean, number | undefined] = [false, undefined];
  let before = defaults;
  for (const item of items) {
    const names = namesIn(item);
    if (names.length > 0) before = names;
    if (!before.includes(provider)) continue;
    if (item.reportingInterval !== undefined) reportingMs = parseDuration(item.reportingInterval);
    for (const { match, disabled, tagOverrides } of item.overrides ?? []) {
      if ((match?.mode ?? "CLIENT_AND_SERVER") !== "CLIENT_AND_SERVER" && match?.mode !== mode) continue;
      const metrics = metricsIn(match);
      const isAll = metrics.length > 1;
      // All of them: the filter is not there at all. What is switched on again is there alone.
      if (isAll && disabled !== undefined) isOff = disabled;
      else if (disabled === false) isOff = false;
      for (const metric of metrics) {
        const known = merged.get(metric) ?? { drop: false, tags: new Map() };
        if (disabled !== undefined) known.drop = disabled;
        for (const [tag, { operation = "UPSERT", value = "" }] of Object.entries(tagOverrides ?? {})) {
          known.tags.set(tag, operation === "REMOVE" ? undefined : value);
        }
        merged.set(metric, known);
      }
    }
  }
  const overrides = [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => overrideOf(name, each));
  return { isOff, overrides, reportingMs };
}

interface Merged {
  drop: boolean;
  /** Undefined: it is to go. */
  readonly tags: Map<string, string | undefined>;
}

function overrideOf(metric: string, { drop, tags }: Merged): MetricOverride {
  const sorted = [...tags].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    name: NAMES[metric] ?? metric,
    drop,
    dimensions: Object.fromEntries(
      sorted.flatMap(([tag, value]) => (value === undefined || !isReadable(value) ? [] : [[tag, value] as const])),
    ),
    removed: sorted.flatMap(([tag, value]) => (value === undefined ? [tag] : [])),
  };
}

/** A proxy would refuse the others, which are told of in the object's status. */
function isReadable(expression: string): boolean {
  const { error, missing } = checkExpression(expression, true);
  return error === null && missing === null;
}

function metricsIn(
  match: NonNullable<NonNullable<MetricsSettings["overrides"]>[number]["match"]> | undefined,
): readonly string[] {
  if (match?.customMetric !== undefined && match.customMetric !== "") return [match.customMetric];
  const metric = match?.metric ?? "ALL_METRICS";
  return metric === "ALL_METRICS" ? Object.keys(NAMES) : [metric];
}

function namesIn({ providers = [] }: MetricsSettings): readonly string[] {
  return providers.map(({ name }) => name);
}

export function isPrometheus(mesh: MeshSettings, name: string): boolean {
  const provider = findProvider(mesh, name);
  return provider !== undefined && (provider.prometheus !== undefined || provider.name.toLowerCase() === "prometheus");
}
