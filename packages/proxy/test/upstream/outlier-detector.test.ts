/** The outlier detector alone: no sockets, a clock that the test moves. Envoy test/common/upstream/outlier_detection_impl_test.cc has the same sums. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OutlierDetectionPlan } from "../../src/plan/cluster-plan.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { OutlierDetector } from "../../src/upstream/outlier/detector.ts";
import { OutlierEventLog } from "../../src/upstream/outlier/event-log.ts";
import type { MonitoredHost, OutlierMonitor } from "../../src/upstream/outlier/monitor.ts";
import { OutlierStats } from "../../src/upstream/outlier/stats.ts";

const PLAN: OutlierDetectionPlan = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionJitterMs: 0,
  maxEjectionPercent: 100,
  alwaysEjectOneHost: false,
  splitLocalOrigin: false,
  healthCheckUnejects: true,
  consecutive5xx: 5,
  consecutiveGatewayFailure: 5,
  consecutiveLocalOriginFailure: 5,
  successRate: { minHosts: 5, minRequests: 100, stdevFactor: 1.9 },
  failurePercentage: { minHosts: 5, minRequests: 50, threshold: 85 },
  enforcing: {
    CONSECUTIVE_5XX: 100,
    CONSECUTIVE_GATEWAY_FAILURE: 0,
    SUCCESS_RATE: 100,
    CONSECUTIVE_LOCAL_ORIGIN_FAILURE: 100,
    SUCCESS_RATE_LOCAL_ORIGIN: 100,
    FAILURE_PERCENTAGE: 0,
    FAILURE_PERCENTAGE_LOCAL_ORIGIN: 0,
  },
  errorMatcher: null,
};

class TestHost implements MonitoredHost {
  readonly name: string;
  ejected = false;

  constructor(name: string) {
    this.name = name;
  }

  setEjected(ejected: boolean): void {
    this.ejected = ejected;
  }
}

function harness(hosts: number, changes: Partial<OutlierDetectionPlan> = {}, random = () => 0) {
  const registry = new StatsRegistry();
  const clock = { now: 1_000 };
  const lines: string[] = [];
  let seen = 0;
  const events = new OutlierEventLog("c", { now: () => clock.now, wallMs: () => 0 }, (line) => void lines.push(line));
  const detector = new OutlierDetector(
    { ...PLAN, ...changes },
    { stats: new OutlierStats(registry, "c"), clock, random, onChange: () => seen++, events },
  );
  const monitors = Array.from({ length: hosts }, (_, i) => detector.add(new TestHost(`h${i}`)));
  const answer = (monitor: OutlierMonitor, status: number, times: number): void => {
    for (let i = 0; i < times; i++) monitor.onResponse(status);
  };
  /** One interval passes, and what falls due happens. */
  const tick = (ms = 10_000): void => {
    clock.now += ms;
    detector.onInterval();
  };
  const stat = (name: string): number => {
    const full = `cluster.c.outlier_detection.ejections_${name}`;
    return name === "active" ? registry.gauge(full).value : registry.counter(full).value;
  };
  return { detector, monitors, clock, lines, answer, tick, stat, changes: () => seen };
}

describe("consecutive errors", () => {
  it("eject after so many 5xx, and not if a good answer comes between", () => {
    const { monitors, answer, stat, changes } = harness(1);
    answer(monitors[0], 500, 4);
    answer(monitors[0], 200, 1);
    answer(monitors[0], 500, 4);
    assert.equal(monitors[0].host.ejected, false);
    answer(monitors[0], 599, 1);
    assert.equal(monitors[0].host.ejected, true);
    assert.equal(stat("enforced_consecutive_5xx"), 1);
    assert.equal(stat("active"), 1);
    assert.equal(changes(), 1);
  });

  it("count gateway failures apart; by default they are detected only", () => {
    const { monitors, answer, stat } = harness(1, { consecutive5xx: 0 });
    answer(monitors[0], 502, 4);
    answer(monitors[0], 500, 1);
    answer(monitors[0], 503, 5);
    assert.equal(stat("detected_consecutive_gateway_failure"), 1);
    assert.equal(stat("detected_consecutive_5xx"), 0);
    assert.equal(monitors[0].host.ejected, false);
    answer(monitors[0], 504, 5);
    assert.equal(stat("detected_consecutive_gateway_failure"), 2, "the count has begun anew");
  });

  it("take what fails on our side as 503 and 504, unless it is to be told apart", () => {
    const together = harness(1);
    for (let i = 0; i < 3; i++) together.monitors[0].onConnectFailed();
    for (let i = 0; i < 2; i++) together.monitors[0].onTimeout(504);
    assert.equal(together.stat("enforced_consecutive_5xx"), 1);
    const apart = harness(1, { splitLocalOrigin: true });
    const [monitor] = apart.monitors;
    for (let i = 0; i < 4; i++) monitor.onConnectFailed();
    monitor.onConnected();
    for (let i = 0; i < 4; i++) monitor.onTimeout(504);
    assert.equal(monitor.host.ejected, false);
    monitor.onConnectFailed();
    assert.equal(apart.stat("enforced_consecutive_local_origin_failure"), 1);
    assert.equal(apart.stat("detected_consecutive_5xx"), 0);
  });

  it("are of no account on a host that is ejected, or gone", () => {
    const { detector, monitors, answer, stat } = harness(2);
    answer(monitors[0], 500, 20);
    detector.remove(monitors[1]);
    answer(monitors[1], 500, 20);
    assert.equal(stat("detected_consecutive_5xx"), 1);
  });
});

