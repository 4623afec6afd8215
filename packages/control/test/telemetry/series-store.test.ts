/** What becomes of samples: kept, ended, made coarser, written, bounded. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import type { TelemetryCore } from "../../src/telemetry/core.ts";
import { temporaryFolder } from "../support/directory.ts";
import type { ManualClock } from "../support/manual-clock.ts";
import { NOW, telemetryCore } from "../support/telemetry.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const A = { __name__: "a_total", route: "x" };
const B = { __name__: "b_total" };

/** Times relative to NOW, in seconds, and values. */
function samples(core: TelemetryCore, name: string, fromS = -1, toS = 1e6): [number, number][] {
  const matchers = [{ name: "__name__", op: "=", value: name }] as const;
  const found = core.series.select(matchers, NOW + fromS * 1000, NOW + toS * 1000);
  assert.ok(found.length <= 1);
  return [...(found[0]?.times ?? [])].map((time, index) => [(time - NOW) / 1000, found[0]!.values[index]!]);
}

/** A flush each 5 s, and what the thread does meanwhile. */
function flush(core: TelemetryCore, clock: ManualClock, count: number, value: (index: number) => number): void {
  for (let index = 0; index < count; index++) {
    core.series.append("s", clock.now(), [{ labels: A, value: value(index) }]);
    core.series.check();
    clock.advance(5000);
  }
}

test("a series that a flush does not name keeps its value, until it was not named for long", () => {
  const { core, clock } = telemetryCore();
  core.series.append("s", clock.now(), [
    { labels: A, value: 1 },
    { labels: B, value: 7 },
  ]);
  clock.advance(5000);
  flush(core, clock, 40, (index) => 2 + index);
  assert.deepEqual(samples(core, "b_total").slice(0, 3), [
    [0, 7],
    [5, 7],
    [10, 7],
  ]);
  const [last] = samples(core, "b_total").slice(-1);
  assert.ok(Number.isNaN(last![1]) && last![0] > 90 && last![0] < 160, String(last));
  assert.equal(samples(core, "a_total").length, 41);
});

test("series of a sender that is gone have ended, told once, where its next flush would have been; it may come back", () => {
  const { core, clock } = telemetryCore();
  flush(core, clock, 3, (index) => index);
  clock.advance(20_000);
  core.series.check();
  core.series.check();
  assert.deepEqual(samples(core, "a_total"), [
    [0, 0],
    [5, 1],
    [10, 2],
    [15, Number.NaN],
  ]);
  flush(core, clock, 1, () => 0);
  assert.deepEqual(samples(core, "a_total").slice(4), [[35, 0]]);
});

test("counters that begin anew are kept as they come", () => {
  const { core, clock } = telemetryCore();
  const values = [5, 9, 0, 2, 2, 1e15, 0.5, -3, 2 ** 60, 0];
  flush(core, clock, values.length, (index) => values[index]!);
  assert.deepEqual(
    samples(core, "a_total").map(([, value]) => value),
    values,
  );
});

test("messages of one flush, by the sender's time, are one sample; what follows faster than a second is, too", () => {
  const { core, clock } = telemetryCore();
  for (const [labels, stamp] of [
    [A, 1],
    [B, 1],
  ] as const) {
    const into = core.series.flush("s", clock.now(), stamp);
    into.set(into.add(labels["__name__"], [labels])[0]!, 3);
    clock.advance(1500);
  }
  core.series.append("t", clock.now(), [{ labels: { __name__: "c" }, value: 1 }]);
  clock.advance(10);
  core.series.append("t", clock.now(), [{ labels: { __name__: "c" }, value: 2 }]);
  assert.deepEqual(samples(core, "b_total"), [[0, 3]]);
  assert.deepEqual(samples(core, "c"), [[3, 2]]);
});

test("what is older than an hour and a quarter is answered by the minute, from the file, without a gap", () => {
  const { core, clock } = telemetryCore();
  for (let minute = 0; minute < 180; minute++) {
    flush(core, clock, 12, (index) => minute * 12 + index);
    core.write();
    core.retain();
  }
  const all = samples(core, "a_total");
  const fine = all.filter(([time]) => time % 60 !== 55);
  assert.ok(fine[0]![0] > 60 * 60 && fine[0]![0] < 110 * 60, `5 s since ${fine[0]![0] / 60} minutes`);
  for (const [time, value] of all) assert.equal(value, time / 5);
  for (let index = 1; index < all.length; index++) assert.ok(all[index]![0] - all[index - 1]![0] <= 60);
  assert.equal(all[0]![0], 55);
});

test("after a restart everything is there; after a crash all but the last seconds", (t) => {
  const path = join(temporaryFolder(t), "telemetry.db");
  const { core, clock } = telemetryCore({ path });
  flush(core, clock, 200, (index) => index);
  core.write();
  flush(core, clock, 2, () => 900);
  // It crashes: nobody closes it.
  const second = telemetryCore({ path, clock }).core;
  assert.deepEqual(samples(second, "a_total").length, 200);
  flush(second, clock, 3, (index) => 1000 + index);
  second.close();
  const third = telemetryCore({ path, clock }).core;
  const all = samples(third, "a_total");
  assert.equal(all.length, 203);
  assert.deepEqual(all.at(-1), [202 * 5 + 10, 1002]);
  assert.equal(third.series.status().series, 1, "it is the same series");
  third.close();
  core.database.close();
});

