/** Series of a test as a source of queries. */
import type { LabelMatcher, Labels, Series, SeriesExemplars, SeriesSource } from "@tulle/telemetry/records";
import { compileMatcher, satisfies } from "../../packages/control/src/telemetry/promql/matchers.ts";

export class MemorySource implements SeriesSource {
  readonly #all: readonly Series[];

  constructor(all: readonly Series[]) {
    this.#all = all;
  }

  select(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Series[] {
    const compiled = matchers.map(compileMatcher);
    return this.#all.flatMap(({ labels, times, values }) => {
      if (!satisfies(labels, compiled)) return [];
      let begin = 0;
      while (begin < times.length && times[begin]! <= fromMs) begin++;
      let end = begin;
      while (end < times.length && times[end]! <= toMs) end++;
      return begin === end ? [] : [{ labels, times: times.subarray(begin, end), values: values.subarray(begin, end) }];
    });
  }

  labelSets(matchers: readonly LabelMatcher[], fromMs: number, toMs: number): readonly Labels[] {
    return this.select(matchers, fromMs, toMs).map(({ labels }) => labels);
  }

  exemplars(): readonly SeriesExemplars[] {
    return [];
  }
}
