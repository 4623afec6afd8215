/** Quantiles from cumulative histogram buckets. */

/** Observations of at most `le`; the last bucket's `le` is Infinity. Sorted by `le`. */
export interface Bucket {
  readonly le: number;
  readonly count: number;
}

/**
 * The value below which a share `q` of the observations is, interpolated linearly within its bucket: Prometheus'
 * histogram_quantile (promql/quantile.go). The result is as fine as the buckets are: what lies in the bucket from 1 to
 * 5 ms is taken to be spread evenly between 1 and 5 ms. In the last, open bucket it is that bucket's lower bound.
 * Undefined if nothing was observed.
 */
export function quantile(q: number, buckets: readonly Bucket[]): number | undefined {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return undefined;
  const rank = q * total;
  const at = buckets.findIndex(({ count }) => count >= rank && count > 0);
  const { le, count } = buckets[at]!;
  const below = at === 0 ? { le: 0, count: 0 } : buckets[at - 1]!;
  if (le === Infinity) return below.le;
  return below.le + ((le - below.le) * (rank - below.count)) / (count - below.count);
}
