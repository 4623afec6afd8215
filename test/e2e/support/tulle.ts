/** Runs the `tulle` command as a user would, marked so that what it leaves behind can be found. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const LAUNCHER = join(import.meta.dirname, "..", "..", "..", "packages", "cli", "bin", "tulle.js");
const MARKER = "TULLE_E2E_MARKER";
/** Commands that wait for their configuration for 15 s unless they are told otherwise: a busy machine may take longer. */
const WAITING: ReadonlySet<string | undefined> = new Set(["run", "gateway", "agent"]);
const PATIENCE = ["--wait", "60"];

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningTulle {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** The next line of standard output; rejects if the command ends before. */
  nextLine(): Promise<string>;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Processes that this command started, and itself: all that carry its mark. */
  processes(): number[];
}

let marks = 0;
const running = new Set<RunningTulle>();
// A test that fails leaves its commands running; the file's process could not end.
after(() => {
  for (const tulle of running) {
    for (const pid of tulle.processes()) killIfThere(pid);
  }
  // Whatever a test looks at: nothing that it ran has met with a bug of its own.
  for (const tulle of running) assert.doesNotMatch(tulle.stderr(), /internal error/);
});

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export function startTulle(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningTulle {
  const mark = `${process.pid}-${++marks}`;
  const [command, ...rest] = args;
  const patience = WAITING.has(command) && !args.includes("--wait") ? PATIENCE : [];
  const child = spawn(process.execPath, [LAUNCHER, command!, ...patience, ...rest], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env, [MARKER]: mark },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
  const tulle: RunningTulle = {
    pid: child.pid!,
    ended,
    nextLine: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`tulle ${args[0]} ended:\n${stderr}`);
      return value;
    },
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    processes: () => processesMarked(`${MARKER}=${mark}`),
  };
  running.add(tulle);
  return tulle;
}

/** Runs a command to its end. */
export function tulle(...args: string[]): Promise<Ended> {
  return startTulle(args).ended;
}

function processesMarked(mark: string): number[] {
  const found: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readFileSync(`/proc/${entry}/environ`, "utf8").split("\0").includes(mark)) found.push(Number(entry));
    } catch {
      continue; // it ended meanwhile, or is not ours to look at
    }
  }
  return found;
}

/** Polls until `look` gives something other than undefined or false; fails after `withinMs` with what was last seen. */
export async function eventually<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await delay(20);
  }
}
