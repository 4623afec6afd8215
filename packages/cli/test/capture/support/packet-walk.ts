/** Follows a packet through rules as netfilter does, so that tests can say what becomes of it. */
import { BlockList } from "node:net";
import type { Family, Hook, Matched, Rule, Table, Verdict } from "../../../src/capture/rule.ts";

export interface Packet {
  readonly hook: Hook;
  readonly family: Family;
  readonly protocol: "tcp" | "udp";
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly sourcePort?: number;
  readonly uid: number;
  readonly gid: number;
  /** That it leaves by, or arrived by. */
  readonly interface: string;
  readonly mark?: number;
  readonly established?: boolean;
}

/** `accept`, `drop`, `redirect 15001`, `tproxy 15006`, with the mark or zone that it got. */
export function walk(rules: readonly Rule[], table: Table, packet: Packet): string {
  let mark = packet.mark ?? 0;
  let zone = 0;
  const through = (chain: string): string | undefined => {
    for (const rule of rules) {
      if (rule.table !== table || rule.chain !== chain || !holds(rule, { ...packet, mark })) continue;
      const { verdict } = rule;
      if (verdict.to === "mark") mark = verdict.mark;
      else if (verdict.to === "zone") zone ||= verdict.zone;
      else if (verdict.to === "return") return undefined;
      else if (verdict.to === "chain") {
        const end = through(verdict.chain);
        if (end !== undefined) return end;
      } else if (verdict.to !== "save mark" && verdict.to !== "restore mark") return endOf(verdict);
    }
    return undefined;
  };
  const end = through(packet.hook) ?? "accept";
  return [end, ...(mark === (packet.mark ?? 0) ? [] : [`mark ${mark}`]), ...(zone === 0 ? [] : [`zone ${zone}`])].join(
    ", ",
  );
}

function endOf(verdict: Verdict): string {
  return verdict.to === "redirect" || verdict.to === "tproxy" ? `${verdict.to} ${verdict.port}` : verdict.to;
}

function holds({ match, family }: Rule, packet: Packet): boolean {
  const { inInterface, outInterface, protocol, source, destination, sourcePort, destinationPorts } = match;
  const arrives = packet.hook === "PREROUTING";
  return (
    (family === undefined || family === packet.family) &&
    (inInterface === undefined || (arrives && inInterface === packet.interface)) &&
    (outInterface === undefined || (!arrives && outInterface === packet.interface)) &&
    (protocol === undefined || protocol === packet.protocol) &&
    is(source, (cidr) => contains(cidr, packet.source)) &&
    is(destination, (cidr) => contains(cidr, packet.destination)) &&
    (sourcePort === undefined || sourcePort === packet.sourcePort) &&
    is(destinationPorts, (ports) => ports.includes(packet.port)) &&
    is(match.uid, (uid) => uid === packet.uid) &&
    is(match.gid, (gid) => gid === packet.gid) &&
    is(match.mark, (mark) => mark === packet.mark) &&
    match.connectionMark === undefined &&
    (match.state === undefined || (match.state === "established" && packet.established === true))
  );
}

function is<T>(condition: Matched<T> | undefined, test: (value: T) => boolean): boolean {
  return condition === undefined || test(condition.is) !== (condition.not === true);
}

function contains(cidr: string, address: string): boolean {
  const [prefix = "", bits = ""] = cidr.split("/");
  const family = prefix.includes(":") ? "ipv6" : "ipv4";
  if (address.includes(":") !== (family === "ipv6")) return false;
  const block = new BlockList();
  block.addSubnet(prefix, Number(bits), family);
  return block.check(address, family);
}
