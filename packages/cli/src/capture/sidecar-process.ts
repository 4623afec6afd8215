/** The sidecar of a captured program, in the program's network namespace: proxy, DNS, and whether the program accepts connections. */
import { fromBinary } from "@bufbuild/protobuf";
import { setTimeout as delay } from "node:timers/promises";
import { captureProblem } from "@tulle/proxy";
import type { LogLevel } from "@tulle/proxy";
import { TYPE } from "@tulle/xds";
import type { ResourceUpdate } from "@tulle/xds/client";
import { NameTableSchema } from "@tulle/xds/gen/istio/networking/nds/v1/nds_pb.js";
import { defineCommand } from "../command.ts";
import { MeshNames } from "../dns/mesh-names.ts";
import { DnsServer } from "../dns/server.ts";
import { CliError } from "../errors.ts";
import type { MetricsPlace } from "../metrics/merged-metrics.ts";
import { serveMerged } from "../metrics/merged-server.ts";
import type { Address } from "../options.ts";
import { onRequest, reportReady } from "../process/part.ts";
import { waitUntilAccepting } from "../process/probe.ts";
import { stopRequested } from "../process/stop-signal.ts";
import type { AgentSockets, Identity } from "../sidecar/bootstrap.ts";
import { startSidecar } from "../sidecar/start.ts";
import { style } from "../terminal/style.ts";
import { relay } from "./relay.ts";
import { ADMIN, CAPTURE_PORTS, METRICS_PORTS } from "./rules.ts";

export interface CapturedSidecarConfig {
  readonly identity: Identity;
  readonly port: number;
  readonly protocol: string;
  readonly appPort: number;
  /** Where the program shows metrics; undefined: it has none. */
  readonly metrics: MetricsPlace | undefined;
  /** Of the workload. */
  readonly addresses: readonly string[];
  /** Socket in the file system that leads to the control plane. */
  readonly xdsSocket: string;
  /** The agent's sockets; undefined: the workload has no identity. */
  readonly agent: AgentSockets | undefined;
  /** Where the control plane's address is from, for error messages. */
  readonly xdsFrom: string;
  readonly dnsServers: readonly Address[];
  readonly waitMs: number;
  readonly logLevel: LogLevel;
}

const LOOPBACK = "127.0.0.1";
/** Connections from there to the application are not captured. (rules.ts, PASSTHROUGH_SOURCE) */
const PASSTHROUGH_SOURCE = "127.0.0.6";
/** How long others may go on sending after this workload has said that it stops. */
const FAREWELL_MS = 300;
/** After it has been seen at loopback a program has so long to be seen elsewhere. */
const REACHABLE_MS = 3000;

export const capturedSidecar = defineCommand({
  name: "captured-sidecar",
  summary: "the sidecar of tulle run --capture",
  usage: ["captured-sidecar CONFIG"],
  description: "Started by tulle run --capture.",
  examples: [],
  options: {},
  positionals: { min: 1, max: 1 },
  run: async ({ positionals }) => {
    const stop = stopRequested();
    const config = JSON.parse(positionals[0]!) as CapturedSidecarConfig;
    const { identity, addresses, port, protocol, appPort, waitMs, logLevel } = config;
    const problem = await captureProblem();
    if (problem !== undefined) throw new CliError(`--capture: ${problem}`);
    const dns = await startDns(config);
    const control = await relay({ host: LOOPBACK, port: 0 }, { path: config.xdsSocket });
    const app = { host: addresses[0]!, port: appPort };
    const metrics = { host: addresses[0]!, port: METRICS_PORTS.merged };
    const merged = await serveMerged({
      proxy: ADMIN,
      application: config.metrics,
      bind: { host: addresses.length > 1 ? "::" : "0.0.0.0", port: metrics.port },
      option: "metrics",
    });
    const sidecar = await startSidecar({
      identity,
      ports: { inbound: [{ port, protocol, bind: app, app }] },
      located: { address: { host: LOOPBACK, port: control.port }, from: config.xdsFrom },
      membership: undefined,
      agent: config.agent,
      admin: ADMIN,
      metrics,
      ownMetricsPort: METRICS_PORTS.proxy,
      reportsHealth: true,
      captured: addresses,
      watch: { typeUrl: TYPE.nameTable, watcher: { onUpdate: (update) => takeNames(dns, update, identity.namespace) } },
      waitMs,
      logLevel,
    });
    merged.ready();
    const ended = new AbortController();
    onRequest({
      retire: () => {
        ended.abort();
        return sidecar.retire(FAREWELL_MS);
      },
    });
    const accepting = waitUntilAccepting(app, ended.signal, PASSTHROUGH_SOURCE);
    const probing = accepting.then((accepts) => {
      if (accepts) sidecar.reportHealth(true);
    });
    void warnOfLoopback(appPort, accepting, ended.signal);
    reportReady({ pid: process.pid });
    await stop;
    ended.abort();
    await probing;
    merged.close();
    await sidecar.close();
    control.close();
    dns.close();
    return 0;
  },
});

/** Programs that listen on loopback only are what developers start; in a namespace of their own nobody would ever reach them. */
async function warnOfLoopback(port: number, accepting: Promise<boolean>, signal: AbortSignal): Promise<void> {
  if (!(await waitUntilAccepting({ host: LOOPBACK, port }, signal))) return;
  const reachable = await Promise.race([accepting, delay(REACHABLE_MS, false, { ref: false })]);
  if (reachable || signal.aborted) return;
  process.stderr.write(
    `${style.dim("tulle:", process.stderr)} the program listens at ${LOOPBACK}:${port} only, where no other workload reaches it: ` +
      "have it listen at 0.0.0.0 (or ::)\n",
  );
}

async function startDns({ addresses, dnsServers }: CapturedSidecarConfig): Promise<DnsServer> {
  const dns = new DnsServer(dnsServers);
  await dns.listen({ host: LOOPBACK, port: CAPTURE_PORTS.dns });
  if (addresses.length > 1) await dns.listen({ host: "::1", port: CAPTURE_PORTS.dns });
  return dns;
}

function takeNames(dns: DnsServer, { updated }: ResourceUpdate, namespace: string): void {
  for (const { value } of updated.values()) dns.names = new MeshNames(fromBinary(NameTableSchema, value), namespace);
}
