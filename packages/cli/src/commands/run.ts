import { findMembership } from "../agent/membership.ts";
import { servicePortProtocol } from "@tulle/api";
import { defineCommand } from "../command.ts";
import { awaitControlPlane } from "../control-plane/await.ts";
import { announced, defaultStateDir, locate } from "../control-plane/locate.ts";
import { UsageError } from "../errors.ts";
import { formatAddress, parseAddress } from "../options.ts";
import { reportReady } from "../process/part.ts";
import { reservePorts } from "../process/ports.ts";
import { waitUntilAccepting } from "../process/probe.ts";
import { startProgram } from "../process/program.ts";
import type { Program } from "../process/program.ts";
import { onStop, signalExitCode } from "../process/stop-signal.ts";
import type { OnStop } from "../process/stop-signal.ts";
import type * as Capture from "../capture/run-captured.ts";
import { readSelection, selectionOptions } from "../capture/options.ts";
import { serveMerged } from "../metrics/merged-server.ts";
import type { Address, OptionValues } from "../options.ts";
import {
  connectionOptions,
  identifyWorkload,
  metricsOptions,
  metricsPlace,
  workloadOptions,
} from "../sidecar/options.ts";
import { programEnvironment } from "../sidecar/program-environment.ts";
import type { Sidecar } from "../sidecar/start.ts";
import { style } from "../terminal/style.ts";

/** How long others may go on sending after this workload has said that it stops: the way of a push, and room. */
const FAREWELL_MS = 300;
const LOOPBACK = "127.0.0.1";
const DEFAULT_PORT = 8080;
/** A program that takes longer to listen is slow, or listens somewhere else: its user wants to know. */
const LISTENS_WITHIN_MS = 5000;

