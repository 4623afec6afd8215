/** Cases of HTTP/2 towards upstreams: clients that speak HTTP/1.1, and what an upstream does with one request. */
import type { ContractCase } from "../case.ts";
import { LOG, http2Cluster } from "./config.ts";
import { answer2, THIS_STREAM } from "./frames.ts";
import { gate, get, got, open, request, seen, send, toCluster } from "../steps.ts";
import { type Differences, type Row, casesOf } from "../rows.ts";

export function upstreamCases(
  feature: string,
  rows: Readonly<Record<string, Row>>,
  parts: Partial<ContractCase> = {},
  different: Differences = {},
): ContractCase[] {
  const common = { accessLog: LOG, clusters: { a: http2Cluster() }, ...parts };
  return casesOf("HTTP/2 to upstreams", feature, rows, common, different);
}

export const THIS = THIS_STREAM;
export const CHUNKED_POST = request("POST", "/", "transfer-encoding: chunked");
export const NEVER = gate("never");
export const WHILE_THE_FIRST_WAITS = [send("d", get("/2")), seen("a", "/2"), open("go")];
/** What is left of the route's time when a request is sent again. */
export const TIME_LEFT = [[/x-envoy-expected-rq-timeout-ms: \d+/, "x-envoy-expected-rq-timeout-ms: {ms}"]] as const;

/** What an upstream does with one request. */
type Answer = string | readonly (string | ReturnType<typeof gate>)[];

/** The upstream `a`: answers of which the last one repeats. */
export const a = (...answers: readonly Answer[]) => ({ a: { answers } });
/** It answers at the head. */
export const early = (...answers: readonly Answer[]) => ({
  a: { answers, early: true as const },
});

/** A request whose first answer is `first`, and whose second, if there is one, is good. */
export function retriedOn(conditions: string, first: Answer): Row {
  return {
    client: [get(), got(1)],
    upstreams: a(first, answer2(200, "again")),
    routes: [toCluster("/", "a", { retry_policy: { retry_on: conditions } })],
  };
}
