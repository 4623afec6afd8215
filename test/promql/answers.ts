/** What a query was answered, in a form that can be compared whatever the order of series and the last bits of sums. */
import { answerPrometheus } from "../../packages/control/src/telemetry/prometheus/api.ts";
import type { SeriesSource } from "@tulle/telemetry/records";

/** A query as HTTP has it: `["query", [["query", "up"], …]]`. */
export interface Asked {
  readonly endpoint: "query" | "query_range";
  readonly parameters: readonly (readonly [string, string])[];
}

type Point = readonly [number, string];

interface RawSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: Point;
  readonly values?: readonly Point[];
}

interface Body {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly data?: { readonly resultType: string; readonly result: unknown };
}

/** Series by their labels. */
export interface Answer {
  readonly status: number;
  /** Error or type of result. */
  readonly kind: string;
  readonly series: Readonly<Record<string, readonly Point[]>>;
}

export function ours(source: SeriesSource, now: number, { endpoint, parameters }: Asked): Answer {
  const { status, text } = answerPrometheus({ source, now: () => now }, { path: [endpoint], parameters });
  return answerOf(status, text);
}

export async function theirs(url: string, { endpoint, parameters }: Asked): Promise<Answer> {
  const body = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value]));
  const response = await fetch(`${url}/api/v1/${endpoint}`, { method: "POST", body });
  return answerOf(response.status, await response.text());
}

function answerOf(status: number, text: string): Answer {
  const body = JSON.parse(text) as Body;
  if (body.status !== "success") return { status, kind: `${body.errorType}: ${body.error}`, series: {} };
  const { resultType, result } = body.data!;
  if (resultType === "scalar" || resultType === "string")
    return { status, kind: resultType, series: { "": [result as Point] } };
  const series: Record<string, readonly Point[]> = {};
  for (const { metric, value, values } of result as RawSeries[]) {
    const key = Object.entries(metric).map(([name, text]) => `${name}=${JSON.stringify(text)}`);
    series[key.toSorted().join(",")] = value === undefined ? values! : [value];
  }
  return { status, kind: resultType, series };
}

/** Why they differ; undefined if they do not. */
export function difference(expected: Answer, actual: Answer): string | undefined {
  if (expected.status !== actual.status)
    return `status ${expected.status} (${expected.kind}), not ${actual.status} (${actual.kind})`;
  if (generalised(expected.kind) !== generalised(actual.kind)) return `${expected.kind}, not ${actual.kind}`;
  const keys = Object.keys(expected.series).toSorted();
  const ownKeys = Object.keys(actual.series).toSorted();
  if (keys.join("\n") !== ownKeys.join("\n")) return `series ${keys.join(" | ")}, not ${ownKeys.join(" | ")}`;
  for (const key of keys) {
    const points = expected.series[key]!;
    const own = actual.series[key]!;
    if (points.length !== own.length) return `{${key}}: ${points.length} points, not ${own.length}`;
    for (const [index, [time, value]] of points.entries()) {
      const [ownTime, ownValue] = own[index]!;
      if (time !== ownTime || !near(value, ownValue))
        return `{${key}}: ${value} at ${time}, not ${ownValue} at ${ownTime}`;
    }
  }
  return undefined;
}

/** Syntax errors are told by different parsers; which of several duplicates is named depends on an order that means nothing. */
function generalised(kind: string): string {
  return kind
    .replace(
      /parse error: (unexpected|unclosed|unknown|could not|no valid|bad number|missing|unterminated|unmatched).*/s,
      "parse error: …",
    )
    .replace(/\d+:\d+: parse error: …/, "parse error: …")
    .replace(/(found duplicate series for the match group ).*(;many-to-many.*)/s, "$1…$2")
    .replace(/Scalar value \S+/, "Scalar value …")
    .replace(/(invalid (destination|source) label name|error parsing regexp).*/s, "$1 …");
}

/** Float error: sums are made in another order. */
function near(a: string, b: string): boolean {
  if (a === b) return true;
  const [x, y] = [Number(a), Number(b)];
  return Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y), 1e-9);
}
