/** Packet rules, before they are written for iptables or nftables. Tables, chains and hooks are netfilter's, as iptables(8) names them. */

export type Family = 4 | 6;
export type Table = "raw" | "mangle" | "nat";
/** Where the kernel enters a table. */
export type Hook = "PREROUTING" | "OUTPUT";

/** A value, or everything but it. */
export interface Matched<T> {
  readonly is: T;
  readonly not?: boolean;
}

/** What a packet must be; all that is given must hold. */
export interface Match {
  readonly inInterface?: string;
  readonly outInterface?: string;
  readonly protocol?: "tcp" | "udp";
  /** A CIDR block of the rule's family. */
  readonly source?: Matched<string>;
  readonly destination?: Matched<string>;
  readonly sourcePort?: number;
  readonly destinationPorts?: Matched<readonly number[]>;
  /** Of the process that sends it. */
  readonly uid?: Matched<number>;
  readonly gid?: Matched<number>;
  readonly mark?: Matched<number>;
  readonly connectionMark?: number;
  /** Belongs to a connection that conntrack knows. */
  readonly state?: "established" | "invalid";
}

export type Verdict =
  | { readonly to: "return" | "accept" | "drop" }
  | { readonly to: "chain"; readonly chain: string }
  /** The packet goes to this machine's port. */
  | { readonly to: "redirect"; readonly port: number }
  /** A transparent socket of that port gets it, addresses as they are. */
  | { readonly to: "tproxy"; readonly port: number; readonly mark: number }
  | { readonly to: "mark"; readonly mark: number }
  | { readonly to: "save mark" | "restore mark" }
  /** Connections of different zones are told apart by conntrack whatever their addresses. */
  | { readonly to: "zone"; readonly zone: number };

export interface Rule {
  readonly table: Table;
  /** A hook, or a chain of ours. */
  readonly chain: string;
  /** Undefined: both. */
  readonly family: Family | undefined;
  readonly match: Match;
  readonly verdict: Verdict;
}

/** What sets of rules have in common: chains in the order in which they are first used. */
export function chainsOf(rules: readonly Rule[], table: Table): readonly string[] {
  const chains = new Set<string>();
  for (const { table: own, chain, verdict } of rules) {
    if (own !== table) continue;
    chains.add(chain);
    if (verdict.to === "chain") chains.add(verdict.chain);
  }
  return [...chains];
}

export function isHook(chain: string): chain is Hook {
  return chain === "PREROUTING" || chain === "OUTPUT";
}

export const TABLES: readonly Table[] = ["raw", "mangle", "nat"];
