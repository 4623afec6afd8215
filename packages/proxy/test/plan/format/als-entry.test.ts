/** Entries of access logs as messages: what live Envoys are compared with is in the contract suite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { HTTPAccessLogEntrySchema } from "@tulle/xds/gen/envoy/data/accesslog/v3/accesslog_pb.js";
import { httpEntry } from "../../../src/plan/format/als-entry.ts";
import { streamInfo } from "../../support/stream-info.ts";

const PLAN = { customTags: [], requestHeaders: [], responseHeaders: [], responseTrailers: [], filterStates: [] };

test("durations that are a hair short of a second are a second: nanoseconds are never 10^9", () => {
  const stream = streamInfo({}, { startedAt: 1000.1, now: 2000.1, responseEndedAt: 2000.1 });
  const entry = fromBinary(HTTPAccessLogEntrySchema, httpEntry(stream, PLAN, 0));
  assert.ok(stream.now - stream.startedAt < 1000);
  const { duration, timeToLastDownstreamTxByte } = entry.commonProperties!;
  assert.deepEqual(
    [duration, timeToLastDownstreamTxByte].map((each) => [each!.seconds, each!.nanos]),
    [
      [1n, 0],
      [1n, 0],
    ],
  );
  assert.ok(toJson(HTTPAccessLogEntrySchema, entry));
});
