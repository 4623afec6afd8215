/** What may be asked of the stores themselves. (The example for other areas: an interface, and the functions that answer.) */
import type { Answers, Question } from "../questions.ts";
import type { Refusal } from "./refusals.ts";
import type { SeriesStatus } from "./series-store.ts";
import type { Trace, TraceSearch, TraceStatus } from "./trace-store.ts";

/** How full the stores are, and what they did not keep. */
interface StoreStatus {
  readonly series: SeriesStatus;
  readonly traces: TraceStatus;
  readonly refused: readonly Refusal[];
  /** `failure`: why the file is not written; "" if it is. */
  readonly file: { readonly bytes: number; readonly failure: string };
}

export interface StoreQuestions {
  readonly status: Question<undefined, StoreStatus>;
  readonly trace: Question<{ readonly traceId: string }, Trace | undefined>;
  readonly searchTraces: Question<TraceSearch, readonly Trace[]>;
}

export const storeAnswers: Answers<StoreQuestions> = {
  status: ({ series, traces, refusals, database }) => ({
    series: series.status(),
    traces: traces.status(),
    refused: refusals.list(),
    file: { bytes: database.bytes, failure: database.failure },
  }),
  trace: ({ traces }, { traceId }) => traces.trace(traceId),
  searchTraces: ({ traces }, search) => traces.search(search),
};
