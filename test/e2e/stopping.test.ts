/** However the demo ends, nothing of it stays. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import { eventually, startTulle } from "./support/tulle.ts";

describe("the demo leaves no process behind", () => {
  const config = createConfigDir(routing("virtual-service-all-v1.yaml"));
  after(() => config.remove());

  test("after Ctrl-C, and ends with 0", async () => {
    const demo = await startDemo(config.path);
    // The demo, the control plane, the ingress, six sidecars and their six programs.
    await eventually("all parts", 60_000, () => demo.processes().length === 15);
    demo.kill("SIGINT");
    const { code } = await demo.ended;
    assert.equal(code, 0);
    await eventually("no process", 60_000, () => demo.processes().length === 0);
  });

  test("after Ctrl-C while it is still starting", async () => {
    const demo = startTulle(["demo", "--port", "0", "--config", config.path]);
    await eventually("some parts", 60_000, () => demo.processes().length > 4);
    demo.kill("SIGINT");
    await demo.ended;
    await eventually("no process", 60_000, () => demo.processes().length === 0);
  });

  test("after kill -9 of the demo itself", async () => {
    const demo = await startDemo(config.path);
    demo.kill("SIGKILL");
    await eventually("no process", 60_000, () => demo.processes().length === 0);
  });
});
