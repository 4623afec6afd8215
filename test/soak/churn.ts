/**
 * Requests while everything changes: endpoints come and go, routes change, backends are killed. Nothing may be lost that can be tried
 * again, and nothing may be executed twice that must not be.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startControlPlane } from "../support/control-plane.ts";
import { freePorts } from "../support/ports.ts";
import { startTulle } from "../support/tulle-proxy.ts";
import { adsBootstrap } from "../support/workload.ts";

export interface ChurnResult {
  requests: number;
  /** GETs to backends that are killed (retried), POSTs to backends that are not: none may fail. */
  lost: number;
  /** POSTs to backends that are killed: these may fail, since nobody knows how far they came. */
  cutOff: number;
  /** POSTs that a backend has seen more than once. */
  executedTwice: number;
  /** Answered with 200, and no backend knows of it. */
  neverExecuted: number;
  endpointChanges: number;
  routeChanges: number;
  kills: number;
  seconds: number;
  /** The first few that were lost, for a reader. */
  examples: string[];
}

const ENDPOINT_CHANGE_MS = 100;
const ROUTE_CHANGE_MS = 200;
const KILL_MS = 700;
const BACKENDS = 5;
const CLIENTS = 24;

export async function churn(
  requests: number,
  progress: (text: string) => void = () => undefined,
): Promise<ChurnResult> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-churn-"));
  const config = join(folder, "config");
  const ports = await freePorts(2 * BACKENDS + 2);
  const mortal = ports.slice(0, BACKENDS).map((port, i) => new Backend(port, join(folder, `mortal-${i}.log`)));
  const steady = ports
    .slice(BACKENDS, 2 * BACKENDS)
    .map((port, i) => new Backend(port, join(folder, `steady-${i}.log`)));
  const [bindPort = 0, proxyPort = 0] = ports.slice(-2);
  await Promise.all([...mortal, ...steady].map((backend) => backend.start()));
  const control = await startControlPlane({ configDir: config, stateDir: join(folder, "state") });
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
    renameSync(join(folder, name), join(config, name));
  };
  write("mortal.yaml", service("mortal", mortal));
  write("steady.yaml", service("steady", steady));
  write("routes.yaml", routes(0));
  const proxy = await startTulle(
    adsBootstrap(control.xdsPort, {
      name: "client",
      labels: { app: "client" },
      tulle: {
        outbound: [{ port: 80, address: "127.0.0.1", bind_port: bindPort }],
        http_proxy: { address: "127.0.0.1", port: proxyPort },
      },
    }),
  );
  const result: ChurnResult = {
    requests: 0,
    lost: 0,
    cutOff: 0,
    executedTwice: 0,
    neverExecuted: 0,
    endpointChanges: 0,
    routeChanges: 0,
    kills: 0,
    seconds: 0,
    examples: [],
  };
  const answered = new Set<string>();
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const started = performance.now();
  const run = { over: false };
  const every = async (ms: number, change: (n: number) => Promise<void> | void): Promise<void> => {
    for (let n = 1; !run.over; n++) {
      await delay(ms);
      if (!run.over) await change(n);
    }
  };
  try {
    await untilAnswers(agent, bindPort);
    const lane = async (first: number): Promise<void> => {
      for (let n = first; n < requests; n += CLIENTS) {
        const kind = KINDS[n % KINDS.length]!;
        const id = `${kind.host}-${kind.method}-${n}`;
        const problem = await ask(agent, bindPort, kind, id);
        result.requests++;
        if (problem === null) answered.add(id);
        else if (kind.mayFail) result.cutOff++;
        else {
          result.lost++;
          if (result.examples.length < 5) result.examples.push(`${id}: ${problem}`);
        }
        if (result.requests % 10_000 === 0) progress(`${result.requests} requests, ${result.lost} lost`);
      }
    };
    const changes = [
      every(ENDPOINT_CHANGE_MS, (n) => {
        // One of them is always away, another one each time.
        const there = (all: readonly Backend[]): Backend[] => all.filter((_, i) => i !== n % all.length);
        write("mortal.yaml", service("mortal", there(mortal)));
        write("steady.yaml", service("steady", there(steady)));
        result.endpointChanges++;
      }),
      every(ROUTE_CHANGE_MS, (n) => {
        write("routes.yaml", routes(n));
        result.routeChanges++;
      }),
      every(KILL_MS, async (n) => {
        await mortal[n % mortal.length]!.kill();
        result.kills++;
        await delay(KILL_MS / 2);
        await mortal[n % mortal.length]!.start();
      }),
    ];
    await Promise.all(Array.from({ length: CLIENTS }, (_, first) => lane(first)));
    run.over = true;
    await Promise.all(changes);
    result.seconds = (performance.now() - started) / 1000;
    countExecutions([...mortal, ...steady], answered, result);
    return result;
  } finally {
    run.over = true;
    agent.destroy();
    await proxy.stop();
    await control.stop();
    await Promise.all([...mortal, ...steady].map((backend) => backend.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Kind {
  readonly host: "mortal" | "steady";
  readonly method: "GET" | "POST";
  readonly mayFail: boolean;
}

const KINDS: readonly Kind[] = [
  { host: "mortal", method: "GET", mayFail: false },
  { host: "steady", method: "POST", mayFail: false },
  { host: "mortal", method: "GET", mayFail: false },
  { host: "mortal", method: "POST", mayFail: true },
  { host: "steady", method: "GET", mayFail: false },
];

class Backend {
  readonly port: number;
  readonly log: string;
  private child: ChildProcess | null = null;

  constructor(port: number, log: string) {
    this.port = port;
    this.log = log;
    writeFileSync(log, "");
  }

  async start(): Promise<void> {
    const child = fork(join(import.meta.dirname, "backend.ts"), [String(this.port), this.log]);
    this.child = child;
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`a backend ended with ${code}`)));
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.removeAllListeners("error");
    child.kill("SIGKILL");
    await gone;
  }
}

