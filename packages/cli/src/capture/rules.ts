/**
 * Which connections of a network namespace go to the sidecar: the rules of Istio's `istio-iptables` (istio/istio
 * `tools/istio-iptables/pkg/capture/run.go`), chain by chain, under names of our own so that both may be in one place.
 */
import type { Family, Match, Rule, Table, Verdict } from "./rule.ts";

export interface CaptureRuleOptions {
  /** Takes connections that leave. */
  readonly outboundPort: number;
  /** Takes connections that arrive. */
  readonly inboundPort: number;
  /** Connections to it arrive as they are: the proxy listens there itself. */
  readonly tunnelPort: number;
  readonly mode: "REDIRECT" | "TPROXY";
  /** Whose connections are the proxy's own. */
  readonly proxyUids: readonly number[];
  readonly proxyGids: readonly number[];
  readonly inboundPorts: "*" | readonly number[];
  /** Have an effect where `inboundPorts` is `*`. */
  readonly excludedInboundPorts: readonly number[];
  readonly outboundCidrs: "*" | readonly string[];
  readonly excludedOutboundCidrs: readonly string[];
  /** Captured whatever the address. */
  readonly outboundPorts: readonly number[];
  readonly excludedOutboundPorts: readonly number[];
  /** Nothing is captured there. */
  readonly excludedInterfaces: readonly string[];
  /** What arrives there leaves somebody behind it: a virtual machine, a container. */
  readonly virtualInterfaces: readonly string[];
  /** Questions that go to the proxy's DNS: none, all, or those to certain servers. */
  readonly dns: "off" | "all" | readonly string[];
  readonly dropInvalid: boolean;
  readonly tproxyMark: number;
  readonly families: readonly Family[];
}

export const CAPTURE_PORTS = { outbound: 15_001, inbound: 15_006, tunnel: 15_008, dns: 15_053 } as const;
/** Where a scraper finds the proxy's metrics, and those of proxy and program; no connection to them is captured. */
export const METRICS_PORTS = { proxy: 15_090, merged: 15_020 } as const;
/** Istio's place for a proxy's admin endpoint. */
export const ADMIN = { host: "127.0.0.1", port: 15_000 } as const;
/** (istio/istio `tools/istio-iptables/pkg/constants/constants.go` DefaultProxyUID, OutboundMark) */
export const PROXY_UID = 1337;
const OUTBOUND_MARK = 1338;

const CHAIN = {
  inbound: "TULLE_INBOUND",
  redirect: "TULLE_REDIRECT",
  inRedirect: "TULLE_IN_REDIRECT",
  output: "TULLE_OUTPUT",
  dns: "TULLE_OUTPUT_DNS",
  divert: "TULLE_DIVERT",
  tproxy: "TULLE_TPROXY",
  drop: "TULLE_DROP",
} as const;

const LOOPBACK: Readonly<Record<Family, string>> = { 4: "127.0.0.1/32", 6: "::1/128" };
/** Where the proxy's connections to the application come from when nobody knows the port. (Istio's InboundPassthroughBindIpv4) */
const PASSTHROUGH_SOURCE: Readonly<Record<Family, string>> = { 4: "127.0.0.6/32", 6: "::6/128" };
/** Conntrack's two ways of a DNS question: from the application to the proxy, and from the proxy to a server. */
const ZONE = { servers: 1, clients: 2 } as const;
const DNS_PORT = 53;

const RETURN: Verdict = { to: "return" };

export function captureRules(options: CaptureRuleOptions): readonly Rule[] {
  return [...rawRules(options), ...mangleRules(options), ...natRules(options)].filter(
    ({ family }) => family === undefined || options.families.includes(family),
  );
}

function jump(chain: string): Verdict {
  return { to: "chain", chain };
}

