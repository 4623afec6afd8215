/** `tulle run`: a program beside a sidecar. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, startTulle, tulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

const SERVER = `require("node:http").createServer((q, r) => r.end("hello from " + process.env.TULLE_SERVICE + " " + q.url)).listen(process.env.PORT, "127.0.0.1")`;
const CLIENT = `fetch("http://web:8080/x").then(async (r) => { console.log(r.status, await r.text()); })`;

describe("tulle run", () => {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-e2e-state-"));
  let controlPlane: RunningTulle;
  let xds: string;
  let http: string;
  before(async () => {
    controlPlane = startTulle([
      "up",
      "--state-dir",
      stateDir,
      "--xds",
      "127.0.0.1:0",
      "--http",
      "127.0.0.1:0",
      "--json",
    ]);
    const ready = JSON.parse(await controlPlane.nextLine()) as { xds: string; http: string; stateDir: string };
    ({ xds, http } = ready);
    assert.equal(ready.stateDir, stateDir);
  });
  after(async () => {
    controlPlane.kill("SIGTERM");
    assert.equal((await controlPlane.ended).code, 0);
    rmSync(stateDir, { recursive: true, force: true });
  });
  const run = (service: string, ...command: string[]): RunningTulle =>
    startTulle(["run", "--service", service, "--state-dir", stateDir, "--", ...command]);

  test("ends with the program's exit code", async () => {
    const [zero, seven, killed, missing] = await Promise.all([
      run("a", "true").ended,
      run("b", "sh", "-c", "exit 7").ended,
      run("c", "sh", "-c", "kill -KILL $$").ended,
      run("d", "no-such-program").ended,
    ]);
    assert.deepEqual([zero.code, seven.code, killed.code, missing.code], [0, 7, 137, 127]);
    assert.match(missing.stderr, /no-such-program: no such program/);
  });

  test("carries requests between programs by service name, and passes their output through", async () => {
    const web = run("web", process.execPath, "-e", SERVER);
    await eventually("a healthy endpoint", 60_000, async () => {
      const { stdout } = await run("client", process.execPath, "-e", CLIENT).ended;
      return stdout === "200 hello from web /x\n";
    });
    const { stdout } = await tulle("proxies", "--state-dir", stateDir);
    assert.match(stdout, /^web-\w{5}\.default +web\.default /m);
    web.kill("SIGTERM");
    assert.equal((await web.ended).code, 143);
  });

  test("passes signals on, and kills what does not heed them in time", async () => {
    const polite = run("polite", "sh", "-c", 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done');
    assert.equal(await polite.nextLine(), "up");
    polite.kill("SIGTERM");
    const { code, stdout } = await polite.ended;
    assert.equal(code, 3);
    assert.match(stdout, /bye/);

    const stubborn = 'trap "" TERM INT; echo up; while :; do sleep 0.05; done';
    const flags = ["--service", "deaf", "--state-dir", stateDir, "--grace", "0"];
    const deaf = startTulle(["run", ...flags, "--", "sh", "-c", stubborn]);
    assert.equal(await deaf.nextLine(), "up");
    deaf.kill("SIGINT");
    assert.equal((await deaf.ended).code, 137);
    await eventually("no process", 60_000, () => deaf.processes().length === 0);
  });

  test("leaves nothing of the program's process group", async () => {
    const parent = run("family", "sh", "-c", "sleep 1000 & exit 0");
    assert.equal((await parent.ended).code, 0);
    await eventually("no process", 60_000, () => parent.processes().length === 0);
  });

  test("says how to start a control plane when there is none", async () => {
    const args = ["run", "--service", "a", "--xds", "127.0.0.1:1", "--wait", "1", "--", "true"];
    const { code, stderr } = await tulle(...args);
    assert.equal(code, 1);
    assert.match(stderr, /no control plane at 127\.0\.0\.1:1 \(from --xds\)/);
    assert.match(stderr, /tulle up/);
  });

  test("serves more than one sidecar of the same service", async () => {
    const first = run("pair", process.execPath, "-e", SERVER);
    const second = run("pair", process.execPath, "-e", SERVER);
    await eventually("two in sync", 60_000, async () => {
      const { stdout } = await tulle("proxies", "--http", http);
      return [...stdout.matchAll(/^pair-/gm)].length === 2;
    });
    assert.notEqual(xds, "");
    first.kill("SIGINT");
    second.kill("SIGINT");
    assert.deepEqual([(await first.ended).code, (await second.ended).code], [130, 130]);
  });
});
