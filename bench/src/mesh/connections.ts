/** What TLS connections cost the sidecar that accepts them: a handshake's CPU, an idle connection's memory. */
import { join } from "node:path";
import type { Children, Worker } from "../children.ts";
import { BenchError } from "../errors.ts";
import { cpuSeconds, rssMiB } from "../process-tree.ts";
import { median } from "../statistics.ts";
import { table } from "../table.ts";
import type { PeerName } from "../hop/peers.ts";
import type { Identity } from "./certificates.ts";
import type { FromClient, ToClient } from "./messages.ts";
import type { Chain } from "./chain.ts";

export interface ConnectionCosts {
  name: PeerName;
  handshakesPerSecond: number;
  cpuUsPerHandshake: number;
  kibPerIdleConnection: number;
  failed: number;
}

const CONCURRENT_HANDSHAKES = 4;
const IDLE_CONNECTIONS = 1_000;
const REPLY_MS = 120_000;

interface Settings {
  core: number;
  client: Identity;
  path: string;
  rounds: number;
  /** Of handshakes, a turn. */
  seconds: number;
}

type Client = Worker<ToClient, FromClient>;

export async function connectionCosts(
  children: Children,
  chains: readonly Chain[],
  { core, client, path, rounds, seconds }: Settings,
): Promise<ConnectionCosts[]> {
  const worker: Client = children.startWorker("client", core, join(import.meta.dirname, "client-worker.ts"));
  const ask = async (message: ToClient): Promise<FromClient> => {
    worker.send(message);
    return await worker.next(REPLY_MS);
  };
  const samples = new Map(chains.map(({ peer }) => [peer.name, [] as Omit<ConnectionCosts, "name">[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { peer, server, serverPort } of round % 2 === 0 ? chains : [...chains].reverse()) {
      process.stderr.write(`TLS connections: round ${round + 1} of ${rounds}, ${peer.name}\n`);
      const { certificate, key, authority } = client;
      await ask({ type: "identity", port: serverPort, certificate, key, authority, path });
      const before = cpuSeconds(server.pid);
      const made = await ask({ type: "handshakes", concurrency: CONCURRENT_HANDSHAKES, ms: seconds * 1000 });
      const used = cpuSeconds(server.pid) - before;
      server.assertRunning();
      if (made.connections === 0) throw new BenchError(`${peer.name} took no TLS connection:\n${server.log()}`);
      const empty = rssMiB(server.pid);
      const held = await ask({ type: "hold", connections: IDLE_CONNECTIONS });
      const full = rssMiB(server.pid);
      await ask({ type: "release" });
      samples.get(peer.name)!.push({
        handshakesPerSecond: made.connections / (made.ms / 1000),
        cpuUsPerHandshake: (used / made.connections) * 1e6,
        kibPerIdleConnection: ((full - empty) * 1024) / Math.max(1, held.connections),
        failed: made.failed + held.failed,
      });
    }
  }
  await worker.stop();
  return [...samples].map(([name, rounds]) => ({
    name,
    handshakesPerSecond: median(rounds.map((each) => each.handshakesPerSecond)),
    cpuUsPerHandshake: median(rounds.map((each) => each.cpuUsPerHandshake)),
    // What the first round makes room for, the later ones find there.
    kibPerIdleConnection: rounds[0]!.kibPerIdleConnection,
    failed: rounds.reduce((sum, each) => sum + each.failed, 0),
  }));
}

export function formatCosts(costs: readonly ConnectionCosts[]): string {
  const rows = costs.map(({ name, handshakesPerSecond, cpuUsPerHandshake, kibPerIdleConnection, failed }) => [
    name,
    handshakesPerSecond.toFixed(0),
    cpuUsPerHandshake.toFixed(0),
    kibPerIdleConnection.toFixed(1),
    String(failed),
  ]);
  const header = [
    "mutual TLS, the accepting side",
    "handshakes/s",
    "CPU µs/handshake",
    "KiB/idle connection",
    "failed",
  ];
  return table(header, rows);
}
