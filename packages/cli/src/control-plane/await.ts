/** Waiting for a control plane that starts at the same time as its workloads. */
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../options.ts";
import { accepts } from "../process/probe.ts";
import { announced, DEFAULT_XDS, unreachable } from "./locate.ts";

const INTERVAL_MS = 100;
/**
 * One that listens says where it is a moment later, on a machine that starts a mesh all at once some seconds. Who does not wait for that joins
 * without an identity, as the usual port alone offers none.
 */
const SAYS_SO_MS = 5_000;

/** Where a command was told that it is. */
export interface Told {
  readonly xds?: Address | undefined;
  readonly "xds-tls": Address | undefined;
}

/** Resolves when it is known where the control plane is: by the command line, the environment, the state directory, or at the usual port. */
export async function awaitControlPlane(
  told: Told,
  stateDir: string,
  waitMs: number,
  usual: Address = DEFAULT_XDS,
): Promise<void> {
  if (told.xds !== undefined || told["xds-tls"] !== undefined || isInEnvironment()) return;
  const deadline = AbortSignal.timeout(waitMs);
  let saysSo: AbortSignal | undefined;
  while (announced(stateDir) === undefined) {
    if (saysSo === undefined) {
      if (await accepts(usual)) saysSo = AbortSignal.timeout(Math.min(SAYS_SO_MS, waitMs));
      else if (deadline.aborted) {
        const why = `nobody listens there, and none runs with the state directory ${stateDir} (waited ${waitMs / 1000} s)`;
        throw unreachable({ address: usual, from: "the default" }, "xds", why);
      }
    } else if (saysSo.aborted) return;
    await delay(INTERVAL_MS);
  }
}

function isInEnvironment(): boolean {
  return ["TULLE_XDS", "TULLE_XDS_TLS"].some((name) => (process.env[name] ?? "") !== "");
}
