/** What the hop benchmark prints, and its JSON. Ratios are medians of the ratios within each round. */
import { median, spread } from "../statistics.ts";
import type { Spread } from "../statistics.ts";
import { table } from "../table.ts";
import type { Sample } from "./load.ts";
import type { PeerName } from "./peers.ts";

export interface PeerResult {
  name: PeerName;
  cpuUsPerRequest: Spread;
  rps: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
  rssMb: number;
  errors: number;
  /** CPU per request, relative; absent if that peer was not measured. */
  ratioToEnvoy?: number;
  ratioToNginx?: number;
  p50RatioToEnvoy?: number;
  p99RatioToEnvoy?: number;
  p99RatioToNginx?: number;
  rounds: Sample[];
}

export interface Measurement {
  connections: number;
  peers: PeerResult[];
}

interface FixedRate extends Measurement {
  /** Offered requests a second. */
  rps: number;
}

export interface HopResult {
  configurations: Measurement[];
  fixedRate: FixedRate;
}

/** `samples[peer]` holds one sample a round, in the same order for every peer. */
export function summarize(samples: ReadonlyMap<PeerName, Sample[]>): PeerResult[] {
  return [...samples].map(([name, rounds]) => {
    const of = (key: keyof Sample): number => median(rounds.map((sample) => sample[key]));
    const envoy = samples.get("envoy");
    const nginx = samples.get("nginx");
    return {
      name,
      cpuUsPerRequest: spread(rounds.map((sample) => sample.cpuUsPerRequest)),
      rps: of("rps"),
      p50Us: of("p50Us"),
      p99Us: of("p99Us"),
      p999Us: of("p999Us"),
      rssMb: of("rssMb"),
      errors: rounds.reduce((sum, sample) => sum + sample.statusErrors + sample.socketErrors, 0),
      ...(envoy && {
        ratioToEnvoy: ratio(rounds, envoy, "cpuUsPerRequest"),
        p50RatioToEnvoy: ratio(rounds, envoy, "p50Us"),
        p99RatioToEnvoy: ratio(rounds, envoy, "p99Us"),
      }),
      ...(nginx && {
        ratioToNginx: ratio(rounds, nginx, "cpuUsPerRequest"),
        p99RatioToNginx: ratio(rounds, nginx, "p99Us"),
      }),
      rounds,
    };
  });
}

function ratio(own: readonly Sample[], other: readonly Sample[], key: "cpuUsPerRequest" | "p50Us" | "p99Us"): number {
  return median(own.map((sample, round) => sample[key] / other[round]![key]));
}

const HEADER = [
  "",
  "CPU µs/req",
  "min–max",
  "rps",
  "p50 µs",
  "p99 µs",
  "p99.9 µs",
  "RSS MB",
  "errors",
  "CPU ÷ envoy",
  "CPU ÷ nginx",
];

export function format({ configurations, fixedRate }: HopResult): string {
  const saturated = configurations.map(
    ({ connections, peers }) => `${connections} connections, saturated\n${measurementTable(peers)}`,
  );
  const { rps, connections, peers } = fixedRate;
  const title = `${Math.round(rps)} requests a second offered, ${connections} connections`;
  const short = peers.filter((peer) => peer.rps < 0.95 * rps).map((peer) => peer.name);
  const warning = short.length === 0 ? "" : `did not keep up with the offered rate: ${short.join(", ")}\n`;
  return [...saturated, `${title}\n${measurementTable(peers)}${latencyTable(peers)}${warning}`].join("\n");
}

function measurementTable(peers: readonly PeerResult[]): string {
  const rows = peers.map((peer) => {
    const { median, min, max } = peer.cpuUsPerRequest;
    const whole = [peer.rps, peer.p50Us, peer.p99Us, peer.p999Us, peer.rssMb, peer.errors].map((n) => n.toFixed(0));
    const range = `${min.toFixed(1)}–${max.toFixed(1)}`;
    return [peer.name, median.toFixed(1), range, ...whole, times(peer.ratioToEnvoy), times(peer.ratioToNginx)];
  });
  return table(HEADER, rows);
}

function latencyTable(peers: readonly PeerResult[]): string {
  const rows = peers.map((peer) => [
    peer.name,
    times(peer.p50RatioToEnvoy),
    times(peer.p99RatioToEnvoy),
    times(peer.p99RatioToNginx),
  ]);
  return table(["latency", "p50 ÷ envoy", "p99 ÷ envoy", "p99 ÷ nginx"], rows);
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${ratio.toFixed(2)} ×`;
}
