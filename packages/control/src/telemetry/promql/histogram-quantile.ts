/** `histogram_quantile` of classic histograms (promql/quantile.go of Prometheus 2.42). */
import { emptySeries, mergeSame, type Scalar, type StepSeries, type Vector } from "./values.ts";
import { dropLabels, labelKey } from "./labels.ts";
import { parseFloatValue } from "./literals.ts";

const BUCKET = "le";

interface Bucket {
  readonly bound: number;
  readonly series: StepSeries;
}

interface Histogram {
  readonly result: StepSeries;
  /** Sorted by bound. */
  readonly buckets: Bucket[];
}

export function histogramQuantile(q: Scalar, buckets: Vector): Vector {
  const histograms = new Map<string, Histogram>();
  for (const series of buckets) {
    const bound = parseFloatValue(series.labels[BUCKET] ?? "");
    // A series that is no bucket is passed over, as in Prometheus.
    if (bound === undefined) continue;
    const labels = dropLabels(series.labels, [BUCKET]);
    const key = `${series.labels["__name__"] ?? ""}\xff${labelKey(labels)}`;
    let histogram = histograms.get(key);
    if (histogram === undefined) {
      histogram = { result: emptySeries(labels, q.length), buckets: [] };
      histograms.set(key, histogram);
    }
    histogram.buckets.push({ bound, series });
  }
  for (const { result, buckets: all } of histograms.values()) {
    all.sort((a, b) => a.bound - b.bound);
    const bounds = new Float64Array(all.length);
    const counts = new Float64Array(all.length);
    for (let step = 0; step < q.length; step++) {
      let count = 0;
      for (const { bound, series } of all) {
        if (series.present[step] === 0) continue;
        // Equal bounds, such as 1 and 1.0, are one bucket.
        if (count > 0 && bounds[count - 1] === bound) counts[count - 1]! += series.values[step]!;
        else {
          bounds[count] = bound;
          counts[count++] = series.values[step]!;
        }
      }
      if (count === 0) continue;
      result.present[step] = 1;
      result.values[step] = bucketQuantile(q[step]!, bounds, counts, count);
    }
  }
  return mergeSame([...histograms.values()].map(({ result }) => result));
}

function bucketQuantile(q: number, bounds: Float64Array, counts: Float64Array, count: number): number {
  if (Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const last = count - 1;
  if (bounds[last] !== Infinity || count < 2) return NaN;
  // Counts of buckets that were not read at the same time may fall.
  let most = counts[0]!;
  for (let i = 1; i < count; i++) {
    if (counts[i]! > most) most = counts[i]!;
    else if (counts[i]! < most) counts[i] = most;
  }
  const observations = counts[last]!;
  if (observations === 0) return NaN;
  let rank = q * observations;
  // Binary, as in Prometheus: with counts that are NaN it matters.
  let bucket = 0;
  let end = last;
  while (bucket < end) {
    const middle = (bucket + end) >> 1;
    if (counts[middle]! >= rank) end = middle;
    else bucket = middle + 1;
  }
  if (bucket === last) return bounds[last - 1]!;
  if (bucket === 0 && bounds[0]! <= 0) return bounds[0]!;
  const upper = bounds[bucket]!;
  if (bucket === 0) return upper * (rank / counts[0]!);
  const lower = bounds[bucket - 1]!;
  const inside = counts[bucket]! - counts[bucket - 1]!;
  rank -= counts[bucket - 1]!;
  return lower + (upper - lower) * (rank / inside);
}
