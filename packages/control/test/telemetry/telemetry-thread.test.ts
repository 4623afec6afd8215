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
import { ManualClock } from "../support/manual-clock.ts";
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

test("a thread that dies is started again, later each time; who waits is told, who subscribed is told again", async (t) => {
  const clock = new ManualClock();
  const logs: string[] = [];
  const telemetry = new TelemetryThread({
    directory: temporaryFolder(t),
    program: new URL("../support/dying-thread.ts", import.meta.url),
    clock,
    log: (_, message) => logs.push(message),
  });
  atEnd(t, () => telemetry.close());
  let started = 0;
  telemetry.subscribe("activity", undefined, () => started++);
  await eventually(() => assert.equal(started, 1));
  for (const [death, backoffMs] of [1000, 2000, 4000].entries()) {
    const waiting = telemetry.ask("trace", { traceId: "x" });
    assert.ok(telemetry.ingest("zipkin-json", APPLICATION, Buffer.from("[]")));
    await assert.rejects(waiting, (error) => error instanceof QuestionError && error.kind === "unavailable");
    assert.equal(telemetry.ingest("zipkin-json", APPLICATION, Buffer.from("[]")), false);
    await assert.rejects(telemetry.ask("trace", { traceId: "x" }), /starts again/);
    clock.advance(backoffMs - 1);
    assert.match(telemetry.renderMetrics(), new RegExp(`^tulle_telemetry_thread_restarts_total ${death + 1}$`, "m"));
    clock.advance(1);
    await eventually(() => assert.equal(started, death + 2));
  }
  assert.equal(logs.filter((message) => message === "the telemetry thread died").length, 3);
});

test("a thread that says nothing though it has something to do is ended and started again", async (t) => {
  const clock = new ManualClock();
  const program = new URL("../support/dying-thread.ts", import.meta.url);
  const telemetry = new TelemetryThread({ directory: temporaryFolder(t), program, clock, log: () => undefined });
  atEnd(t, () => telemetry.close());
  let started = 0;
  telemetry.subscribe("activity", undefined, () => started++);
  await eventually(() => assert.equal(started, 1));
  // One question after the other: each is given up after half a minute.
  for (let half = 0; half < 4; half++) {
    const asked = telemetry.ask("trace", { traceId: "x" });
    clock.advance(29_000);
    const again = telemetry.ask("trace", { traceId: "y" });
    clock.advance(1_000);
    await assert.rejects(asked);
    again.catch(() => undefined);
  }
  await eventually(() => assert.match(telemetry.renderMetrics(), /^tulle_telemetry_thread_restarts_total 1$/m));
  clock.advance(1000);
  await eventually(() => assert.equal(started, 2));
});

test("a thread that is lost in something holds up nobody who closes", async (t) => {
  const clock = new ManualClock();
  const program = new URL("../support/dying-thread.ts", import.meta.url);
  const telemetry = new TelemetryThread({ directory: temporaryFolder(t), program, clock, log: () => undefined });
  const asked = telemetry.ask("trace", { traceId: "loop" });
  const closed = telemetry.close();
  clock.advance(10_000);
  await closed;
  await assert.rejects(asked, /died/);
});
