import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { awaitControlPlane } from "../src/control-plane/await.ts";
import { DEFAULT_XDS } from "../src/control-plane/locate.ts";
import { accepts } from "../src/process/probe.ts";

const NOWHERE = { xds: undefined, "xds-tls": undefined };

describe("a workload that starts before its control plane", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-await-"));
  after(() => rmSync(stateDir, { recursive: true }));
  // Somebody's own control plane would be found there.
  const skip = await accepts(DEFAULT_XDS);

  test("waits for it to say in the state directory where it is", { skip }, async () => {
    let known = false;
    const waiting = awaitControlPlane(NOWHERE, stateDir, 10_000).then(() => (known = true));
    await accepts(DEFAULT_XDS);
    assert.equal(known, false);
    writeFileSync(join(stateDir, "control-plane.json"), "{}");
    await waiting;
    rmSync(join(stateDir, "control-plane.json"));
  });

  test("waits for what one that listens already is about to say, and not for ever", async (t) => {
    const server = createServer((socket) => socket.destroy());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const usual = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    let known = false;
    const waiting = awaitControlPlane(NOWHERE, stateDir, 60_000, usual).then(() => (known = true));
    await once(server, "connection");
    assert.equal(known, false);
    writeFileSync(join(stateDir, "control-plane.json"), "{}");
    await waiting;
    rmSync(join(stateDir, "control-plane.json"));
    await awaitControlPlane(NOWHERE, stateDir, 1, usual);
  });

  test("does not wait for one that it was told of", async () => {
    await awaitControlPlane({ ...NOWHERE, xds: { host: "10.0.0.1", port: 1 } }, stateDir, 0);
    await awaitControlPlane({ "xds-tls": { host: "10.0.0.1", port: 1 } }, stateDir, 0);
  });

  test("gives up with what to do", { skip }, async () => {
    await assert.rejects(awaitControlPlane(NOWHERE, stateDir, 1), {
      message: `no control plane at 127.0.0.1:15010 (from the default): nobody listens there, and none runs with the state directory ${stateDir} (waited 0.001 s)`,
    });
  });
});
