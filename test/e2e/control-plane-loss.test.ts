/** The control plane is killed under load, and comes back. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";
import { eventually, tulle } from "./support/tulle.ts";
import { startLoad } from "./support/visitor.ts";

interface ProxyStatus {
  readonly types: Readonly<Record<string, { readonly state: string }>>;
}

describe("kill -9 of the control plane", () => {
  const config = createConfigDir(routing("virtual-service-all-v1.yaml"));
  let demo: RunningDemo;
  before(async () => {
    demo = await startDemo(config.path);
  });
  after(() => config.remove());

  test("loses no request; after its restart all proxies are in sync and take changes again", async () => {
    const load = startLoad(demo.ingress, 4);
    await eventually("traffic", 60_000, () => load.visits.length > 50);
    const killed = demo.controlPlanePid();
    process.kill(killed, "SIGKILL");
    const alone = load.visits.length;
    await eventually("traffic without a control plane", 60_000, () => load.visits.length > alone + 50);

    await eventually("seven proxies in sync", 60_000, async () => {
      const { code, stdout } = await tulle("proxies", "-o", "json", "--http", demo.http);
      if (code !== 0) return false;
      const proxies = JSON.parse(stdout) as ProxyStatus[];
      return (
        proxies.length === 7 &&
        proxies.every(({ types }) => Object.values(types).every(({ state }) => state === "SYNCED"))
      );
    });
    assert.notEqual(demo.controlPlanePid(), killed);

    config.setRouting(routing("virtual-service-reviews-v3.yaml"));
    await eventually("v3", 60_000, () => load.visits.slice(-10).every(({ version }) => version === "v3"));
    const after = load.visits.length;
    await eventually("traffic with the new control plane", 60_000, () => load.visits.length > after + 100);
    await load.stop();
    assert.deepEqual(load.failures, []);
    const result = await demo.finish();
    assert.equal(result.failed, 0, JSON.stringify(result.edges));
  });
});
