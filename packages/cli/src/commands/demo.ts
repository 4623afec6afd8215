import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { defineCommand } from "../command.ts";
import { DEFAULT_HTTP } from "../control-plane/locate.ts";
import { copyConfiguration, PRODUCT_PAGE, VARIANTS } from "../demo/bookinfo.ts";
import { edgesBetween } from "../demo/edges.ts";
import type { Counts, Edge } from "../demo/edges.ts";
import { DemoMesh } from "../demo/mesh.ts";
import { Traffic } from "../demo/traffic.ts";
import type { Outcome } from "../demo/traffic.ts";
import { edgeTable } from "../demo/view.ts";
import { CliError, EXIT } from "../errors.ts";
import { claimPort, isFree } from "../process/ports.ts";
import { onStop } from "../process/stop-signal.ts";
import { openLiveBlock } from "../terminal/live.ts";
import { style } from "../terminal/style.ts";

const LOOPBACK = "127.0.0.1";
const DEFAULT_PORT = 8080;
/** Requests at a time of --once. */
const CONCURRENCY = 8;
/** How far back the table's rates and latencies look. */
const WINDOW_SECONDS = 5;
const REFRESH_MS = 1000;
/** Between tables where they are not redrawn in place. */
const PRINT_EVERY = 5;
/** How long the proxies may take to count what has been answered. */
const COUNTED_MS = 5000;
const NOTES_SHOWN = 4;

