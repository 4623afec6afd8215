/** The thread as the main thread sees it: a real one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { systemClock } from "@tulle/xds";
import { QuestionError } from "../../src/telemetry/question-error.ts";
import { TelemetryThread } from "../../src/telemetry/telemetry.ts";
import { atEnd } from "../support/at-end.ts";
import { temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { APPLICATION, bytesOf } from "../support/telemetry.ts";

const SPAN = {
  traceId: "1".repeat(32),
  id: "2".repeat(16),
  kind: "SERVER",
  name: "get",
  timestamp: 1_700_000_000_000_000,
  duration: 1500,
  localEndpoint: { serviceName: "reviews" },
  tags: { "http.status_code": "200" },
};

function start(context: TestContext): TelemetryThread {
  const telemetry = new TelemetryThread({
    directory: temporaryFolder(context),
    clock: systemClock,
    log: () => undefined,
  });
  atEnd(context, () => telemetry.close());
  return telemetry;
}

test("what is taken in is found by whoever asks, and told to whoever subscribed", async (t) => {
  const telemetry = start(t);
  const told: unknown[] = [];
  telemetry.subscribe("activity", undefined, (event) => told.push(event));
  assert.ok(telemetry.ingest("zipkin-json", APPLICATION, bytesOf([SPAN])));
  const trace = await telemetry.ask("trace", { traceId: SPAN.traceId });
  assert.equal(trace?.spans[0]?.service, "reviews");
  await eventually(() => assert.deepEqual(told, [{ spans: 1 }]));
});

test("a sender that waits for a report is told how many spans were refused and why, or that it sent none", async (t) => {
  const telemetry = start(t);
  const report = await telemetry.deliver("zipkin-json", APPLICATION, bytesOf([SPAN, { ...SPAN, id: "zz" }]));
  assert.deepEqual(report, { accepted: 1, refused: 1, reason: "the span id is not 16 hex digits, or all zeros" });
  const refusal = telemetry.deliver("zipkin-json", APPLICATION, Buffer.from("["));
  await assert.rejects(refusal, (error) => error instanceof QuestionError && error.kind === "invalid");
});

test("beyond the budgets of bytes in flight, of all and of one sender, messages are dropped and counted", async (t) => {
  const telemetry = start(t);
  const large = Buffer.alloc(3.5 * 1024 * 1024);
  const send = (id: string): boolean => telemetry.ingest("zipkin-json", { id, proxy: undefined }, large);
  assert.deepEqual(["a", "a", "b", "c", "d", "e"].map(send), [true, false, true, true, true, false]);
  assert.match(telemetry.renderMetrics(), /^tulle_telemetry_dropped_messages_total\{kind="zipkin-json"\} 2$/m);
  await eventually(() => assert.match(telemetry.renderMetrics(), /^tulle_telemetry_bytes_in_flight 0$/m));
});
