/** The network namespace of one captured workload: names, addresses, and what is run to make and to remove it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nameServicesFor, parseResolverConfig, resolverConfigFor } from "../dns/resolver-config.ts";
import type { ResolverConfig } from "../dns/resolver-config.ts";
import { CliError } from "../errors.ts";
import { SystemCommands } from "./system-command.ts";

/** 10.213.0.0/16 in blocks of four: two addresses for each workload and this machine. */
const MAX_WORKLOADS = 16_384;

export interface WorkloadNetwork {
  readonly index: number;
  /** As `ip netns` knows it. */
  readonly namespace: string;
  /** This machine's end of the pair of interfaces; the other is called eth0. */
  readonly hostInterface: string;
  readonly hostAddresses: readonly [v4: string, v6: string];
  readonly addresses: readonly [v4: string, v6: string];
}

/** @param index tells workloads of this machine apart */
export function workloadNetwork(index: number): WorkloadNetwork {
  if (index < 0 || index >= MAX_WORKLOADS) throw new CliError(`more than ${MAX_WORKLOADS} captured workloads`);
  const block = `10.213.${index >> 6}`;
  const first = (index & 63) << 2;
  const prefix = `fd74:756c:6c65:${index.toString(16)}`;
  return {
    index,
    namespace: `tulle-${index}`,
    hostInterface: `tulle${index}`,
    hostAddresses: [`${block}.${first + 1}`, `${prefix}::1`],
    addresses: [`${block}.${first + 2}`, `${prefix}::2`],
  };
}

const ETC_NETNS = "/etc/netns";

export interface NamespaceSettings {
  /** Kubernetes namespace that short names are looked up in. */
  readonly searchNamespace: string;
  readonly domain: string;
  readonly resolver: ResolverConfig;
}

/** Throws a CliError; what has been made until then is for `removeNetwork`. */
export function makeNetwork(network: WorkloadNetwork, settings: NamespaceSettings, host: HostNetwork): void {
  const { namespace, hostInterface, hostAddresses, addresses } = network;
  const commands = new SystemCommands();
  const ip = (...args: readonly string[]): void => void commands.run(["ip", ...args]);
  writeEtc(namespace, settings);
  ip("netns", "add", namespace);
  ip("link", "add", hostInterface, "type", "veth", "peer", "name", "eth0", "netns", namespace);
  ip("address", "add", `${hostAddresses[0]}/30`, "dev", hostInterface);
  if (host.ipv6) ip("address", "add", `${hostAddresses[1]}/64`, "dev", hostInterface, "nodad");
  ip("link", "set", hostInterface, "up");
  const inside = (...args: readonly string[]): void => ip("-n", namespace, ...args);
  inside("link", "set", "lo", "up");
  inside("address", "add", `${addresses[0]}/30`, "dev", "eth0");
  if (host.ipv6) inside("address", "add", `${addresses[1]}/64`, "dev", "eth0", "nodad");
  inside("link", "set", "eth0", "up");
  inside("route", "add", "default", "via", hostAddresses[0]);
  if (host.ipv6) inside("-6", "route", "add", "default", "via", hostAddresses[1]);
  // A program may listen where its service's port is, whoever runs it.
  new SystemCommands(namespace).run(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"]);
  host.connect(network);
}

/** What of it there is goes; what there is not is gone. */
export function removeNetwork(network: WorkloadNetwork, host: HostNetwork): void {
  const { namespace, hostInterface } = network;
  const commands = new SystemCommands();
  const { output } = commands.try(["ip", "netns", "pids", namespace]);
  for (const pid of output.split("\n").filter((line) => line !== "")) killIfThere(Number(pid));
  host.disconnect(network);
  commands.try(["ip", "link", "del", hostInterface]);
  commands.try(["ip", "netns", "del", namespace]);
  rmSync(join(ETC_NETNS, namespace), { recursive: true, force: true });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Files that `ip netns exec` puts in place of this machine's. */
function writeEtc(namespace: string, { searchNamespace, domain, resolver }: NamespaceSettings): void {
  const folder = join(ETC_NETNS, namespace);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "resolv.conf"), resolverConfigFor(searchNamespace, domain, resolver));
  if (existsSync("/etc/nsswitch.conf")) {
    writeFileSync(join(folder, "nsswitch.conf"), nameServicesFor(readFileSync("/etc/nsswitch.conf", "utf8")));
  }
}

export function hostResolver(): ResolverConfig {
  return parseResolverConfig(existsSync("/etc/resolv.conf") ? readFileSync("/etc/resolv.conf", "utf8") : "");
}

/** How this machine lets its workloads reach each other and the world. */
export interface HostNetwork {
  readonly ipv6: boolean;
  connect(network: WorkloadNetwork): void;
  disconnect(network: WorkloadNetwork): void;
}
