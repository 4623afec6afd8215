/** Envoy takes every variant of the demo's configuration without a NACK. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startControlPlane } from "../support/control-plane.ts";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { adsBootstrap } from "../support/workload.ts";

const BOOKINFO = join(import.meta.dirname, "../../examples/bookinfo/config");

test("a stock Envoy refuses nothing of Bookinfo", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-bookinfo-"));
  const control = await startControlPlane({ configDir: join(folder, "config"), stateDir: join(folder, "state") });
  const [outbound, proxy] = (await freePorts(2)) as [number, number];
  const address = "127.0.0.1";
  const tulle = { outbound: [{ port: 9080, address, bind_port: outbound }], http_proxy: { address, port: proxy } };
  const envoy = await startEnvoy({
    bootstrap: adsBootstrap(control.xdsPort, { name: "client", labels: { app: "client" }, tulle }),
  });
  try {
    const files = readdirSync(BOOKINFO, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
    assert.ok(files.length > 5);
    for (const name of files.sort()) {
      await control.apply(readFileSync(join(BOOKINFO, name), "utf8"));
      await control.waitForSync();
      assert.deepEqual(await control.nacks(), [], name);
    }
    for (const line of (await envoy.admin("/stats?filter=update_rejected")).trim().split("\n"))
      assert.match(line, /: 0$/);
  } finally {
    await envoy.stop();
    await control.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
