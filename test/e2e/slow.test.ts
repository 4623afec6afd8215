/** Which service causes the delay: said by the command, the home page's answer and a trace, and it moves with the delay. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { CriticalPath, Overview, SlowAnswer, SlowRow } from "@tulle/telemetry/insight";
import { createConfigDir } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";
import { eventually, tulle } from "./support/tulle.ts";
import { startLoad } from "./support/visitor.ts";
import type { Load } from "./support/visitor.ts";

/** From the moment at which the rule is written, where the machine has time for it: one of two is enough. */
const NAMED_WITHIN_MS = 15_000;
const PATIENCE_MS = 60_000;

const SPLIT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
  - reviews
  http:
  - route:
    - destination: { host: reviews, subset: v2 }
      weight: 50
    - destination: { host: reviews, subset: v3 }
      weight: 50
`;

/** Only what reviews v2 asks of ratings is delayed. */
const RATINGS_FOR_V2 = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ratings-delay
spec:
  hosts:
  - ratings
  http:
  - match:
    - sourceLabels: { version: v2 }
    fault:
      delay: { fixedDelay: 300ms, percentage: { value: 100 } }
    route:
    - destination: { host: ratings, subset: v1 }
  - route:
    - destination: { host: ratings, subset: v1 }
`;

const REVIEWS_DELAYED = SPLIT.replace(
  "  http:\n  - route:",
  "  http:\n  - fault:\n      delay: { fixedDelay: 300ms, percentage: { value: 100 } }\n    route:",
);

describe("the delay in the demo", () => {
  const config = createConfigDir(SPLIT);
  let demo: RunningDemo;
  let load: Load;
  /** How long it took to name the one that was delayed. */
  const tookMs: number[] = [];
  before(async () => {
    demo = await startDemo(config.path);
    load = startLoad(demo.ingress, 2);
  });
  after(async () => {
    await load.stop();
    demo.kill("SIGINT");
    await demo.ended;
    config.remove();
  });

  async function ask<T>(path: string): Promise<T> {
    const response = await fetch(`http://${demo.http}/api/v1/${path}`);
    assert.equal(response.status, 200, path);
    return (await response.json()) as T;
  }

  async function culprit(): Promise<SlowRow | undefined> {
    await delay(250);
    const { rows, culprit: index } = await ask<SlowAnswer>("slow?window=1m");
    return index === null ? undefined : rows[index];
  }

  test("before, where the time goes is known, and no delay is injected", async () => {
    const row = await eventually("something is known", 60_000, culprit);
    assert.notEqual(row.kind, "fault");
  });

  test("with 300 ms injected into ratings for v2 only, the command, the home page and a trace name its route and version", async () => {
    const began = performance.now();
    config.setRouting(SPLIT + RATINGS_FOR_V2);
    const row = await eventually("the culprit is a fault in ratings", PATIENCE_MS, async () => {
      const found = await culprit();
      return found?.kind === "fault" && found.service === "ratings" && found;
    });
    tookMs.push(performance.now() - began);
    assert.deepEqual([row.version, row.from?.name, row.from?.version], ["v1", "reviews", "v2"]);
    // Not less than is injected; what a busy machine adds is its own.
    assert.ok((row.recent ?? row.now).msPerCall > 290, JSON.stringify(row));
    assert.equal(row.because[0]?.name, "ratings-delay");
    await eventually("the home page names it", PATIENCE_MS, async () => {
      const { slow } = await ask<Overview>("overview");
      return slow.culprit !== null && slow.rows[slow.culprit]?.service === "ratings";
    });
    const said = await eventually("the command names it", PATIENCE_MS, async () => {
      const ended = await tulle("slow", "--http", demo.http);
      return ended.stdout.includes("injected into ratings") && ended;
    });
    assert.match(
      said.stdout,
      /^A delay injected into ratings v1(?: \(route [^)]+\))?, called by reviews v2, by VirtualService default\/ratings-delay/,
    );
    const delayed = await eventually("a trace shows it", PATIENCE_MS, async () => {
      const traceId = (await culprit())?.traceIds[0];
      if (traceId === undefined) return undefined;
      const { sections } = await ask<CriticalPath>(`slow/${traceId}`);
      return sections.find(({ kind }) => kind === "fault");
    });
    assert.deepEqual([delayed.service, delayed.version], ["ratings", "v1"]);
    assert.ok(delayed.route !== "" && delayed.durationMicros > 290_000);
  });

  test("with the delay moved to reviews, the answer moves", async () => {
    const began = performance.now();
    config.setRouting(REVIEWS_DELAYED);
    const row = await eventually("the culprit is a fault in reviews", PATIENCE_MS, async () => {
      const found = await culprit();
      return found?.kind === "fault" && found.service === "reviews" && found;
    });
    tookMs.push(performance.now() - began);
    assert.equal(row.from?.name, "productpage");
    await eventually("the command names it", PATIENCE_MS, async () =>
      (await tulle("slow", "--http", demo.http)).stdout.startsWith("A delay injected into reviews"),
    );
    assert.ok(Math.min(...tookMs) < NAMED_WITHIN_MS, `${tookMs.join(" and ")} ms`);
  });
});