export const demo = defineCommand({
  name: "demo",
  summary: "runs the Bookinfo services through the mesh, with traffic and a live table",
  usage: ["demo [--port P] [--config DIR] [--rate N]", "demo --once [--requests N] [--port P] [--config DIR] [--json]"],
  description: `Starts a control plane, the four Bookinfo services (reviews in three versions) with a sidecar each, an ingress gateway and a
stream of requests, and shows who calls which version how often and how fast. Edit the YAML or tulle apply something from
${VARIANTS}: traffic follows at once. q or Ctrl-C stops everything.
With --once it sends a fixed number of requests when all proxies are in sync, prints the result and stops; it exits with 1 if any
failed. Counted by the proxies, on the calling side. P50 and P99 are interpolated within the buckets of Istio's histograms (0.5, 1, 5, 10, 25 …
ms). With --json the result is one line: {"ingress","requests","failed","edges":[{"from","to","version","requests","failed","mutualTls","p50Ms","p99Ms"}]};
without --once that line follows when the demo ends, and one with the addresses comes first.`,
  examples: [
    { command: "tulle demo", does: "watch it" },
    { command: "tulle demo --config ./mesh", does: "with your own YAML, watched while you edit it" },
    { command: "tulle demo --once --requests 2000 --json", does: "for scripts" },
  ],
  options: {
    port: {
      type: "integer",
      value: "P",
      max: 65_535,
      help: "the ingress port (default 8080, or a free one if that is taken; 0: a free one)",
    },
    config: {
      type: "string",
      value: "DIR",
      help: "configuration to use and to watch (default: a copy of the example's)",
    },
    once: { type: "flag", help: "send a fixed number of requests, print the result, stop" },
    requests: { type: "integer", value: "N", default: 1000, min: 1, help: "how many, with --once" },
    rate: { type: "integer", value: "N", default: 20, min: 1, max: 1000, help: "requests a second, without --once" },
    json: { type: "flag", help: "print the result as JSON" },
  },
  run: async ({ options }) => {
    const stop = new AbortController();
    onStop((_, count) => {
      if (count === 1) stop.abort();
      else process.exit(EXIT.failure); // the parts end with us
    });
    // tulle up makes it if it is missing: there nothing is wrong with a mesh that has nothing yet.
    if (options.config !== undefined && !statSync(options.config, { throwIfNoEntry: false })?.isDirectory()) {
      throw new CliError(`--config ${options.config}: no such directory`, [
        "Without --config: a copy of the example's.",
      ]);
    }
    const folder = mkdtempSync(join(tmpdir(), "tulle-demo-"));
    const configDir = options.config === undefined ? join(folder, "config") : resolve(options.config);
    if (options.config === undefined) copyConfiguration(configDir);
    const notes: string[] = [];
    const say = (text: string): void => void (options.json || process.stderr.write(`${text}\n`));
    const mesh = new DemoMesh({
      configDir,
      stateDir: folder,
      ingressPort: await ingressPort(options.port, options.once, say),
      httpPort: options.once || (await claimPort(DEFAULT_HTTP.port, LOOPBACK)) === undefined ? 0 : DEFAULT_HTTP.port,
      onNote: (note) => {
        notes.push(note);
        if (!process.stdout.isTTY || options.once) process.stderr.write(`${note}\n`);
      },
    });
    try {
      say("Starting the control plane, six workloads with a sidecar each, and the ingress …");
      await abortable(mesh.start(), stop.signal);
      if (options.once) return await once(mesh, options.requests, options.json, stop.signal);
      await live(mesh, { rate: options.rate, json: options.json, configDir, stateDir: folder, notes, stop });
      return EXIT.ok;
    } catch (error) {
      if (stop.signal.aborted) return EXIT.ok;
      throw error;
    } finally {
      await mesh.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

async function ingressPort(given: number | undefined, once: boolean, say: (text: string) => void): Promise<number> {
  if (given === 0) return 0;
  if (given !== undefined) {
    if (await isFree(given, LOOPBACK)) return given;
    throw new CliError(`port ${given} is taken`, ["Another one: --port P; any free one: --port 0"]);
  }
  if ((await claimPort(DEFAULT_PORT, LOOPBACK)) !== undefined) return DEFAULT_PORT;
  if (!once) say(`Port ${DEFAULT_PORT} is taken; the ingress gets another one.`);
  return 0;
}

/** The promise, or a rejection when the person has had enough. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
    promise.then(resolve, reject);
  });
}

async function once(mesh: DemoMesh, requests: number, json: boolean, signal: AbortSignal): Promise<number> {
  const traffic = new Traffic(mesh.ingress + PRODUCT_PAGE);
  const before = await mesh.counts();
  const started = performance.now();
  await traffic.send(requests, CONCURRENCY, signal);
  const seconds = (performance.now() - started) / 1000;
  traffic.close();
  if (signal.aborted) return EXIT.ok;
  const edges = edgesBetween(before, await countsAfter(mesh, before, traffic.outcome));
  const failed = failures(edges, traffic.outcome);
  if (json) {
    console.log(resultLine(mesh.ingress, edges, traffic.outcome));
  } else {
    console.log(edgeTable(edges, edges, seconds));
    console.log(
      `\n${requests} requests in ${seconds.toFixed(1)} s, ${failed === 0 ? style.good("none failed") : style.bad(`${failed} failed`)}`,
    );
  }
  if (traffic.outcome.firstError !== undefined) process.stderr.write(`first error: ${traffic.outcome.firstError}\n`);
  return failed === 0 ? EXIT.ok : EXIT.failure;
}

/** The countings once the ingress has counted all that was answered (a proxy counts when it has written the answer). */
async function countsAfter(mesh: DemoMesh, before: Counts, { sent, unanswered }: Outcome): Promise<Counts> {
  const deadline = performance.now() + COUNTED_MS;
  for (;;) {
    const counts = await mesh.counts();
    const counted = edgesBetween(before, counts)
      .filter(({ from }) => from === mesh.ingressName)
      .reduce((sum, { requests }) => sum + requests, 0);
    if (counted >= sent - unanswered || performance.now() > deadline) return counts;
    await delay(20);
  }
}

/** Calls that failed, on any edge, and requests that nobody answered. */
function failures(edges: readonly Edge[], { unanswered }: Outcome): number {
  return edges.reduce((sum, { failed }) => sum + failed, 0) + unanswered;
}

function resultLine(ingress: string, edges: readonly Edge[], outcome: Outcome): string {
  return JSON.stringify({ ingress, requests: outcome.sent, failed: failures(edges, outcome), edges });
}

interface LiveOptions {
  readonly rate: number;
  readonly json: boolean;
  readonly configDir: string;
  readonly stateDir: string;
  readonly notes: readonly string[];
  readonly stop: AbortController;
}

/** Traffic and a table until stopped. */
async function live(mesh: DemoMesh, { rate, json, configDir, stateDir, notes, stop }: LiveOptions): Promise<void> {
  const { signal } = stop;
  const traffic = new Traffic(mesh.ingress + PRODUCT_PAGE);
  const before = await mesh.counts();
  const flowing = traffic.flow(rate, signal);
  const inPlace = process.stdout.isTTY && !json;
  if (json) console.log(JSON.stringify({ ingress: mesh.ingress, ...mesh.controlPlane, stateDir, configDir }));
  else console.log(introduction(mesh, configDir));
  const block = inPlace ? openLiveBlock(() => stop.abort()) : undefined;
  const history = [{ at: performance.now(), counts: before }];
  for (let tick = 1; !signal.aborted; tick++) {
    await delay(REFRESH_MS, undefined, { signal }).catch(() => undefined);
    const now = await mesh.counts();
    history.push({ at: performance.now(), counts: now });
    if (history.length > WINDOW_SECONDS + 1) history.shift();
    const [oldest, newest] = [history[0]!, history.at(-1)!];
    const table = (): string => {
      const recent = edgesBetween(oldest.counts, now);
      return edgeTable(edgesBetween(before, now), recent, (newest.at - oldest.at) / 1000);
    };
    if (block !== undefined)
      block.draw([table(), "", ...notes.slice(-NOTES_SHOWN), style.dim("q: stop everything")].join("\n"));
    else if (!json && tick % PRINT_EVERY === 0) console.log(`${table()}\n`);
  }
  block?.close();
  await flowing;
  traffic.close();
  if (json)
    console.log(
      resultLine(mesh.ingress, edgesBetween(before, await countsAfter(mesh, before, traffic.outcome)), traffic.outcome),
    );
}

function introduction(mesh: DemoMesh, configDir: string): string {
  const { http } = mesh.controlPlane;
  const api = http === `${LOOPBACK}:${DEFAULT_HTTP.port}` ? "" : ` --http ${http}`;
  return `
${style.bold("Bookinfo, carried by the mesh")}

  Product page   ${style.link(mesh.ingress + PRODUCT_PAGE)}
  Console        ${style.link(`http://${http}`)} (graph, traces, requests and why; changes of traffic, with undo)
  Configuration  ${configDir} (edit a file: traffic follows at once)
  Try            npx tulle apply${api} -f ${relative(process.cwd(), resolve(import.meta.dirname, "../../../..", VARIANTS))}/virtual-service-reviews-test-v2.yaml
                 and sign in as jason
                 npx tulle get all${api} · npx tulle proxies${api} · npx tulle slow${api} · npx tulle tap${api}
`;
}
