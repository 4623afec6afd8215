/** The log of single requests: those that went wrong first, all others within a budget; what is left out is told by the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { HTTPAccessLogEntrySchema } from "@tulle/xds/gen/envoy/data/accesslog/v3/accesslog_pb.js";
import { RequestBudgets, RequestSink } from "../../src/access-log/request-sink.ts";
import type { StreamInfo } from "../../src/plan/format/stream-info.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { listener, listenerJson } from "../plan/support.ts";
import { managerOf } from "../support/plans.ts";
import { type StreamOptions, streamInfo } from "../support/stream-info.ts";

const bucket = (tokens: number): JsonObject => ({ max_tokens: tokens, tokens_per_fill: tokens, fill_interval: "1s" });

function sink(notable: number, others: number) {
  const typed_config = {
    "@type": "type.googleapis.com/tulle.access_loggers.requests.v1.RequestLog",
    common_config: { log_name: "requests", grpc_service: { envoy_grpc: { cluster_name: "control" } } },
    slow: "1s",
    notable: bucket(notable),
    others: bucket(others),
  };
  const [plan] = managerOf(listener(listenerJson({ access_log: [{ name: "r", typed_config }] }))).accessLogs;
  if (plan?.kind !== "requests") throw new Error("it is another log");
  const registry = new StatsRegistry();
  const entries: { path: string; rate: number }[] = [];
  const collector = {
    takes: () => true,
    add: (bytes: Uint8Array) => {
      const { request, commonProperties } = fromBinary(HTTPAccessLogEntrySchema, bytes);
      entries.push({ path: request!.path, rate: commonProperties!.sampleRate });
    },
  };
  const target = new RequestSink(plan, new RequestBudgets(plan, registry, 0), collector);
  const log = (path: string, options: StreamOptions = {}, changes: Partial<StreamInfo> = {}): void => {
    target.log(streamInfo({ path, ...options }, { startedAt: 0, now: 10, ...changes }));
  };
  return { entries, log, leftOut: registry.counter("access_logs.request_log.logs_left_out") };
}

test("beyond the budget requests are left out, counted, and told by the next one", () => {
  const { entries, log, leftOut } = sink(10, 2);
  for (const path of ["/1", "/2", "/3", "/4"]) log(path);
  log("/5", {}, { startedAt: 1000, now: 1010 });
  assert.deepEqual(entries, [
    { path: "/1", rate: 1 },
    { path: "/2", rate: 1 },
    { path: "/5", rate: 1 / 3 },
  ]);
  assert.equal(leftOut.value, 2);
});

test("errors, flagged and slow requests have a budget of their own", () => {
  const { entries, log } = sink(4, 1);
  log("/ordinary");
  log("/another");
  log("/500", {}, { status: 500 });
  log("/flagged", {}, { responseFlags: "DI" });
  log("/no-answer", {}, { status: 0 });
  log("/slow", {}, { now: 1500 });
  assert.deepEqual(
    entries.map(({ path }) => path),
    ["/ordinary", "/500", "/flagged", "/no-answer", "/slow"],
  );
});

test("a gRPC status other than OK is an error, whatever HTTP says", () => {
  const { entries, log } = sink(4, 1);
  log("/first");
  log("/ok", { responseHeaders: { "grpc-status": "0" } }, { isGrpc: true });
  log("/bad", { responseHeaders: { "grpc-status": "14" } }, { isGrpc: true });
  assert.deepEqual(
    entries.map(({ path }) => path),
    ["/first", "/bad"],
  );
});
