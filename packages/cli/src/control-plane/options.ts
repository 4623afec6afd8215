/** The options by which commands find the control plane's API, and the namespace they work in. */
import type { Address } from "../options.ts";
import { ControlPlaneClient } from "./client.ts";
import { CliError } from "../errors.ts";
import { announced, defaultStateDir, locate } from "./locate.ts";

export const apiOptions = {
  http: {
    type: "address",
    value: "HOST:PORT",
    help: "the control plane's API; else TULLE_HTTP, the state directory's, 127.0.0.1:15014",
  },
  "state-dir": { type: "string", value: "DIR", help: "state directory of the control plane, to find it by" },
} as const;

export const namespaceOption = {
  type: "string",
  short: "n",
  value: "NS",
  default: "default",
  help: "the namespace, where an object names none",
} as const;

export function connect(options: {
  readonly http: Address | undefined;
  readonly "state-dir": string | undefined;
}): ControlPlaneClient {
  return new ControlPlaneClient(locate("http", options.http, options["state-dir"] ?? defaultStateDir()));
}

/** The option by which commands find the control plane that this machine's user runs. */
export const ownerOptions = {
  "state-dir": {
    type: "string",
    value: "DIR",
    help: "state directory of the control plane (default TULLE_STATE_DIR, else .tulle)",
  },
} as const;

/** Over the socket that only the control plane's own user can open: for what must not be open to everybody on the machine. */
export function connectAsOwner(options: { readonly "state-dir": string | undefined }): ControlPlaneClient {
  const stateDir = options["state-dir"] ?? defaultStateDir();
  const socket = announced(stateDir)?.apiSocket;
  if (socket === undefined) {
    throw new CliError(`no control plane runs with the state directory ${stateDir}`, [
      "Tokens and the certificate authority are looked after where the control plane runs, as its user.",
      "Name its state directory: --state-dir DIR, or TULLE_STATE_DIR",
    ]);
  }
  return new ControlPlaneClient(locate("http", undefined, stateDir), socket);
}
