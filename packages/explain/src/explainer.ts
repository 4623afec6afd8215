/** Answers questions of the HTTP API. */
import { ExplainProblem } from "@tulle/control/explainer";
import type { ClusterStats, Explainer, ExplainWorld, Records } from "@tulle/control/explainer";
import type { RequestRecord } from "@tulle/telemetry/records";
import type { ChangeAnswer, ExplainAnswer, ExplainedRecord, Explanation, ExplainQuestion } from "./answer.ts";
import { questionOf } from "./ask.ts";
import { explainChange } from "./change.ts";
import { explainRequest } from "./explain.ts";
import { parseLogLine } from "./log-line.ts";
import { Origins } from "./origins.ts";
import type { Question } from "./question.ts";
import { explainRecord } from "./record.ts";

export function makeExplainer(): Explainer {
  return {
    explain: async (question, world, records, stats): Promise<ExplainAnswer> => {
      const asked = checked(question);
      if (asked.request === undefined) return { records: [], explanation: explainRequest(questionOf(asked, world)) };
      const found = await recordsOf(asked.request, records);
      return explainRecorded(asked, world, asked.hop === undefined ? found : bothSides(found, asked.hop), stats);
    },
    change: async (change, records): Promise<ChangeAnswer> =>
      explainChange(change, await records?.({ limit: MOST_RECORDS })),
  };
}

/** Of recorded requests that a change is tried on. */
const MOST_RECORDS = 10_000;
/** Of one request or one trace. */
const MOST_OF_ONE = 200;

/** What is said of a request: by a line of a log, or by all proxies that had to do with it. */
async function recordsOf(request: string, records: Records): Promise<readonly RequestRecord[]> {
  const line = parseLogLine(request);
  const id = line === undefined ? request.trim() : line.requestId;
  const isTrace = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(id);
  const isId = id !== "" && id.length <= 256 && !/\s/.test(id);
  if (line === undefined && !isId) {
    throw new ExplainProblem(400, "that is no line of an access log, no request id and no trace id");
  }
  if (records === undefined) {
    if (line !== undefined) return [line];
    throw new ExplainProblem(503, "this control plane keeps no requests: give a line of the access log instead");
  }
  const found = isId
    ? await records({
        limit: MOST_OF_ONE,
        ...(isTrace ? { traceId: id.padStart(32, "0") } : { requestId: id }),
      })
    : [];
  if (found.length > 0) return found.toSorted(bySide);
  if (line !== undefined) return [line];
  throw new ExplainProblem(
    404,
    `no request ${id} is recorded: errors and slow requests are kept first, others within a budget; a line of the access log will do as well`,
  );
}

function bySide(a: RequestRecord, b: RequestRecord): number {
  return a.startMs - b.startMs || (a.reporter === b.reporter ? 0 : a.reporter === "source" ? -1 : 1);
}

/** Clocks of two machines are no further apart. */
const CLOCK_SKEW_MS = 1000;

/** What the client's and the server's proxy said of one hop. All of the request if none is the one that is meant. */
function bothSides(
  records: readonly RequestRecord[],
  hop: NonNullable<ExplainQuestion["hop"]>,
): readonly RequestRecord[] {
  const meant = records.find(({ proxy, startMs }) => proxy === hop.proxy && startMs === hop.startMs);
  if (meant === undefined) return records;
  const isOfSame = (record: RequestRecord): boolean =>
    record.method === meant.method && record.authority === meant.authority && record.path === meant.path;
  const [client, server] = meant.reporter === "source" ? [meant, undefined] : [undefined, meant];
  return records.filter((record) => {
    if (record === meant) return true;
    if (record.reporter === meant.reporter || !isOfSame(record)) return false;
    const { startMs, durationMs } = client ?? record;
    const inner = (server ?? record).startMs;
    return inner > startMs - CLOCK_SKEW_MS && inner < startMs + durationMs + CLOCK_SKEW_MS;
  });
}

