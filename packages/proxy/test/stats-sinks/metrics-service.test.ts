/** What a metrics service is told, and when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { Turn } from "../../src/net/turn.ts";
import type { MetricsServicePlan } from "../../src/plan/compile-stats-sinks.ts";
import { ALL_STATS } from "../../src/plan/compile-stats.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { MetricsService, type SinkContext } from "../../src/stats-sinks/metrics-service.ts";

const NODE = Uint8Array.of(0x0a, 2, 0x6d, 0x65);
const PLAN: MetricsServicePlan = {
  cluster: "xds-grpc",
  authority: "xds-grpc",
  headers: {},
  deltas: false,
  labels: true,
  summaries: false,
  histograms: true,
  batchSize: Infinity,
};

function setUp(changes: Partial<MetricsServicePlan> = {}) {
  const clock = new FakeClock();
  const turn = new Turn(clock);
  const timers = new TimerWheel(clock, (timer) => {
    turn.begin();
    timer.owner.onTimer(timer.kind);
    turn.end();
  });
  const stats = new StatsRegistry();
  const messages: Uint8Array[] = [];
  const state = { streams: 0, reachable: true, isFull: false, breaks: false, bugs: 0, end: (): void => {} };
  const context = {
    net: { turn, timers, wallMs: () => 1_000, reportBug: () => state.bugs++ },
    client: {
      openGrpc(_cluster: unknown, _request: unknown, onEnd: () => void) {
        if (!state.reachable) return null;
        state.streams++;
        state.end = onEnd;
        return {
          get isFull() {
            return state.isFull;
          },
          send(message: Uint8Array) {
            if (state.breaks) throw new Error("it breaks");
            messages.push(message);
          },
          end: () => {},
        };
      },
    },
    stats,
    statsPlan: ALL_STATS,
    flushMs: 5_000,
    refresh: () => {},
    nodeMessage: () => NODE,
    findCluster: () => ({ name: "xds-grpc", current: {} }),
    clusterNames: () => new Set(["outbound|80||a.b"]),
  } as unknown as SinkContext;
  const service = new MetricsService({ ...PLAN, ...changes }, context);
  service.start();
  return {
    clock,
    stats,
    state,
    service,
    /** After the next flush: what each message said. */
    flush: () => {
      clock.advance(5_100);
      return messages.splice(0).map(told);
    },
  };
}

test("a stream begins with the node and every metric that has counted; then come those that changed, and every minute all", () => {
  const { stats, flush } = setUp();
  const requests = stats.counter("cluster.outbound|80||a.b.upstream_rq_total");
  const active = stats.gauge("http.in.downstream_cx_active");
  stats.counter("never");
  requests.value = 3;
  active.value = 1;
  const first = [
    "node me",
    "0 cluster.upstream_rq_total{envoy.cluster_name=outbound|80||a.b} 3",
    "1 http.downstream_cx_active{envoy.http_conn_manager_prefix=in} 1",
  ];
  assert.deepEqual(flush(), [first]);
  assert.deepEqual(flush(), []);
  active.value = 0;
  assert.deepEqual(flush(), [["1 http.downstream_cx_active{envoy.http_conn_manager_prefix=in} 0"]]);
  const later: string[][] = [];
  while (later.length === 0) later.push(...flush());
  assert.deepEqual(later, [[first[1]!, first[2]!.replace(/1$/, "0")]]);
});

test("a histogram says what has come since it last left, also where a flush was left out", () => {
  const { stats, flush, state } = setUp();
  const histogram = stats.histogram("istio_request_bytes", [["reporter", "source"]]);
  histogram.record(3);
  histogram.record(700);
  assert.deepEqual(flush()[0]!.slice(1), ["4 istio_request_bytes{reporter=source} 2 703 5:1 1000:2"]);
  histogram.record(8);
  state.isFull = true;
  assert.deepEqual(flush(), []);
  histogram.record(3);
  state.isFull = false;
  assert.deepEqual(flush(), [["4 istio_request_bytes{reporter=source} 2 11 5:1 10:2"]]);
});

test("an exemplar is told once, with its bucket", () => {
  const { stats, flush } = setUp();
  const histogram = stats.histogram("istio_request_bytes");
  const record = (value: number, traceId: string, timeMs: number): void => {
    histogram.record(value);
    histogram.exemplify(value, traceId, timeMs);
  };
  record(3, "463ac35c9f6413ad", 900.25);
  record(4e6, "0af7651916cd43dd8448eb211c80319c", 950);
  assert.deepEqual(flush()[0]!.slice(1), [
    "4 istio_request_bytes{} 2 4000003 5:1#trace_id=463ac35c9f6413ad,3@0.90025 Infinity:2#trace_id=0af7651916cd43dd8448eb211c80319c,4000000@0.95",
  ]);
  record(700, "b7ad6b7169203331", 999);
  assert.deepEqual(flush(), [["4 istio_request_bytes{} 1 700 1000:1#trace_id=b7ad6b7169203331,700@0.999"]]);
});

