/** What becomes of entries on their way to a collector, and of the stream that they leave by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CollectedLogsContext } from "../../src/access-log/collected-logs.ts";
import { LogCollector } from "../../src/access-log/log-collector.ts";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { Turn } from "../../src/net/turn.ts";
import type { LogCollectorPlan } from "../../src/plan/log-collector-plan.ts";
import { StatsRegistry } from "../../src/stats/index.ts";

const PLAN: LogCollectorPlan = {
  fingerprint: "",
  protocol: "http",
  cluster: "c",
  authority: "c",
  headers: {},
  logName: "l",
  flushMs: 1_000,
  bufferBytes: 16_384,
  statPrefix: "als.",
  resource: new Uint8Array(),
  namesNode: false,
};
const ENTRY = new Uint8Array(1_000);

/** A stream as the collector sees it. */
class Stream {
  readonly sizes: number[] = [];
  isFull = false;
  isEnded = false;
  readonly gone: () => void;

  constructor(gone: () => void) {
    this.gone = gone;
  }

  send(message: Uint8Array): void {
    this.sizes.push(message.length);
  }

  end(): void {
    this.isEnded = true;
  }
}

function setUp(changes: Partial<LogCollectorPlan> = {}) {
  const clock = new FakeClock();
  const turn = new Turn(clock);
  const timers = new TimerWheel(clock, (timer) => {
    turn.begin();
    timer.owner.onTimer(timer.kind);
    turn.end();
  });
  const stats = new StatsRegistry();
  const streams: Stream[] = [];
  const state = { refuses: false };
  const context = {
    net: { turn, timers },
    stats,
    client: {
      openGrpc(_cluster: unknown, _request: unknown, onEnd: () => void) {
        if (state.refuses) {
          onEnd();
          return null;
        }
        streams.push(new Stream(onEnd));
        return streams.at(-1);
      },
    },
    node: { message: () => new Uint8Array() },
    findCluster: () => ({ name: "c", current: {} }),
  } as unknown as CollectedLogsContext;
  const collector = new LogCollector({ ...PLAN, ...changes }, context);
  const log = (entries: number): void => {
    for (let i = 0; i < entries; i++) if (collector.takes()) collector.add(ENTRY);
  };
  return { clock, stats, streams, state, log, timers };
}

test("entries leave together after a second, or when there are 16 KiB", () => {
  const { clock, streams, log } = setUp();
  log(3);
  assert.equal(streams.length, 0);
  clock.advance(1_010);
  log(17);
  assert.deepEqual(
    streams.map(({ sizes }) => sizes.map((size) => Math.floor(size / ENTRY.length))),
    [[3, 17]],
  );
});

test("what waits for a stream that is full leaves when it is not, though nothing more comes; what is too much is dropped", () => {
  const { clock, stats, streams, log } = setUp();
  log(17);
  const [stream] = streams;
  stream.isFull = true;
  log(20);
  assert.equal(stats.counter("als.logs_dropped").value, 3);
  clock.advance(5_000);
  assert.equal(stream.sizes.length, 1);
  stream.isFull = false;
  clock.advance(1_010);
  assert.equal(stream.sizes.length, 2);
});

test("where each entry leaves by itself no more wait for a stream that is full than otherwise", () => {
  const { stats, streams, log } = setUp({ bufferBytes: 0 });
  log(2);
  const [stream] = streams;
  assert.equal(stream.sizes.length, 2);
  stream.isFull = true;
  log(100);
  assert.equal(stats.counter("als.logs_dropped").value, 83);
});

test("a stream that is idle is ended; its end, when it comes, is not that of the next one", () => {
  const { clock, streams, log, timers } = setUp();
  log(17);
  clock.advance(300_010);
  const [first] = streams;
  assert.equal(first.isEnded, true);
  assert.equal(timers.size, 0);
  log(17);
  first.gone();
  log(17);
  assert.equal(streams.length, 2);
  streams[1].gone();
  log(17);
  assert.equal(streams.length, 3);
});

test("where circuit breakers let no stream through entries are lost, and nothing else", () => {
  const { streams, state, log } = setUp();
  state.refuses = true;
  log(17);
  state.refuses = false;
  log(17);
  assert.equal(streams.length, 1);
});
