/** Whether a proxy with everything switched on grows: millions of requests, its memory sampled all along, and a line through it. */
import { parseArgs } from "node:util";
import { freePorts } from "@tulle/test/support/ports.ts";
import { COMMON_OPTIONS, chooseCores, list, positive } from "../arguments.ts";
import { Children } from "../children.ts";
import { BenchError } from "../errors.ts";
import { startBackend } from "../hop/backend.ts";
import { FULL_FEATURED, requestHeaders } from "../hop/hop.ts";
import { saturate } from "../hop/load.ts";
import { PEER_NAMES, defaultTulle, memoryOf, startPeer, untilReady } from "../hop/peers.ts";
import { findTools } from "../tools.ts";
import { Inspector } from "./inspector.ts";
import { type Slope, slope } from "./slope.ts";

const help = `Usage: npm run bench -- soak [options]

Resident memory over millions of requests, everything switched on: bytes a request, with the 95 % confidence interval.

  --requests N       (2000000)
  --connections N    (32), opened anew for each slice of the load
  --peer NAME        which peer (tulle)
  --collected        Tulle only: memory after a full garbage collection between slices: what lives, without the heap's saw-tooth
  --cores A,B        core of the proxy, core of load and backend (the first two allowed)
  --json             one JSON document instead of text
`;

const SLICE_SECONDS = 5;
/** With collections there is one sample a slice. */
const COLLECTED_SLICE_SECONDS = 2;
const SAMPLE_MS = 250;
/** The first part is warm-up: code is compiled, pools fill, the heap finds its size. */
const COUNTED = 0.7;

interface Result {
  peer: string;
  requests: number;
  errors: number;
  /** MiB: first sample, last, and the most. */
  rssMb: { first: number; last: number; most: number };
  bytesPerRequest: Slope;
}

export async function soak(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      requests: { type: "string", default: "2000000" },
      connections: { type: "string", default: "32" },
      peer: { type: "string", default: "tulle" },
      collected: { type: "boolean", default: false },
      ...COMMON_OPTIONS,
    },
  });
  if (values.help) return void process.stdout.write(help);
  const wanted = positive("requests", values.requests);
  const connections = positive("connections", values.connections);
  const [name = "tulle"] = list("peer", values.peer, PEER_NAMES);
  const { collected } = values;
  if (collected && name !== "tulle") throw new BenchError("--collected is for a peer that has an inspector: tulle");
  const [proxyCore, loadCore] = chooseCores(values.cores);
  const tools = findTools(["taskset", "wrk", "nginx"]);
  const children = new Children(tools.taskset);
  try {
    const ports = await freePorts(16);
    const freePort = (): number => ports.pop() ?? 0;
    const plainBackend = freePort();
    await startBackend(children, tools.nginx, loadCore, [{ port: plainBackend, protocol: "http1", tls: false }]);
    const bootstrap = FULL_FEATURED.bootstrap(plainBackend, freePort);
    const inspectorPort = freePort();
    const env = collected ? { NODE_OPTIONS: `--inspect=127.0.0.1:${inspectorPort}` } : undefined;
    const settings = { core: proxyCore, bootstrap, plainBackend, tulle: defaultTulle, freePort };
    const peer = startPeer(name, children, { ...settings, ...(env && { env }) });
    const load = {
      core: loadCore,
      connections,
      seconds: collected ? COLLECTED_SLICE_SECONDS : SLICE_SECONDS,
      path: "/api/v7/items?x=1",
      ...requestHeaders(children, undefined),
    };
    await untilReady(peer, load.path, load.headers);
    const inspector = collected ? await Inspector.open(inspectorPort) : undefined;
    /** Milliseconds since the start, and MiB. */
    const samples: { at: number; rssMb: number }[] = [];
    const sample = (): number => samples.push({ at: performance.now(), rssMb: memoryOf(peer) });
    const sampler = inspector === undefined ? setInterval(sample, SAMPLE_MS) : undefined;
    /** When how many requests had been answered. */
    const done: { at: number; requests: number }[] = [{ at: performance.now(), requests: 0 }];
    let requests = 0;
    let errors = 0;
    while (requests < wanted) {
      const slice = await saturate(children, tools.wrk, peer, load);
      requests += slice.requests;
      errors += slice.statusErrors + slice.socketErrors;
      await inspector?.collect();
      done.push({ at: performance.now(), requests });
      if (inspector !== undefined) sample();
      process.stderr.write(`${requests} requests, ${memoryOf(peer).toFixed(1)} MiB\n`);
    }
    clearInterval(sampler);
    inspector?.close();
    const points = samples.map(({ at, rssMb }) => ({ x: requestsAt(done, at), y: rssMb * 1024 * 1024 }));
    const counted = points.slice(Math.floor(points.length * (1 - COUNTED)));
    const sizes = samples.map(({ rssMb }) => rssMb);
    const result: Result = {
      peer: name,
      requests,
      errors,
      rssMb: { first: sizes[0] ?? 0, last: sizes.at(-1) ?? 0, most: Math.max(...sizes) },
      bytesPerRequest: slope(counted),
    };
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : format(result));
  } finally {
    await children.stop();
  }
}

/** Between two marks as if requests came evenly. */
function requestsAt(done: readonly { at: number; requests: number }[], at: number): number {
  for (let i = 1; i < done.length; i++) {
    const [before, after] = [done[i - 1]!, done[i]!];
    if (at > after.at) continue;
    const share = (at - before.at) / (after.at - before.at);
    return before.requests + Math.max(0, share) * (after.requests - before.requests);
  }
  return done.at(-1)?.requests ?? 0;
}

function format({ peer, requests, errors, rssMb, bytesPerRequest }: Result): string {
  const { value, low, high } = bytesPerRequest;
  return `${peer}: ${requests} requests, ${errors} errors
RSS ${rssMb.first.toFixed(1)} MiB at first, ${rssMb.last.toFixed(1)} MiB at last, ${rssMb.most.toFixed(1)} MiB at most
slope of the last ${COUNTED * 100} %: ${value.toFixed(3)} bytes a request, 95 % between ${low.toFixed(3)} and ${high.toFixed(3)}
`;
}
