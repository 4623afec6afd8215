/** What may be asked of the stores themselves. (The example for other areas: an interface, and the functions that answer.) */
import type { Answers, Question } from "../questions.ts";
import type { Trace, TraceSearch } from "./trace-store.ts";

export interface StoreQuestions {
  readonly trace: Question<{ readonly traceId: string }, Trace | undefined>;
  readonly searchTraces: Question<TraceSearch, readonly Trace[]>;
}

export const storeAnswers: Answers<StoreQuestions> = {
  trace: ({ traces }, { traceId }) => traces.trace(traceId),
  searchTraces: ({ traces }, search) => traces.search(search),
};
