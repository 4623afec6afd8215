/** Who talks to whom, what is healthy, where the time goes: questions to the telemetry thread, over HTTP. */
import { parseDuration } from "@tulle/api";
import type { GraphType } from "@tulle/telemetry/insight";
import type { GraphOptions } from "../telemetry/insight/graph.ts";
import type { Window } from "../telemetry/insight/insight.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { tellFacts } from "./mesh-facts.ts";
import { HttpError } from "./messages.ts";
import { overviewOf } from "./overview.ts";

const DEFAULT_WINDOW_MS = 60_000;
/** The store has not more than a day at this resolution. */
const MAX_WINDOW_MS = 86_400_000;
const GRAPH_TYPES: readonly GraphType[] = ["versionedApp", "app", "service", "workload"];
/** Proxies report every 5 s: what is asked for more often is not newer. */
const INTERVAL_MS = { default: 5_000, min: 1_000, max: 5_000 };

/** `at` (ms since 1970, or a date; default now) and `window` (a duration, default 1m). */
function windowOf({ clock }: ApiContext, { query }: ApiRequest): Window {
  const at = query.get("at");
  const time = at === null || at === "" ? clock.now() : timeOf(at);
  if (!Number.isSafeInteger(time))
    throw new HttpError(400, "at must be milliseconds since 1970, or a date as RFC 3339 has it");
  return { at: time, windowSeconds: windowSeconds(query) };
}

/** NaN: it is neither. What `Date` would guess at (`-5`, `1 May`) is not guessed at. */
function timeOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  return /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
}

function windowSeconds(query: URLSearchParams): number {
  const ms = durationOf(query, "window", DEFAULT_WINDOW_MS);
  if (ms >= 1_000 && ms <= MAX_WINDOW_MS) return Math.round(ms / 1000);
  throw new HttpError(400, "window must be from 1s to 24h");
}

function durationOf(query: URLSearchParams, name: string, missing: number): number {
  const text = query.get(name);
  if (text === null || text === "") return missing;
  const ms = parseDuration(text);
  if (ms === undefined) throw new HttpError(400, `${name} must be a duration, such as 30s or 5m`);
  return ms;
}

function graphOptions({ query }: ApiRequest): GraphOptions {
  const type = query.get("type") ?? "versionedApp";
  const known = GRAPH_TYPES.find((each) => each === type);
  if (known === undefined) throw new HttpError(400, `type must be one of ${GRAPH_TYPES.join(", ")}`);
  const collapse = query.get("collapse") ?? "";
  if (collapse !== "" && collapse !== "ns") throw new HttpError(400, "collapse must be ns");
  return { type: known, namespaces: listOf(query, "ns"), collapse: collapse === "ns", expand: listOf(query, "expand") };
}

/** With commas, or more than once. */
function listOf(query: URLSearchParams, name: string): readonly string[] {
  const parts = query.getAll(name).flatMap((text) => text.split(","));
  return [...new Set(parts.filter((part) => part !== ""))].sort();
}

async function graph(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = { ...windowOf(context, request), options: graphOptions(request) };
  await tellFacts(context);
  return { text: await context.telemetry.ask("graph", parameters), type: "application/json" };
}

/**
 * Whole first, then what changes. A client that comes back with `last-event-id` gets what it missed, if that is little; one that reads too
 * slowly gets the newest when it reads on.
 */
async function graphStream(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const { telemetry, log } = context;
  const { query, headers } = request;
  const wanted = durationOf(query, "interval", INTERVAL_MS.default);
  const watch = {
    ...graphOptions(request),
    windowSeconds: windowSeconds(query),
    intervalMs: Math.min(Math.max(wanted, INTERVAL_MS.min), INTERVAL_MS.max),
  };
  await tellFacts(context);
  return {
    events: (_, isBehind, sendText) => {
      let isStale = false;
      let stop = (): void => undefined;
      const begin = (since: number): (() => void) =>
        telemetry.subscribe("graph", { ...watch, since }, ({ name, rev, text }) => {
          tellFacts(context).catch((error: unknown) => log("debug", "the telemetry thread is not told", { error }));
          if (isBehind()) {
            isStale = true;
          } else if (isStale) {
            isStale = false;
            stop();
            stop = begin(0);
          } else sendText(text, name, rev);
        });
      stop = begin(Number(headers["last-event-id"] ?? 0) || 0);
      return () => stop();
    },
  };
}

async function edges(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = { ...windowOf(context, request), namespace: request.query.get("ns") ?? "" };
  await tellFacts(context);
  return { json: await context.telemetry.ask("edges", parameters) };
}

async function slow(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const window = windowOf(context, request);
  await tellFacts(context);
  return { json: await context.telemetry.ask("slow", window) };
}

async function criticalPath({ telemetry }: ApiContext, { path }: ApiRequest): Promise<ApiAnswer> {
  return { json: await telemetry.ask("criticalPath", { traceId: path[3]!.toLowerCase().padStart(32, "0") }) };
}

async function overview(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const window = windowOf(context, request);
  await tellFacts(context);
  return { json: overviewOf(context, await context.telemetry.ask("overview", window)) };
}

async function services(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = { ...windowOf(context, request), namespace: request.query.get("ns") ?? "" };
  await tellFacts(context);
  return { json: await context.telemetry.ask("services", parameters) };
}

async function service(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const [namespace, name] = request.path.slice(3) as [string, string];
  const parameters = { ...windowOf(context, request), namespace, name };
  await tellFacts(context);
  return { json: await context.telemetry.ask("service", parameters) };
}

async function workloads(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const parameters = { ...windowOf(context, request), namespace: request.query.get("ns") ?? "" };
  await tellFacts(context);
  return { json: await context.telemetry.ask("workloads", parameters) };
}

async function workload(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const [namespace, name] = request.path.slice(4) as [string, string];
  const parameters = { ...windowOf(context, request), namespace, name };
  await tellFacts(context);
  return { json: await context.telemetry.ask("workload", parameters) };
}

export const insightHandlers = {
  graph,
  graphStream,
  edges,
  slow,
  criticalPath,
  overview,
  services,
  service,
  workloads,
  workload,
};
