/** The demo as the mesh under test. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startTulle } from "./tulle.ts";
import type { RunningTulle } from "./tulle.ts";

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly version: string;
  readonly requests: number;
  readonly failed: number;
  readonly mutualTls: boolean;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

export interface DemoResult {
  readonly ingress: string;
  readonly requests: number;
  readonly failed: number;
  readonly edges: readonly Edge[];
}

export interface RunningDemo extends RunningTulle {
  /** `http://127.0.0.1:PORT`. */
  readonly ingress: string;
  /** Addresses of the control plane. */
  readonly xds: string;
  readonly http: string;
  /** The control plane's process, which changes when it is started again. */
  controlPlanePid(): number;
  /** Ctrl-C, and what the proxies had counted by then. */
  finish(): Promise<DemoResult>;
}

/** Starts the demo with a configuration directory; resolves when all proxies are in sync. */
export async function startDemo(configDir: string): Promise<RunningDemo> {
  const process = startTulle(["demo", "--json", "--port", "0", "--rate", "1", "--config", configDir]);
  const ready = JSON.parse(await process.nextLine()) as {
    ingress: string;
    xds: string;
    http: string;
    stateDir: string;
  };
  const addressFile = join(ready.stateDir, "control-plane.json");
  return {
    ...process,
    ...ready,
    controlPlanePid: () => (JSON.parse(readFileSync(addressFile, "utf8")) as { pid: number }).pid,
    finish: async () => {
      process.kill("SIGINT");
      const result = JSON.parse(await process.nextLine()) as DemoResult;
      await process.ended;
      return result;
    },
  };
}
