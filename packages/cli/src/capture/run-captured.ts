/** `tulle run --capture`: a program in a network namespace of its own whose connections go through a sidecar, both ways. */
import { accessSync, chownSync, constants, mkdirSync, rmSync, statSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import type { LogLevel } from "@tulle/proxy";
import type { Agent } from "../agent/agent.ts";
import { join as joinMesh } from "../agent/join.ts";
import type { Membership } from "../agent/membership.ts";
import { unreachable } from "../control-plane/locate.ts";
import type { Located } from "../control-plane/locate.ts";
import { DnsServer } from "../dns/server.ts";
import { CliError } from "../errors.ts";
import type { MetricsPlace } from "../metrics/merged-metrics.ts";
import type { Address } from "../options.ts";
import { reportReady, startPart } from "../process/part.ts";
import type { Part } from "../process/part.ts";
import { waitUntilAccepting } from "../process/probe.ts";
import { startProgram } from "../process/program.ts";
import type { OnStop } from "../process/stop-signal.ts";
import type { AgentSockets, Identity } from "../sidecar/bootstrap.ts";
import { applyRules } from "./apply-rules.ts";
import { LinuxHostNetwork } from "./host-network.ts";
import { BOTH_FAMILIES, ONLY_IPV4 } from "./options.ts";
import type { SelectedRules } from "./options.ts";
import { isLoopback } from "../dns/resolver-config.ts";
import { relay } from "./relay.ts";
import type { CaptureRuleOptions } from "./rules.ts";
import { ADMIN, CAPTURE_PORTS, PROXY_UID } from "./rules.ts";
import type { CapturedSidecarConfig } from "./sidecar-process.ts";
import { SystemCommands } from "./system-command.ts";
import type { WorkloadNetwork } from "./workload-network.ts";
import { hostResolver, makeNetwork, removeNetwork, workloadNetwork } from "./workload-network.ts";
import { WorkloadRegistry } from "./workload-registry.ts";

export interface CapturedRun {
  readonly command: readonly string[];
  /** Its address is not known yet. */
  readonly identity: Omit<Identity, "address">;
  readonly port: number;
  readonly appPort: number;
  readonly protocol: string;
  readonly selection: SelectedRules;
  /** Where the program shows metrics. */
  readonly metrics: MetricsPlace | undefined;
  /** `checkMachine` */
  readonly backend: RuleBackend;
  readonly located: Located;
  /** Where it gets its identity; undefined: it has none. */
  readonly membership: Membership | undefined;
  readonly waitMs: number;
  readonly graceMs: number;
  readonly logLevel: LogLevel;
}

const DOMAIN = "cluster.local";
const TPROXY = { mark: 1337, table: 133 } as const;
const SIDECAR_GRACE_MS = 10_000;

/** Resolves with the program's exit code. `stopWith` is told what to do at a signal. */
export async function runCaptured(run: CapturedRun, stopWith: (stop: OnStop) => void): Promise<number> {
  const { located, backend, membership, waitMs } = run;
  if (!(await waitUntilAccepting((membership ?? located).address, AbortSignal.timeout(waitMs)))) {
    const why = `nobody listens there (waited ${waitMs / 1000} s)`;
    throw membership === undefined ? unreachable(located, "xds", why) : unreachable(membership, "xds-tls", why);
  }
  const registry = new WorkloadRegistry();
  const host = new LinuxHostNetwork(registry.folder, backend);
  const network = registry.locked(() => {
    for (const index of registry.orphans()) remove(index, registry, host);
    const made = workloadNetwork(registry.reserve());
    process.once("exit", () => registry.locked(() => remove(made.index, registry, host)));
    return made;
  });
  const families = host.ipv6 ? BOTH_FAMILIES : ONLY_IPV4;
  registry.locked(() =>
    makeNetwork(network, { searchNamespace: run.identity.namespace, domain: DOMAIN, resolver: hostResolver() }, host),
  );
  applyRules(new SystemCommands(network.namespace), {
    options: ruleOptions(run.selection, families),
    backend,
    tproxyTable: TPROXY.table,
  });
  const folder = join(registry.folder, `${network.index}`);
  const control = await openWayToControlPlane(folder, run.located);
  const resolver = await reachableResolver(network);
  let agent: Agent | undefined;
  try {
    const identity = { ...run.identity, address: network.addresses[0] };
    if (membership !== undefined) agent = await joinFor(identity, run, membership, join(folder, "agent"));
    const config = configOf(run, identity, network, host.ipv6, join(folder, SOCKET), agent, resolver.servers);
    const sidecar = await startSidecarProcess(config, network);
    try {
      return await runProgram(run, network, sidecar, stopWith);
    } finally {
      await sidecar.stop(SIDECAR_GRACE_MS);
    }
  } finally {
    await agent?.close();
    resolver.close();
    control.close();
  }
}

const SOCKET = "xds.sock";

export type RuleBackend = "iptables" | "nft";

/** Which program writes the rules. Throws a CliError that says what this machine, or this user, is missing. */
export function checkMachine(): RuleBackend {
  if (process.platform !== "linux") throw new CliError("--capture works on Linux only");
  if (process.getuid?.() !== 0) {
    throw new CliError("--capture needs root: it makes a network namespace, interfaces and packet rules", [
      "sudo tulle run --capture …: the program itself runs as the user who calls sudo",
      "Without root, programs that honour HTTP_PROXY need no --capture.",
    ]);
  }
  for (const [program, packageName] of [
    ["ip", "iproute2"],
    ["setpriv", "util-linux"],
  ] as const) {
    if (!isInstalled(program)) {
      throw new CliError(`--capture needs the program ${program}`, [`It is in the package ${packageName}.`]);
    }
  }
  if (isInstalled("nft")) return "nft";
  if (isInstalled("iptables") && isInstalled("ip6tables")) return "iptables";
  throw new CliError("--capture needs the program nft, or iptables and ip6tables", [
    "They are in the packages nftables and iptables.",
  ]);
}

function isInstalled(program: string): boolean {
  return (
    (spawnSync(program, ["-V"], { stdio: "ignore" }).error as NodeJS.ErrnoException | undefined)?.code !== "ENOENT"
  );
}

function remove(index: number, registry: WorkloadRegistry, host: LinuxHostNetwork): void {
  removeNetwork(workloadNetwork(index), host);
  rmSync(join(registry.folder, `${index}`), { recursive: true, force: true });
  registry.release(index);
  if (registry.isEmpty) host.restore();
}

function ruleOptions(selection: SelectedRules, families: CaptureRuleOptions["families"]): CaptureRuleOptions {
  return {
    ...selection,
    outboundPort: CAPTURE_PORTS.outbound,
    inboundPort: CAPTURE_PORTS.inbound,
    tunnelPort: CAPTURE_PORTS.tunnel,
    mode: "REDIRECT",
    proxyUids: [],
    // The group says whose connections are the proxy's: the user is whoever can read its files.
    proxyGids: [PROXY_UID],
    excludedInterfaces: [],
    virtualInterfaces: [],
    dns: "all",
    dropInvalid: false,
    tproxyMark: TPROXY.mark,
    families,
  };
}

/** The control plane may listen on this machine's loopback alone: files are the same in every network namespace. */
async function openWayToControlPlane(folder: string, { address }: Located): Promise<{ close(): void }> {
  const { uid } = sidecarUser();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chownSync(folder, uid, PROXY_UID);
  const path = join(folder, SOCKET);
  const way = await relay({ path }, address);
  chownSync(path, uid, PROXY_UID);
  return way;
}

interface Resolver {
  readonly servers: readonly Address[];
  close(): void;
}

/** Servers that this machine asks, as far as they can be reached from a namespace; the others are asked from here. */
async function reachableResolver({ hostAddresses }: WorkloadNetwork): Promise<Resolver> {
  const servers = hostResolver().servers.map((host): Address => ({ host, port: 53 }));
  const local = servers.filter(({ host }) => isLoopback(host));
  if (local.length === 0) return { servers, close: () => undefined };
  const forwarder = new DnsServer(local);
  const port = await forwarder.listen({ host: hostAddresses[0], port: 0 });
  return {
    servers: [{ host: hostAddresses[0], port }, ...servers.filter(({ host }) => !isLoopback(host))],
    close: () => forwarder.close(),
  };
}

/** The agent stays on this side, where the control plane can be reached; the sidecar's user gets into its directory. */
async function joinFor(
  identity: Identity,
  { logLevel, waitMs }: CapturedRun,
  membership: Membership,
  directory: string,
): Promise<Agent> {
  const agent = await joinMesh({ identity, logLevel, waitMs }, membership, directory);
  const { uid } = sidecarUser();
  for (const path of [directory, agent.xds, agent.secrets]) chownSync(path, uid, PROXY_UID);
  return agent;
}

function configOf(
  run: CapturedRun,
  identity: Identity,
  { addresses }: WorkloadNetwork,
  ipv6: boolean,
  xdsSocket: string,
  agent: AgentSockets | undefined,
  dnsServers: readonly Address[],
): CapturedSidecarConfig {
  return {
    identity,
    port: run.port,
    protocol: run.protocol,
    appPort: run.appPort,
    metrics: run.metrics,
    addresses: ipv6 ? addresses : [addresses[0]],
    xdsSocket,
    agent: agent === undefined ? undefined : { xds: agent.xds, secrets: agent.secrets },
    xdsFrom: run.located.from,
    dnsServers,
    waitMs: run.waitMs,
    logLevel: run.logLevel,
  };
}

async function startSidecarProcess(config: CapturedSidecarConfig, { namespace }: WorkloadNetwork): Promise<Part> {
  const { uid } = sidecarUser();
  const part = startPart({
    name: "the sidecar",
    args: ["captured-sidecar", JSON.stringify(config)],
    env: { HOME: "/", XDG_CACHE_HOME: config.xdsSocket.replace(SOCKET, "cache") },
    prefix:
      `ip netns exec ${namespace} setpriv --reuid ${uid} --regid ${PROXY_UID} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs --`.split(
        " ",
      ),
    onLine: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    await part.ready;
    return part;
  } catch {
    // It has said itself what is wrong.
    throw new CliError("the sidecar did not start");
  }
}

/** A user of its own if he can read Tulle's files, else who owns them. */
function sidecarUser(): { readonly uid: number } {
  const here = import.meta.dirname;
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return { uid: statSync(here).uid };
  }
  accessSync(process.execPath, constants.X_OK);
  return { uid: PROXY_UID };
}

async function runProgram(
  { command, identity, appPort, graceMs }: CapturedRun,
  { namespace }: WorkloadNetwork,
  sidecar: Part,
  stopWith: (stop: OnStop) => void,
): Promise<number> {
  const { SUDO_UID: uid, SUDO_GID: gid } = process.env;
  const asCaller = uid === undefined || gid === undefined ? [] : ["--reuid", uid, "--regid", gid, "--init-groups"];
  const prefix = ["ip", "netns", "exec", namespace, "setpriv", ...asCaller, "--pdeathsig", "KILL", "--"];
  const program = await startProgram([...prefix, ...command], {
    ...process.env,
    PORT: `${appPort}`,
    TULLE_SERVICE: identity.service,
    TULLE_VERSION: identity.labels["version"] ?? "",
    TULLE_NAMESPACE: identity.namespace,
    TULLE_ADMIN: `http://${ADMIN.host}:${ADMIN.port}`,
  });
  stopWith((signal, count) => {
    if (count > 1) program.signal("SIGKILL");
    else void sidecar.ask("retire").then(() => program.stop(signal, graceMs));
  });
  reportReady({ namespace, pid: process.pid });
  const code = await program.exit;
  await program.stop("SIGTERM", graceMs);
  return code;
}
