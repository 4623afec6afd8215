import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../src/errors.ts";
import { startProgram } from "../src/process/program.ts";

const sh = (script: string): ReturnType<typeof startProgram> => startProgram(["sh", "-c", script], process.env);

function isAlive(pid: number): boolean {
  try {
    // Third field: Z is a zombie, dead but not yet collected.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // no such process
  }
}

describe("a program", () => {
  test("ends with its exit code, or 128 + the signal that ended it", async () => {
    assert.equal(await (await sh("exit 7")).exit, 7);
    assert.equal(await (await sh("kill -TERM $$")).exit, 143);
  });

  test("is stopped with everything in its process group", async () => {
    const program = await sh("sleep 1000 & sleep 1000 & wait");
    await program.stop("SIGTERM", 2000);
    assert.equal(await program.exit, 143);
    assert.equal(isAlive(program.pid), false);
  });

  test("that does not heed the signal is killed after the grace period", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tulle-program-"));
    const program = await sh(`trap "" TERM; touch ${folder}/up; while :; do sleep 0.01; done`);
    while (!existsSync(join(folder, "up"))) await delay(5);
    rmSync(folder, { recursive: true });
    const started = performance.now();
    await program.stop("SIGTERM", 150);
    assert.equal(await program.exit, 137);
    // A timer of Node.js may be up to a millisecond early.
    assert.ok(performance.now() - started >= 149);
    assert.equal(isAlive(program.pid), false);
  });

  test("that cannot be started is an error with the shell's exit code", async () => {
    const rejected = async (file: string): Promise<CliError> => {
      const error: unknown = await startProgram([file], process.env).catch((error: unknown) => error);
      assert.ok(error instanceof CliError);
      return error;
    };
    assert.equal((await rejected("no-such-program-anywhere")).exitCode, 127);
    assert.equal((await rejected("/etc/passwd")).exitCode, 126);
  });
});
