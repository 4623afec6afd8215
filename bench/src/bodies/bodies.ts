/** Long bodies through one hop, down and up, and what memory they take when the receiver is slow. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts } from "@tulle/test/support/ports.ts";
import { COMMON_OPTIONS, chooseCores, list, positive } from "../arguments.ts";
import { Children } from "../children.ts";
import type { Worker } from "../children.ts";
import { BenchError } from "../errors.ts";
import { routerOnly } from "../hop/bootstrap.ts";
import {
  PEER_NAMES,
  assertRunning,
  cpuOf,
  defaultTulle,
  logOf,
  memoryOf,
  startPeer,
  untilReady,
} from "../hop/peers.ts";
import type { Peer, PeerName } from "../hop/peers.ts";
import { median, spread } from "../statistics.ts";
import type { Spread } from "../statistics.ts";
import { table } from "../table.ts";
import { findTools } from "../tools.ts";
import type { ServerReady, TransferOrder, TransferResult } from "./messages.ts";

const help = `Usage: npm run bench -- bodies [options]

CPU for a gigabyte of long bodies through one hop, and resident memory while the readers are slow.

  --rounds N         measured rounds a direction (5)
  --seconds S        length of one peer's turn in a round (4)
  --connections N    transfers at a time (4)
  --megabytes N      of one body (64)
  --slow N           slow transfers at a time (32); each takes 1 MB a second
  --peers LIST       which peers (${PEER_NAMES.join(",")})
  --cores A,B        core of the proxies, core of client and origin (the first two allowed)
  --json             one JSON document instead of tables
`;

const MB = 1_000_000;
const SLOW_RATE = MB;
const REPLY_MS = 120_000;

interface Sample {
  cpuMsPerGb: number;
  mbPerSecond: number;
  rssMb: number;
}

interface Result {
  name: PeerName;
  direction: TransferOrder["direction"];
  cpuMsPerGb: Spread;
  mbPerSecond: number;
  rssMb: number;
  /** Bytes per CPU second, relative. */
  ratioToHaproxy?: number;
  ratioToEnvoy?: number;
  /** While slow receivers hold it up. */
  slowRssMb: number;
  failed: number;
}

export async function bodies(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      connections: { type: "string", default: "4" },
      megabytes: { type: "string", default: "64" },
      slow: { type: "string", default: "32" },
      peers: { type: "string", default: PEER_NAMES.join(",") },
      ...COMMON_OPTIONS,
    },
  });
  if (values.help) return void process.stdout.write(help);
  const names = list("peers", values.peers, PEER_NAMES);
  const rounds = positive("rounds", values.rounds);
  const [proxyCore, loadCore] = chooseCores(values.cores);
  const order: Omit<TransferOrder, "origin" | "direction"> = {
    connections: positive("connections", values.connections),
    bytes: positive("megabytes", values.megabytes) * MB,
    ms: positive("seconds", values.seconds) * 1000,
    slowTo: 0,
  };
  const slow = { connections: positive("slow", values.slow), slowTo: SLOW_RATE };
  const children = new Children(findTools(["taskset"]).taskset);
  try {
    const server = children.startWorker<never, ServerReady>("origin", loadCore, worker("server"));
    const { port } = await server.next(REPLY_MS);
    const client = children.startWorker<TransferOrder, TransferResult>("client", loadCore, worker("client"));
    const ports = await freePorts(16);
    const freePort = (): number => ports.pop() ?? 0;
    const settings = {
      core: proxyCore,
      bootstrap: routerOnly(port),
      plainBackend: port,
      tulle: defaultTulle,
      freePort,
    };
    const peers = names.map((name) => startPeer(name, children, settings));
    for (const peer of peers) await untilReady(peer, "/1", {});
    const results: Result[] = [];
    for (const direction of ["down", "up"] as const) {
      const samples = new Map<PeerName, Sample[]>(names.map((name) => [name, []]));
      let failed = 0;
      for (let round = 0; round < rounds; round++) {
        for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
          process.stderr.write(`${direction}: round ${round + 1} of ${rounds}, ${peer.name}\n`);
          const sample = await turn(peer, client, { ...order, direction, origin: peer.origin });
          failed += sample.failed;
          samples.get(peer.name)!.push(sample);
        }
      }
      for (const peer of peers) {
        process.stderr.write(`${direction}: slow, ${peer.name}\n`);
        const slowRssMb = await slowTurn(peer, client, { ...order, ...slow, direction, origin: peer.origin });
        results.push(summarize(peer.name, direction, samples, slowRssMb, failed));
      }
    }
    process.stdout.write(values.json ? `${JSON.stringify({ results })}\n` : format(results));
  } finally {
    await children.stop();
  }
}

