/** Prometheus' HTTP API v1: Grafana, Kiali and promtool attach to it. The telemetry thread answers what is about series. */
import type { PrometheusRequest } from "../telemetry/prometheus/api.ts";
import { QuestionError } from "../telemetry/question-error.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";

const JSON_TYPE = "application/json";

/** Of the query string, and of a form that was posted (Grafana's default). */
export async function parametersOf(request: ApiRequest): Promise<PrometheusRequest["parameters"]> {
  const form = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
  const posted = form ? [...new URLSearchParams(await request.body())] : [];
  return [...posted, ...request.query];
}

async function query({ telemetry }: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = await parametersOf(request);
  try {
    const path = request.path.slice(2);
    return { ...(await telemetry.ask("prometheus", { path, parameters })), type: JSON_TYPE };
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    return { status: 503, json: { status: "error", errorType: "unavailable", error: error.message } };
  }
}

/** The version whose API and PromQL this is: clients choose by it what they ask. */
const VERSION = "2.42.0";

function success(data: unknown): ApiAnswer {
  return { json: { status: "success", data } };
}

function buildInfo(): ApiAnswer {
  const unknown = { revision: "", branch: "", buildUser: "", buildDate: "", goVersion: "" };
  return success({ version: VERSION, ...unknown, application: "Tulle" });
}

/** Proxies push so often: Kiali and Grafana make no rates of shorter times. */
const INTERVAL = "5s";

function config(): ApiAnswer {
  return success({ yaml: `global:\n  scrape_interval: ${INTERVAL}\n  evaluation_interval: 1m\n` });
}

/** What the store keeps: 5 s apart for more than an hour, by the minute for two days. */
const RETENTION = "48h";

function runtimeInfo(): ApiAnswer {
  return success({ reloadConfigSuccess: true, corruptionCount: 0, storageRetention: RETENTION });
}

/** There are no rules here; Grafana asks for them. */
const rules = (): ApiAnswer => success({ groups: [] });
const alerts = (): ApiAnswer => success({ alerts: [] });

export const prometheusHandlers = { query, buildInfo, config, runtimeInfo, rules, alerts };
