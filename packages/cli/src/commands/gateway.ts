import { findMembership } from "../agent/membership.ts";
import { defineCommand } from "../command.ts";
import { awaitControlPlane } from "../control-plane/await.ts";
import { defaultStateDir, locate } from "../control-plane/locate.ts";
import { UsageError } from "../errors.ts";
import { formatAddress } from "../options.ts";
import { reportReady } from "../process/part.ts";
import { reservePorts } from "../process/ports.ts";
import { stopRequested } from "../process/stop-signal.ts";
import { connectionOptions, identify } from "../sidecar/options.ts";

const LOOPBACK = "127.0.0.1";
/** The label by which Istio's own Gateways select the gateway that Istio installs. */
const INGRESS_LABEL = "istio=ingressgateway";

export const gateway = defineCommand({
  name: "gateway",
  summary: "runs a gateway: where traffic from outside enters the mesh",
  usage: ["gateway [--port SERVERPORT[=LOCALPORT]]… [options]"],
  description: `Starts a proxy with the label ${INGRESS_LABEL}: it serves the Gateway objects whose selector is that label, and the
VirtualServices bound to them. --port 80=8080 opens local port 8080 for what a Gateway serves at port 80; local port 0 takes a
free one. Ports that no Gateway names stay closed.`,
  examples: [
    { command: "tulle gateway", does: "serves Gateways' port 8080 at port 8080 of this machine" },
    { command: "tulle gateway --port 80=8080 --port 443=8443", does: "serves ports 80 and 443 without root" },
    { command: "tulle gateway --address 127.0.0.1 --port 8080=0", does: "loopback only, any free port" },
  ],
  options: {
    port: {
      type: "string",
      value: "SERVERPORT[=LOCALPORT]",
      multiple: true,
      help: "a Gateway's server port, and where it is bound (default 8080)",
    },
    address: { type: "string", value: "IP", default: "0.0.0.0", help: "the address it binds" },
    service: { type: "string", value: "NAME", default: "istio-ingressgateway", help: "its service" },
    namespace: { type: "string", short: "n", value: "NS", default: "istio-system", help: "its namespace" },
    label: {
      type: "string",
      short: "l",
      value: "NAME=VALUE",
      multiple: true,
      help: `a label that Gateways select; replaces ${INGRESS_LABEL}`,
    },
    json: { type: "flag", help: "print one line of JSON when ready" },
    ...connectionOptions,
  },
  run: async ({ options }) => {
    const wanted = (options.port.length === 0 ? ["8080"] : options.port).map(parsePort);
    const identity = identify({
      type: "router",
      service: options.service,
      version: undefined,
      namespace: options.namespace,
      serviceAccount: options.service,
      address: LOOPBACK,
      labels: options.label.length === 0 ? [INGRESS_LABEL] : options.label,
    });
    const stateDir = options["state-dir"] ?? defaultStateDir();
    await awaitControlPlane(options, stateDir, options.wait * 1000);
    const located = locate("xds", options.xds, stateDir);
    const membership = findMembership(options, stateDir);
    const stopped = stopRequested();
    const admin = await reservePorts(1, LOOPBACK);
    const free = await reservePorts(wanted.length, options.address);
    const bound = wanted.map(({ port, local }, i) => ({
      port,
      bind: { host: options.address, port: local === 0 ? free.ports[i]! : local },
    }));
    const adminAddress = { host: LOOPBACK, port: admin.ports[0]! };
    const { startSidecar } = await import("../sidecar/start.ts");
    const proxy = await startSidecar({
      identity,
      ports: { gateway: bound },
      located,
      membership,
      admin: adminAddress,
      reportsHealth: false,
      waitMs: options.wait * 1000,
      logLevel: options["log-level"],
    });
    admin.release();
    free.release();
    const ports = Object.fromEntries(bound.map(({ port, bind }) => [`${port}`, formatAddress(bind)]));
    reportReady({ admin: formatAddress(adminAddress), ports, pid: process.pid });
    if (options.json) {
      console.log(JSON.stringify({ admin: formatAddress(adminAddress), ports }));
    } else {
      for (const [port, address] of Object.entries(ports)) console.log(`Gateway port ${port} is served at ${address}`);
      console.log(`Admin endpoint: http://${formatAddress(adminAddress)}`);
    }
    await stopped;
    await proxy.close();
    return 0;
  },
});

function parsePort(text: string): { port: number; local: number } {
  const match = /^(\d{1,5})(?:=(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[1]);
  const local = match?.[2] === undefined ? port : Number(match[2]);
  if (match === null || port < 1 || port > 65_535 || local > 65_535) {
    throw new UsageError(`--port ${text}: not of the form SERVERPORT or SERVERPORT=LOCALPORT`, [
      "Such as --port 80=8080.",
    ]);
  }
  return { port, local };
}