/** With the way that the same request would take now, if it is known who sent it. */
async function explainRecorded(
  asked: ExplainQuestion,
  world: ExplainWorld,
  records: readonly RequestRecord[],
  stats: ClusterStats | undefined,
): Promise<ExplainAnswer> {
  const origins = new Origins(world);
  const asking = records.map((record) => {
    const question = sentBy(asked, world, record);
    const explanation = question === undefined ? undefined : compared(explainRequest(question), record);
    return { record, question, explanation };
  });
  // Of several hops the one that failed is what is asked about, the innermost that did.
  const known = asking.filter(({ record, explanation }) => isFailure(record) && explanation !== undefined);
  const failed = known.findLast(({ record }) => record.status !== 0) ?? known.at(-1);
  const shown = failed ?? asking.find(({ explanation }) => explanation !== undefined);
  const told: ExplainedRecord[] = [];
  for (const { record, question, explanation } of asking) {
    const then = isAskedFor(record) ? await stats?.(record.proxy, record.upstreamCluster, record.startMs) : undefined;
    told.push(explainRecord(record, origins, question, explanation, then ?? new Map()));
  }
  return { records: told, ...(shown?.explanation === undefined ? {} : { explanation: shown.explanation }) };
}

/** How its cluster was then: of what failed. */
function isAskedFor(record: RequestRecord): boolean {
  return isFailure(record) && record.reporter === "source" && record.proxy !== "" && record.upstreamCluster !== "";
}

function isFailure({ status }: RequestRecord): boolean {
  return status === 0 || status >= 400;
}

/** Undefined: its client is not known, or not here any more. */
function sentBy(asked: ExplainQuestion, world: ExplainWorld, record: RequestRecord): Question | undefined {
  if (record.reporter !== "source" || record.method === "" || record.authority === "") return undefined;
  const from = asked.from ?? (world.proxies.some(({ node }) => node.id === record.proxy) ? record.proxy : undefined);
  const url = `http://${record.authority}${record.path}`;
  if (from === undefined || !URL.canParse(url)) return undefined;
  return questionOf({ ...asked, from, method: record.method, url }, world);
}

/** What is recorded says more than the question, which has none of the request's headers. */
function compared(explanation: Explanation, record: RequestRecord): Explanation {
  const caveats: string[] = [...explanation.caveats];
  caveats.push(
    "the way below is by the configuration as it is now, for a request without the headers of the one that was recorded",
  );
  const before = record.upstreamCluster;
  if (before !== "" && !explanation.clusters.some(({ name }) => name === before)) {
    const route = record.routeName === "" ? "" : ` by route ${record.routeName}`;
    caveats.push(
      `then it went to ${before}${route}: the configuration has changed since, or its headers made the difference (say them with -H)`,
    );
  }
  return { ...explanation, caveats };
}

const TEXTS = ["request", "from", "method", "url", "principal"] as const;

/** What came over the network is checked before it is believed to be a question. */
function checked(value: unknown): ExplainQuestion {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ExplainProblem(400, "the question is a JSON object with `request`, or with `from` and `url`");
  }
  const question = value as Readonly<Record<string, unknown>>;
  for (const name of TEXTS) {
    const text = question[name];
    if (text !== undefined && (typeof text !== "string" || text.length > 32_768)) {
      throw new ExplainProblem(400, `${name} is no text, expected one of at most 32768 characters`);
    }
  }
  const { headers, claims, hop } = question;
  if (hop !== undefined && !isHop(hop)) throw new ExplainProblem(400, "hop is no object with proxy and startMs");
  const isHeader = (each: unknown): boolean =>
    Array.isArray(each) && each.length === 2 && each.every((part) => typeof part === "string");
  if (headers !== undefined && !(Array.isArray(headers) && headers.length <= 200 && headers.every(isHeader))) {
    throw new ExplainProblem(400, "headers is no list of pairs, expected [[name, value], …]");
  }
  if (claims !== undefined && (typeof claims !== "object" || claims === null || Array.isArray(claims))) {
    throw new ExplainProblem(400, "claims is no JSON object");
  }
  return question;
}

function isHop(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "proxy" in value &&
    typeof value.proxy === "string" &&
    "startMs" in value &&
    typeof value.startMs === "number"
  );
}
