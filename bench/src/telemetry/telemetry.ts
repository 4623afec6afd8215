/**
 * What telemetry costs a request: the same gateway under the same load with more and more of it switched on, each with a control plane
 * that takes what it is sent. Gateways share one core and take turns.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts } from "@tulle/test/support/ports.ts";
import { COMMON_OPTIONS, chooseCores, positive } from "../arguments.ts";
import { type Child, Children } from "../children.ts";
import { startBackend } from "../hop/backend.ts";
import { requestHeaders } from "../hop/hop.ts";
import { type Sample, saturate } from "../hop/load.ts";
import { type Peer, untilReady } from "../hop/peers.ts";
import { cpuSeconds, rssMiB } from "../process-tree.ts";
import { type Spread, median, spread } from "../statistics.ts";
import { table } from "../table.ts";
import { REPOSITORY, findTools } from "../tools.ts";
import { STEPS, type Step, meshYaml } from "./steps.ts";

const HELP = `Usage: npm run bench -- telemetry [options]

CPU of a request through one gateway with more and more telemetry: ${STEPS.map(({ name }) => name).join(", ")}.

  --rounds N       measured rounds of each step (5)
  --seconds S      length of one step's turn in a round (4)
  --connections N  kept connections, saturated (32)
  --cores A,B      core of the gateways, core of load, backend and control planes (the first two allowed)
  --json           one JSON document instead of a table
`;

const TULLE = join(REPOSITORY, "packages", "cli", "bin", "tulle.js");
const READY_MS = 60_000;
const WARM_UP_SECONDS = 5;

interface StepResult {
  readonly name: string;
  readonly says: string;
  readonly cpuUsPerRequest: Spread;
  /** What this step adds to the one before, and its CPU relative to the first's: medians within the rounds. */
  readonly addsUs: number;
  readonly ratioToOff: number;
  readonly p99Us: number;
  readonly rssMb: number;
  /** The control plane's CPU while this step had its turns, per request of the gateway. */
  readonly controlUsPerRequest: number;
  readonly controlRssMb: number;
  readonly errors: number;
}

interface Running {
  readonly step: Step;
  readonly control: Child;
  readonly peer: Peer<string>;
}

interface Turn extends Sample {
  readonly controlUsPerRequest: number;
}

export async function telemetry(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      connections: { type: "string", default: "32" },
      ...COMMON_OPTIONS,
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const rounds = positive("rounds", values.rounds);
  const seconds = positive("seconds", values.seconds);
  const connections = positive("connections", values.connections);
  const [gatewayCore, loadCore] = chooseCores(values.cores);
  const tools = findTools(["taskset", "wrk", "nginx"]);

  const children = new Children(tools.taskset);
  try {
    const [backendPort] = await freePorts(1);
    await startBackend(children, tools.nginx, loadCore, [{ port: backendPort!, protocol: "http1", tls: false }]);
    const load = {
      core: loadCore,
      connections,
      seconds,
      path: "/api/v7/items?x=1",
      ...requestHeaders(children, undefined),
    };
    const running: Running[] = [];
    for (const step of STEPS) running.push(await start(children, step, backendPort!, gatewayCore, loadCore));
    for (const { peer } of running) {
      await untilReady(peer, load.path, load.headers);
      await saturate(children, tools.wrk, peer, { ...load, seconds: WARM_UP_SECONDS });
    }
    const turns = new Map(running.map(({ step }) => [step.name, [] as Turn[]]));
    for (let round = 0; round < rounds; round++) {
      for (const { step, peer, control } of round % 2 === 0 ? running : running.toReversed()) {
        process.stderr.write(`round ${round + 1} of ${rounds}, ${step.name}\n`);
        const before = cpuSeconds(control.pid);
        const sample = await saturate(children, tools.wrk, peer, load);
        const used = cpuSeconds(control.pid) - before;
        turns.get(step.name)!.push({ ...sample, controlUsPerRequest: (used / sample.requests) * 1e6 });
      }
    }
    const results = running.map(({ step, control }, i) =>
      summarize(step, turns, running[Math.max(0, i - 1)]!.step, rssMiB(control.pid)),
    );
    process.stdout.write(values.json ? `${JSON.stringify({ connections, steps: results })}\n` : format(results));
  } finally {
    await children.stop();
  }
}

async function start(
  children: Children,
  step: Step,
  backendPort: number,
  gatewayCore: number,
  loadCore: number,
): Promise<Running> {
  const state = join(children.folder, step.name);
  const config = join(state, "config");
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, "mesh.yaml"), meshYaml(step, backendPort));
  const tulle = (...args: string[]): string[] => [process.execPath, TULLE, ...args, "--log-level", "warning", "--json"];
  const places = ["--xds", "127.0.0.1:0", "--xds-tls", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const control = children.start(`${step.name}: control plane`, loadCore, tulle("up", "--state-dir", state, ...places));
  await control.line(READY_MS);
  const gateway = children.start(
    step.name,
    gatewayCore,
    tulle("gateway", "--state-dir", state, "--address", "127.0.0.1", "--port", "80=0"),
  );
  const { ports } = JSON.parse(await gateway.line(READY_MS)) as { ports: Record<string, string> };
  return { step, control, peer: { name: step.name, children: [gateway], origin: `http://${ports["80"]}` } };
}

function summarize(
  { name, says }: Step,
  turns: ReadonlyMap<string, readonly Turn[]>,
  before: Step,
  controlRssMb: number,
): StepResult {
  const own = turns.get(name)!;
  const of = (key: keyof Turn): number => median(own.map((turn) => turn[key]));
  const cpu = (step: string, round: number): number => turns.get(step)![round]!.cpuUsPerRequest;
  return {
    name,
    says,
    cpuUsPerRequest: spread(own.map((turn) => turn.cpuUsPerRequest)),
    addsUs: median(own.map((turn, round) => turn.cpuUsPerRequest - cpu(before.name, round))),
    ratioToOff: median(own.map((turn, round) => turn.cpuUsPerRequest / cpu(STEPS[0]!.name, round))),
    p99Us: of("p99Us"),
    rssMb: of("rssMb"),
    controlUsPerRequest: of("controlUsPerRequest"),
    controlRssMb,
    errors: own.reduce((sum, turn) => sum + turn.statusErrors + turn.socketErrors, 0),
  };
}

const HEADER = [
  "",
  "CPU µs/req",
  "min–max",
  "adds µs",
  "÷ off",
  "p99 µs",
  "RSS MB",
  "control µs/req",
  "control RSS MB",
  "errors",
];

function format(steps: readonly StepResult[]): string {
  const rows = steps.map((step) => {
    const { median: middle, min, max } = step.cpuUsPerRequest;
    return [
      step.name,
      middle.toFixed(1),
      `${min.toFixed(1)}–${max.toFixed(1)}`,
      step.addsUs.toFixed(1),
      `${step.ratioToOff.toFixed(2)} ×`,
      step.p99Us.toFixed(0),
      step.rssMb.toFixed(0),
      step.controlUsPerRequest.toFixed(1),
      step.controlRssMb.toFixed(0),
      `${step.errors}`,
    ];
  });
  const legend = steps.map(({ name, says }) => `${name}: ${says}`).join("\n");
  return `${table(HEADER, rows)}\n${legend}\n`;
}