export const run = defineCommand({
  name: "run",
  summary: "runs a program with a sidecar: a workload of the mesh",
  usage: ["run --service NAME [--version V] [options] -- COMMAND [ARGUMENT…]"],
  description: `Starts a sidecar, registers the workload with the control plane, then starts the program with
  PORT                    where it is to listen (--app-port names the port of a program that has its own)
  HTTP_PROXY, http_proxy  the sidecar: plain HTTP requests that honour it go through the mesh, and services are
                          found by name: http://reviews:9080, reviews.default, reviews.default.svc.cluster.local
  NO_PROXY, no_proxy      localhost and 127.0.0.1 stay outside the mesh
  NODE_USE_ENV_PROXY      1, so that Node.js (24 and newer) honours them; NODE_OPTIONS makes its fetch do so without tunnels
  TULLE_SERVICE, TULLE_VERSION, TULLE_NAMESPACE, TULLE_ADMIN (the sidecar's admin endpoint)
  TULLE_UPSTREAM_NAME_PORT  where --upstream NAME:PORT is bound
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SERVICE_NAME  the control plane, if it runs on this machine: where a program that
                          uses OpenTelemetry sends its spans, unless it is told otherwise
Other workloads send it requests once it accepts connections on PORT. What does not speak HTTP says so (--protocol tcp),
and is called at a local port (--upstream).
Ends with the program's exit code (128 + N after signal N), and with nothing left of its process group. Ctrl-C and
SIGTERM are passed on to the program; what is left after --grace, or at a second Ctrl-C, is killed.`,
  examples: [
    {
      command: "tulle run --service web --port 8080 -- node server.js",
      does: "a service other workloads call as http://web:8080",
    },
    {
      command: "tulle run --service reviews --version v2 --port 9080 -- npm start",
      does: "a version that a DestinationRule's subset can name",
    },
    {
      command: "tulle run --service shell -- curl http://reviews:9080/reviews/0",
      does: "one request through the mesh",
    },
    {
      command: "sudo tulle run --capture --service cache --port 6379 -- redis-server",
      does: "a program that knows nothing of proxies, all of whose connections go through the mesh",
    },
    {
      command: "tulle run --service redis --port 6379 --protocol tcp --app-port 6379 -- redis-server",
      does: "a service that does not speak HTTP",
    },
    {
      command: "tulle run --service web --upstream redis:6379=16379 -- node server.js",
      does: "connections to 127.0.0.1:16379 go to redis",
    },
    {
      command: "tulle run --service web --metrics-port 9090 --scrape-port 15020 -- ./server",
      does: "one scrape at 15020 has the program's metrics and its proxy's",
    },
    {
      command: "tulle run --service web --port 80 --app-port 3000 -- ./server",
      does: "a program that listens on a port of its own",
    },
  ],
  options: {
    ...workloadOptions,
    port: {
      type: "integer",
      value: "P",
      min: 1,
      max: 65_535,
      help: "the service port others call it by (default 8080)",
    },
    "app-port": {
      type: "integer",
      value: "P",
      min: 1,
      max: 65_535,
      help: "where the program listens; else a free port, told by PORT",
    },
    outbound: {
      type: "string",
      value: "PORT[=LOCAL]",
      multiple: true,
      help: "a local port for requests to service port PORT, by Host header: for programs that honour no HTTP_PROXY",
    },
    upstream: {
      type: "string",
      value: "SERVICE:PORT[=LOCAL]",
      multiple: true,
      help: "a local port for connections to a service, whatever it speaks",
    },
    protocol: {
      type: "choice",
      value: "PROTOCOL",
      choices: ["http", "http2", "grpc", "tcp", "tls", "auto"],
      help: "what the program speaks at its port: http, with --capture auto: HTTP is told from other protocols",
    },
    ...metricsOptions,
    "scrape-port": {
      type: "integer",
      value: "P",
      min: 1,
      max: 65_535,
      help: "where a Prometheus finds both, at /stats/prometheus; else a free port, which the control plane tells it",
    },
    capture: {
      type: "flag",
      help: "Linux, root: a network namespace for the program, all of whose connections go through the sidecar",
    },
    ...selectionOptions,
    grace: { type: "integer", value: "SECONDS", default: 10, help: "how long the program may take to stop" },
    ...connectionOptions,
  },
  takesProgram: true,
  run: async ({ options, rest }) => {
    const port = options.port ?? DEFAULT_PORT;
    const identity = identifyWorkload(options);
    const appMetrics = metricsPlace(options);
    const scrapePort = options["scrape-port"];
    if (!options.capture) refuseCaptureOptions(options);
    else if (scrapePort !== undefined) throw new UsageError("--scrape-port: with --capture it is 15020");
    const outbound: readonly Outbound[] = [
      ...options.outbound.map(parseOutbound),
      ...options.upstream.map(parseUpstream),
    ];
    // One listener for all of the time: a signal that comes while listeners are exchanged would be lost.
    let stop: OnStop = (signal) => process.exit(signalExitCode(signal)); // nothing runs yet that would have to be stopped
    onStop((signal, count) => stop(signal, count));
    const captured = options.capture ? await prepareCapture(outbound) : undefined;
    const stateDir = options["state-dir"] ?? defaultStateDir();
    await awaitControlPlane(options, stateDir, options.wait * 1000);
    const located = locate("xds", options.xds, stateDir);
    const membership = findMembership(options, stateDir);
    if (captured !== undefined) {
      const run = {
        backend: captured.backend,
        command: rest ?? [],
        identity,
        port,
        appPort: options["app-port"] ?? port,
        // Where servers usually speak first nothing is to be found out.
        protocol: options.protocol ?? servicePortProtocol({ port }).toLowerCase(),
        selection: readSelection(options),
        metrics: appMetrics,
        located,
        membership,
        waitMs: options.wait * 1000,
        graceMs: options.grace * 1000,
        logLevel: options["log-level"],
      };
      return captured.runCaptured(run, (stopIt) => (stop = stopIt));
    }

    const local = await reservePorts(3 + outbound.length, LOOPBACK);
    const [adminPort, proxyPort, freeAppPort, ...freeOutbound] = local.ports as [number, number, number, ...number[]];
    const reachable = await reservePorts(2, options.address);
    const app = { host: LOOPBACK, port: options["app-port"] ?? freeAppPort };
    const admin = { host: LOOPBACK, port: adminPort };
    const httpProxy = { host: LOOPBACK, port: proxyPort };
    const bound = outbound.map(({ port, local, service }, i) => ({
      port,
      bind: { host: LOOPBACK, port: local ?? freeOutbound[i]! },
      ...(service === undefined ? {} : { service }),
    }));

    const { startSidecar } = await import("../sidecar/start.ts");
    const isMerged = appMetrics !== undefined || scrapePort !== undefined;
    const scraped = isMerged ? { host: options.address, port: scrapePort ?? reachable.ports[1]! } : undefined;
    const merged =
      scraped && (await serveMerged({ proxy: admin, application: appMetrics, bind: scraped, option: "--scrape-port" }));
    const sidecar = await startSidecar({
      identity,
      ports: {
        inbound: [
          {
            port,
            protocol: options.protocol ?? "http",
            bind: { host: options.address, port: reachable.ports[0]! },
            app,
          },
        ],
        httpProxy,
        outbound: bound,
      },
      located,
      membership,
      admin,
      metrics: scraped,
      reportsHealth: true,
      waitMs: options.wait * 1000,
      logLevel: options["log-level"],
    });
    reachable.release();
    merged?.ready();
    if (scraped !== undefined) {
      process.stderr.write(
        `${style.dim("tulle:", process.stderr)} metrics for a Prometheus: http://${formatAddress(scraped)}/stats/prometheus\n`,
      );
    }
    for (const { port, bind, service } of bound) {
      const what = service === undefined ? `requests for port ${port}` : `connections to ${service}:${port}`;
      process.stderr.write(`${style.dim("tulle:", process.stderr)} ${formatAddress(bind)} carries ${what}\n`);
    }

    const http = announced(stateDir)?.http;
    const collector = http === undefined ? undefined : parseAddress("the control plane's API", http);
    const surroundings = { identity, app, httpProxy, admin, outbound: bound };
    const env = programEnvironment(
      process.env,
      collector === undefined ? surroundings : { ...surroundings, collector },
    );
    try {
      const program = await startProgram(rest ?? [], env);
      const graceMs = options.grace * 1000;
      stop = (signal, count) => {
        if (count > 1) program.signal("SIGKILL");
        else void sidecar.retire(FAREWELL_MS).then(() => program.stop(signal, graceMs));
      };
      // Who names no port runs a shell, or another program that only calls.
      const isServer = options.port !== undefined || options["app-port"] !== undefined;
      return await serve(sidecar, program, { app, isServer, graceMs }, () => {
        local.release();
        reportReady({ admin: formatAddress(admin), pid: process.pid });
      });
    } finally {
      local.release();
      merged?.close();
      await sidecar.close();
    }
  },
});

