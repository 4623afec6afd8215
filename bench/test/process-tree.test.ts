import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { allowedCpus, cpuSeconds, peakRssMiB, processTree, rssMiB, threadCpuSeconds } from "../src/process-tree.ts";

void test(
  "the tree is a process and its descendants, and its CPU time is theirs",
  { skip: process.platform !== "linux" },
  async (t) => {
    const busy = "while (process.cpuUsage().user < 200_000); console.log('done'); setInterval(() => {}, 1000)";
    const child = spawn("sh", ["-c", '"$0" -e "$1"; true', process.execPath, busy], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => {
      for (const pid of processTree(child.pid!)) process.kill(pid, "SIGKILL");
    });
    await once(child.stdout, "data");
    assert.equal(processTree(child.pid!).length, 2);
    for (const seconds of [cpuSeconds(child.pid!), threadCpuSeconds(child.pid!)]) {
      assert.ok(seconds > 0.15 && seconds < 10, `${seconds} s`);
    }
    const rss = rssMiB(child.pid!);
    assert.ok(rss > 10 && rss <= peakRssMiB(child.pid!), `${rss} MiB`);
    assert.ok(allowedCpus().length > 0);
  },
);
