/** Runs `tulle up` as a user would and talks to its HTTP API. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const TULLE = join(import.meta.dirname, "..", "..", "packages", "cli", "bin", "tulle.js");

export interface RunningControlPlane extends ControlPlaneApi {
  readonly pid: number;
  readonly xdsPort: number;
  readonly http: string;
  readonly logs: () => string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ControlPlaneApi {
  /** POSTs YAML; throws with the diagnostics if it is refused. */
  apply(yaml: string): Promise<void>;
  /** Waits until that many workloads are registered and healthy. */
  waitForWorkloads(count: number): Promise<void>;
  /** Waits until every connected proxy has acknowledged what was sent. */
  waitForSync(): Promise<void>;
  /** One line for every type that a proxy refused. */
  nacks(): Promise<string[]>;
}

interface ProxyView {
  readonly id: string;
  readonly types: Record<string, { readonly state: string; readonly error?: string }>;
}

export async function startControlPlane(options: {
  readonly configDir: string;
  readonly stateDir: string;
  /** `HOST:PORT`, default 127.0.0.1:0. */
  readonly xds?: string;
  readonly http?: string;
}): Promise<RunningControlPlane> {
  mkdirSync(options.configDir, { recursive: true });
  const flags = ["--config", options.configDir, "--state-dir", options.stateDir, "--json"];
  const ports = ["--xds", options.xds ?? "127.0.0.1:0", "--http", options.http ?? "127.0.0.1:0"];
  const child = spawn(process.execPath, [TULLE, "up", ...flags, ...ports], { stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => child.kill("SIGKILL"));
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => void (log += chunk.toString()));
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = await new Promise<{ xds: string; http: string }>((resolve, reject) => {
    createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line) as { xds: string; http: string }));
    void gone.then(() => reject(new Error(`tulle up ended before it was ready:\n${log}`)));
  });
  return {
    pid: child.pid!,
    xdsPort: Number(ready.xds.split(":").at(-1)),
    http: ready.http,
    logs: () => log,
    ...controlPlaneApi(ready.http, () => log),
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      await gone;
    },
  };
}

/** @param http `HOST:PORT` of its HTTP API. */
export function controlPlaneApi(http: string, logs: () => string): ControlPlaneApi {
  const base = `http://${http}/api/v1`;
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(base + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const items = <T>(list: T[] | { items: T[] }): T[] => (Array.isArray(list) ? list : list.items);
  const proxies = async (): Promise<ProxyView[]> => items(await get<ProxyView[] | { items: ProxyView[] }>("/proxies"));
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const deadline = performance.now() + 30_000;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}; log:\n${logs()}`);
      await delay(20);
    }
  };
  return {
    apply: async (yaml) => {
      const response = await fetch(`${base}/apply`, { method: "POST", body: yaml });
      if (!response.ok) throw new Error(`apply: ${response.status} ${await response.text()}`);
    },
    waitForWorkloads: (count) =>
      until(`${count} workloads`, async () => {
        const list = items(await get<{ healthy?: boolean }[] | { items: { healthy?: boolean }[] }>("/workloads"));
        return list.filter(({ healthy }) => healthy !== false).length >= count;
      }),
    waitForSync: () =>
      until("sync", async () => {
        const states = (await proxies()).flatMap(({ types }) => Object.values(types).map(({ state }) => state));
        return states.every((state) => state !== "STALE");
      }),
    nacks: async () =>
      (await proxies()).flatMap(({ id, types }) =>
        Object.entries(types)
          .filter(([, { state }]) => state === "NACKED")
          .map(([type, { error }]) => `${id} ${type}: ${error ?? ""}`),
      ),
  };
}
