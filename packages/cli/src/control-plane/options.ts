/** The options by which commands find the control plane's API, and the namespace they work in. */
import type { Address } from "../options.ts";
import { ControlPlaneClient } from "./client.ts";
import { defaultStateDir, locate } from "./locate.ts";

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