test("a histogram that was reset counts from its beginning, however many values have come since", () => {
  const { stats, flush } = setUp();
  const histogram = stats.histogram("istio_request_bytes", [["reporter", "source"]]);
  for (let i = 0; i < 5; i++) histogram.record(3);
  assert.equal(flush().length, 1);
  stats.resetCounters();
  for (let i = 0; i < 6; i++) histogram.record(700);
  assert.deepEqual(flush(), [["4 istio_request_bytes{reporter=source} 6 4200 1000:6"]]);
});

test("a stream that ends is opened again with the next flush, and is told everything", () => {
  const { stats, flush, state } = setUp();
  stats.counter("a").value = 1;
  state.reachable = false;
  assert.deepEqual(flush(), []);
  state.reachable = true;
  assert.deepEqual(flush(), [["node me", "0 a{} 1"]]);
  state.end();
  assert.deepEqual(flush(), [["node me", "0 a{} 1"]]);
  assert.equal(state.streams, 2);
});

test("counters may be told as what came, names with their variable parts, and messages be short", () => {
  const { stats, flush } = setUp({ deltas: true, labels: false, batchSize: 1 });
  const [one, two] = [stats.counter("cluster.x.one"), stats.counter("two")];
  one.value = 5;
  two.value = 1;
  assert.deepEqual(flush(), [["node me", "0 cluster.x.one{} 5"], ["0 two{} 1"]]);
  one.value = 7;
  assert.deepEqual(flush(), [["0 cluster.x.one{} 2"]]);
});

test("a flush of many metrics is made of several turns", () => {
  const { stats, flush } = setUp();
  const counters = Array.from({ length: 2_500 }, (_, i) => stats.counter(`c${i}`));
  for (const counter of counters) counter.value++;
  // Those that are new take longer.
  for (let named = 0; named < 2_501;) {
    const messages = flush();
    assert.ok(messages.every(({ length }) => length < 100));
    named += messages.flat().length;
  }
  for (const counter of counters) counter.value++;
  assert.deepEqual(
    flush().map(({ length }) => length),
    [1_000, 1_000, 500],
  );
});

test("a summary has the quantiles of what came", () => {
  const { stats, flush } = setUp({ summaries: true, histograms: false });
  stats.histogram("h").record(10);
  assert.match(flush()[0]![1]!, /^2 h\{\} 1 10 .*0.5:/);
});

test("a flush that goes wrong is the only one", () => {
  const { stats, flush, state } = setUp();
  const counter = stats.counter("a");
  counter.value = 1;
  assert.equal(flush().length, 1);
  counter.value = 2;
  state.breaks = true;
  assert.deepEqual(flush(), []);
  assert.equal(state.bugs, 1);
  state.breaks = false;
  counter.value = 3;
  assert.deepEqual(flush(), [["0 a{} 3"]]);
});

type Field = readonly [number, number | Uint8Array];

function fields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) found.push([tag >> 3, varint()]);
    else if ((tag & 7) === 1) {
      found.push([tag >> 3, view.getFloat64(at, true)]);
      at += 8;
    } else {
      const length = varint();
      found.push([tag >> 3, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}

const all = (bytes: Uint8Array, field: number): Uint8Array[] =>
  fields(bytes).flatMap(([number, value]) => (number === field ? [value as Uint8Array] : []));
const number = (bytes: Uint8Array, field: number): number =>
  fields(bytes).find(([each]) => each === field)?.[1] as number;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function exemplar(bytes: Uint8Array): string {
  const [label, time] = [all(bytes, 1)[0]!, all(bytes, 3)[0]!];
  const [name, value] = [text(all(label, 1)[0]!), text(all(label, 2)[0]!)];
  return `#${name}=${value},${number(bytes, 2)}@${number(time, 1) + number(time, 2) / 1e9}`;
}

/** One line for each family. Buckets: those in which there is something new. */
function told(message: Uint8Array): string[] {
  const nodes = all(message, 1).map((identifier) => `node ${fromBinary(NodeSchema, all(identifier, 1)[0]!).id}`);
  return [
    ...nodes,
    ...all(message, 2).map((family) => {
      const type = number(family, 3);
      const metric = all(family, 4)[0]!;
      assert.equal(number(metric, 6), 1_000);
      const labels = all(metric, 1).map((pair) => `${text(all(pair, 1)[0]!)}=${text(all(pair, 2)[0]!)}`);
      const value = all(metric, [3, 2, 4, 0, 7][type]!)[0]!;
      let below = 0;
      const parts = all(value, 3).flatMap((bucket) => {
        if (type === 2) return [`${number(bucket, 1)}:${number(bucket, 2)}`];
        const [count, bound] = [number(bucket, 1), number(bucket, 2)];
        if (count === below) return [];
        below = count;
        return [`${bound}:${count}${all(bucket, 3).map(exemplar).join("")}`];
      });
      const shown = type < 2 ? [number(value, 1)] : [number(value, 1), number(value, 2), ...parts];
      return `${type} ${text(all(family, 1)[0]!)}{${labels.join()}} ${shown.join(" ")}`;
    }),
  ];
}
