import { Counter, Gauge, Histogram, NO_TAGS, type Tags } from "./metric.ts";

/**
 * All metrics of the proxy, by Envoy's dotted name (`cluster.b.upstream_rq_total`) or, for metrics with labels of their own, by
 * Prometheus name and tags (`istio_requests_total`). Asking twice for the same metric gives the same handle.
 */
export class StatsRegistry {
  /** Which metrics are to be seen, by name; null: all. */
  private readonly accepts: ((name: string) => boolean) | null;
  /** Of histograms that have other bounds than the usual ones. */
  private readonly boundsOf: ((name: string) => readonly number[] | undefined) | null;
  private readonly countersByKey = new Map<string, Counter>();
  private readonly gaugesByKey = new Map<string, Gauge>();
  private readonly histogramsByKey = new Map<string, Histogram>();

  /** Rises when something was evicted: metrics with labels of their own that were asked for before may be seen no more. */
  generation = 0;

  constructor(
    accepts: ((name: string) => boolean) | null = null,
    boundsOf: ((name: string) => readonly number[] | undefined) | null = null,
  ) {
    this.accepts = accepts;
    this.boundsOf = boundsOf;
  }

  counter(name: string, tags: Tags = NO_TAGS): Counter {
    const key = keyOf(name, tags);
    let counter = this.countersByKey.get(key);
    if (counter === undefined) this.countersByKey.set(key, (counter = new Counter(name, tags)));
    return counter;
  }

  gauge(name: string, tags: Tags = NO_TAGS): Gauge {
    const key = keyOf(name, tags);
    let gauge = this.gaugesByKey.get(key);
    if (gauge === undefined) this.gaugesByKey.set(key, (gauge = new Gauge(name, tags)));
    return gauge;
  }

  histogram(name: string, tags: Tags = NO_TAGS): Histogram {
    const key = keyOf(name, tags);
    let histogram = this.histogramsByKey.get(key);
    if (histogram === undefined) {
      histogram = new Histogram(name, tags, this.boundsOf?.(name));
      this.histogramsByKey.set(key, histogram);
    }
    return histogram;
  }

  counters(): Iterable<Counter> {
    return this.seen(this.countersByKey);
  }

  gauges(): Iterable<Gauge> {
    return this.seen(this.gaugesByKey);
  }

  histograms(): Iterable<Histogram> {
    return this.seen(this.histogramsByKey);
  }

  private seen<T extends Counter | Gauge | Histogram>(metrics: ReadonlyMap<string, T>): Iterable<T> {
    const { accepts } = this;
    return accepts === null ? metrics.values() : [...metrics.values()].filter(({ name }) => accepts(name));
  }

  /** Forgets what something counted that is gone. Handles that are still held go on counting, unseen. */
  remove(matches: (name: string) => boolean): void {
    for (const metrics of [this.countersByKey, this.gaugesByKey, this.histogramsByKey]) {
      for (const [key, metric] of metrics) if (matches(metric.name)) metrics.delete(key);
    }
  }

  /**
   * Forgets counters and histograms with labels of their own that have not counted since the last time. (Envoy `source/common/stats/thread_local_store.cc`,
   * evictUnused, of scopes that are evictable: that of Istio's metrics is)
   */
  evict(): void {
    let evicted = false;
    for (const [key, counter] of this.countersByKey) {
      if (counter.tags.length === 0) continue;
      if (counter.swept === counter.value) evicted = this.countersByKey.delete(key);
      counter.swept = counter.value;
    }
    for (const [key, histogram] of this.histogramsByKey) {
      if (histogram.tags.length === 0) continue;
      if (histogram.swept === histogram.count) evicted = this.histogramsByKey.delete(key);
      histogram.swept = histogram.count;
    }
    if (evicted) this.generation++;
  }

  /** Admin `/reset_counters`: counters and histograms to zero, gauges stay. */
  resetCounters(): void {
    for (const counter of this.countersByKey.values()) counter.value = 0;
    for (const histogram of this.histogramsByKey.values()) histogram.reset();
  }
}

function keyOf(name: string, tags: Tags): string {
  if (tags.length === 0) return name;
  let key = name;
  for (const [tag, value] of tags) key += `\u0000${tag}\u0001${value}`;
  return key;
}
