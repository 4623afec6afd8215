/** An agent in this process, for a workload whose proxy is started next. */
import type { LogLevel } from "@tulle/proxy";
import { reason } from "../errors.ts";
import { nodeId } from "../sidecar/bootstrap.ts";
import type { Identity } from "../sidecar/bootstrap.ts";
import type { Agent } from "./agent.ts";
import { notJoined } from "./membership.ts";
import type { Membership } from "./membership.ts";

export interface JoinOptions {
  readonly identity: Identity;
  /** How long the first certificate may take. */
  readonly waitMs: number;
  readonly logLevel: LogLevel;
}

/** Resolves when the workload has a certificate. `directory` is where the agent's sockets are; undefined: one of its own. */
export async function join(
  { identity, logLevel, waitMs }: JoinOptions,
  membership: Membership,
  directory?: string,
): Promise<Agent> {
  const [{ startAgent }, { controlPlaneLog }] = await Promise.all([import("./agent.ts"), import("../log.ts")]);
  const { namespace, serviceAccount } = identity;
  const log = controlPlaneLog(logLevel);
  const options = { membership, namespace, serviceAccount, nodeId: nodeId(identity), directory, log };
  return startAgent(options, AbortSignal.timeout(waitMs)).catch((error: unknown) => {
    throw notJoined(membership, `${namespace}/${serviceAccount}`, reason(error));
  });
}
