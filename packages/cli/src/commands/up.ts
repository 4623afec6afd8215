import { join, resolve } from "node:path";
import { defineCommand } from "../command.ts";
import {
  announce,
  announced,
  DEFAULT_HTTP,
  DEFAULT_XDS,
  DEFAULT_XDS_TLS,
  defaultStateDir,
} from "../control-plane/locate.ts";
import { CliError } from "../errors.ts";
import { formatAddress } from "../options.ts";
import type { Address } from "../options.ts";
import { reportReady } from "../process/part.ts";
import { accepts } from "../process/probe.ts";
import { stopRequested } from "../process/stop-signal.ts";
import { LOG_LEVELS } from "../sidecar/options.ts";
import { style } from "../terminal/style.ts";
import { explainer } from "../explain/explainer.ts";

export const up = defineCommand({
  name: "up",
  summary: "runs a control plane",
  usage: ["up [--config DIR] [--state-dir DIR] [--xds HOST:PORT] [--xds-tls HOST:PORT] [--http HOST:PORT] [--json]"],
  description: `Reads the YAML files of a directory tree (Istio's kinds, Gateway API, Kubernetes' Services …), watches them, and gives the
proxies that connect what follows from them. tulle apply writes to the same directory. A file that is wrong is reported with its
position, and the last version that was right stays in force. Ports may be 0: any free one.
It is the mesh's certificate authority, too: its root is made at the first start and kept in the state directory, or it signs with
what --cacerts has. Other machines connect to --xds-tls, with a certificate or with a token of tulle token create.
With --json it prints one line when ready: {"xds":"127.0.0.1:15010","xdsTls":"127.0.0.1:15012","http":"127.0.0.1:15014","stateDir":"…"}.`,
  examples: [
    { command: "tulle up", does: "state and configuration under .tulle" },
    { command: "tulle up --config ./mesh", does: "configuration from a directory of your own, such as a git checkout" },
    { command: "tulle up --xds 127.0.0.1:0 --http 127.0.0.1:0 --json", does: "for scripts: free ports, told in JSON" },
  ],
  options: {
    config: {
      type: "string",
      value: "DIR",
      help: "directory of YAML files; made if missing (default: config in the state directory)",
    },
    "state-dir": {
      type: "string",
      value: "DIR",
      help: "where it keeps what it knows (default TULLE_STATE_DIR, else .tulle)",
    },
    xds: {
      type: "address",
      value: "HOST:PORT",
      default: DEFAULT_XDS,
      help: "where it serves proxies of this machine, in plaintext",
    },
    "insecure-xds": {
      type: "flag",
      help: "lets --xds be an address that other machines reach: whoever does can claim to be any workload",
    },
    "xds-tls": {
      type: "address",
      value: "HOST:PORT",
      help: "where it serves proxies over TLS, and certificates (default 127.0.0.1:15012; a free port if --xds is not the default)",
    },
    cacerts: {
      type: "string",
      value: "DIR",
      help: "sign with ca-cert.pem, ca-key.pem, cert-chain.pem and root-cert.pem of this directory, as of Istio's secret cacerts",
    },
    "ca-intermediate": { type: "flag", help: "its own root signs through an intermediate, which is renewed by itself" },
    "cert-ttl": {
      type: "duration",
      value: "DURATION",
      default: 86_400_000,
      help: "lifetime of workloads' certificates",
    },
    http: {
      type: "address",
      value: "HOST:PORT",
      default: DEFAULT_HTTP,
      help: "where it serves its API, for tulle apply and the like",
    },
    "no-telemetry": { type: "flag", help: "take in no metrics, spans and requests of the mesh, and keep none" },
    json: { type: "flag", help: "print one line of JSON when ready, nothing else on stdout" },
    "log-level": {
      type: "choice",
      value: "LEVEL",
      choices: LOG_LEVELS,
      default: "info",
      help: "what it writes to stderr",
    },
  },
  run: async ({ options }) => {
    const stopped = stopRequested();
    const stateDir = resolve(options["state-dir"] ?? defaultStateDir());
    const configDir = resolve(options.config ?? join(stateDir, "config"));
    await refuseSecond(stateDir);
    process.env["GRPC_VERBOSITY"] ??= "NONE"; // gRPC would write its own word about a taken port beside our error
    const [{ startControlPlane }, { CONSOLE_DIRECTORY }, { controlPlaneLog }] = await Promise.all([
      import("@tulle/control"),
      import("@tulle/console"),
      import("../log.ts"),
    ]);
    const controlPlane = await startControlPlane({
      configDir,
      stateDir,
      xds: formatAddress(options.xds),
      http: formatAddress(options.http),
      consoleDir: CONSOLE_DIRECTORY,
      insecureXds: options["insecure-xds"],
      telemetry: !options["no-telemetry"],
      identity: {
        xdsTls: formatAddress(options["xds-tls"] ?? tlsAddressBeside(options.xds)),
        intermediate: options["ca-intermediate"],
        certificateLifetimeMs: options["cert-ttl"],
        ...(options.cacerts === undefined ? {} : { cacerts: resolve(options.cacerts) }),
      },
      explainer: explainer(),
      log: controlPlaneLog(options["log-level"]),
    }).catch((error: unknown) => {
      throw startError(error);
    });
    const { xdsAddress: xds, httpAddress: http } = controlPlane;
    const { tlsAddress: xdsTls, grpcSocket, apiSocket, roots } = controlPlane.identity!;
    const withdraw = announce(stateDir, { xds, http, xdsTls, grpcSocket, apiSocket, roots });
    reportReady({ xds, xdsTls, http, stateDir, configDir, pid: process.pid });
    if (options.json) {
      console.log(JSON.stringify({ xds, xdsTls, http, stateDir }));
    } else {
      console.log(`Control plane ready: proxies connect to ${style.link(xds)}, over TLS to ${style.link(xdsTls)}, the console is ${style.link(`http://${http}`)}
Configuration: ${configDir} (watched; tulle apply writes there)

In other terminals:
  tulle run --service web --port 8080 -- node server.js
  tulle apply -f FILE
  tulle proxies
Ctrl-C stops it; proxies keep working with what they have.`);
    }
    await stopped;
    withdraw();
    await controlPlane.close();
    return 0;
  },
});

/** Several control planes on one machine differ in --xds: then the other port should not have to be thought of. */
function tlsAddressBeside(xds: Address): Address {
  const usual = formatAddress(xds) === formatAddress(DEFAULT_XDS);
  return usual ? DEFAULT_XDS_TLS : { host: DEFAULT_XDS_TLS.host, port: 0 };
}

/** Two that sign with one root, and write the same files, would undo each other's work. What a killed one has left is no reason. */
async function refuseSecond(stateDir: string): Promise<void> {
  const other = announced(stateDir);
  if (other?.apiSocket === undefined || !(await accepts({ path: other.apiSocket }))) return;
  throw new CliError(`a control plane runs in ${stateDir} already, with its API at http://${other.http}`, [
    "A second one, with a certificate authority and configuration of its own: --state-dir DIR",
  ]);
}

/** EEXIST and ENOTDIR: a file is where a directory is to be. */
const FOR_THE_USER: ReadonlySet<string> = new Set([
  "EACCES",
  "EADDRNOTAVAIL",
  "EEXIST",
  "ENOSPC",
  "ENOTDIR",
  "EPERM",
  "EROFS",
]);

function startError(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE" || /EADDRINUSE|address already in use/i.test(message)) {
    return new CliError(message, [
      "Another control plane may be running here already: tulle proxies shows whom it serves.",
      "Other ports: tulle up --xds 127.0.0.1:0 --http 127.0.0.1:0",
    ]);
  }
  if (error instanceof RangeError && /authenticated/.test(message)) {
    return new CliError(message, [
      "Other machines' proxies connect over TLS: --xds-tls 0.0.0.0:15012",
      "If you know what you do: --insecure-xds",
    ]);
  }
  if (error instanceof Error && error.name === "AuthorityError") return new CliError(message);
  if (code !== undefined && FOR_THE_USER.has(code)) return new CliError(message);
  return error;
}
