/**
 * Prometheus text exposition, as Envoy's `/stats/prometheus`: `envoy_` names with labels; istio_* series under their own names. Or the same series as
 * OpenMetrics, with exemplars: names and labels are those of the text, so that a Prometheus has the same series whichever it asks for. (So `le` is
 * "1" where OpenMetrics recommends "1.0".)
 */
import type { ExpositionFormat } from "@tulle/telemetry/exposition";
import { TRACE_ID } from "./exemplars.ts";
import { gaugeText, type Counter, type Gauge, type Histogram, type Tags } from "./metric.ts";
import type { StatsRegistry } from "./registry.ts";
import type { StatsPlan } from "../plan/compile-stats.ts";
import { type TaggedName, extractConfiguredTags } from "./tag-extraction.ts";

export interface PrometheusOptions {
  /** Leave out what was never counted. */
  readonly usedOnly: boolean;
  readonly format: ExpositionFormat;
  /** Which stats to show, by dotted name. */
  readonly filter: (name: string) => boolean;
  readonly clusterNames: ReadonlySet<string>;
  /** How names become labels. */
  readonly plan: Pick<StatsPlan, "defaultTags" | "tags" | "fixedTags">;
}

/** Series of one name, which must stand together. */
interface Family {
  readonly type: "counter" | "gauge" | "histogram";
  readonly lines: string[];
}

export function renderPrometheus(stats: StatsRegistry, options: PrometheusOptions): string {
  const families = new Map<string, Family>();
  const add = (
    metric: Counter | Gauge | Histogram,
    type: Family["type"],
    render: (name: string, labels: string) => string,
  ): void => {
    if (!options.filter(metric.name)) return;
    const { name, labels } = exposition(metric, options);
    let family = families.get(name);
    if (family === undefined) families.set(name, (family = { type, lines: [] }));
    family.lines.push(render(name, labels));
  };
  for (const counter of stats.counters()) {
    if (options.usedOnly && counter.value === 0) continue;
    add(counter, "counter", (name, labels) => `${name}{${labels}} ${counter.value}\n`);
  }
  for (const gauge of stats.gauges()) {
    if (options.usedOnly && gauge.value === 0) continue;
    add(gauge, "gauge", (name, labels) => `${name}{${labels}} ${gaugeText(gauge.value)}\n`);
  }
  const openMetrics = options.format === "openmetrics";
  for (const histogram of stats.histograms()) {
    if (options.usedOnly && histogram.count === 0) continue;
    add(histogram, "histogram", (name, labels) => renderHistogram(histogram, name, labels, openMetrics));
  }
  let text = "";
  for (const name of [...families.keys()].sort()) {
    const family = families.get(name)!;
    text += openMetrics ? openMetricsType(name, family, families) : `# TYPE ${name} ${family.type}\n`;
    text += family.lines.join("");
  }
  return openMetrics ? `${text}# EOF\n` : text;
}

/** Counters are called without `_total` there, and their series with it: whose name has none is of no known type, whatever else would change its name. */
function openMetricsType(name: string, { type }: Family, all: ReadonlyMap<string, Family>): string {
  if (type !== "counter") return `# TYPE ${name} ${type}\n`;
  const family = name.replace(/_total$/, "");
  return family === name || all.has(family) ? `# TYPE ${name} unknown\n` : `# TYPE ${family} counter\n`;
}

function renderHistogram(histogram: Histogram, name: string, labels: string, withExemplars: boolean): string {
  const separator = labels === "" ? "" : ",";
  const { bounds, count: all } = histogram;
  const counts = [...histogram.cumulative(), all];
  let text = "";
  counts.forEach((count, i) => {
    const bound = i < bounds.length ? bounds[i] : "+Inf";
    text += `${name}_bucket{${labels}${separator}le="${bound}"} ${count}${withExemplars ? exemplarText(histogram, i) : ""}\n`;
  });
  return `${text}${name}_sum{${labels}} ${histogram.sum}\n${name}_count{${labels}} ${histogram.count}\n`;
}

/** (OpenMetrics 1.0.0, "Exemplars") */
function exemplarText({ exemplars }: Histogram, bucket: number): string {
  if (exemplars === null || exemplars.traceIds[bucket] === "") return "";
  const { traceIds, values, times } = exemplars;
  return ` # {${TRACE_ID}="${traceIds[bucket]}"} ${values[bucket]} ${(times[bucket] / 1000).toFixed(3)}`;
}

/** Names that are exposed without the `envoy_` prefix. Source: Envoy `source/server/admin/prometheus_stats.cc`, custom namespaces; Istio's metrics. */
const OWN_NAMESPACE = /^istio_/;

function exposition(metric: Named, options: Labelling): { name: string; labels: string } {
  const { name, tags } = labelled(metric, options);
  const labels = renderLabels(tags);
  return { name: OWN_NAMESPACE.test(name) ? name : `envoy_${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}`, labels };
}

type Named = Pick<Counter, "name" | "tags">;
type Labelling = Pick<PrometheusOptions, "clusterNames" | "plan">;

/** Without what is a label of its name. */
export function labelled(metric: Named, { clusterNames, plan }: Labelling): TaggedName {
  if (OWN_NAMESPACE.test(metric.name)) return { name: metric.name, tags: [...metric.tags, ...plan.fixedTags] };
  const { name, tags } = extractConfiguredTags(metric.name, clusterNames, plan);
  return { name, tags: [...tags, ...metric.tags] };
}

function renderLabels(tags: Tags): string {
  return tags.map(([name, value]) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}="${escapeLabel(value)}"`).join(",");
}

/** Source: Prometheus text format 0.0.4. */
function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}
