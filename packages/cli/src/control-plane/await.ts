/** Waiting for a control plane that starts at the same time as its workloads. */
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../options.ts";
import { accepts } from "../process/probe.ts";
import { announced, DEFAULT_XDS, unreachable } from "./locate.ts";

const INTERVAL_MS = 100;

/** Where a command was told that it is. */
export interface Told {
  readonly xds?: Address | undefined;
  readonly "xds-tls": Address | undefined;
}

/** Resolves when it is known where the control plane is: by the command line, the environment, the state directory, or at the usual port. */
export async function awaitControlPlane(told: Told, stateDir: string, waitMs: number): Promise<void> {
  if (told.xds !== undefined || told["xds-tls"] !== undefined || isInEnvironment()) return;
  const deadline = AbortSignal.timeout(waitMs);
  while (announced(stateDir) === undefined && !(await accepts(DEFAULT_XDS))) {
    if (deadline.aborted) {
      const why = `nobody listens there, and none runs with the state directory ${stateDir} (waited ${waitMs / 1000} s)`;
      throw unreachable({ address: DEFAULT_XDS, from: "the default" }, "xds", why);
    }
    await delay(INTERVAL_MS);
  }
}

function isInEnvironment(): boolean {
  return ["TULLE_XDS", "TULLE_XDS_TLS"].some((name) => (process.env[name] ?? "") !== "");
}
