/** By how much counters have grown in a window, from their samples. */
import { REQUESTS_TOTAL, TCP_CONNECTIONS_OPENED_TOTAL } from "@tulle/telemetry";
import type { Labels, LabelMatcher, Series, SeriesSource } from "@tulle/telemetry/records";

export interface Increase {
  readonly labels: Labels;
  readonly value: number;
}

/** A series is named at least once a minute, idle or not (docs/decisions/0040): its value at the window's beginning is no older. */
export const LOOK_BACK_MS = 75_000;

/**
 * Increases in (fromMs, toMs]. Nothing is extrapolated: 10 requests are 10. A counter that falls began again at 0. One
 * that is new began at 0 as well if its proxy was heard before, of whatever (the first failure is a series of its own, and so is the first
 * request); if nothing of that proxy was, it may have counted for long, and counts from its first sample.
 */
export function increases(
  source: SeriesSource,
  matchers: readonly LabelMatcher[],
  fromMs: number,
  toMs: number,
): readonly Increase[] {
  const all = source.select(matchers, fromMs - LOOK_BACK_MS, toMs);
  const heard = firstHeard(all);
  const found: Increase[] = [];
  for (const series of all) {
    const heardMs = Math.min(heard.get(reporterOf(series.labels)) ?? Infinity, series.heardMs ?? Infinity);
    const value = increaseOf(series, fromMs, heardMs);
    found.push({ labels: series.labels, value });
  }
  return found;
}

const COUNTED: readonly LabelMatcher[] = [
  { name: "__name__", op: "=~", value: `${REQUESTS_TOTAL.name}|${TCP_CONNECTIONS_OPENED_TOTAL.name}` },
];

/** When the first was counted of what was in (fromMs, toMs]; Infinity: nothing. */
export function firstSample(source: SeriesSource, fromMs: number, toMs: number): number {
  let first = Infinity;
  for (const { times } of source.select(COUNTED, fromMs, toMs)) first = Math.min(first, times[0] ?? Infinity);
  return first;
}

function firstHeard(all: readonly Series[]): ReadonlyMap<string, number> {
  const heard = new Map<string, number>();
  for (const { labels, times } of all) {
    const reporter = reporterOf(labels);
    const first = times[0]!;
    if (first < (heard.get(reporter) ?? Infinity)) heard.set(reporter, first);
  }
  return heard;
}

/** The workload that has counted. */
function reporterOf(labels: Labels): string {
  return labels["reporter"] === "destination"
    ? `${labels["destination_workload"]}/${labels["destination_workload_namespace"]}`
    : `${labels["source_workload"]}/${labels["source_workload_namespace"]}`;
}

function increaseOf({ times, values }: Series, fromMs: number, heardMs: number): number {
  const wasHeardBefore = heardMs < times[0]!;
  let sum = 0;
  let last = wasHeardBefore ? 0 : Number.NaN;
  for (let i = 0; i < times.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) {
      last = 0; // it ended; what comes after is another proxy's, or the same one's from the beginning
      continue;
    }
    if (times[i]! > fromMs && !Number.isNaN(last)) sum += value >= last ? value - last : value;
    last = value;
  }
  return sum;
}
