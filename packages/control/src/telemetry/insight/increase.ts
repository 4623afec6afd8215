/** By how much counters have grown in a window. */
import type { Labels } from "@tulle/telemetry/records";

/** Where growth is asked for. */
export interface GrowthSource {
  /** Of each series of these names that has a sample in (afterMs, toMs]; `growth` holds until the next one is told. */
  growth(
    names: readonly string[],
    stretch: { readonly afterMs: number; readonly fromMs: number; readonly toMs: number },
    tell: (series: GrownSeries, growth: SeriesGrowth) => void,
  ): void;
}

export interface GrownSeries {
  readonly labels: Labels;
  /** Since when its sender has told of anything without a break, if that is known. */
  readonly heardMs: number | undefined;
  /** What whoever asks has found out of the labels; undefined: he has not seen them yet. */
  memo: unknown;
}

interface SeriesGrowth {
  /** Of its first sample in (afterMs, toMs]. */
  readonly firstMs: number;
  /** If that is after fromMs. */
  readonly firstValue: number;
  /** In (fromMs, toMs], from sample to sample: a counter that falls began again at 0. */
  readonly sum: number;
}

/** A series is named at least once a minute, idle or not (docs/decisions/0040): its value at the window's beginning is no older. */
const LOOK_BACK_MS = 75_000;

/**
 * Increases in (fromMs, toMs]. Nothing is extrapolated: 10 requests are 10. A series that is new began at 0 if its proxy was heard before, of
 * whatever (the first failure is a series of its own, and so is the first request); if nothing of that proxy was, it may have counted for long, and
 * counts from its first sample.
 * @param found what is known of a series; undefined: it is not wanted
 * @returns when anybody was heard first, not before `fromMs`; there `fromMs` also if nobody was
 */
export function increases<Series extends { readonly reporter: string }>(
  source: GrowthSource,
  names: readonly string[],
  fromMs: number,
  toMs: number,
  found: (series: GrownSeries) => Series | undefined,
  tell: (series: Series, value: number) => void,
): number {
  /** By reporter. */
  const heard = new Map<string, number>();
  /** Series that began in the window: it has to be known who was heard before. */
  const begun: {
    readonly series: Series;
    readonly firstMs: number;
    readonly firstValue: number;
    readonly sum: number;
  }[] = [];
  let sinceMs = Infinity;
  // Series of one reporter follow each other.
  let lastReporter = "";
  let lastHeardMs = Infinity;
  source.growth(names, { afterMs: fromMs - LOOK_BACK_MS, fromMs, toMs }, (grown, { firstMs, firstValue, sum }) => {
    const { heardMs } = grown;
    const knownMs = heardMs !== undefined && heardMs < firstMs ? heardMs : firstMs;
    if (knownMs < sinceMs) sinceMs = knownMs;
    const series = found(grown);
    if (series === undefined) return;
    const { reporter } = series;
    if (reporter !== lastReporter) {
      lastReporter = reporter;
      lastHeardMs = heard.get(reporter) ?? Infinity;
    }
    if (knownMs < lastHeardMs) heard.set(reporter, (lastHeardMs = knownMs));
    if (firstMs > fromMs) begun.push({ series, firstMs, firstValue, sum });
    else tell(series, sum);
  });
  for (const { series, firstMs, firstValue, sum } of begun) {
    tell(series, heard.get(series.reporter)! < firstMs ? sum + firstValue : sum);
  }
  return sinceMs === Infinity ? fromMs : Math.max(fromMs, sinceMs);
}
