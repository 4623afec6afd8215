/** The two load generators: wrk for saturation, h2load for one offered rate. Both run on the load core. */
import { createReadStream, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Children } from "../children.ts";
import { BenchError } from "../errors.ts";
import { percentile } from "../statistics.ts";
import { type Peer, assertRunning, cpuOf, logOf, memoryOf } from "./peers.ts";

/** One peer in one round. Latencies in microseconds. */
export interface Sample {
  cpuUsPerRequest: number;
  rps: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
  rssMb: number;
  requests: number;
  /** Answers that were not 2xx or 3xx. */
  statusErrors: number;
  /** Connections that failed or broke, requests that timed out or never ended. */
  socketErrors: number;
}

export interface LoadSettings {
  core: number;
  connections: number;
  seconds: number;
  path: string;
  /** Names and values, as sent. */
  headers: Record<string, string>;
  /** The file that `headers` were read from and the value of Host, if it is not the address. */
  headersFile: string;
}

const SCRIPT = join(import.meta.dirname, "..", "..", "data", "wrk.lua");
/** h2load opens its connections and starts every client at once: what falls in this time is not counted. */
const SETTLE_US = 500_000;

/** As many requests as the peer takes. */
export async function saturate(
  children: Children,
  wrk: string,
  peer: Peer<string>,
  load: LoadSettings,
): Promise<Sample> {
  const size = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`, "--timeout", "5s"];
  const before = cpuOf(peer);
  const out = await children.run(load.core, [wrk, ...size, "-s", SCRIPT, peer.origin + load.path], {
    HEADERS: load.headersFile,
  });
  const used = cpuOf(peer) - before;
  assertRunning(peer);
  const line = /^RES (.*)$/m.exec(out)?.[1];
  if (line === undefined) throw new BenchError(`wrk reported nothing:\n${out}`);
  const [requests = 0, duration = 0, p50Us = 0, p99Us = 0, p999Us = 0, socketErrors = 0, statusErrors = 0] = line
    .split(" ")
    .map(Number);
  if (requests === 0) throw new BenchError(`${peer.name} answered no request in ${load.seconds} s:\n${logOf(peer)}`);
  return {
    cpuUsPerRequest: (used / requests) * 1e6,
    rps: (requests / duration) * 1e6,
    p50Us,
    p99Us,
    p999Us,
    rssMb: memoryOf(peer),
    requests,
    statusErrors,
    socketErrors,
  };
}

/** A fixed number of requests a second, spread evenly over the connections. */
export async function atRate(
  children: Children,
  h2load: string,
  peer: Peer,
  load: LoadSettings,
  rate: number,
): Promise<Sample> {
  const log = join(children.folder, "h2load.log");
  const size = [`-c${load.connections}`, "-t1", `-D${load.seconds}`, `--rps=${(rate / load.connections).toFixed(3)}`];
  const headers = Object.entries(load.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const before = cpuOf(peer);
  const command = [h2load, "--h1", ...size, `--log-file=${log}`, ...headers, peer.origin + load.path];
  const out = await children.run(load.core, command);
  const used = cpuOf(peer) - before;
  assertRunning(peer);
  const { total, latencies, statusErrors, seconds } = await readLog(log);
  rmSync(log, { force: true });
  const failed = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(out);
  if (latencies.length === 0) throw new BenchError(`h2load measured nothing:\n${out}`);
  return {
    cpuUsPerRequest: (used / total) * 1e6,
    rps: latencies.length / seconds,
    p50Us: percentile(latencies, 0.5),
    p99Us: percentile(latencies, 0.99),
    p999Us: percentile(latencies, 0.999),
    rssMb: memoryOf(peer),
    requests: total,
    statusErrors,
    socketErrors: Number(failed?.[2] ?? 0) + Number(failed?.[3] ?? 0),
  };
}

interface RequestLog {
  total: number;
  /** Of the requests after the settling time; ascending, microseconds. */
  latencies: number[];
  statusErrors: number;
  /** From the first to the last of those requests. */
  seconds: number;
}

/** h2load's log: start (µs since the epoch), status, µs until the response's end; separated by tabs. */
async function readLog(path: string): Promise<RequestLog> {
  const starts: number[] = [];
  const durations: number[] = [];
  let statusErrors = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [start = 0, status = 0, duration = 0] = line.split("\t").map(Number);
    starts.push(start);
    durations.push(duration);
    if (status < 200 || status >= 400) statusErrors++;
  }
  let first = Infinity;
  let last = 0;
  for (const start of starts) {
    if (start < first) first = start;
    if (start > last) last = start;
  }
  const latencies = durations.filter((_, i) => starts[i]! - first >= SETTLE_US).sort((a, b) => a - b);
  return { total: starts.length, latencies, statusErrors, seconds: (last - first - SETTLE_US) / 1e6 };
}
