/**
 * Everything that the main thread may ask the telemetry thread, in one table: name, parameters, answer. An area adds its questions in
 * a file beside its own code (`store/questions.ts` is the example): an interface of `Question`s and the functions that answer them,
 * and names both in the two lines below. Parameters and answers cross a thread: plain data, typed arrays, no classes, no functions.
 * What would be large as objects and leaves as JSON anyway (results of PromQL) is best answered as its text.
 */
import type { TelemetryCore } from "./core.ts";
import type { JaegerQuestions } from "./jaeger/questions.ts";
import { jaegerAnswers } from "./jaeger/questions.ts";
import type { PrometheusQuestions } from "./prometheus/questions.ts";
import { prometheusAnswers } from "./prometheus/questions.ts";
import type { InsightQuestions } from "./insight/questions.ts";
import { insightAnswers } from "./insight/questions.ts";
import type { RequestQuestions } from "./store/request-questions.ts";
import { requestAnswers } from "./store/request-questions.ts";
import type { StoreQuestions } from "./store/questions.ts";
import { storeAnswers } from "./store/questions.ts";

export interface Question<Parameters, Answer> {
  readonly parameters: Parameters;
  readonly answer: Answer;
}

/** Of an area's questions. Runs in the telemetry thread, which does nothing else meanwhile. Throws QuestionError for what is the asker's fault. */
export type Answers<Q> = {
  readonly [Name in keyof Q]: Q[Name] extends Question<infer Parameters, infer Answer>
    ? (core: TelemetryCore, parameters: Parameters) => Answer
    : never;
};

// Here areas plug in, types …
export interface Questions
  extends StoreQuestions, RequestQuestions, PrometheusQuestions, JaegerQuestions, InsightQuestions {}
// … and answers. Only the telemetry thread loads them: the main thread imports types from here.
export const ANSWERS: Answers<Questions> = {
  ...storeAnswers,
  ...requestAnswers,
  ...prometheusAnswers,
  ...jaegerAnswers,
  ...insightAnswers,
};

export type QuestionName = keyof Questions;