test("a file that is corrupt is put aside and told, and history begins anew", (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "telemetry.db");
  writeFileSync(path, "no database".repeat(1000));
  const logs: string[] = [];
  const { core, clock } = telemetryCore({ path, log: (_, message) => logs.push(message) });
  flush(core, clock, 3, (index) => index);
  core.close();
  assert.match(logs.join("\n"), /put aside/);
  assert.ok(readdirSync(folder).some((name) => name.startsWith("telemetry.db.broken-")));
  const again = telemetryCore({ path, clock }).core;
  assert.equal(samples(again, "a_total").length, 3);
  again.close();
});

test("a file that becomes corrupt while it is used is begun anew with what is in memory", (t) => {
  const path = join(temporaryFolder(t), "telemetry.db");
  const { core, clock } = telemetryCore({ path });
  flush(core, clock, 3, (index) => index);
  core.write();
  core.database.close();
  writeFileSync(path, "no database".repeat(1000));
  flush(core, clock, 3, (index) => 10 + index);
  core.write();
  core.write();
  core.close();
  const again = telemetryCore({ path, clock }).core;
  assert.deepEqual(samples(again, "a_total").length, 6);
  again.close();
});

test("where nothing can be written it is told once, kept in memory, and written when it can be", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "telemetry"), "a file where a directory should be");
  const logs: string[] = [];
  const log = (level: string, message: string): void => void (level === "debug" || logs.push(message));
  const { core, clock } = telemetryCore({ path: join(folder, "telemetry", "telemetry.db"), log });
  flush(core, clock, 20, (index) => index);
  core.write();
  core.retain();
  assert.equal(samples(core, "a_total").length, 20);
  assert.deepEqual(logs, ["telemetry is kept in memory only: its file cannot be used"]);
  assert.notEqual(core.database.failure, "");
  core.close();
  assert.ok(!existsSync(join(folder, "telemetry", "telemetry.db")));
});

test("a disk that is full costs history only, and is tried again", (t) => {
  const path = join(temporaryFolder(t), "telemetry.db");
  const { core, clock } = telemetryCore({ path });
  const limit = (pages: number): void =>
    void core.database.write((connection) => connection.prepare(`PRAGMA max_page_count = ${pages}`).all());
  limit(1);
  const wide = Array.from({ length: 2000 }, (_, index) => ({ __name__: "wide", index: String(index) }));
  core.series.append(
    "w",
    clock.now(),
    wide.map((labels) => ({ labels, value: 1 })),
  );
  core.write();
  assert.match(core.database.failure, /full/);
  clock.advance(31_000);
  limit(100_000);
  core.write();
  assert.equal(core.database.failure, "");
  core.close();
  const again = telemetryCore({ path, clock }).core;
  assert.equal(again.series.status().series, 2000);
  again.close();
});

test("a sender cannot have more series than it may, nor labels that no series can have; both are counted", () => {
  const { core, clock } = telemetryCore();
  const flushed = core.series.flush("s", clock.now());
  for (let index = 0; index < 20_500; index++) flushed.add(index, [{ __name__: "x", index: String(index) }]);
  core.series.append("t", clock.now(), [
    { labels: { __name__: "y", "no-label": "1" }, value: 1 },
    { labels: { __name__: "y", constructor: "1" }, value: 1 },
    { labels: { __name__: "y", long: "x".repeat(2000) }, value: 1 },
    { labels: { __name__: "<script>" }, value: 1 },
  ]);
  assert.equal(core.series.status().series, 20_000);
  assert.deepEqual(
    core.refusals.list().map(({ reason, count, from }) => [reason, count, from]),
    [
      ["more than 20000 series of one sender", 500, "s"],
      ["a name that no label can have", 2, "t"],
      ["a label's value of more than 1024 characters", 1, "t"],
      ["a name that no metric can have", 1, "t"],
    ],
  );
});

test("labels cannot take more memory than they may, however few series have them", () => {
  const { core, clock } = telemetryCore();
  const flush = core.series.flush("s", clock.now());
  for (let index = 0; index < 15_000; index++) {
    flush.add(index, [{ __name__: "x", long: `${index}`.padEnd(1000, "x") }]);
  }
  assert.ok(core.series.status().series < 9_000);
  assert.match(core.refusals.list()[0]!.reason, /characters in labels of one sender/);
});

test("any values come back, whatever they are and however they change", () => {
  const value = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constant(0), fc.constant(-0));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
      const { core, clock } = telemetryCore();
      flush(core, clock, values.length, (index) => values[index]!);
      const found = samples(core, "a_total").map(([, each]) => each);
      assert.deepEqual(found, values);
    }),
    { numRuns: 50 },
  );
});

test("what a sender counted that never came back is there after a restart, to its last flush", (t) => {
  const path = join(temporaryFolder(t), "telemetry.db");
  const { core, clock } = telemetryCore({ path });
  for (let i = 0; i < 20; i++) {
    flush(core, clock, 6, (index) => 100 * i + index);
    core.write();
  }
  core.close();
  const again = telemetryCore({ path, clock }).core;
  assert.equal(samples(again, "a_total", 500, 590).length, 18);
  again.close();
});

test("a clock that is set back stops nobody from being heard", () => {
  const { core, clock } = telemetryCore();
  flush(core, clock, 3, (index) => index);
  const back = clock.now() - 3_600_000;
  for (let i = 0; i < 3; i++) core.series.append("s", back + i * 5000, [{ labels: A, value: 10 + i }]);
  assert.deepEqual(
    samples(core, "a_total", -4000, -3000).map(([, value]) => value),
    [10, 11, 12],
  );
});
