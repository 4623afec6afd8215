/**
 * `tulle` processes that are parts of a bigger one (`tulle demo`): in a session of their own, so that Ctrl-C reaches only
 * the whole, and tied to it by an IPC channel, so that they end when it does, however it does.
 */
import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { proxyProcess } from "../../bin/proxy-process.js";

const LAUNCHER = join(import.meta.dirname, "..", "..", "bin", "tulle.js");
/** Lines of output kept to explain a failure. */
const KEPT_LINES = 20;

export interface PartOptions {
  readonly name: string;
  /** Arguments of `tulle`. */
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A command that ends by running the one that follows it: `ip netns exec NAME`, `setpriv …`. */
  readonly prefix?: readonly string[];
  /** Gets each line of its standard output and error. */
  readonly onLine?: (line: string) => void;
}

interface PartExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Part {
  readonly name: string;
  readonly pid: number;
  /** What it reported when it was ready (see reportReady). Rejects with its last output if it ends before that. */
  readonly ready: Promise<unknown>;
  readonly exit: Promise<PartExit>;
  /** Asks it for something; resolves when it says that it is done, or is gone. */
  ask(request: string): Promise<void>;
  /** SIGTERM, and SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

interface ReadyMessage {
  readonly ready: unknown;
}

interface RequestMessage {
  readonly request: string;
}

interface DoneMessage {
  readonly done: string;
}

/** Does what the process asks for that started this one as its part. */
export function onRequest(requests: Readonly<Record<string, () => Promise<void>>>): void {
  process.on("message", ({ request }: Partial<RequestMessage>) => {
    if (request === undefined) return;
    void requests[request]?.().then(() => process.send?.({ done: request } satisfies DoneMessage));
  });
  // Whoever only waits for requests may end.
  process.channel?.unref();
}

/** Tells the process that started this one as its part what it needs to know; without such a parent does nothing. */
export function reportReady(report: object): void {
  process.send?.({ ready: report } satisfies ReadyMessage);
}

export function startPart(options: PartOptions): Part {
  const inherited = { ...process.env, ...options.env };
  const { flags, env } = proxyProcess(options.args, inherited) ?? { flags: [], env: inherited };
  const [execPath, ...prefixed] = [...(options.prefix ?? []), process.execPath];
  const child = fork(LAUNCHER, options.args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execPath,
    execArgv: [...prefixed, ...flags, ...process.execArgv],
    env,
  });
  const recent: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on("line", (line) => {
      recent.push(line);
      if (recent.length > KEPT_LINES) recent.shift();
      options.onLine?.(line);
    });
  }
  const exit = new Promise<PartExit>((resolve) => {
    child.once("error", () => resolve({ code: 1, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const ready = new Promise<unknown>((resolve, reject) => {
    child.on("message", (message: Partial<ReadyMessage>) => {
      if ("ready" in message) resolve(message.ready);
    });
    child.once("close", (code, signal) => {
      reject(
        new Error(
          [`${options.name} ended with ${signal ?? `code ${code}`} before it was ready:`, ...recent].join("\n  "),
        ),
      );
    });
    child.once("error", reject);
  });
  ready.catch(() => undefined); // whoever waits for it gets the rejection; nobody may be waiting any more
  const stop = async (graceMs: number): Promise<void> => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    await exit;
    clearTimeout(timer);
  };
  const ask = async (request: string): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      child.on("message", (message: Partial<DoneMessage>) => {
        if (message.done === request) resolve();
      });
    });
    if (!child.connected) return;
    child.send({ request } satisfies RequestMessage);
    await Promise.race([done, exit]);
  };
  return { name: options.name, pid: child.pid!, ready, exit, ask, stop };
}
