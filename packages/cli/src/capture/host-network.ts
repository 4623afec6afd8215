/** Forwarding and address translation on this machine, for captured workloads; undone with the last of them. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SystemCommands } from "./system-command.ts";
import type { HostNetwork, WorkloadNetwork } from "./workload-network.ts";

const SYSCTL = "/proc/sys/net";
/** Original values by path of what was changed. */
const CHANGED = "sysctls.json";
const OWN_INTERFACE = /^tulle\d+$/;

export class LinuxHostNetwork implements HostNetwork {
  readonly ipv6: boolean;
  readonly #stateDir: string;
  readonly #commands = new SystemCommands();
  readonly #hasNft: boolean;

  /** @param stateDir where it is noted what this machine's settings were */
  constructor(stateDir: string, backend: "iptables" | "nft") {
    this.#stateDir = stateDir;
    this.#hasNft = backend === "nft";
    this.ipv6 = existsSync(join(SYSCTL, "ipv6")) && read(join(SYSCTL, "ipv6/conf/all/disable_ipv6")) === "0";
  }

  connect(network: WorkloadNetwork): void {
    const interfaces = [network.hostInterface, ...this.#uplinks(4)];
    for (const name of interfaces) this.#set(`ipv4/conf/${name}/forwarding`, "1");
    if (this.ipv6) this.#forwardIPv6([network.hostInterface, ...this.#uplinks(6)]);
    this.#translate(network);
    this.#allowForwarding(network, "-I");
  }

  disconnect(network: WorkloadNetwork): void {
    const table = tableOf(network);
    if (this.#hasNft) this.#commands.try(["nft", "-f", "-"], `add table ${table}\ndelete table ${table}\n`);
    for (const rule of masquerades(network)) this.#commands.try([rule.program, "-t", "nat", "-D", ...rule.rule]);
    this.#allowForwarding(network, "-D");
  }

  /** Puts this machine's settings back. To be called when no workload is left. */
  restore(): void {
    const changed = this.#changed();
    for (const [path, before] of Object.entries(changed)) if (existsSync(path)) writeFileSync(path, before);
    rmSync(join(this.#stateDir, CHANGED), { force: true });
  }

  /** Interfaces that lead anywhere: what the world answers comes back by them, and is forwarded if they are allowed to. */
  #uplinks(family: 4 | 6): readonly string[] {
    const { output } = this.#commands.try(["ip", `-${family}`, "route", "show"]);
    const names = [...output.matchAll(/\bdev (\S+)/g)].map(([, name]) => name!);
    return [...new Set(names)].filter((name) => name !== "lo" && !OWN_INTERFACE.test(name));
  }

  /**
   * The kernel forwards IPv6 for all interfaces or for none, and one that forwards believes no router's announcements any more, unless it is
   * told to (accept_ra 2): a machine would lose its way out. Newer kernels (6.17) have a switch for each interface.
   */
  #forwardIPv6(names: readonly string[]): void {
    const forced = names.every((name) => existsSync(join(SYSCTL, `ipv6/conf/${name}/force_forwarding`)));
    if (forced) {
      for (const name of names) this.#set(`ipv6/conf/${name}/force_forwarding`, "1");
      return;
    }
    for (const name of names) {
      const path = `ipv6/conf/${name}/accept_ra`;
      if (read(join(SYSCTL, path)) === "1") this.#set(path, "2");
    }
    this.#set("ipv6/conf/all/forwarding", "1");
  }

  /** The world answers this machine. Other workloads see a workload's own address. */
  #translate(network: WorkloadNetwork): void {
    if (!this.#hasNft) {
      for (const { program, rule } of masquerades(network)) this.#commands.run([program, "-t", "nat", "-A", ...rule]);
      return;
    }
    const [v4, v6] = network.addresses;
    this.#commands.run(
      ["nft", "-f", "-"],
      `table ${tableOf(network)} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${v4} oifname != "tulle*" counter masquerade
    ip6 saddr ${v6} oifname != "tulle*" counter masquerade
  }
}
`,
    );
  }

  /** Where others have decided that nothing is forwarded (container engines do), workloads are an exception. */
  #allowForwarding({ hostInterface }: WorkloadNetwork, how: "-I" | "-D"): void {
    for (const program of ["iptables", "ip6tables"]) {
      const { output } = this.#commands.try([program, "-S", "FORWARD"]);
      if (how === "-I" && !output.startsWith("-P FORWARD DROP")) continue;
      for (const side of ["-i", "-o"]) {
        this.#commands.try([program, how, "FORWARD", side, hostInterface, "-j", "ACCEPT"]);
      }
    }
  }

  #changed(): Record<string, string> {
    const file = join(this.#stateDir, CHANGED);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>) : {};
  }

  /** The first value that was there is the machine's own. Interfaces of workloads go, and their settings with them. */
  #set(name: string, value: string): void {
    const path = join(SYSCTL, name);
    const before = read(path);
    if (before === value) return;
    if (!OWN_INTERFACE.test(name.split("/")[2] ?? "")) {
      writeFileSync(join(this.#stateDir, CHANGED), JSON.stringify({ [path]: before, ...this.#changed() }));
    }
    writeFileSync(path, value);
  }
}

function tableOf({ index }: WorkloadNetwork): string {
  return `inet tulle_workload_${index}`;
}

function masquerades({ addresses: [v4, v6] }: WorkloadNetwork) {
  const rule = (address: string): readonly string[] => `POSTROUTING -s ${address} ! -o tulle+ -j MASQUERADE`.split(" ");
  return [
    { program: "iptables", rule: rule(v4) },
    { program: "ip6tables", rule: rule(v6) },
  ];
}

function read(path: string): string {
  return readFileSync(path, "utf8").trim();
}
