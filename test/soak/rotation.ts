/**
 * Two sidecars with mutual TLS between them, certificates that live for seconds, and a root that is replaced meanwhile: whether a
 * request fails. What carries the load is an unmodified program under `tulle run`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const LAUNCHER = join(import.meta.dirname, "..", "..", "packages", "cli", "bin", "tulle.js");
/** Renewed at half of it. */
const LIFETIME = "10s";
const CONCURRENCY = 8;
const READY_MS = 60_000;

const SERVER = `require("node:http").createServer((q, r) => r.end(q.headers["x-forwarded-client-cert"] ?? "")).listen(process.env.PORT, "127.0.0.1")`;
const CALLER = `
const seen = { requests: 0, failed: 0, examples: [] };
const failed = (why) => { seen.failed++; if (seen.examples.length < 5) seen.examples.push(String(why)); };
const work = async () => {
  for (;;) {
    seen.requests++;
    try {
      const r = await fetch("http://web:8080/");
      const text = await r.text();
      if (r.status !== 200 || !text.includes("/sa/caller")) failed(r.status + " " + text);
    } catch (error) { failed(error.cause ?? error); }
  }
};
setInterval(() => console.log(JSON.stringify(seen)), 500);
for (let i = 0; i < ${CONCURRENCY}; i++) void work();`;

interface Seen {
  requests: number;
  failed: number;
  examples: string[];
}

export interface RotationResult extends Seen {
  /** Certificates that the authority has issued to workloads. */
  certificates: number;
  /** Whether the root was replaced, in all its steps. */
  rootReplaced: boolean;
  seconds: number;
}

/** @param certificates at least so many are issued before it ends */
export async function rotation(
  requests: number,
  certificates: number,
  progress: (text: string) => void,
): Promise<RotationResult> {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-rotation-"));
  const started: ChildProcess[] = [];
  const tulle = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ["ignore", "pipe", "ignore"] });
    started.push(child);
    return child;
  };
  const workload = (name: string, program: string): ChildProcess => {
    const who = ["--service", name, "--service-account", name, "--state-dir", stateDir];
    return tulle("run", ...who, "--", process.execPath, "-e", program);
  };
  try {
    const ports = ["--xds", "127.0.0.1:0", "--xds-tls", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    const controlPlane = tulle("up", "--state-dir", stateDir, ...ports, "--cert-ttl", LIFETIME, "--json");
    const { http } = JSON.parse(await firstLine(controlPlane)) as { http: string };
    workload("web", SERVER);
    const until = performance.now() + READY_MS;
    while (!(await proxiesOf(http)).includes("web-") && performance.now() < until) await delay(200);
    const caller = workload("caller", CALLER);
    let seen: Seen = { requests: 0, failed: 0, examples: [] };
    createInterface({ input: caller.stdout! }).on("line", (line) => (seen = JSON.parse(line) as Seen));
    const startedAt = performance.now();
    let rotated: Promise<number | null> | undefined;
    let issued = 0;
    let told = 0;
    while (seen.requests < requests || issued < certificates) {
      await delay(500);
      if (caller.exitCode !== null) throw new Error("the caller has ended");
      issued = await certificatesOf(http);
      // In the midst of it.
      if (seen.requests > requests / 4) {
        rotated ??= exitCode(tulle("ca", "rotate", "--state-dir", stateDir, "--wait", "60s"));
      }
      if (++told % 20 === 0) progress(`${seen.requests} requests, ${seen.failed} failed, ${issued} certificates`);
    }
    const rootReplaced = (await rotated) === 0;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    return { ...seen, certificates: issued, rootReplaced, seconds };
  } finally {
    for (const child of started.toReversed()) {
      if (child.exitCode !== null) continue;
      child.kill("SIGTERM");
      await exitCode(child);
    }
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line;
  throw new Error("the control plane has ended");
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });
}

async function proxiesOf(http: string): Promise<string> {
  const answer = await fetch(`http://${http}/api/v1/proxies`);
  return await answer.text();
}

async function certificatesOf(http: string): Promise<number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/^citadel_server_success_cert_issuance_count (\d+)/m.exec(text)?.[1] ?? 0);
}
