/** Single requests: searched, one by its number, and live (SSE). */
import type { KeptRequest } from "@tulle/telemetry/records";
import type { RequestFilter } from "../telemetry/store/request-filter.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { HttpError } from "./messages.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Of searches that do not say since when. */
const DEFAULT_SPAN_MS = 3_600_000;
/** Of a live tap in one event; more would be of no use to anybody who looks. */
const MAX_BATCH = 200;

async function search({ telemetry, clock }: ApiContext, { query }: ApiRequest): Promise<ApiAnswer> {
  const toMs = numberIn(query, "to") ?? clock.now();
  const fromMs = numberIn(query, "from") ?? toMs - DEFAULT_SPAN_MS;
  const limit = Math.min(numberIn(query, "limit") ?? DEFAULT_LIMIT, MAX_LIMIT);
  const items = await telemetry.ask("searchRequests", { ...filterIn(query), fromMs, toMs, limit });
  return { json: { items } };
}

async function get({ telemetry }: ApiContext, { path }: ApiRequest): Promise<ApiAnswer> {
  const id = Number(path[3]);
  const request = Number.isSafeInteger(id) ? await telemetry.ask("request", { id }) : undefined;
  if (request === undefined) {
    throw new HttpError(404, `there is no request ${path[3]}: it is older than what is kept, or never came`);
  }
  return { json: request };
}

/** Each event: requests in the order in which they came, and how many the client was too slow for since the last. */
function tap({ telemetry }: ApiContext, { query }: ApiRequest): ApiAnswer {
  const filter = filterIn(query);
  return {
    events: (send, isBehind) => {
      let missed = 0;
      return telemetry.subscribe("requests", filter, (requests: readonly KeptRequest[]) => {
        if (isBehind()) {
          missed += requests.length;
          return;
        }
        const told = requests.slice(0, MAX_BATCH);
        send({ requests: told, missed: missed + requests.length - told.length });
        missed = 0;
      });
    },
  };
}

/** The parameters of the console's and the CLI's searches, those of a URL that was copied included. */
function filterIn(query: URLSearchParams): RequestFilter {
  const reporter = query.get("reporter");
  if (reporter !== null && reporter !== "source" && reporter !== "destination") {
    throw new HttpError(400, "reporter must be source or destination");
  }
  const status = query.get("status");
  if (status !== null && !/^([1-5]xx|\d{1,3}|error)$/.test(status)) {
    throw new HttpError(400, "status must be a number such as 404, a class such as 5xx, or error");
  }
  const flags = query.get("flags")?.split(",").filter(Boolean);
  const minDurationMs = numberIn(query, "minDuration");
  const texts = ["method", "path", "namespace", "requestId", "traceId"] as const;
  return {
    ...Object.fromEntries(texts.flatMap((name) => (query.has(name) ? [[name, query.get(name)]] : []))),
    ...renamed(query, { subject: "subject", source: "from", destination: "to" }),
    ...(reporter === null ? {} : { reporter }),
    ...(status === null ? {} : { status }),
    ...(flags === undefined || flags.length === 0 ? {} : { flags }),
    ...(minDurationMs === undefined ? {} : { minDurationMs }),
  };
}

function renamed(query: URLSearchParams, names: Readonly<Record<string, keyof RequestFilter>>): RequestFilter {
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, field]) => (query.has(name) ? [[field, query.get(name)]] : [])),
  );
}

/** `from` and `to` are ms since 1970, durations ms. */
function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (text === "" || !Number.isFinite(value) || value < 0) throw new HttpError(400, `${name} must be a number`);
  return value;
}

export const requestHandlers = { search, get, tap };