function service(name: string, backends: readonly Backend[]): string {
  const endpoints = backends.map(({ port }) => `  - { address: 127.0.0.1, ports: { http: ${port} } }`);
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.soak.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ name: http, number: 80, protocol: HTTP }]
  endpoints:
${endpoints.join("\n")}
`;
}

/** GETs are tried again whatever happened, POSTs only where nothing has been sent. */
function routes(generation: number): string {
  const document = (name: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}.soak.test]
  http:
  - match: [{ method: { exact: GET } }]
    headers: { request: { set: { x-generation: "${generation}" } } }
    retries: { attempts: 10, retryOn: "connect-failure,reset,refused-stream" }
    route: [{ destination: { host: ${name}.soak.test } }]
  - headers: { request: { set: { x-generation: "${generation}" } } }
    retries: { attempts: 10, retryOn: connect-failure }
    route: [{ destination: { host: ${name}.soak.test } }]
`;
  return `${document("mortal")}---${document("steady")}`;
}

/** Null, or what went wrong. */
function ask(agent: Agent, port: number, { host, method }: Kind, id: string): Promise<string | null> {
  const body = method === "POST" ? "body" : "";
  return new Promise((resolve) => {
    const request = httpRequest(
      {
        agent,
        port,
        host: "127.0.0.1",
        method,
        path: `/${id}`,
        headers: { host: `${host}.soak.test`, "x-id": id, ...(body !== "" && { "content-length": body.length }) },
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => void (text += chunk.toString()));
        response.on("error", (error) => resolve(error.message));
        response.on("end", () =>
          resolve(response.statusCode === 200 && text === id ? null : `${response.statusCode} ${text}`),
        );
      },
    );
    request.on("error", (error) => resolve(error.message));
    request.end(body);
  });
}

async function untilAnswers(agent: Agent, port: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const answers = await Promise.all(KINDS.map((kind, i) => ask(agent, port, kind, `warm-up-${i}`)));
    if (answers.every((answer) => answer === null)) return;
    if (performance.now() > deadline) throw new Error(`the mesh does not answer: ${answers.join("; ")}`);
    await delay(50);
  }
}

function countExecutions(backends: readonly Backend[], answered: ReadonlySet<string>, result: ChurnResult): void {
  const executions = new Map<string, number>();
  for (const { log } of backends) {
    for (const id of readFileSync(log, "utf8").split("\n")) executions.set(id, (executions.get(id) ?? 0) + 1);
  }
  for (const [id, times] of executions) if (id.includes("-POST-") && times > 1) result.executedTwice++;
  for (const id of answered) if (!executions.has(id)) result.neverExecuted++;
}
