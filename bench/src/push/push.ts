/** The control plane at work: 100 proxies connect cold, then one weight and one endpoint change at a time. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { COMMON_OPTIONS, chooseCores, positive } from "../arguments.ts";
import { Children } from "../children.ts";
import type { Child, Worker } from "../children.ts";
import { BenchError } from "../errors.ts";
import { peakRssMiB, rssMiB, threadCpuSeconds } from "../process-tree.ts";
import { spread } from "../statistics.ts";
import { REPOSITORY, findTools } from "../tools.ts";
import { BUDGET, ISTIOD } from "./istiod.ts";
import { MeshConfig } from "./mesh-config.ts";
import { monotonicMs } from "./messages.ts";
import type { Change, FromProxies, ToProxies } from "./messages.ts";
import { format } from "./report.ts";
import type { ChangeResult, PushResult } from "./report.ts";

const pushHelp = `Usage: npm run bench -- push [options]

The control plane's way from a file to the last proxy: cold connect, then changed weights and changed endpoints.

  --services N       services of two endpoints (1000)
  --proxies N        simulated proxies, each a delta ADS stream on a connection of its own (100)
  --changes N        changes of each kind (30)
  --tulle COMMAND    runs the control plane; its options are appended (node packages/cli/bin/tulle.js up)
  --cores A,B        core of the control plane, core of the proxies (the first two allowed)
  --json             one JSON document instead of a table
`;

const READY_MS = 60_000;
const COMPLETE_MS = 120_000;
const CHANGE_MS = 20_000;

type Proxies = Worker<ToProxies, FromProxies>;

export async function push(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      services: { type: "string", default: "1000" },
      proxies: { type: "string", default: "100" },
      changes: { type: "string", default: "30" },
      tulle: { type: "string" },
      ...COMMON_OPTIONS,
    },
  });
  if (values.help) return void process.stdout.write(pushHelp);
  const services = positive("services", values.services);
  if (services < 2 || services > 10_000) throw new BenchError("--services: expected 2 to 10000");
  const count = positive("proxies", values.proxies);
  const changes = positive("changes", values.changes);
  const [controlCore, proxyCore] = chooseCores(values.cores);
  const command = values.tulle?.split(/\s+/).filter(Boolean) ?? [
    process.execPath,
    join(REPOSITORY, "packages", "cli", "bin", "tulle.js"),
    "up",
  ];

  const children = new Children(findTools(["taskset"]).taskset);
  try {
    const config = new MeshConfig(join(children.folder, "config"), services);
    const { control, xds, startMs } = await startControlPlane(children, controlCore, command, config.folder);
    const idleRssMb = rssMiB(control.pid);
    const script = join(import.meta.dirname, "proxies-worker.ts");
    const proxies: Proxies = children.startWorker("the simulated proxies", proxyCore, script);

    process.stderr.write(`${count} proxies connect\n`);
    const cpuBefore = threadCpuSeconds(control.pid);
    proxies.send({ type: "connect", target: xds, proxies: count, services });
    const complete = await answer(proxies, control, "complete", COMPLETE_MS);
    const cold = {
      ms: complete.lastAt - complete.startedAt,
      cpuMs: (threadCpuSeconds(control.pid) - cpuBefore) * 1000,
      rssMb: rssMiB(control.pid),
      peakRssMb: peakRssMiB(control.pid),
      bytesPerProxy: complete.bytesPerProxy,
    };

    const measured = (change: (index: number) => Change, write: (change: Change) => void): Promise<ChangeResult> =>
      measureChanges(proxies, control, changes, change, write);
    const weight = await measured(
      nextWeights,
      (change) => change.kind === "weight" && config.setWeights(change.weights),
    );
    const endpoint = await measured(
      nextAddress,
      (change) => change.kind === "endpoint" && config.setEndpoint(change.address),
    );
    const rssMb = rssMiB(control.pid);
    const result: PushResult = { services, proxies: count, changes, startMs, idleRssMb, cold, weight, endpoint, rssMb };
    process.stdout.write(
      values.json ? `${JSON.stringify({ ...result, quoted: { istiod: ISTIOD }, budget: BUDGET })}\n` : format(result),
    );
  } finally {
    await children.stop();
  }
}

interface ControlPlane {
  control: Child;
  /** `HOST:PORT` of its ADS endpoint. */
  xds: string;
  startMs: number;
}

async function startControlPlane(
  children: Children,
  core: number,
  command: readonly string[],
  config: string,
): Promise<ControlPlane> {
  const files = ["--config", config, "--state-dir", join(children.folder, "state")];
  const ports = ["--xds", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const startedAt = monotonicMs();
  const control = children.start("the control plane", core, [...command, ...files, ...ports, "--json"]);
  const line = await control.line(READY_MS);
  const ready = JSON.parse(line) as { xds?: string };
  if (ready.xds === undefined) throw new BenchError(`the control plane did not say where it serves xDS: ${line}`);
  return { control, xds: ready.xds, startMs: monotonicMs() - startedAt };
}

/** Pairs that differ from the pair before them and from 50/50. */
function nextWeights(index: number): Change {
  const first = 1 + (index % 49);
  return { kind: "weight", weights: [first, 100 - first] };
}

function nextAddress(index: number): Change {
  return { kind: "endpoint", address: `10.200.${index >> 8}.${index & 255}` };
}

/** Each change starts when nothing of the one before is under way, so that no debounce window of it is open. */
async function measureChanges(
  proxies: Proxies,
  control: Child,
  count: number,
  nth: (index: number) => Change,
  write: (change: Change) => void,
): Promise<ChangeResult> {
  const first: number[] = [];
  const last: number[] = [];
  const cpu: number[] = [];
  const bytes: number[] = [];
  for (let index = 0; index < count; index++) {
    const change = nth(index);
    process.stderr.write(`${change.kind} change ${index + 1} of ${count}\n`);
    proxies.send({ type: "expect", change });
    await answer(proxies, control, "expecting", CHANGE_MS);
    const cpuBefore = threadCpuSeconds(control.pid);
    const writtenAt = monotonicMs();
    write(change);
    const settled = await answer(proxies, control, "settled", CHANGE_MS);
    cpu.push((threadCpuSeconds(control.pid) - cpuBefore) * 1000);
    first.push(settled.firstAt - writtenAt);
    last.push(settled.lastAt - writtenAt);
    bytes.push(settled.bytesPerProxy);
  }
  return { firstMs: spread(first), lastMs: spread(last), cpuMs: spread(cpu), bytesPerProxy: spread(bytes) };
}

type Answer<T extends FromProxies["type"]> = Extract<FromProxies, { type: T }>;

async function answer<T extends FromProxies["type"]>(
  proxies: Proxies,
  control: Child,
  type: T,
  timeoutMs: number,
): Promise<Answer<T>> {
  // If time runs out the worker says how far the proxies have come.
  const timer = setTimeout(() => process.kill(proxies.pid, "SIGUSR2"), timeoutMs);
  try {
    const message = await proxies.next(timeoutMs + 5000);
    if (message.type === type) return message as Answer<T>;
    control.assertRunning();
    const reason = message.type === "failed" ? message.reason : `expected ${type}, got ${message.type}`;
    throw new BenchError(`${reason}\nThe control plane's log:\n${control.log()}`);
  } finally {
    clearTimeout(timer);
  }
}
