/**
 * One hop, side by side: Tulle and Envoy from the same bootstrap, nginx and haproxy as plain proxies, on the same work.
 * Proxies share one core and only one of them works at a time; load generator and backend have another core.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts } from "@tulle/test/support/ports.ts";
import { LOAD_OPTIONS, chooseCores, list, readLoad } from "../arguments.ts";
import { Children } from "../children.ts";
import { BenchError } from "../errors.ts";
import { findTools } from "../tools.ts";
import { startBackend } from "./backend.ts";
import { backendPorts, readBootstrap, routerOnly } from "./bootstrap.ts";
import { fullFeatured } from "./full-featured.ts";
import type { LoadSettings } from "./load.ts";
import { PEER_NAMES, defaultTulle, startPeer } from "./peers.ts";
import { format } from "./report.ts";
import { compare } from "./rounds.ts";

/** What a hop does. */
export interface Work {
  readonly name: "hop" | "full";
  readonly says: string;
  /** The bootstrap of Tulle and Envoy, unless the user gives one. */
  bootstrap(backendPort: number, freePort: () => number): object;
}

export const ROUTER_ONLY: Work = { name: "hop", says: "router only", bootstrap: routerOnly };

export const FULL_FEATURED: Work = {
  name: "full",
  says: "everything that a sidecar has switched on",
  bootstrap: (backendPort, freePort) => fullFeatured(backendPort, freePort()),
};

const helpFor = ({ name, says }: Work): string => `Usage: npm run bench -- ${name} [options]

CPU, throughput, latency and memory of one proxy hop: Tulle and Envoy (${says}), nginx and haproxy (plain) in alternating rounds.

  --rounds N         measured rounds a configuration (5)
  --seconds S        length of one peer's turn in a round (4)
  --connections LIST saturated configurations (32,4)
  --rate N           offered requests a second of the last configuration (half of what Envoy reached at the first)
  --peers LIST       which peers (${PEER_NAMES.join(",")})
  --bootstrap FILE   Envoy bootstrap for Tulle and Envoy (${says}); its first listener is measured, on another port;
                     backends that its clusters name on 127.0.0.1 are started unless something listens there
  --path PATH        request path (/api/v7/items?x=1)
  --host NAME        Host header (the address)
  --tulle COMMAND    runs Tulle; "-c FILE" is appended (node packages/cli/bin/tulle.js proxy --log-level warning)
  --cores A,B        core of the proxies, core of load and backend (the first two allowed)
  --json             one JSON document instead of tables
`;

const HEADERS_FILE = join(import.meta.dirname, "..", "..", "data", "request-headers.txt");

export async function hop(args: string[], work: Work): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      ...LOAD_OPTIONS,
      peers: { type: "string", default: PEER_NAMES.join(",") },
      bootstrap: { type: "string" },
      path: { type: "string", default: "/api/v7/items?x=1" },
      host: { type: "string" },
    },
  });
  if (values.help) return void process.stdout.write(helpFor(work));
  const names = list("peers", values.peers, PEER_NAMES);
  const { rounds, seconds, connections, rate } = readLoad(values, names);
  const [proxyCore, loadCore] = chooseCores(values.cores);
  const tools = findTools([
    "taskset",
    "wrk",
    "h2load",
    "nginx",
    ...(names.includes("haproxy") ? ["haproxy" as const] : []),
  ]);

  const children = new Children(tools.taskset);
  try {
    const ports = await freePorts(64);
    const freePort = (): number => {
      const port = ports.pop();
      if (port === undefined) throw new BenchError("the bootstrap has too many listeners");
      return port;
    };
    const plainBackend = freePort();
    const bootstrap =
      values.bootstrap === undefined ? work.bootstrap(plainBackend, freePort) : readBootstrap(values.bootstrap);
    const own = backendPorts(bootstrap).filter(({ port }) => port !== plainBackend);
    const backends = [{ port: plainBackend, protocol: "http1" as const, tls: false }, ...own];
    await startBackend(children, tools.nginx, loadCore, backends);

    const tulle = values.tulle?.split(/\s+/).filter(Boolean) ?? defaultTulle;
    const settings = { core: proxyCore, bootstrap, plainBackend, tulle, freePort };
    const peers = names.map((name) => startPeer(name, children, settings));
    const load = {
      core: loadCore,
      connections: 0,
      seconds,
      path: values.path,
      ...requestHeaders(children, values.host),
    };
    const result = await compare(peers, children, tools, { load, rounds, connections, rate });
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : format(result));
  } finally {
    await children.stop();
  }
}

/** The 17 headers of the data file, and Host if it was given, as an object and as a file for wrk's script. */
export function requestHeaders(
  children: Children,
  host: string | undefined,
): Pick<LoadSettings, "headers" | "headersFile"> {
  const lines = readFileSync(HEADERS_FILE, "utf8").trim().split("\n");
  if (host !== undefined) lines.unshift(`Host: ${host}`);
  const headersFile = join(children.folder, "headers.txt");
  writeFileSync(headersFile, `${lines.join("\n")}\n`);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  return { headers, headersFile };
}
