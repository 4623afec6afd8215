/** `/stats` as Envoy shows it: `name: value` lines, or JSON. Counters and gauges by name, then histograms by name. */
import { QUANTILES, gaugeText, type Counter, type Gauge, type Histogram } from "./metric.ts";
import type { StatsRegistry } from "./registry.ts";

export type StatType = "All" | "Counters" | "Gauges" | "Histograms" | "TextReadouts";

/** How histograms are shown: `histogram_buckets`. */
export type HistogramMode = "summary" | "cumulative" | "disjoint" | "detailed";

export interface StatsSelection {
  readonly usedOnly: boolean;
  readonly filter: (name: string) => boolean;
  readonly type: StatType;
  readonly histograms: HistogramMode;
}

/** The name with the values of its own labels, as Envoy shows tagged metrics: `istio_requests_total.reporter.source…`. */
export function shownName(metric: Pick<Counter, "name" | "tags">): string {
  let name = metric.name;
  for (const [tag, value] of metric.tags) name += `.${tag}.${value}`;
  return name;
}

function selected<T extends Counter | Gauge | Histogram>(
  metrics: Iterable<T>,
  wanted: boolean,
  used: (metric: T) => boolean,
  selection: StatsSelection,
): [name: string, metric: T][] {
  if (!wanted) return [];
  const rows: [string, T][] = [];
  for (const metric of metrics) {
    if (selection.usedOnly && !used(metric)) continue;
    const name = shownName(metric);
    if (selection.filter(name)) rows.push([name, metric]);
  }
  return rows;
}

interface Selected {
  readonly scalars: readonly (readonly [name: string, value: number])[];
  readonly histograms: readonly (readonly [name: string, histogram: Histogram])[];
}

function select(stats: StatsRegistry, selection: StatsSelection): Selected {
  const { type } = selection;
  const nonZero = (metric: Counter | Gauge): boolean => metric.value !== 0;
  const scalars = [
    ...selected(stats.counters(), type === "All" || type === "Counters", nonZero, selection),
    ...selected(stats.gauges(), type === "All" || type === "Gauges", nonZero, selection),
  ];
  const histograms = selected(
    stats.histograms(),
    type === "All" || type === "Histograms",
    (histogram) => histogram.count > 0,
    selection,
  );
  return {
    scalars: scalars.sort(byName).map(([name, metric]) => [name, metric.value]),
    histograms: histograms.sort(byName),
  };
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

export function renderText(stats: StatsRegistry, selection: StatsSelection): string {
  const { scalars, histograms } = select(stats, selection);
  let text = "";
  for (const [name, value] of scalars) text += `${name}: ${gaugeText(value)}\n`;
  for (const [name, histogram] of histograms) text += `${name}:${histogramText(histogram, selection.histograms)}\n`;
  return text;
}

function histogramText(histogram: Histogram, mode: HistogramMode): string {
  if (histogram.count === 0 || mode === "summary") return ` ${quantileText(histogram)}`;
  if (mode === "detailed") {
    const totals = histogram
      .details()
      .map(({ lower, width, count }) => `${shortest(lower)},${shortest(width)}:${count}`);
    return `\n  totals=${totals.join(" ")}\n  intervals=\n  summary=${quantileText(histogram)}`;
  }
  return ` ${bucketsOf(histogram, mode)
    .map(([bound, count]) => `B${shortest(bound)}(0,${count})`)
    .join(" ")}`;
}

/** Upper bounds and how many values there are up to them, or between them and the ones before. */
function bucketsOf(histogram: Histogram, mode: "cumulative" | "disjoint"): (readonly [bound: number, count: number])[] {
  const counts = histogram.cumulative();
  return histogram.bounds.map((bound, i) => [
    bound,
    mode === "cumulative" || i === 0 ? counts[i] : counts[i] - counts[i - 1],
  ]);
}

/** As C's `%g`. */
function shortest(value: number): string {
  const short = Number(value.toPrecision(6));
  if (short === 0 || (short >= 1e-4 && short < 1e6)) return String(short);
  return short.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

/** `P50(<since the last flush>,<since start>)`; there are no flushes here. */
function quantileText(histogram: Histogram): string {
  if (histogram.count === 0) return "No recorded values";
  return QUANTILES.map((q) => `P${percent(q)}(nan,${rounded(histogram.quantile(q))})`).join(" ");
}

export function renderJson(stats: StatsRegistry, selection: StatsSelection): string {
  const { scalars, histograms } = select(stats, selection);
  const rows: unknown[] = scalars.map(([name, value]) => ({ name, value: Number(gaugeText(value)) }));
  if (histograms.length > 0) rows.push({ histograms: histogramsJson(histograms, selection.histograms) });
  return JSON.stringify({ stats: rows });
}

function histogramsJson(histograms: Selected["histograms"], mode: HistogramMode): unknown {
  switch (mode) {
    case "summary":
      return {
        supported_quantiles: QUANTILES.map(percent),
        computed_quantiles: histograms.map(([name, histogram]) => ({ name, values: quantilesJson(histogram) })),
      };
    case "detailed":
      return {
        supported_percentiles: QUANTILES.map(percent),
        details: histograms.map(([name, histogram]) => ({
          name,
          totals: histogram.details().map(({ lower, width, count }) => ({ lower_bound: lower, width, count })),
          intervals: [],
          percentiles: quantilesJson(histogram),
        })),
      };
    default:
      return histograms.map(([name, histogram]) => ({
        name,
        buckets: bucketsOf(histogram, mode).map(([bound, count]) => ({
          upper_bound: bound,
          interval: 0,
          cumulative: count,
        })),
      }));
  }
}

function quantilesJson(histogram: Histogram): unknown[] {
  return QUANTILES.map((q) => ({
    cumulative: histogram.count === 0 ? null : rounded(histogram.quantile(q)),
    interval: null,
  }));
}

function percent(quantile: number): number {
  return Math.round(quantile * 1000) / 10;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