/** Before anything is waited for: whether this machine and this user can capture at all. */
async function prepareCapture(
  outbound: readonly Outbound[],
): Promise<Pick<typeof Capture, "runCaptured"> & { backend: Capture.RuleBackend }> {
  if (outbound.length > 0) {
    throw new UsageError("--outbound and --upstream have no effect with --capture: every port is captured");
  }
  const { checkMachine, runCaptured } = await import("../capture/run-captured.ts");
  return { backend: checkMachine(), runCaptured };
}

/** They would be taken for granted. */
function refuseCaptureOptions(options: OptionValues<typeof selectionOptions>): void {
  for (const [name, { default: usual }] of Object.entries(selectionOptions)) {
    if (options[name as keyof typeof selectionOptions] === usual) continue;
    throw new UsageError(`--${name} has an effect with --capture only`);
  }
}

interface Outbound {
  readonly port: number;
  /** Undefined: any that is free. */
  readonly local: number | undefined;
  /** Undefined: requests go by their Host header. */
  readonly service?: string;
}

function parseUpstream(text: string): Outbound {
  const match = /^([a-z0-9.-]+):(.*)$/i.exec(text);
  const [, service = "", ports = ""] = match ?? [];
  if (!/^\d{1,5}(=\d{1,5})?$/.test(ports)) {
    throw new UsageError(`--upstream ${text}: not of the form SERVICE:PORT or SERVICE:PORT=LOCALPORT`);
  }
  return { ...parseOutbound(ports), service };
}

function parseOutbound(text: string): Outbound {
  const match = /^(\d{1,5})(?:=(\d{1,5}))?$/.exec(text);
  const [port, local] = [Number(match?.[1]), match?.[2] === undefined ? undefined : Number(match[2])];
  if (match === null || port < 1 || port > 65_535 || (local !== undefined && (local < 1 || local > 65_535))) {
    throw new UsageError(`--outbound ${text}: not of the form PORT or PORT=LOCALPORT`);
  }
  return { port, local };
}

/** Keeps the sidecar beside the program until that ends; resolves with its exit code. */
async function serve(
  sidecar: Sidecar,
  program: Program,
  { app, isServer, graceMs }: { app: Address; isServer: boolean; graceMs: number },
  onServing: () => void,
): Promise<number> {
  const ended = new AbortController();
  const impatience = setTimeout(() => {
    sidecar.reportHealth(false, `nothing listens on ${formatAddress(app)}, its port`);
    if (isServer) process.stderr.write(notListening(app));
  }, LISTENS_WITHIN_MS);
  const probing = waitUntilAccepting(app, ended.signal).then((accepting) => {
    clearTimeout(impatience);
    if (!accepting) return;
    sidecar.reportHealth(true);
    onServing();
  });
  const code = await program.exit;
  clearTimeout(impatience);
  ended.abort();
  await probing;
  await program.stop("SIGTERM", graceMs);
  return code;
}

function notListening(app: Address): string {
  return `${style.caution("tulle:", process.stderr)} nothing listens on ${formatAddress(app)} yet (PORT in the program's environment): until then requests to it get 503
  A program that has a port of its own: --app-port PORT
`;
}
