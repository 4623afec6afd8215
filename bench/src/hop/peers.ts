/** The proxies that are measured, each one thread on the same core, each in front of the same backend. */
import { writeFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Child, Children } from "../children.ts";
import { BenchError } from "../errors.ts";
import { cpuSeconds, rssMiB } from "../process-tree.ts";
import { REPOSITORY, envoyBinary, findTools } from "../tools.ts";
import { nginxCommand } from "./backend.ts";
import { onPorts } from "./bootstrap.ts";

export const PEER_NAMES = ["tulle", "envoy", "nginx", "haproxy"] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export interface Peer<Name extends string = PeerName> {
  name: Name;
  /** The first takes the requests; what is measured is the sum. */
  children: readonly Child[];
  /** `http://127.0.0.1:PORT`, without a path. */
  origin: string;
}

export interface PeerSettings {
  core: number;
  bootstrap: object;
  /** Where nginx and haproxy forward to: a plain HTTP/1.1 backend. */
  plainBackend: number;
  /** The command to which `-c BOOTSTRAP` is appended. */
  tulle: readonly string[];
  freePort: () => number;
  /** Added to the peer's environment. */
  env?: Record<string, string>;
}

/** Throws a BenchError with the log of the first that has ended. */
export function assertRunning({ children }: Peer<string>): void {
  for (const child of children) child.assertRunning();
}

export function logOf({ children }: Peer<string>): string {
  return children.map((child) => child.log()).join("\n");
}

/** Seconds, user and system. */
export function cpuOf({ children }: Peer<string>): number {
  return children.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
}

/** Resident, MiB. */
export function memoryOf({ children }: Peer<string>): number {
  return children.reduce((sum, { pid }) => sum + rssMiB(pid), 0);
}

const READY_MS = 15_000;

export const defaultTulle: readonly string[] = [
  process.execPath,
  join(REPOSITORY, "packages", "cli", "bin", "tulle.js"),
  "proxy",
  "--log-level",
  "warning",
];

/** One worker. */
export function envoyCommand(file: string): string[] {
  return [envoyBinary(), "-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"];
}

export function startPeer(name: PeerName, children: Children, settings: PeerSettings): Peer {
  const { command, origin } = COMMANDS[name](children.folder, settings);
  return { name, origin, children: [children.start(name, settings.core, command, settings.env)] };
}

interface Command {
  command: string[];
  origin: string;
}

const COMMANDS: Record<PeerName, (folder: string, settings: PeerSettings) => Command> = {
  tulle: (folder, settings) => {
    const { file, origin } = writeBootstrap("tulle", folder, settings);
    return { origin, command: [...settings.tulle, "-c", file] };
  },
  envoy: (folder, settings) => {
    const { file, origin } = writeBootstrap("envoy", folder, settings);
    return { origin, command: envoyCommand(file) };
  },
  nginx: (folder, { plainBackend, freePort }) => {
    const port = freePort();
    const servers = nginxProxy(port, plainBackend);
    return { origin: local(port), command: nginxCommand(folder, findTools(["nginx"]).nginx, "nginx", servers) };
  },
  haproxy: (folder, { plainBackend, freePort }) => {
    const port = freePort();
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, haproxyConfig(port, plainBackend));
    return { origin: local(port), command: [findTools(["haproxy"]).haproxy, "-db", "-f", file] };
  },
};

/** A plain proxy with kept connections. @param tls lines for TLS on either side */
export function nginxProxy(
  port: number,
  backendPort: number,
  tls: { server?: string; backend?: string } = {},
): string[] {
  const { server, backend } = tls;
  const scheme = backend === undefined ? "http" : "https";
  const proxy = `client_max_body_size 0; proxy_request_buffering off; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_pass ${scheme}://backend;`;
  return [
    `upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 1000000000; }`,
    `server { listen 127.0.0.1:${port}${server === undefined ? "" : " ssl"} backlog=4096; ${server ?? ""} location / { ${proxy} ${backend ?? ""} } }`,
  ];
}

function local(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/**
 * Resolves when the peer answers 2xx. Throws a BenchError with what it answered, or its log, if it does not in time or
 * ends before.
 */
export async function untilReady(peer: Peer<string>, path: string, headers: Record<string, string>): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    assertRunning(peer);
    const outcome = await probe(peer.origin + path, headers);
    if (outcome === "ok") return;
    if (performance.now() > deadline) {
      throw new BenchError(`${peer.name} does not answer ${path} with 2xx: ${outcome}\n${logOf(peer)}`);
    }
    await delay(50);
  }
}

export function writeBootstrap(
  name: string,
  folder: string,
  settings: Pick<PeerSettings, "bootstrap" | "freePort">,
): { file: string; origin: string; port: number } {
  const { port, scheme, bootstrap } = onPorts(settings.bootstrap, settings.freePort);
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(bootstrap, undefined, 2));
  return { file, port, origin: `${scheme}://127.0.0.1:${port}` };
}

/** `http-reuse always` and a `maxconn` that fits a descriptor limit of 20,000; the rest are haproxy's defaults. */
function haproxyConfig(port: number, backend: number): string {
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  http-reuse always
frontend hop
  bind 127.0.0.1:${port} backlog 4096
  default_backend backend
backend backend
  server backend 127.0.0.1:${backend}
`;
}

function probe(url: string, headers: Record<string, string>): Promise<string> {
  const get = url.startsWith("https:") ? httpsGet : httpGet;
  return new Promise((resolve) => {
    const request = get(url, { headers, agent: false, rejectUnauthorized: false, timeout: 2000 }, (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      response.once("error", (error) => resolve(error.message));
      response.once("end", () => resolve(status >= 200 && status < 300 ? "ok" : `it answered ${status}`));
    });
    request.once("timeout", () => request.destroy(new Error("no answer in two seconds")));
    request.once("error", (error) => resolve(error.message));
  });
}
