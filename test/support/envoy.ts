/** Finds and runs a stock Envoy: the oracle of the contract tests, a peer of the benchmarks. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const REPOSITORY = join(import.meta.dirname, "..", "..");

/** Envoy could not be found, or did not come up; the message carries its log and says what to do. */
export class EnvoyError extends Error {
  override name = "EnvoyError";
}

export interface EnvoyOptions {
  /** An Envoy bootstrap: an object (written to a temporary file as JSON) or the path of a JSON or YAML file. */
  bootstrap: object | string;
  /** `--log-level`; default `warning`. */
  logLevel?: string;
  /** `--concurrency`, Envoy's worker threads; default 1. */
  concurrency?: number;
  /** Milliseconds until `/ready` must say LIVE; default 60,000. */
  readyTimeoutMs?: number;
  /** `live` (default) waits for `/ready`; `admin` only for the admin endpoint, for bootstraps that never get their resources. */
  waitFor?: "live" | "admin";
  /** Arguments added to the command line. */
  args?: readonly string[];
  /** A command put before Envoy's, such as `["taskset", "-c", "0"]`; it must exec. */
  prefix?: readonly string[];
}

export interface RunningEnvoy {
  readonly pid: number;
  /** The port that the admin endpoint really has (a bootstrap may say 0). */
  readonly adminPort: number;
  /** Everything written to stdout and stderr so far. */
  readonly logs: () => string;
  /** GETs a path of the admin endpoint, such as `/config_dump`; throws EnvoyError unless the answer is 2xx. */
  readonly admin: (path: string) => Promise<string>;
  /** Ports of the active TCP listeners, by listener name. */
  readonly listenerPorts: () => Promise<Map<string, number>>;
  /** SIGTERM, SIGKILL after two seconds; resolves when the process is gone. May be called more than once. */
  readonly stop: () => Promise<void>;
}

/**
 * The path of an Envoy binary: `$ENVOY`, else what scripts/install-envoy.sh installed in `.cache/envoy`, else `envoy` on
 * the PATH; undefined if there is none.
 */
export function findEnvoy(): string | undefined {
  const named = process.env["ENVOY"];
  if (named !== undefined && named !== "") {
    if (!isExecutable(named)) throw new EnvoyError(`ENVOY=${named} is not an executable file`);
    return named;
  }
  return installedEnvoy() ?? (process.env["PATH"] ?? "").split(delimiter).map(inFolder).find(isExecutable);
}

/** As findEnvoy, but throws an EnvoyError that says how to get one. */
function requireEnvoy(): string {
  const path = findEnvoy();
  if (path !== undefined) return path;
  throw new EnvoyError("no Envoy found: run scripts/install-envoy.sh, or set ENVOY to the path of a binary");
}

/** Starts Envoy and resolves when it is ready. Rejects with an EnvoyError holding the log if it exits or is not ready in time. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-envoy-"));
  try {
    return await launch(options, requireEnvoy(), folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

async function launch(options: EnvoyOptions, binary: string, folder: string): Promise<RunningEnvoy> {
  const addressFile = join(folder, "admin-address");
  const own = ["-c", bootstrapFile(options.bootstrap, folder), "--admin-address-path", addressFile];
  const flags = ["--disable-hot-restart", "--concurrency", `${options.concurrency ?? 1}`];
  const level = ["-l", options.logLevel ?? "warning"];
  const command = [...(options.prefix ?? []), binary, ...own, ...flags, ...level, ...(options.args ?? [])];
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let log = "";
  const keep = (chunk: Buffer): void => void (log += chunk.toString());
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let failure: string | undefined;
  const gone = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      failure = error.message;
      running.delete(child);
      resolve();
    });
    child.once("close", (code, signal) => {
      failure ??= `exited with ${signal ?? code}`;
      running.delete(child);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 2000);
    await gone;
    clearTimeout(kill);
    rmSync(folder, { recursive: true, force: true });
  };

  const deadline = performance.now() + (options.readyTimeoutMs ?? 60_000);
  let adminPort: number | undefined;
  for (;;) {
    adminPort ??= readPort(addressFile);
    if (adminPort !== undefined && (await isUp(adminPort, options.waitFor ?? "live"))) break;
    if (failure === undefined && performance.now() > deadline) failure = "not ready in time";
    if (failure !== undefined) {
      const reason = failure;
      await stop();
      throw new EnvoyError(`Envoy ${reason}; its log:\n${log}`);
    }
    await Promise.race([delay(20), gone]);
  }
  const port = adminPort;
  const admin = (path: string): Promise<string> => adminGet(port, path);
  return { pid: child.pid!, adminPort: port, logs: () => log, admin, listenerPorts: () => listenerPorts(admin), stop };
}

function bootstrapFile(bootstrap: object | string, folder: string): string {
  if (typeof bootstrap === "string") return bootstrap;
  const withAdmin = {
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    ...bootstrap,
  };
  const path = join(folder, "bootstrap.json");
  writeFileSync(path, JSON.stringify(withAdmin));
  return path;
}

async function isUp(port: number, waitFor: "live" | "admin"): Promise<boolean> {
  try {
    await adminGet(port, waitFor === "live" ? "/ready" : "/server_info");
    return true;
  } catch {
    return false; // not listening yet, or /ready is still 503
  }
}

async function adminGet(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  const body = await response.text();
  if (!response.ok) throw new EnvoyError(`Envoy's admin endpoint answered ${response.status} to ${path}: ${body}`);
  return body;
}

interface ListenersDump {
  listener_statuses?: { name: string; local_address?: { socket_address?: { port_value?: number } } }[];
}

async function listenerPorts(admin: (path: string) => Promise<string>): Promise<Map<string, number>> {
  const dump = JSON.parse(await admin("/listeners?format=json")) as ListenersDump;
  const ports = new Map<string, number>();
  for (const { name, local_address } of dump.listener_statuses ?? []) {
    const port = local_address?.socket_address?.port_value;
    if (port !== undefined) ports.set(name, port);
  }
  return ports;
}

/** `--admin-address-path` is written when the endpoint listens, as `127.0.0.1:PORT`. */
function readPort(path: string): number | undefined {
  try {
    const port = Number(readFileSync(path, "utf8").split(":").at(-1));
    return port > 0 ? port : undefined;
  } catch {
    return undefined; // not written yet
  }
}

function installedEnvoy(): string | undefined {
  const lib = join(REPOSITORY, ".cache", "envoy", "lib");
  let pythons: string[];
  try {
    pythons = readdirSync(lib).filter((name) => name.startsWith("python3"));
  } catch {
    return undefined; // nothing was installed
  }
  return pythons.map((name) => inFolder(join(lib, name, "site-packages", "envoy", "_bin"))).find(isExecutable);
}

function inFolder(folder: string): string {
  return join(folder, "envoy");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
