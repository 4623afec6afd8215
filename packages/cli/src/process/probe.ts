/** Whether somebody listens on a TCP port or a Unix socket. */
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../options.ts";

const INTERVAL_MS = 50;
const ATTEMPT_MS = 1000;

/** Resolves with true as soon as a connection is accepted, with false when aborted. @param from local address of the connections */
export async function waitUntilAccepting(address: Address, signal: AbortSignal, from?: string): Promise<boolean> {
  while (!signal.aborted) {
    if (await accepts(address, from)) return true;
    await delay(INTERVAL_MS);
  }
  return false;
}

/** One attempt. */
export function accepts(address: Address | { readonly path: string }, from?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, ...(from === undefined ? {} : { localAddress: from }) });
    const settle = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.setTimeout(ATTEMPT_MS, () => settle(false));
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