function worker(name: "server" | "client"): string {
  return join(import.meta.dirname, `${name}-worker.ts`);
}

async function turn(
  peer: Peer,
  client: Worker<TransferOrder, TransferResult>,
  order: TransferOrder,
): Promise<Sample & { failed: number }> {
  const before = cpuOf(peer);
  client.send(order);
  const { bytes, ms, failed } = await client.next(REPLY_MS);
  const used = cpuOf(peer) - before;
  assertRunning(peer);
  if (bytes === 0) throw new BenchError(`${peer.name} carried nothing:\n${logOf(peer)}`);
  return {
    cpuMsPerGb: (used * 1e12) / bytes,
    mbPerSecond: bytes / MB / (ms / 1000),
    rssMb: memoryOf(peer),
    failed,
  };
}

/** The most resident memory that is seen while slow receivers take their time. */
async function slowTurn(
  peer: Peer,
  client: Worker<TransferOrder, TransferResult>,
  order: TransferOrder,
): Promise<number> {
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, memoryOf(peer))), 50);
  client.send(order);
  await client.next(REPLY_MS);
  clearInterval(watch);
  assertRunning(peer);
  return most;
}

function summarize(
  name: PeerName,
  direction: Result["direction"],
  samples: ReadonlyMap<PeerName, Sample[]>,
  slowRssMb: number,
  failed: number,
): Result {
  const own = samples.get(name)!;
  const relative = (other: PeerName): number | undefined => {
    const theirs = samples.get(other);
    return theirs && median(own.map((sample, i) => theirs[i]!.cpuMsPerGb / sample.cpuMsPerGb));
  };
  const haproxy = relative("haproxy");
  const envoy = relative("envoy");
  return {
    name,
    direction,
    cpuMsPerGb: spread(own.map((sample) => sample.cpuMsPerGb)),
    mbPerSecond: median(own.map((sample) => sample.mbPerSecond)),
    rssMb: median(own.map((sample) => sample.rssMb)),
    ...(haproxy !== undefined && { ratioToHaproxy: haproxy }),
    ...(envoy !== undefined && { ratioToEnvoy: envoy }),
    slowRssMb,
    failed,
  };
}

function format(results: readonly Result[]): string {
  const header = ["", "CPU ms/GB", "min–max", "MB/s", "RSS MB", "RSS slow", "failed", "per CPU s ÷ haproxy", "÷ envoy"];
  return (["down", "up"] as const)
    .map((direction) => {
      const rows = results
        .filter((result) => result.direction === direction)
        .map(({ name, cpuMsPerGb, mbPerSecond, rssMb, slowRssMb, failed, ratioToHaproxy, ratioToEnvoy }) => [
          name,
          cpuMsPerGb.median.toFixed(0),
          `${cpuMsPerGb.min.toFixed(0)}–${cpuMsPerGb.max.toFixed(0)}`,
          ...[mbPerSecond, rssMb, slowRssMb, failed].map((n) => n.toFixed(0)),
          times(ratioToHaproxy),
          times(ratioToEnvoy),
        ]);
      return `${direction === "down" ? "responses" : "requests"}\n${table(header, rows)}`;
    })
    .join("\n");
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${ratio.toFixed(2)} ×`;
}
