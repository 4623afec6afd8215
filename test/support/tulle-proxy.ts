/** Runs `tulle proxy` as a user would, beside the stock Envoy of ./envoy.ts. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "./ports.ts";

const TULLE = join(import.meta.dirname, "..", "..", "packages", "cli", "bin", "tulle.js");

export interface RunningTulle {
  readonly pid: number;
  readonly adminPort: number;
  readonly logs: () => string;
  readonly admin: (path: string) => Promise<string>;
  /** SIGTERM, SIGKILL after three seconds. */
  readonly stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts the proxy on a bootstrap (its `admin` is replaced by a free port) and resolves when `/ready` says LIVE. */
export async function startTulle(bootstrap: object, readyTimeoutMs = 60_000): Promise<RunningTulle> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-proxy-"));
  const [adminPort = 0] = await freePorts(1);
  const file = join(folder, "bootstrap.json");
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: adminPort } } };
  writeFileSync(file, JSON.stringify({ ...bootstrap, admin }));
  const child = spawn(process.execPath, [TULLE, "proxy", "-c", file, "--log-level", "warning"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => void (log += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (log += chunk.toString()));
  let exited: string | undefined;
  const gone = new Promise<void>((resolve) =>
    child.once("close", (code, signal) => {
      exited = `${signal ?? code}`;
      running.delete(child);
      rmSync(folder, { recursive: true, force: true });
      resolve();
    }),
  );
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(kill);
  };
  const get = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { headers: { connection: "close" } });
    const body = await response.text();
    if (!response.ok) throw new Error(`the admin endpoint answered ${response.status} to ${path}: ${body}`);
    return body;
  };
  const deadline = performance.now() + readyTimeoutMs;
  for (;;) {
    try {
      await get("/ready");
      return { pid: child.pid!, adminPort, logs: () => log, admin: get, stop };
    } catch (error) {
      if (exited !== undefined) throw new Error(`tulle proxy exited with ${exited}:\n${log}`, { cause: error });
      if (performance.now() > deadline) {
        await stop();
        throw new Error(`tulle proxy was not ready in time:\n${log}`, { cause: error });
      }
    }
    await Promise.race([delay(20), gone]);
  }
}
