import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { proxyProcess, startedAsProxy } from "../bin/proxy-process.js";

const LAUNCHER = join(import.meta.dirname, "..", "bin", "tulle.js");

test("a proxy's process has a small young generation and an allocator that gives back", () => {
  for (const command of ["proxy", "run", "gateway"]) {
    const settings = proxyProcess([command, "-c", "x"], { PATH: "/bin" });
    assert.deepEqual(
      settings?.flags,
      ["--max-semi-space-size=2", "--no-maglev", "--no-parallel-scavenge", "--v8-pool-size=1"],
      command,
    );
    assert.equal(settings?.env["PATH"], "/bin");
    assert.equal(settings?.env["MALLOC_MMAP_THRESHOLD_"], "32768");
  }
});

test("other commands are started as they are", () => {
  for (const args of [["up"], ["get", "proxy"], []]) assert.equal(proxyProcess(args, {}), undefined);
});

test("what the user has set wins", () => {
  const env = { NODE_OPTIONS: "--max-semi-space-size=22", MALLOC_TRIM_THRESHOLD_: "1" };
  const settings = proxyProcess(["proxy"], env);
  assert.deepEqual(settings?.flags, ["--no-maglev", "--no-parallel-scavenge", "--v8-pool-size=1"]);
  assert.equal(settings?.env["MALLOC_TRIM_THRESHOLD_"], "1");
});

test("the programs that a proxy's process starts inherit nothing of it", (t) => {
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  process.env = proxyProcess(["run"], { ...before, MALLOC_TRIM_THRESHOLD_: "1" })!.env;
  assert.equal(startedAsProxy(), true);
  assert.deepEqual(process.env, { ...before, MALLOC_TRIM_THRESHOLD_: "1" });
  assert.equal(startedAsProxy(), false);
});

test("the launcher becomes such a process", () => {
  const probe = `process.on("exit", () => console.log(process.execArgv.join(" "), process.env.MALLOC_MMAP_THRESHOLD_))`;
  const args = ["--import", `data:text/javascript,${encodeURIComponent(probe)}`, LAUNCHER, "proxy", "--help"];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 0);
  assert.match(
    stdout,
    /--max-semi-space-size=2 --no-maglev --no-parallel-scavenge --v8-pool-size=1 --import \S+ undefined\n$/,
  );
});
