/** What the telemetry thread is asked for Prometheus' API: answered as text, since results are too large to cross threads as objects. */
import type { Answers, Question } from "../questions.ts";
import { answerPrometheus, type PrometheusRequest, type TextAnswer } from "./api.ts";

export interface PrometheusQuestions {
  readonly prometheus: Question<PrometheusRequest, TextAnswer>;
}

export const prometheusAnswers: Answers<PrometheusQuestions> = {
  prometheus: ({ series, clock }, request) => answerPrometheus({ source: series, now: () => clock.now() }, request),
};
