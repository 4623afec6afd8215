/** Two sidecars with mutual TLS between them, as a mesh has on every edge: Tulle's and Envoy's from the same bootstraps. */
import { parseArgs } from "node:util";
import { freePorts } from "@tulle/test/support/ports.ts";
import { LOAD_OPTIONS, chooseCores, list, readLoad } from "../arguments.ts";
import { Children } from "../children.ts";
import { startBackend } from "../hop/backend.ts";
import { requestHeaders } from "../hop/hop.ts";
import { defaultTulle } from "../hop/peers.ts";
import { format } from "../hop/report.ts";
import { compare } from "../hop/rounds.ts";
import { findTools } from "../tools.ts";
import { makeIdentities } from "./certificates.ts";
import { startChain } from "./chain.ts";
import { connectionCosts, formatCosts } from "./connections.ts";

const PEERS = ["tulle", "envoy", "nginx"] as const;

const help = `Usage: npm run bench -- mesh [options]

Two sidecars with mutual TLS between them, everything switched on in both: CPU of the two, throughput, latency and memory. nginx is a plain
pair. Then what TLS connections cost the accepting one: full handshakes, and the memory of idle connections.

  --rounds N         measured rounds a configuration (5)
  --seconds S        length of one peer's turn in a round (4)
  --connections LIST saturated configurations (32,4)
  --rate N           offered requests a second of the last configuration (half of what Envoy's pair reached at the first)
  --http2            HTTP/2 between the two sidecars (nginx: HTTP/1.1 all the same)
  --peers LIST       which peers (${PEERS.join(",")})
  --tulle COMMAND    runs Tulle; "-c FILE" is appended
  --cores A,B        core of the proxies, core of load and backend (the first two allowed)
  --json             one JSON document instead of tables
`;

export async function mesh(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      ...LOAD_OPTIONS,
      http2: { type: "boolean", default: false },
      peers: { type: "string", default: PEERS.join(",") },
    },
  });
  if (values.help) return void process.stdout.write(help);
  const names = list("peers", values.peers, PEERS);
  const { rounds, seconds, connections, rate } = readLoad(values, names);
  const [proxyCore, loadCore] = chooseCores(values.cores);
  const tools = findTools(["taskset", "wrk", "h2load", "nginx"]);
  const children = new Children(tools.taskset);
  try {
    const ports = await freePorts(32);
    const freePort = (): number => ports.pop() ?? 0;
    const plainBackend = freePort();
    await startBackend(children, tools.nginx, loadCore, [{ port: plainBackend, protocol: "http1", tls: false }]);
    const identities = makeIdentities(children.folder);
    const tulle = values.tulle?.split(/\s+/).filter(Boolean) ?? defaultTulle;
    const chains = names.map((name) =>
      startChain(name, children, { core: proxyCore, identities, plainBackend, http2: values.http2, tulle, freePort }),
    );
    const path = "/api/v7/items?x=1";
    const load = { core: loadCore, connections: 0, seconds, path, ...requestHeaders(children, undefined) };
    const peers = chains.map(({ peer }) => peer);
    const result = await compare(peers, children, tools, { load, rounds, connections, rate });
    const settings = { core: loadCore, client: identities.client, path, rounds, seconds };
    const tls = await connectionCosts(children, chains, settings);
    const text = values.json ? JSON.stringify({ ...result, tls }) : `${format(result)}\n${formatCosts(tls)}`;
    process.stdout.write(`${text}\n`);
  } finally {
    await children.stop();
  }
}
