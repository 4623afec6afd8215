/** Traces as Jaeger's and Zipkin's user interfaces, Grafana and Kiali ask for them. */
import { QuestionError } from "../telemetry/question-error.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { parametersOf } from "./prometheus.ts";

const JSON_TYPE = "application/json";

async function jaeger({ telemetry }: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = await parametersOf(request);
  try {
    return { ...(await telemetry.ask("jaeger", { path: request.path.slice(1), parameters })), type: JSON_TYPE };
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    const errors = [{ code: 503, msg: error.message }];
    return { status: 503, json: { data: null, total: 0, limit: 0, offset: 0, errors } };
  }
}

async function zipkin({ telemetry }: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = [...request.query];
  return { ...(await telemetry.ask("zipkin", { path: request.path.slice(2), parameters })), type: JSON_TYPE };
}

export const traceHandlers = { jaeger, zipkin };
