/**
 * The three kinds of metric. A handle is resolved once, when the plan is made; the hot path does `counter.value++` and
 * `histogram.record(ms)` on it and looks nothing up.
 */

import { Exemplars } from "./exemplars.ts";

/** Label pairs of a metric that has its own (istio_*); Envoy's dotted names carry theirs inside the name. */
export type Tags = ReadonlyArray<readonly [name: string, value: string]>;

export const NO_TAGS: Tags = [];

export class Counter {
  readonly name: string;
  readonly tags: Tags;
  value = 0;
  /** What it was when it was last looked at whether it is still used; -1: never. */
  swept = -1;

  constructor(name: string, tags: Tags) {
    this.name = name;
    this.tags = tags;
  }
}

/** Gauges are unsigned: what is below zero stands for what is missing to 2^64. */
export function gaugeText(value: number): string {
  return value < 0 ? BigInt.asUintN(64, BigInt(value)).toString() : String(value);
}

export class Gauge {
  readonly name: string;
  readonly tags: Tags;
  value = 0;

  constructor(name: string, tags: Tags) {
    this.name = name;
    this.tags = tags;
  }
}

/** Upper bounds shown to Prometheus. Source: Envoy `source/common/stats/histogram_impl.cc`, `HistogramSettingsImpl::defaultBuckets`. */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

/** Quantiles shown by `/stats`. Source: same file, `HistogramStatisticsImpl::supportedQuantiles`. */
export const QUANTILES: readonly number[] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

export interface HistogramBin {
  readonly lower: number;
  readonly width: number;
  readonly count: number;
}

/** Bins of one decade: two significant digits, 1.0 < x ≤ 10. */
const BINS = 90;
/** Lower bounds of the decades: 0.1 … 10^12. Anything above ends in the last bin. */
const DECADES: readonly number[] = [0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/** Decades that are there from the first value on: up to 10^5 (100 s in ms). */
const FIRST_DECADES = 6;

/**
 * Log-linear histogram with two significant digits, like Envoy's (circllhist), but with bins closed above, (lo, hi]: so the
 * count at or below any Prometheus bound is exact. Memory: nothing until the first value, then 2.2 KB.
 */
export class Histogram {
  readonly name: string;
  readonly tags: Tags;
  /** Upper bounds of the buckets that are shown, rising. */
  readonly bounds: readonly number[];
  /** Null: none of the requests was traced. */
  exemplars: Exemplars | null = null;
  count = 0;
  sum = 0;
  /** How often it has begun anew: what was seen of it before says nothing about what has come since. */
  resets = 0;
  /** `count` when it was last looked at whether it is still used; -1: never. */
  swept = -1;
  /** Values ≤ 0.1. */
  private tiny = 0;
  private bins: Uint32Array | null = null;

  constructor(name: string, tags: Tags, bounds: readonly number[] = DEFAULT_BUCKETS) {
    this.name = name;
    this.tags = tags;
    this.bounds = bounds;
  }

  /** Milliseconds or bytes; negative and NaN count as 0. */
  record(value: number): void {
    this.count++;
    if (!(value > DECADES[0])) {
      this.tiny++;
      if (value > 0) this.sum += value;
      return;
    }
    this.sum += value;
    let decade = 0;
    while (decade < DECADES.length - 1 && value > DECADES[decade] * 10) decade++;
    // 1e-9 absorbs the rounding of a division that is exact in decimal (0.3 / 0.1).
    let digit = Math.ceil((value / DECADES[decade]) * 10 - 1e-9) - 11;
    if (digit < 0) digit = 0;
    else if (digit >= BINS) digit = BINS - 1;
    let bins = this.bins;
    if (bins === null || decade >= bins.length / BINS) bins = this.grow(decade);
    bins[decade * BINS + digit]++;
  }

  /** The request that was just recorded is traced. @param timeMs since 1970 */
  exemplify(value: number, traceId: string, timeMs: number): void {
    (this.exemplars ??= new Exemplars(this.bounds)).keep(value, traceId, timeMs);
  }

  /** How many values were ≤ each of the bounds (cumulative, without +Inf); exact for bounds of at most two significant digits. */
  cumulative(bounds: readonly number[] = this.bounds): number[] {
    const result: number[] = [];
    let total = this.tiny;
    let bin = 0;
    const bins = this.bins ?? [];
    for (const bound of bounds) {
      while (bin < bins.length && UPPER_BOUNDS[bin] <= bound * (1 + 1e-9)) total += bins[bin++];
      result.push(total);
    }
    return result;
  }

  /** Interpolated quantile, 0 ≤ q ≤ 1; NaN without values. */
  quantile(q: number): number {
    if (this.count === 0) return Number.NaN;
    const target = q * this.count;
    let seen = this.tiny;
    if (seen > 0 && seen >= target) return 0;
    if (this.bins !== null) {
      for (let bin = 0; bin < this.bins.length; bin++) {
        const here = this.bins[bin];
        if (here === 0) continue;
        if (seen + here >= target) {
          const low = lowerBound(bin);
          return low + (upperBound(bin) - low) * Math.max(0, (target - seen) / here);
        }
        seen += here;
      }
    }
    return 0;
  }

  /** Every bin that has a value, from the lowest up. */
  details(): HistogramBin[] {
    const found: HistogramBin[] = this.tiny === 0 ? [] : [{ lower: 0, width: 0, count: this.tiny }];
    const bins = this.bins ?? [];
    for (let bin = 0; bin < bins.length; bin++) {
      if (bins[bin] === 0) continue;
      const lower = lowerBound(bin);
      found.push({ lower, width: Number((upperBound(bin) - lower).toPrecision(6)), count: bins[bin] });
    }
    return found;
  }

  /** As it is now, to compare with later. */
  copy(): Histogram {
    const copy = new Histogram(this.name, this.tags, this.bounds);
    copy.count = this.count;
    copy.sum = this.sum;
    copy.resets = this.resets;
    copy.tiny = this.tiny;
    copy.bins = this.bins?.slice() ?? null;
    return copy;
  }

  /** What has come since then. */
  since(before: Histogram): Histogram {
    const came = this.copy();
    if (this.resets !== before.resets) return came;
    came.count -= before.count;
    came.sum = Math.max(0, this.sum - before.sum);
    came.tiny -= before.tiny;
    const bins = before.bins ?? [];
    for (let bin = 0; bin < bins.length; bin++) came.bins![bin] -= bins[bin];
    return came;
  }

  reset(): void {
    this.resets++;
    this.count = 0;
    this.sum = 0;
    this.tiny = 0;
    this.bins = null;
    this.exemplars = null;
  }

  private grow(decade: number): Uint32Array {
    const decades = decade < FIRST_DECADES ? FIRST_DECADES : DECADES.length;
    const bins = new Uint32Array(decades * BINS);
    if (this.bins !== null) bins.set(this.bins);
    this.bins = bins;
    return bins;
  }
}

const UPPER_BOUNDS = Float64Array.from({ length: DECADES.length * BINS }, (_, bin) => upperBound(bin));

function lowerBound(bin: number): number {
  return (DECADES[Math.floor(bin / BINS)] * ((bin % BINS) + 10)) / 10;
}

function upperBound(bin: number): number {
  return (DECADES[Math.floor(bin / BINS)] * ((bin % BINS) + 11)) / 10;
}