/** Collects rules of one table. */
class RuleList {
  readonly rules: Rule[] = [];
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  add(chain: string, match: Match, verdict: Verdict, family?: Family): void {
    this.rules.push({ table: this.#table, chain, family, match, verdict });
  }

  /** One for each family, of which addresses depend on it. */
  addEach(chain: string, match: (family: Family) => Match, verdict: Verdict): void {
    for (const family of [4, 6] as const) this.add(chain, match(family), verdict, family);
  }

  addCidrs(chain: string, cidrs: readonly string[], match: Match, verdict: Verdict): void {
    for (const cidr of cidrs) this.add(chain, { ...match, destination: { is: cidr } }, verdict, familyOf(cidr));
  }
}

function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

function natRules(options: CaptureRuleOptions): readonly Rule[] {
  const list = new RuleList("nat");
  list.add("PREROUTING", { protocol: "tcp" }, jump(CHAIN.inbound));
  list.add("OUTPUT", {}, jump(CHAIN.output));
  list.add(CHAIN.redirect, { protocol: "tcp" }, { to: "redirect", port: options.outboundPort });
  list.add(CHAIN.inRedirect, { protocol: "tcp" }, { to: "redirect", port: options.inboundPort });
  addInbound(list, options);
  addOutbound(list, options);
  return list.rules;
}

function addInbound(list: RuleList, options: CaptureRuleOptions): void {
  const { excludedInterfaces, virtualInterfaces, outboundCidrs, tunnelPort, mode } = options;
  for (const inInterface of excludedInterfaces) list.add(CHAIN.inbound, { inInterface }, RETURN);
  for (const inInterface of virtualInterfaces) {
    const match: Match = { inInterface, protocol: "tcp" };
    if (outboundCidrs === "*") list.add(CHAIN.inbound, match, jump(CHAIN.redirect));
    else list.addCidrs(CHAIN.inbound, outboundCidrs, match, jump(CHAIN.redirect));
    list.add(CHAIN.inbound, { inInterface }, RETURN);
  }
  list.add(CHAIN.inbound, { protocol: "tcp", destinationPorts: { is: [tunnelPort] } }, RETURN);
  if (mode === "REDIRECT") addInboundPorts(list, options, (match) => [[match, jump(CHAIN.inRedirect)]]);
}

/** Ports of the application, each with what is done with it. */
function addInboundPorts(
  list: RuleList,
  { inboundPorts, excludedInboundPorts }: CaptureRuleOptions,
  capture: (match: Match) => readonly (readonly [Match, Verdict])[],
): void {
  const add = (match: Match): void => {
    for (const [full, verdict] of capture(match)) list.add(CHAIN.inbound, full, verdict);
  };
  if (inboundPorts !== "*") {
    for (const port of inboundPorts) add({ protocol: "tcp", destinationPorts: { is: [port] } });
    return;
  }
  for (const port of excludedInboundPorts) {
    list.add(CHAIN.inbound, { protocol: "tcp", destinationPorts: { is: [port] } }, RETURN);
  }
  add({ protocol: "tcp" });
}

function addOutbound(list: RuleList, options: CaptureRuleOptions): void {
  const { excludedOutboundPorts, excludedInterfaces, outboundCidrs, excludedOutboundCidrs, outboundPorts } = options;
  const chain = CHAIN.output;
  for (const outInterface of excludedInterfaces) list.add(chain, { outInterface }, RETURN);
  // Before anything that leads back to the proxy.
  for (const port of excludedOutboundPorts) {
    for (const protocol of ["tcp", "udp"] as const)
      list.add(chain, { protocol, destinationPorts: { is: [port] } }, RETURN);
  }
  list.addEach(chain, (family) => ({ outInterface: "lo", source: { is: PASSTHROUGH_SOURCE[family] } }), RETURN);
  addOwnConnections(list, options);
  if (options.dns !== "off") {
    list.add(chain, {}, jump(CHAIN.dns));
    addDnsRedirects(list, options.dns);
  }
  list.addEach(chain, (family) => ({ destination: { is: LOOPBACK[family] } }), RETURN);
  list.addCidrs(chain, excludedOutboundCidrs, {}, RETURN);
  for (const port of outboundPorts) {
    list.add(chain, { protocol: "tcp", destinationPorts: { is: [port] } }, jump(CHAIN.redirect));
  }
  if (outboundCidrs === "*") list.add(chain, {}, jump(CHAIN.redirect));
  else list.addCidrs(chain, outboundCidrs, {}, jump(CHAIN.redirect));
}

/**
 * The proxy's own: what it sends to this workload's address is a request to the application like any other and arrives; nothing
 * else of it is captured. What the application says to itself is not either, unless a range of the loopback network is asked for.
 */
function addOwnConnections(list: RuleList, options: CaptureRuleOptions): void {
  const { dns, tunnelPort, outboundCidrs } = options;
  const chain = CHAIN.output;
  for (const owner of owners(options)) {
    // The proxy may ask a DNS server on this machine over TCP.
    const except = dns !== "off" && owner.uid !== undefined ? [DNS_PORT, tunnelPort] : [tunnelPort];
    list.addEach(
      chain,
      (family) => ({
        outInterface: "lo",
        destination: { is: LOOPBACK[family], not: true },
        protocol: "tcp",
        destinationPorts: { is: except, not: true },
        ...owner,
      }),
      jump(CHAIN.inRedirect),
    );
  }
  for (const owner of owners(options)) list.add(chain, owner, RETURN);
  const asksForLoopback = outboundCidrs !== "*" && outboundCidrs.some((cidr) => /^(127\.|::1\/)/.test(cidr));
  if (asksForLoopback) return;
  if (dns === "off") list.add(chain, { outInterface: "lo" }, RETURN);
  // A DNS server on this machine is one that is to be captured.
  else
    list.add(chain, { outInterface: "lo", protocol: "tcp", destinationPorts: { is: [DNS_PORT], not: true } }, RETURN);
}

function owners({ proxyUids, proxyGids }: CaptureRuleOptions): readonly Match[] {
  return [
    ...proxyUids.map((uid): Match => ({ uid: { is: uid } })),
    ...proxyGids.map((gid): Match => ({ gid: { is: gid } })),
  ];
}

function addDnsRedirects(list: RuleList, dns: "all" | readonly string[]): void {
  for (const protocol of ["tcp", "udp"] as const) {
    const match: Match = { protocol, destinationPorts: { is: [DNS_PORT] } };
    const verdict: Verdict = { to: "redirect", port: CAPTURE_PORTS.dns };
    if (dns === "all") list.add(CHAIN.dns, match, verdict);
    else list.addCidrs(CHAIN.dns, dns.map(singleAddress), match, verdict);
  }
}

function singleAddress(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

/**
 * One UDP question is two to conntrack, to the proxy and from it, which may have the same addresses and ports: each way gets a zone.
 */
function rawRules(options: CaptureRuleOptions): readonly Rule[] {
  const { dns } = options;
  if (dns === "off") return [];
  const list = new RuleList("raw");
  list.add("PREROUTING", {}, jump(CHAIN.inbound));
  list.add("OUTPUT", {}, jump(CHAIN.dns));
  const question: Match = { protocol: "udp", destinationPorts: { is: [DNS_PORT] } };
  // A packet keeps the first zone that it gets.
  for (const owner of owners(options)) {
    list.add(CHAIN.dns, { ...question, ...owner }, { to: "zone", zone: ZONE.servers });
    list.add(
      CHAIN.dns,
      { protocol: "udp", sourcePort: CAPTURE_PORTS.dns, ...owner },
      { to: "zone", zone: ZONE.clients },
    );
  }
  const answer: Match = { protocol: "udp", sourcePort: DNS_PORT };
  if (dns === "all") {
    list.add(CHAIN.dns, question, { to: "zone", zone: ZONE.clients });
    list.add(CHAIN.inbound, answer, { to: "zone", zone: ZONE.servers });
    return list.rules;
  }
  for (const server of dns.map(singleAddress)) {
    const family = familyOf(server);
    list.add(CHAIN.dns, { ...question, destination: { is: server } }, { to: "zone", zone: ZONE.clients }, family);
    list.add(CHAIN.inbound, { ...answer, source: { is: server } }, { to: "zone", zone: ZONE.servers }, family);
  }
  return list.rules;
}

function mangleRules(options: CaptureRuleOptions): readonly Rule[] {
  const list = new RuleList("mangle");
  if (options.dropInvalid) {
    list.add("PREROUTING", { state: "invalid" }, jump(CHAIN.drop));
    list.add(CHAIN.drop, {}, { to: "drop" });
  }
  if (options.mode === "TPROXY") addTransparent(list, options);
  return list.rules;
}

/**
 * Transparent sockets get what arrives with the client's address. Packets that carry the mark are routed to this machine
 * (`ip rule`, `ip route`: addresses.ts).
 */
function addTransparent(list: RuleList, options: CaptureRuleOptions): void {
  const { tproxyMark, inboundPort, excludedInterfaces } = options;
  const marked: Match = { protocol: "tcp", mark: { is: tproxyMark } };
  list.add("PREROUTING", { protocol: "tcp" }, jump(CHAIN.inbound));
  list.add("OUTPUT", { protocol: "tcp" }, jump(CHAIN.output));
  list.add(CHAIN.divert, {}, { to: "mark", mark: tproxyMark });
  list.add(CHAIN.divert, {}, { to: "accept" });
  list.addEach(CHAIN.tproxy, (family) => ({ protocol: "tcp", destination: { is: LOOPBACK[family], not: true } }), {
    to: "tproxy",
    port: inboundPort,
    mark: tproxyMark,
  });
  for (const inInterface of excludedInterfaces) list.add(CHAIN.inbound, { inInterface }, RETURN);
  // A proxy that keeps the client's address marks its packets (Envoy's original_src): answers to them come back to it.
  list.add(CHAIN.inbound, marked, { to: "save mark" });
  list.add(CHAIN.inbound, marked, RETURN);
  list.addEach(
    CHAIN.inbound,
    (family) => ({ protocol: "tcp", source: { is: PASSTHROUGH_SOURCE[family] }, inInterface: "lo" }),
    RETURN,
  );
  // On this machine only what the proxy sends arrives anew.
  list.add(CHAIN.inbound, { protocol: "tcp", inInterface: "lo", mark: { is: OUTBOUND_MARK, not: true } }, RETURN);
  list.add(CHAIN.inbound, { protocol: "tcp", destinationPorts: { is: [options.tunnelPort] } }, RETURN);
  addInboundPorts(list, options, (match) => [
    [{ ...match, state: "established" }, jump(CHAIN.divert)],
    [match, jump(CHAIN.tproxy)],
  ]);
  for (const outInterface of excludedInterfaces) list.add(CHAIN.output, { outInterface }, RETURN);
  list.add(CHAIN.output, { ...marked, outInterface: "lo" }, RETURN);
  for (const owner of owners(options)) {
    list.addEach(
      CHAIN.output,
      (family) => ({
        destination: { is: LOOPBACK[family], not: true },
        protocol: "tcp",
        outInterface: "lo",
        ...owner,
      }),
      { to: "mark", mark: OUTBOUND_MARK },
    );
  }
  list.add(CHAIN.output, { protocol: "tcp", connectionMark: tproxyMark }, { to: "restore mark" });
}
