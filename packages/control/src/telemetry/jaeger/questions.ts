/** What the telemetry thread is asked for Jaeger's and Zipkin's APIs: answered as text. */
import type { Answers, Question } from "../questions.ts";
import { answerJaeger } from "./api.ts";
import type { TextAnswer, TraceRequest } from "./trace-query.ts";
import { answerZipkin } from "./zipkin.ts";

export interface JaegerQuestions {
  readonly jaeger: Question<TraceRequest, TextAnswer>;
  readonly zipkin: Question<TraceRequest, TextAnswer>;
}

export const jaegerAnswers: Answers<JaegerQuestions> = {
  jaeger: ({ traces, clock }, request) => answerJaeger({ traces, now: () => clock.now() }, request),
  zipkin: ({ traces, clock }, request) => answerZipkin({ traces, now: () => clock.now() }, request),
};
