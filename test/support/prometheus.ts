/** Runs a real Prometheus (Debian's package), with series written into it or targets that it scrapes. */
import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Series } from "@tulle/telemetry/records";
import { freePorts } from "./ports.ts";

export interface RunningPrometheus {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  write(series: readonly Series[]): Promise<void>;
  stop(): Promise<void>;
}

/** `$PROMETHEUS`, else on the PATH; undefined if there is none. */
function findPrometheus(): string | undefined {
  const named = process.env["PROMETHEUS"];
  if (named !== undefined && named !== "") return named;
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "prometheus"))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const READY_MS = 60_000;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** `config`: its configuration file; without one it scrapes nothing. `features`: such as `exemplar-storage`. */
export async function startPrometheus(
  config = "global: {}\n",
  features: readonly string[] = [],
): Promise<RunningPrometheus> {
  const binary = findPrometheus();
  if (binary === undefined) throw new Error("no Prometheus found: apt-get install prometheus, or set PROMETHEUS");
  const folder = mkdtempSync(join(tmpdir(), "tulle-prometheus-"));
  const [port] = await freePorts(1);
  writeFileSync(join(folder, "prometheus.yml"), config);
  const child = spawn(
    binary,
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      "--storage.tsdb.retention.time=100y",
      "--log.level=warn",
      ...features.map((feature) => `--enable-feature=${feature}`),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  running.add(child);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const exited = new Promise<void>((resolve) =>
    child.once("exit", () => {
      running.delete(child);
      rmSync(folder, { recursive: true, force: true });
      resolve();
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_MS;
  for (;;) {
    try {
      if ((await fetch(`${url}/-/ready`)).ok) break;
    } catch (error) {
      if (performance.now() > deadline || child.exitCode !== null)
        throw new Error(`Prometheus is not ready: ${log}`, { cause: error });
    }
    await delay(50);
  }
  return {
    url,
    write: (series) => write(url, series),
    stop: async () => {
      child.kill("SIGTERM");
      const cancel = setTimeout(() => child.kill("SIGKILL"), 5000);
      await exited;
      clearTimeout(cancel);
    },
  };
}

/** Remote write 1.0: protobuf in a Snappy block. */
async function write(url: string, series: readonly Series[]): Promise<void> {
  for (let first = 0; first < series.length; first += 100) {
    const message = Buffer.concat(series.slice(first, first + 100).map((one) => field(1, timeSeries(one))));
    const response = await fetch(`${url}/api/v1/write`, {
      method: "POST",
      headers: { "content-encoding": "snappy", "x-prometheus-remote-write-version": "0.1.0" },
      body: new Uint8Array(literalSnappy(message)),
    });
    if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
  }
}

/** Prometheus' stale marker, the one NaN that ends a series. */
const STALE = Buffer.from("020000000000f07f", "hex");

function timeSeries({ labels, times, values }: Series): Buffer {
  const names = Object.keys(labels).toSorted();
  const parts = names.map((name) => field(1, Buffer.concat([field(1, name), field(2, labels[name]!)])));
  for (const [index, time] of times.entries()) {
    const value = Buffer.alloc(8);
    if (Number.isNaN(values[index])) STALE.copy(value);
    else value.writeDoubleLE(values[index]!);
    parts.push(field(2, Buffer.concat([Buffer.of(0x09), value, Buffer.of(0x10), varint(time)])));
  }
  return Buffer.concat(parts);
}

function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A Snappy block of literals alone. */
function literalSnappy(bytes: Buffer): Buffer {
  const parts = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; at += 65_536) {
    const chunk = bytes.subarray(at, at + 65_536);
    const length = Buffer.alloc(3);
    length[0] = 61 << 2;
    length.writeUInt16LE(chunk.length - 1, 1);
    parts.push(length, chunk);
  }
  return Buffer.concat(parts);
}
