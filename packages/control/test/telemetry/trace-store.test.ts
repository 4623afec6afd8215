/** What becomes of spans: put together, settled, written, found again, forgotten by what they are worth. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { SpanRecord } from "@tulle/telemetry/records";
import { TelemetryDatabase } from "../../src/telemetry/store/database.ts";
import { ROW_BYTES, TraceFile, WORTH } from "../../src/telemetry/store/trace-file.ts";
import type { Worth } from "../../src/telemetry/store/trace-file.ts";
import { temporaryFolder } from "../support/directory.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { NOW, telemetryCore } from "../support/telemetry.ts";

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, "0");

function span(trace: number, id: number, more: Partial<SpanRecord> = {}): SpanRecord {
  return {
    traceId: hex(trace, 32),
    spanId: hex(id, 16),
    parentSpanId: id === 1 ? "" : hex(1, 16),
    service: "reviews",
    kind: "server",
    name: "get",
    startMicros: NOW * 1000 + trace * 1000 + id,
    durationMicros: 100,
    error: false,
    tags: {},
    events: [],
    ...more,
  };
}

const WIDE = { fromMicros: 0, toMicros: 1e18, limit: 100 };
const EARLY = { 0: 0, 1: 0, 2: 0 } as const;

test("spans of one trace are one, whoever sends them, before and after it is settled, and after a restart", (t) => {
  const path = join(temporaryFolder(t), "telemetry.db");
  const { core, clock } = telemetryCore({ path });
  const settled: number[] = [];
  core.traces.onSettled(({ spans }) => settled.push(spans.length));
  core.traces.add([span(1, 2)]);
  core.traces.add([span(1, 1), span(1, 1)]);
  clock.advance(7000);
  core.check();
  assert.equal(core.traces.status().open, 0);
  core.traces.add([span(1, 3)]);
  const ids = (of: typeof core): string[] => of.traces.trace(hex(1, 32))!.spans.map(({ spanId }) => spanId);
  assert.deepEqual(ids(core), [hex(1, 16), hex(2, 16), hex(3, 16)]);
  assert.equal(core.traces.search(WIDE)[0]!.spans.length, 3);
  clock.advance(7000);
  core.check();
  core.close();
  assert.deepEqual(settled, [2, 3]);
  const again = telemetryCore({ path, clock }).core;
  assert.deepEqual(ids(again), [hex(1, 16), hex(2, 16), hex(3, 16)]);
  assert.deepEqual(again.traces.services(), ["reviews"]);
  assert.deepEqual(again.traces.operations("reviews"), [{ name: "get", kind: "server" }]);
  again.close();
});

test("traces are found by service, operation, tags, duration and time, newest first, open or written", () => {
  const { core, clock } = telemetryCore();
  core.traces.add([
    span(1, 1, { service: "a", tags: { "http.status_code": "503", constructor: "no" } as Record<string, string> }),
    span(2, 1, { service: "a", name: "put", durationMicros: 5000 }),
    span(3, 1, { service: "b", error: true }),
  ]);
  const find = (search: object): number[] =>
    core.traces.search({ ...WIDE, ...search }).map(({ traceId }) => Number.parseInt(traceId, 16));
  const check = (): void => {
    assert.deepEqual(find({}), [3, 2, 1]);
    assert.deepEqual(find({ limit: 2 }), [3, 2]);
    assert.deepEqual(find({ service: "a" }), [2, 1]);
    assert.deepEqual(find({ service: "a", operation: "put" }), [2]);
    assert.deepEqual(find({ service: "a", tags: { "http.status_code": "503" } }), [1]);
    assert.deepEqual(find({ tags: { toString: "x" } }), []);
    assert.deepEqual(find({ tags: { error: "true" } }), [3]);
    assert.deepEqual(find({ minDurationMicros: 1000 }), [2]);
    assert.deepEqual(find({ service: "a", maxDurationMicros: 1000 }), [1]);
    assert.deepEqual(find({ fromMicros: NOW * 1000 + 2000 }), [3, 2]);
    assert.deepEqual(find({ toMicros: NOW * 1000 + 2000 }), [1]);
  };
  check();
  clock.advance(7000);
  core.check();
  assert.equal(core.traces.status().open, 0);
  check();
});

test("a trace is cut at as many spans as it may have, and what is open at as many bytes", () => {
  const { core } = telemetryCore();
  core.traces.add(Array.from({ length: 2500 }, (_, id) => span(1, id + 1)));
  assert.equal(core.traces.trace(hex(1, 32))!.spans.length, 2000);
  assert.deepEqual(
    core.refusals.list().map(({ what, count }) => [what, count]),
    [["spans", 500]],
  );
  const large = { tags: { large: "x".repeat(4000) } };
  for (let trace = 2; trace < 12_000; trace++) core.traces.add([span(trace, 1, large)]);
  assert.ok(core.traces.status().openBytes <= 32 * 1024 * 1024);
  assert.ok(core.traces.trace(hex(2, 32)) !== undefined, "what made room is in the file");
});

test("names that never end are not listed beyond a bound", () => {
  const { core } = telemetryCore();
  core.traces.add(Array.from({ length: 1000 }, (_, index) => span(index + 1, 1, { name: `get /${index}` })));
  assert.equal(core.traces.operations("reviews").length, 500);
  for (let index = 0; index < 3000; index++) core.traces.add([span(5000 + index, 1, { service: `s${index}` })]);
  assert.equal(core.traces.services().length, 2000);
});

test("errors are kept longer than slow traces, those longer than ordinary ones; a fifth stays for comparing with", () => {
  const database = new TelemetryDatabase({ path: ":memory:", clock: new ManualClock(NOW), log: () => undefined });
  const file = new TraceFile(database);
  const noise = (seed: number): string =>
    Array.from({ length: 200 }, (_, index) => ((seed * 7919 + index) * 2654435761) >>> 0).join();
  const worths: Worth[] = [WORTH.ordinary, WORTH.slow, WORTH.error];
  const traces = Array.from({ length: 6000 }, (_, index) => ({
    traceId: hex(index + 1, 32),
    spans: [span(index + 1, 1, { name: noise(index), error: index % 3 === 2 })],
    worth: worths[index % 3]!,
  }));
  assert.ok(file.write(traces, []));
  const count = (worth: Worth): number =>
    database.read(
      (connection) =>
        Number(connection.prepare("SELECT count(*) AS count FROM traces WHERE worth = ?").get(worth)!["count"]),
      -1,
    );
  const whole = database.read(
    (connection) => Number(connection.prepare(`SELECT total(${ROW_BYTES}) AS bytes FROM traces`).get()!["bytes"]),
    -1,
  );
  file.drop(EARLY, whole * 0.8);
  assert.deepEqual([count(WORTH.slow), count(WORTH.error)], [2000, 2000]);
  assert.ok(count(WORTH.ordinary) < 1000);
  file.drop(EARLY, whole * 0.5);
  // Of what holds half of all: a fifth, three tenths, and the rest.
  const near = (worth: Worth, share: number): boolean => Math.abs(count(worth) - share * 3000) <= 200;
  assert.ok(near(WORTH.ordinary, 0.2) && near(WORTH.slow, 0.3) && near(WORTH.error, 0.5));
  for (let i = 0; i < 5; i++) file.drop(EARLY, whole * 0.5);
  assert.ok(file.bytes() <= whole * 0.5 * 1.25, "what the file uses is bounded, not only what is in it");
  file.drop({ 0: 1e18, 1: 0, 2: 0 }, whole);
  assert.equal(count(WORTH.ordinary), 0);
  const left = database.read(
    (connection) => connection.prepare("SELECT count(*) AS count FROM trace_services").get(),
    undefined,
  );
  assert.equal(left!["count"], count(WORTH.slow) + count(WORTH.error), "what finds them goes with them");
  database.close();
});

test("a trace that grows each time it is settled stays within its bounds, in the file as well", (t) => {
  const { core, clock } = telemetryCore({ path: join(temporaryFolder(t), "telemetry.db") });
  const big = { tags: Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`t${i}`, "x".repeat(4096)])) };
  for (let round = 0; round < 5; round++) {
    core.traces.add(Array.from({ length: 7 }, (_, i) => span(1, 1 + round * 7 + i, big)));
    clock.advance(7000);
    core.check();
  }
  const characters = JSON.stringify(core.traces.trace(hex(1, 32))!.spans).length;
  assert.ok(characters < 6 * 1024 * 1024, `${characters} characters`);
  assert.ok(core.refusals.list().some(({ what }) => what === "spans"));
  core.close();
});

test("a row that cannot be read costs its trace, and nothing else", (t) => {
  const path = join(temporaryFolder(t), "telemetry.db");
  const { core, clock } = telemetryCore({ path });
  core.traces.add([span(1, 1), span(2, 1)]);
  clock.advance(7000);
  core.check();
  core.database.write((connection) => {
    connection.prepare("UPDATE traces SET data = x'00' WHERE trace_id = ?").run(hex(1, 32));
  });
  assert.deepEqual(
    core.traces.search(WIDE).map(({ traceId }) => traceId),
    [hex(2, 32)],
  );
  assert.equal(core.traces.trace(hex(1, 32)), undefined);
  core.traces.add([span(1, 2)]);
  clock.advance(7000);
  core.check();
  assert.equal(core.traces.trace(hex(1, 32))?.spans.length, 1);
  core.close();
});

test("what goes wrong while the stores are looked after is logged, and they are looked after again", () => {
  const logs: string[] = [];
  const { core, clock } = telemetryCore({ log: (_, message) => logs.push(message) });
  core.start();
  core.traces.onSettled(() => {
    throw new Error("a trace that nobody thought of");
  });
  for (const trace of [1, 2]) {
    core.traces.add([span(trace, 1)]);
    clock.advance(15_000);
  }
  assert.equal(logs.length, 2);
  assert.equal(core.traces.search(WIDE).length, 2);
  core.close();
});
