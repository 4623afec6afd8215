/** Where the control plane is: what the command line says, else the environment, else the state directory, else the usual port. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { formatAddress, parseAddress } from "../options.ts";
import type { Address } from "../options.ts";

/** Istiod's ports: plaintext xDS, xDS over TLS, and the debug and monitoring API (istio pilot/cmd/pilot-discovery/app/cmd.go). */
export const DEFAULT_XDS: Address = { host: "127.0.0.1", port: 15_010 };
export const DEFAULT_XDS_TLS: Address = { host: "127.0.0.1", port: 15_012 };
export const DEFAULT_HTTP: Address = { host: "127.0.0.1", port: 15_014 };

/** Written by `tulle up` into its state directory. */
const ADDRESS_FILE = "control-plane.json";

/** What it says. */
export interface Announced {
  /** `HOST:PORT`, as the next two. */
  readonly xds: string;
  readonly http: string;
  readonly xdsTls: string;
  /** Sockets that only the user can open who runs it. */
  readonly grpcSocket: string;
  readonly apiSocket: string;
  /** File of the certificates by which it can be known, PEM. */
  readonly roots: string;
}

export interface Located {
  readonly address: Address;
  /** Where the address is from, for error messages. */
  readonly from: string;
}

export function defaultStateDir(): string {
  const named = process.env["TULLE_STATE_DIR"];
  return named === undefined || named === "" ? ".tulle" : named;
}

/** The address for `port` of the control plane; `given` is the command-line option's value. */
export function locate(port: "xds" | "http", given: Address | undefined, stateDir: string): Located {
  if (given !== undefined) return { address: given, from: `--${port}` };
  const variable = port === "xds" ? "TULLE_XDS" : "TULLE_HTTP";
  const named = process.env[variable];
  if (named !== undefined && named !== "")
    return { address: parseAddress(variable, named.replace(/^http:\/\//, "")), from: variable };
  const file = join(stateDir, ADDRESS_FILE);
  const written = announced(stateDir)?.[port];
  if (written !== undefined) return { address: parseAddress(file, written), from: file };
  return { address: port === "xds" ? DEFAULT_XDS : DEFAULT_HTTP, from: "the default" };
}

/** Where the control plane of this state directory is; undefined if none runs there. */
export function announced(stateDir: string): Partial<Announced> | undefined {
  const path = join(stateDir, ADDRESS_FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined; // no control plane has run in this state directory
  }
  try {
    return JSON.parse(text) as Partial<Announced>;
  } catch {
    throw new CliError(`${path} is not JSON`, ["Delete it and start the control plane again: tulle up"]);
  }
}

/** Where a control plane is, for commands that know its state directory. Returns what takes the note away again. */
export function announce(stateDir: string, addresses: Announced): () => void {
  const file = join(stateDir, ADDRESS_FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify({ ...addresses, pid: process.pid })}\n`);
  renameSync(`${file}.new`, file);
  return () => rmSync(file, { force: true });
}

/** The error for a control plane that does not answer. */
export function unreachable(located: Located, port: "xds" | "xds-tls" | "http", cause: string): CliError {
  return new CliError(`no control plane at ${formatAddress(located.address)} (from ${located.from}): ${cause}`, [
    "Start one:        tulle up",
    `Name another one: --${port} HOST:PORT, or TULLE_${port.replace("-", "_").toUpperCase()}, or --state-dir for the directory it runs in`,
  ]);
}
