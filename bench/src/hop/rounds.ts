/** The rounds of a comparison: every peer under the same loads, in turns. */
import type { Children } from "../children.ts";
import { median } from "../statistics.ts";
import type { Tool } from "../tools.ts";
import { atRate, saturate } from "./load.ts";
import type { LoadSettings, Sample } from "./load.ts";
import { untilReady } from "./peers.ts";
import type { Peer, PeerName } from "./peers.ts";
import { summarize } from "./report.ts";
import type { HopResult, Measurement } from "./report.ts";

/** Two proxies in a row with TLS serve 4,000 requests a second: what runs for each of them is compiled for good after some 15,000. */
const WARM_UP_SECONDS = 5;

interface Rounds {
  load: LoadSettings;
  rounds: number;
  /** Of the saturated configurations; the first is that of the fixed rate, too. */
  connections: readonly number[];
  /** Offered requests a second; half of what Envoy reached at the first configuration if undefined. */
  rate: number | undefined;
}

export async function compare(
  peers: readonly Peer[],
  children: Children,
  tools: Record<Extract<Tool, "wrk" | "h2load">, string>,
  { load, rounds, connections, rate }: Rounds,
): Promise<HopResult> {
  for (const peer of peers) {
    await untilReady(peer, load.path, load.headers);
    await saturate(children, tools.wrk, peer, { ...load, connections: connections[0]!, seconds: WARM_UP_SECONDS });
  }
  const configurations: Measurement[] = [];
  for (const count of connections) {
    const turn = (peer: Peer) => saturate(children, tools.wrk, peer, { ...load, connections: count });
    const samples = await alternate(peers, rounds, `${count} connections`, turn);
    configurations.push({ connections: count, peers: summarize(samples) });
  }
  const first = configurations[0]!;
  const offered = rate ?? median(first.peers.filter((peer) => peer.name === "envoy").map((peer) => peer.rps)) / 2;
  const fixed: LoadSettings = { ...load, connections: first.connections };
  const turn = (peer: Peer) => atRate(children, tools.h2load, peer, fixed, offered);
  const samples = await alternate(peers, rounds, `${Math.round(offered)} requests a second`, turn);
  const fixedRate = { connections: first.connections, rps: offered, peers: summarize(samples) };
  return { configurations, fixedRate };
}

/** Every peer has one turn a round; every other round goes backwards, so that a slow drift of the machine cancels out. */
async function alternate(
  peers: readonly Peer[],
  rounds: number,
  title: string,
  turn: (peer: Peer) => Promise<Sample>,
): Promise<Map<PeerName, Sample[]>> {
  const samples = new Map<PeerName, Sample[]>(peers.map((peer) => [peer.name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
      process.stderr.write(`${title}: round ${round + 1} of ${rounds}, ${peer.name}\n`);
      samples.get(peer.name)!.push(await turn(peer));
    }
  }
  return samples;
}
