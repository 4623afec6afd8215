/** Series in memory. */
import type { LabelMatcher, Labels, Series, SeriesExemplars, SeriesSource } from "@tulle/telemetry/records";
import type { Clock } from "@tulle/xds";
import { labelTest } from "./label-match.ts";

/** One value of one series. */
export interface Sample {
  /** With `__name__`. */
  readonly labels: Labels;
  readonly value: number;
}

interface Kept {
  readonly labels: Labels;
  readonly times: number[];
  readonly values: number[];
}

/** 5 s apart for at least an hour. */
const KEPT_MS = 75 * 60_000;

export class SeriesStore implements SeriesSource {
  readonly #clock: Clock;
  readonly #series = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `source` has counted by `timeMs`. */
  append(source: string, timeMs: number, samples: Iterable<Sample>): void {
    for (const { labels, value } of samples) {
      const key = `${source}\n${keyOf(labels)}`;
      let kept = this.#series.get(key);
      if (kept === undefined) this.#series.set(key, (kept = { labels, times: [], values: [] }));
      if (timeMs <= (kept.times.at(-1) ?? 0)) continue;
      kept.times.push(timeMs);
      kept.values.push(value);
      while (kept.times[0]! < this.#clock.now() - KEPT_MS) {
        kept.times.shift();
        kept.values.shift();
      }
    }
  }

  select(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Series[] {
    const matches = labelTest(matchers);
    const found: Series[] = [];
    for (const { labels, times, values } of this.#series.values()) {
      if (!matches(labels)) continue;
      const begin = after(times, fromMs);
      const end = after(times, toMs);
      if (begin === end) continue;
      found.push({
        labels,
        times: Float64Array.from(times.slice(begin, end)),
        values: Float64Array.from(values.slice(begin, end)),
      });
    }
    return found;
  }

  labelSets(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Labels[] {
    return this.select(matchers, fromMs, toMs).map(({ labels }) => labels);
  }

  exemplars(): readonly SeriesExemplars[] {
    return [];
  }
}

function keyOf(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join("\n");
}

/** How many of the times are ≤ `timeMs`. */
function after(times: readonly number[], timeMs: number): number {
  const index = times.findIndex((time) => time > timeMs);
  return index < 0 ? times.length : index;
}
