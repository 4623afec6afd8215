/** Starts the programs of a benchmark, each pinned to a core, and leaves none behind, whatever ends the benchmark. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchError } from "./errors.ts";
import { processTree } from "./process-tree.ts";

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** What it wrote to stderr and stdout so far, the newest 64 KiB. */
  readonly log: () => string;
  /** Throws a BenchError with the log if it has ended. */
  readonly assertRunning: () => void;
  /** The first line of stdout; rejects with a BenchError if the child ends before or does not write one in time. */
  readonly line: (timeoutMs: number) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** A Node program that talks to the benchmark in messages. */
export interface Worker<In, Out> extends Child {
  readonly send: (message: In) => void;
  /** The next message; rejects with a BenchError if the worker ends or says nothing in time. */
  readonly next: (timeoutMs: number) => Promise<Out>;
}

const LOG_LIMIT = 64 * 1024;
const KILL_AFTER_MS = 3000;

/** One benchmark's children and its temporary folder. */
export class Children {
  readonly folder = mkdtempSync(join(tmpdir(), "tulle-bench-"));
  readonly #taskset: string;
  readonly #running = new Set<ChildProcess>();
  readonly #onExit = (): void => this.#killAll();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#killAll();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };

  constructor(taskset: string) {
    this.#taskset = taskset;
    process.on("exit", this.#onExit);
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  /** Starts a command that stays. */
  start(name: string, core: number, command: readonly string[], env: Record<string, string> = {}): Child {
    return this.#watch(name, this.#spawn(core, command, env));
  }

  /** Starts a TypeScript or JavaScript file with this Node and a channel for messages. */
  startWorker<In extends object, Out>(name: string, core: number, script: string): Worker<In, Out> {
    const process_ = this.#spawn(core, [process.execPath, script], {}, "ipc");
    const child = this.#watch(name, process_);
    const arrived: Out[] = [];
    let waiting: (() => void) | undefined;
    process_.on("message", (message) => {
      arrived.push(message as Out);
      waiting?.();
    });
    process_.once("close", () => waiting?.());
    const next = async (timeoutMs: number): Promise<Out> => {
      if (arrived.length === 0) {
        await new Promise<void>((resolve) => {
          waiting = resolve;
          setTimeout(resolve, timeoutMs).unref();
        });
      }
      const message = arrived.shift();
      if (message !== undefined) return message;
      child.assertRunning();
      throw new BenchError(`${name} said nothing for ${timeoutMs} ms:\n${child.log()}`);
    };
    return { ...child, send: (message) => void process_.send(message), next };
  }

  #watch(name: string, child: ChildProcess): Child {
    let log = "";
    let out = "";
    const firstLine = Promise.withResolvers<string>();
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-LOG_LIMIT);
      if (out.includes("\n")) return;
      out += text;
      if (out.includes("\n")) firstLine.resolve(out.slice(0, out.indexOf("\n")));
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-LOG_LIMIT);
    });
    let ended: string | undefined;
    const closed = new Promise<void>((resolve) => {
      child.once("error", (error) => {
        ended = error.message;
        resolve();
      });
      child.once("close", (code, signal) => {
        ended ??= `ended with ${signal ?? code}`;
        resolve();
      });
    });
    const assertRunning = (): void => {
      if (ended !== undefined) throw new BenchError(`${name} ${ended}:\n${log.trim() || "(it wrote nothing)"}`);
    };
    return {
      name,
      pid: child.pid ?? 0,
      log: () => log,
      assertRunning,
      line: async (timeoutMs) => {
        const timer = Promise.withResolvers<undefined>();
        const timeout = setTimeout(() => timer.resolve(undefined), timeoutMs);
        const line = await Promise.race([firstLine.promise, closed.then(() => undefined), timer.promise]);
        clearTimeout(timeout);
        if (line !== undefined) return line;
        assertRunning();
        throw new BenchError(`${name} wrote no line in ${timeoutMs} ms:\n${log}`);
      },
      stop: async () => {
        child.kill("SIGTERM");
        const timer = setTimeout(() => killTree(child), KILL_AFTER_MS);
        await closed;
        clearTimeout(timer);
      },
    };
  }

  /** Runs a command to its end and gives its stdout; throws a BenchError if it fails. */
  async run(core: number, command: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const child = this.#spawn(core, command, env);
    let out = "";
    let errors = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => void (out += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => void (errors += text));
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once("close", resolve).once("error", reject),
    );
    if (code !== 0) throw new BenchError(`${command.join(" ")} ended with ${code}:\n${errors}${out}`);
    return out;
  }

  /** Stops everything and removes the temporary folder. */
  async stop(): Promise<void> {
    const waiting = [...this.#running].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#running) child.kill("SIGTERM");
    const timer = setTimeout(() => this.#killAll(), KILL_AFTER_MS);
    await Promise.all(waiting);
    clearTimeout(timer);
    process.off("exit", this.#onExit);
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(core: number, command: readonly string[], env: Record<string, string>, channel?: "ipc"): ChildProcess {
    // taskset execs the command: the pid is the command's own.
    const child = spawn(this.#taskset, ["-c", String(core), ...command], {
      stdio: channel === undefined ? ["ignore", "pipe", "pipe"] : ["ignore", "pipe", "pipe", channel],
      env: { ...process.env, ...env },
    });
    this.#running.add(child);
    child.once("close", () => this.#running.delete(child));
    child.once("error", () => this.#running.delete(child));
    return child;
  }

  #killAll(): void {
    for (const child of this.#running) killTree(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** SIGKILL for the whole tree: a killed nginx master would leave its worker behind. */
function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return;
  for (const pid of processTree(child.pid)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
