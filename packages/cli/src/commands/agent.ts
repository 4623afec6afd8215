import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findMembership, membershipOptions, notJoined } from "../agent/membership.ts";
import { defineCommand } from "../command.ts";
import { awaitControlPlane } from "../control-plane/await.ts";
import { defaultStateDir } from "../control-plane/locate.ts";
import { reason, UsageError } from "../errors.ts";
import { serveMerged } from "../metrics/merged-server.ts";
import { reportReady } from "../process/part.ts";
import { stopRequested } from "../process/stop-signal.ts";
import { buildBootstrap, nodeId } from "../sidecar/bootstrap.ts";
import type { Ports } from "../sidecar/bootstrap.ts";
import { identifyWorkload, LOG_LEVELS, metricsOptions, metricsPlace, workloadOptions } from "../sidecar/options.ts";

const LOOPBACK = "127.0.0.1";
/** Istio's ports of a sidecar: admin, outbound, inbound, the agent's own. (istio/istio `pilot/cmd/pilot-agent/options/options.go`) */
const PORT = { admin: 15_000, outbound: 15_001, inbound: 15_006, agent: 15_020 } as const;

export const agent = defineCommand({
  name: "agent",
  summary: "gives an Envoy beside it the identity of a workload, and its way to the control plane",
  usage: ["agent --service NAME --directory DIR [options]"],
  description: `For who runs Envoy instead of Tulle's own proxy; tulle run has an agent of its own. In the directory it keeps
  socket      secrets for Envoy (SDS): default, the workload's key and certificate, and ROOTCA, whom to trust
  XDS         leads to the control plane over TLS, with that certificate
  envoy.json  a bootstrap that uses both: envoy -c DIR/envoy.json
The key is made here and is written nowhere. The certificate is renewed at half of its life; while the control plane is away the one in
hand serves on. What it does is told at --status, /metrics and /healthz/ready: with Envoy's metrics and, by --metrics-port, the program's.`,
  examples: [
    {
      command: "tulle agent --service reviews --port 9080 --app-port 3000 --directory /run/tulle",
      does: "beside the control plane; then: envoy -c /run/tulle/envoy.json",
    },
    {
      command:
        "TULLE_TOKEN=… tulle agent --service reviews --service-account reviews --xds-tls mesh:15012 --ca-roots roots.pem --directory /run/tulle",
      does: "on another machine",
    },
  ],
  options: {
    ...workloadOptions,
    port: {
      type: "integer",
      value: "P",
      min: 1,
      max: 65_535,
      help: "the service port others call it by; without it nobody does",
    },
    "app-port": { type: "integer", value: "P", min: 1, max: 65_535, help: "where the program listens; else --port" },
    directory: { type: "string", value: "DIR", help: "where the sockets and the bootstrap are" },
    status: {
      type: "address",
      value: "HOST:PORT",
      default: { host: LOOPBACK, port: PORT.agent },
      help: "where it serves metrics: its own, Envoy's and the program's",
    },
    ...metricsOptions,
    ...membershipOptions,
    "state-dir": { type: "string", value: "DIR", help: "state directory of the control plane, to find it by" },
    wait: {
      type: "integer",
      value: "SECONDS",
      default: 15,
      min: 1,
      help: "how long to wait for the first certificate",
    },
    "log-level": {
      type: "choice",
      value: "LEVEL",
      choices: LOG_LEVELS,
      default: "info",
      help: "what it writes to stderr",
    },
  },
  run: async ({ options }) => {
    const identity = identifyWorkload(options);
    if (options.directory === undefined) throw new UsageError("--directory is missing");
    const application = metricsPlace(options);
    const directory = resolve(options.directory);
    const stateDir = resolve(options["state-dir"] ?? defaultStateDir());
    await awaitControlPlane(options, stateDir, options.wait * 1000);
    const membership = findMembership(options, stateDir);
    if (membership === undefined)
      throw new UsageError("no control plane is known: --xds-tls HOST:PORT, or --state-dir DIR");
    const stopped = stopRequested();
    const [{ startAgent }, { controlPlaneLog }] = await Promise.all([import("../agent/agent.ts"), import("../log.ts")]);
    const running = await startAgent(
      {
        membership,
        namespace: identity.namespace,
        serviceAccount: identity.serviceAccount,
        nodeId: nodeId(identity),
        directory,
        log: controlPlaneLog(options["log-level"]),
      },
      AbortSignal.timeout(options.wait * 1000),
    ).catch((error: unknown) => {
      throw notJoined(membership, `${identity.namespace}/${identity.serviceAccount}`, reason(error));
    });
    const bind = { host: options.address, port: PORT.inbound };
    const { port } = options;
    const inbound =
      port === undefined ? [] : [{ port, bind, app: { host: LOOPBACK, port: options["app-port"] ?? port } }];
    const ports: Ports = { httpProxy: { host: LOOPBACK, port: PORT.outbound }, inbound };
    const admin = { host: LOOPBACK, port: PORT.admin };
    const bootstrap = buildBootstrap({
      identity,
      ports,
      xds: running,
      admin,
      metrics: options.status,
      reportsHealth: false,
    });
    const file = join(directory, "envoy.json");
    writeFileSync(file, `${JSON.stringify(bootstrap, undefined, 2)}\n`);
    const status = await serveMerged({
      bind: options.status,
      option: "--status",
      proxy: admin,
      application,
      own: running.metrics,
      unready: () => {
        const { credentials, lastError } = running.status();
        return credentials === undefined ? `no certificate: ${lastError}` : "";
      },
    });
    reportReady({ secrets: running.secrets, xds: running.xds, bootstrap: file, pid: process.pid });
    console.log(
      JSON.stringify({
        identity: running.status().credentials?.identity,
        secrets: running.secrets,
        xds: running.xds,
        bootstrap: file,
      }),
    );
    await stopped;
    status.close();
    await running.close();
    return 0;
  },
});
