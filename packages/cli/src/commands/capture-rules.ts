import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { applyRules, describeRules, removeRules } from "../capture/apply-rules.ts";
import type { RuleSet } from "../capture/apply-rules.ts";
import {
  BOTH_FAMILIES,
  ONLY_IPV4,
  parseIds,
  parseInterfaces,
  readSelection,
  selectionOptions,
} from "../capture/options.ts";
import type { CaptureRuleOptions } from "../capture/rules.ts";
import { CAPTURE_PORTS, PROXY_UID } from "../capture/rules.ts";
import { SystemCommands } from "../capture/system-command.ts";
import { defineCommand } from "../command.ts";
import { CliError, UsageError } from "../errors.ts";
import type { OptionValues } from "../options.ts";

const ruleOptions = {
  apply: { type: "flag", help: "puts the rules into the kernel, in place of those of before" },
  cleanup: { type: "flag", help: "takes them out of the kernel" },
  "dry-run": { type: "flag", short: "n", help: "with --apply or --cleanup: prints what would be done, does nothing" },
  rules: {
    type: "choice",
    value: "KIND",
    choices: ["iptables", "nft"],
    default: "iptables",
    help: "for iptables and ip6tables, or for nft",
  },
  "outbound-port": portOption("p", CAPTURE_PORTS.outbound, "where the proxy takes what leaves"),
  "inbound-port": portOption("z", CAPTURE_PORTS.inbound, "where it takes what arrives"),
  "tunnel-port": portOption("e", CAPTURE_PORTS.tunnel, "where it takes tunnels; left alone"),
  "proxy-uid": { type: "string", short: "u", value: "UIDS", default: `${PROXY_UID}`, help: "the proxy's users" },
  "proxy-gid": {
    type: "string",
    short: "g",
    value: "GIDS",
    help: "the proxy's groups; those of the same numbers as its users",
  },
  mode: {
    type: "choice",
    short: "m",
    value: "MODE",
    choices: ["REDIRECT", "TPROXY"],
    default: "REDIRECT",
    help: "how inbound connections get there; TPROXY keeps the client's address",
  },
  "inbound-ports": { ...selectionOptions["inbound-ports"], short: "b" },
  "exclude-inbound-ports": { ...selectionOptions["exclude-inbound-ports"], short: "d" },
  "outbound-cidrs": { ...selectionOptions["outbound-cidrs"], short: "i" },
  "exclude-outbound-cidrs": { ...selectionOptions["exclude-outbound-cidrs"], short: "x" },
  "outbound-ports": { ...selectionOptions["outbound-ports"], short: "q" },
  "exclude-outbound-ports": { ...selectionOptions["exclude-outbound-ports"], short: "o" },
  "exclude-interfaces": { type: "string", short: "c", value: "NAMES", default: "", help: "interfaces that stay out" },
  "virtual-interfaces": {
    type: "string",
    short: "k",
    value: "NAMES",
    default: "",
    help: "interfaces behind which there are clients (virtual machines)",
  },
  "tproxy-mark": {
    type: "integer",
    short: "t",
    value: "N",
    default: 1337,
    min: 1,
    max: 0xffff_ffff,
    help: "mark of packets for transparent sockets",
  },
  "tproxy-table": {
    type: "integer",
    short: "r",
    value: "N",
    default: 133,
    min: 1,
    max: 0xffff_ffff,
    help: "routing table for them",
  },
  "redirect-dns": { type: "flag", help: "DNS questions to the servers of /etc/resolv.conf go to the proxy (15053)" },
  "capture-all-dns": { type: "flag", help: "with --redirect-dns: those to any server" },
  "drop-invalid": { type: "flag", help: "packets that belong to no connection are dropped instead of answered" },
  "ipv4-only": { type: "flag", help: "leaves IPv6 alone" },
} as const;

export const captureRulesCommand = defineCommand({
  name: "capture-rules",
  summary: "prints or applies the rules that lead connections to a sidecar",
  usage: ["capture-rules [--apply | --cleanup] [options]"],
  description: `For init containers, machines and whoever wants to see: rules for this network namespace by which what leaves goes to
port 15001 of the proxy and what arrives to port 15006, except the proxy's own connections (those of its user or group),
excluded ports and addresses, and what the program says to itself. Letters of options mean what they mean to istio-iptables.
Printed rules can be given to iptables-restore --noflush or nft -f; --apply does that, and may be repeated. --cleanup
removes exactly what --apply made. Both need root, or CAP_NET_ADMIN and CAP_NET_RAW.`,
  examples: [
    { command: "tulle capture-rules", does: "shows them" },
    { command: "tulle capture-rules --apply -u 1337 -x 10.0.0.0/8 -o 5432", does: "as an init container does" },
    { command: "tulle capture-rules --rules nft --redirect-dns", does: "for nft, with DNS" },
    { command: "tulle capture-rules --cleanup", does: "leaves nothing behind" },
  ],
  options: ruleOptions,
  run: ({ options }) => {
    if (options.apply && options.cleanup) throw new UsageError("--apply and --cleanup exclude each other");
    const set: RuleSet = {
      options: readRuleOptions(options),
      backend: options.rules,
      tproxyTable: options["tproxy-table"],
    };
    if (options["dry-run"] || (!options.apply && !options.cleanup)) {
      console.log(options.cleanup ? "# removes every chain, table and route that --apply made" : describeRules(set));
      return Promise.resolve(0);
    }
    if (process.platform !== "linux") throw new CliError("connections can be captured on Linux only");
    if (options.apply) applyRules(new SystemCommands(), set);
    else removeRules(new SystemCommands(), set);
    return Promise.resolve(0);
  },
});

function portOption<const S extends string>(short: S, port: number, help: string) {
  return { type: "integer", short, value: "PORT", default: port, min: 1, max: 65_535, help } as const;
}

function readRuleOptions(options: OptionValues<typeof ruleOptions>): CaptureRuleOptions {
  const uids = parseIds("--proxy-uid", options["proxy-uid"]);
  return {
    ...readSelection(options),
    outboundPort: options["outbound-port"],
    inboundPort: options["inbound-port"],
    tunnelPort: options["tunnel-port"],
    mode: options.mode,
    proxyUids: uids,
    proxyGids: options["proxy-gid"] === undefined ? uids : parseIds("--proxy-gid", options["proxy-gid"]),
    excludedInterfaces: parseInterfaces("--exclude-interfaces", options["exclude-interfaces"]),
    virtualInterfaces: parseInterfaces("--virtual-interfaces", options["virtual-interfaces"]),
    dns: dnsServers(options["redirect-dns"], options["capture-all-dns"]),
    dropInvalid: options["drop-invalid"],
    tproxyMark: options["tproxy-mark"],
    families: options["ipv4-only"] ? ONLY_IPV4 : BOTH_FAMILIES,
  };
}

function dnsServers(redirect: boolean, all: boolean): CaptureRuleOptions["dns"] {
  if (!redirect) {
    if (all) throw new UsageError("--capture-all-dns has an effect with --redirect-dns only");
    return "off";
  }
  if (all) return "all";
  const servers = nameServers(readFileSync("/etc/resolv.conf", "utf8"));
  if (servers.length > 0) return servers;
  throw new CliError("/etc/resolv.conf names no DNS server", ["Capture questions to any server: --capture-all-dns"]);
}

/** (resolv.conf(5)) */
function nameServers(text: string): readonly string[] {
  return [...text.matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address!).filter((a) => isIP(a) !== 0);
}