describe("the limit on ejections", () => {
  it("holds hosts back beyond max_ejection_percent: of nine hosts 10 % is nobody", () => {
    const nine = harness(9, { maxEjectionPercent: 10 });
    nine.answer(nine.monitors[0], 500, 5);
    assert.equal(nine.stat("overflow"), 1);
    assert.equal(nine.stat("total"), 0);
    const ten = harness(10, { maxEjectionPercent: 10 });
    ten.answer(ten.monitors[0], 500, 5);
    ten.answer(ten.monitors[1], 500, 5);
    assert.equal(ten.stat("active"), 1);
    assert.equal(ten.stat("overflow"), 1);
  });

  it("always_eject_one_host lets the first one go", () => {
    const { monitors, answer, stat } = harness(2, { maxEjectionPercent: 0, alwaysEjectOneHost: true });
    answer(monitors[0], 500, 5);
    answer(monitors[1], 500, 5);
    assert.equal(stat("active"), 1);
    assert.equal(stat("overflow"), 1);
  });

  it("a removed host makes room", () => {
    const { detector, monitors, answer, stat } = harness(2, { maxEjectionPercent: 50 });
    answer(monitors[0], 500, 5);
    detector.remove(monitors[0]);
    assert.equal(stat("active"), 0);
  });

  it("enforcing is a chance in percent", () => {
    const drawn = [0.3, 0.29];
    const enforcing = { ...PLAN.enforcing, CONSECUTIVE_5XX: 30 };
    const { monitors, answer, stat } = harness(1, { enforcing }, () => drawn.shift() ?? 0);
    answer(monitors[0], 500, 5);
    assert.equal(monitors[0].host.ejected, false);
    assert.equal(stat("total"), 1, "the old counter counts what is not enforced, too");
    answer(monitors[0], 500, 5);
    assert.equal(monitors[0].host.ejected, true);
    assert.equal(stat("detected_consecutive_5xx"), 2);
    assert.equal(stat("enforced_total"), 1);
  });
});

describe("the time out", () => {
  const ejectFor = (h: ReturnType<typeof harness>): number => {
    h.answer(h.monitors[0], 500, 5);
    let ms = 0;
    while (h.monitors[0].host.ejected) {
      h.tick();
      ms += 10_000;
    }
    return ms;
  };

  it("is the base time, once more for each time, up to the longest", () => {
    const h = harness(1, { maxEjectionMs: 70_000 });
    assert.deepEqual([ejectFor(h), ejectFor(h), ejectFor(h), ejectFor(h)], [30_000, 60_000, 70_000, 70_000]);
  });

  it("shrinks with each interval without an ejection", () => {
    const h = harness(1);
    ejectFor(h);
    ejectFor(h);
    // The tick that lets it in does not count: it has not been in for an interval then.
    h.tick();
    h.tick();
    assert.equal(ejectFor(h), 30_000);
  });

  it("has some jitter", () => {
    const h = harness(1, { maxEjectionJitterMs: 10_000 }, () => 0.5);
    assert.equal(ejectFor(h), 40_000);
  });

  it("starts the counts anew, and says so in the event log", () => {
    const { monitors, answer, tick, lines, clock } = harness(1);
    answer(monitors[0], 502, 5);
    answer(monitors[0], 502, 4);
    clock.now += 100;
    for (let i = 0; i < 3; i++) tick();
    assert.equal(monitors[0].host.ejected, false);
    answer(monitors[0], 502, 4);
    assert.equal(monitors[0].host.ejected, false);
    const common = '"timestamp":"1970-01-01T00:00:00.000Z"';
    const host = '"cluster_name":"c","upstream_url":"h0"';
    assert.deepEqual(lines, [
      `{"type":"CONSECUTIVE_GATEWAY_FAILURE",${common},${host},"action":"EJECT","num_ejections":0,"enforced":false,"eject_consecutive_event":{}}\n`,
      `{"type":"CONSECUTIVE_5XX",${common},${host},"action":"EJECT","num_ejections":1,"enforced":true,"eject_consecutive_event":{}}\n`,
      `{"type":"CONSECUTIVE_5XX",${common},"secs_since_last_action":"30",${host},"action":"UNEJECT","num_ejections":1,"enforced":false}\n`,
    ]);
  });

  it("ends when an active health check passes", () => {
    const { detector, monitors, answer, stat } = harness(1);
    answer(monitors[0], 500, 5);
    detector.onHealthy(monitors[0]);
    assert.equal(monitors[0].host.ejected, false);
    assert.equal(stat("active"), 0);
    const stubborn = harness(1, { healthCheckUnejects: false });
    stubborn.answer(stubborn.monitors[0], 500, 5);
    stubborn.detector.onHealthy(stubborn.monitors[0]);
    assert.equal(stubborn.monitors[0].host.ejected, true);
  });
});

