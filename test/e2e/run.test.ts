/** `tulle run`: a program beside a sidecar. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePorts } from "../support/ports.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { eventually, startTulle, tulle } from "./support/tulle.ts";
import type { RunningTulle } from "./support/tulle.ts";

const SERVER = `require("node:http").createServer((q, r) => r.end("hello from " + process.env.TULLE_SERVICE + " " + q.url)).listen(process.env.PORT, "127.0.0.1")`;
/** It stops to show metrics when it is asked to. */
const METERED = `const { createServer } = require("node:http");
createServer((q, r) => r.end()).listen(process.env.PORT, "127.0.0.1");
const metrics = createServer((q, r) => {
  if (q.url === "/close") metrics.close();
  r.setHeader("content-type", "text/plain; version=0.0.4");
  r.setHeader("connection", "close");
  r.end("# TYPE jobs_done_total counter\\njobs_done_total 7\\n");
}).listen(METRICS, "127.0.0.1");`;
const DEPLOYED = readFileSync(new URL("../../deploy/prometheus/prometheus.yaml", import.meta.url), "utf8");
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

  test("says on which port a server is to listen that listens nowhere, and leaves a shell alone", async () => {
    const [server, shell] = [
      ["run", "--service", "deaf", "--port", "80"],
      ["run", "--service", "shell"],
    ].map((args) => startTulle([...args, "--state-dir", stateDir, "--", "sleep", "30"])) as [
      RunningTulle,
      RunningTulle,
    ];
    await eventually("that it is told to the control plane, for both", 30_000, async () => {
      const text = await (await fetch(`http://${http}/api/v1/workloads`)).text();
      return text.match(/"healthMessage":"nothing listens on 127\.0\.0\.1:\d+, its port"/g)?.length === 2;
    });
    server.kill("SIGTERM");
    shell.kill("SIGTERM");
    assert.match((await server.ended).stderr, /nothing listens on 127\.0\.0\.1:\d+ yet.*\n.*--app-port PORT/);
    assert.doesNotMatch((await shell.ended).stderr, /nothing listens/);
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

  test("one scrape has the program's metrics and the proxy's; a Prometheus finds it by the control plane", async () => {
    const [metrics, scrape] = await freePorts(2);
    const program = METERED.replace("METRICS", String(metrics));
    const metered = startTulle([
      ...`run --service metered --state-dir ${stateDir} --metrics-port ${metrics} --scrape-port ${scrape}`.split(" "),
      "--",
      process.execPath,
      "-e",
      program,
    ]);
    const prometheus = await startPrometheus(DEPLOYED.replaceAll("127.0.0.1:15014", http));
    const ask = async (query: string): Promise<string | undefined> => {
      const answer = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return data.result[0]?.value[1];
    };
    try {
      await eventually(
        "the program's metric",
        60_000,
        async () => (await ask('jobs_done_total{app="metered"}')) === "7",
      );
      assert.equal(await ask('envoy_server_live{app="metered"}'), "1");
      // Down it counts as a failure, and the proxy's metrics still come.
      await fetch(`http://127.0.0.1:${metrics}/close`);
      const failures = 'istio_agent_scrape_failures_total{app="metered",type="application"}';
      await eventually("a failure", 60_000, async () => Number(await ask(failures)) > 0);
      assert.equal(await ask('up{app="metered"}'), "1");
      assert.equal(await ask('envoy_server_live{app="metered"}'), "1");
      assert.match(metered.stderr(), /no metrics of the program: connect ECONNREFUSED/);
    } finally {
      await prometheus.stop();
      metered.kill("SIGTERM");
      await metered.ended;
    }
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