describe("rates", () => {
  /** So many of 100 requests of each host succeed. */
  const feed = (h: ReturnType<typeof harness>, ...successes: number[]): void => {
    successes.forEach((good, i) => {
      for (let k = 0; k < 100; k++) h.monitors[i].onResponse(k % 100 < good ? 200 : 500);
    });
  };
  const none = { consecutive5xx: 0 };

  it("below mean - 1.9 σ eject: of 50, 100, 100, 100, 100 the mean is 90, σ 20, and the limit 52", () => {
    const h = harness(5, none);
    feed(h, 50, 100, 100, 100, 100);
    h.tick();
    assert.deepEqual(h.detector.external, { average: 90, threshold: 52 });
    assert.deepEqual(
      h.monitors.map(({ host }) => host.ejected),
      [true, false, false, false, false],
    );
    assert.equal(h.monitors[0].external.shown, 50);
    assert.equal(h.stat("enforced_success_rate"), 1);
    assert.equal(h.changes(), 1);
    assert.match(
      h.lines[0],
      /"eject_success_rate_event":\{"host_success_rate":50,"cluster_average_success_rate":90,"cluster_success_rate_ejection_threshold":52\}/,
    );
  });

  it("need enough hosts with enough requests in the interval", () => {
    const four = harness(4, none);
    feed(four, 0, 100, 100, 100);
    four.tick();
    assert.equal(four.stat("detected_success_rate"), 0);
    const quiet = harness(5, none);
    feed(quiet, 0, 100, 100, 100);
    quiet.answer(quiet.monitors[4], 200, 99);
    quiet.tick();
    assert.equal(quiet.stat("detected_success_rate"), 0);
    assert.equal(quiet.monitors[4].external.shown, 100);
    assert.deepEqual(quiet.detector.external, { average: -1, threshold: -1 });
  });

  it("are those of the last interval", () => {
    const h = harness(5, none);
    feed(h, 100, 100, 100, 100, 100);
    h.tick();
    h.tick();
    assert.equal(h.monitors[0].external.shown, -1);
    assert.deepEqual(h.detector.external, { average: -1, threshold: -1 });
  });

  it("of failures above the threshold are detected, and enforced if that is asked for", () => {
    const detecting = harness(5, none);
    feed(detecting, 15, 16, 15, 16, 16);
    detecting.tick();
    assert.equal(detecting.stat("detected_failure_percentage"), 2);
    assert.equal(detecting.stat("active"), 0);
    const enforcing = harness(5, { ...none, enforcing: { ...PLAN.enforcing, FAILURE_PERCENTAGE: 100 } });
    feed(enforcing, 15, 16, 15, 16, 16);
    enforcing.tick();
    assert.equal(enforcing.stat("active"), 2);
    assert.equal(enforcing.stat("enforced_failure_percentage"), 2);
    assert.match(
      enforcing.lines[0],
      /"type":"FAILURE_PERCENTAGE".*"eject_failure_percentage_event":\{"host_success_rate":15\}/,
    );
  });

  it("of our own side are apart, if they are to be told apart", () => {
    const h = harness(5, { splitLocalOrigin: true, consecutiveLocalOriginFailure: 0 });
    h.monitors.forEach((monitor, i) => {
      for (let k = 0; k < 100; k++) {
        if (i > 0 || k < 50) monitor.onConnected();
        else monitor.onConnectFailed();
        monitor.onResponse(200);
      }
    });
    h.tick();
    assert.deepEqual(h.detector.localOrigin, { average: 90, threshold: 52 });
    assert.deepEqual(h.detector.external, { average: 100, threshold: 100 });
    assert.equal(h.stat("enforced_local_origin_success_rate"), 1);
    assert.equal(h.monitors[0].localOrigin.shown, 50);
  });
});
