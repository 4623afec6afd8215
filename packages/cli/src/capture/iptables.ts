/** Rules as `iptables-restore` reads them. */
import type { Family, Match, Matched, Rule, Table, Verdict } from "./rule.ts";
import { chainsOf, isHook, TABLES } from "./rule.ts";

/**
 * A script for `iptables-restore --noflush` or `ip6tables-restore --noflush`. Chains that are there already are emptied first, so the
 * same script may be run again; `present` is what of ours there is, which goes in the same transaction.
 */
export function iptablesScript(rules: readonly Rule[], family: Family, present: SavedState = NOTHING): string {
  const ofFamily = rules.filter((rule) => rule.family === undefined || rule.family === family);
  return TABLES.flatMap((table) => {
    const ofTable = ofFamily.filter((rule) => rule.table === table);
    const own = chainsOf(ofTable, table).filter((chain) => !isHook(chain));
    const removal = removalOf(table, present, own);
    if (ofTable.length === 0 && removal.length === 0) return [];
    return [
      `*${table}`,
      ...own.map((chain) => `:${chain} - [0:0]`),
      ...removal,
      ...ofTable.map((rule) => ["-A", rule.chain, ...matchArguments(rule.match), ...verdictArguments(rule)].join(" ")),
      "COMMIT",
      "",
    ];
  }).join("\n");
}

/** A line of iptables-save in a chain of the kernel's that jumps to a chain of ours. */
interface SavedRule {
  readonly table: Table;
  readonly rule: string;
}

interface SavedState {
  readonly jumps: readonly SavedRule[];
  readonly chains: readonly { readonly table: Table; readonly chain: string }[];
}

const NOTHING: SavedState = { jumps: [], chains: [] };

/** What of ours there is. @param saved the output of iptables-save */
export function ownState(saved: string): SavedState {
  const jumps: SavedRule[] = [];
  const chains: { table: Table; chain: string }[] = [];
  let table: Table | undefined;
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) table = TABLES.find((name) => name === line.slice(1));
    if (table === undefined) continue;
    const chain = /^:(TULLE_[A-Z_]+) /.exec(line)?.[1];
    if (chain !== undefined) chains.push({ table, chain });
    if (/^-A (?!TULLE_).* -j TULLE_[A-Z_]+$/.test(line)) jumps.push({ table, rule: line });
  }
  return { jumps, chains };
}

/** Removes what of ours there is; "" if there is nothing. */
export function iptablesCleanup(present: SavedState): string {
  return iptablesScript([], 4, present);
}

/** Jumps all go, chains but for those that stay. */
function removalOf(table: Table, { jumps, chains }: SavedState, staying: readonly string[]): readonly string[] {
  const going = chains.filter((entry) => entry.table === table && !staying.includes(entry.chain));
  return [
    ...jumps.filter((entry) => entry.table === table).map(({ rule }) => rule.replace(/^-A/, "-D")),
    // They may lead to each other: all are emptied first.
    ...going.map(({ chain }) => `-F ${chain}`),
    ...going.map(({ chain }) => `-X ${chain}`),
  ];
}

function matchArguments(match: Match): readonly string[] {
  const { inInterface, outInterface, source, destination, protocol, sourcePort, destinationPorts } = match;
  return [
    ...(inInterface === undefined ? [] : ["-i", inInterface]),
    ...(outInterface === undefined ? [] : ["-o", outInterface]),
    ...(source === undefined ? [] : matched("-s", source)),
    ...(destination === undefined ? [] : matched("-d", destination)),
    ...(protocol === undefined ? [] : ["-p", protocol]),
    ...(sourcePort === undefined ? [] : ["--sport", `${sourcePort}`]),
    ...(destinationPorts === undefined ? [] : portArguments(destinationPorts)),
    ...ownerArguments(match),
  ];
}

function portArguments({ is, not }: Matched<readonly number[]>): readonly string[] {
  if (is.length === 1) return matched("--dport", { is: is[0]!, ...(not === undefined ? {} : { not }) });
  return ["-m", "multiport", ...(not === true ? ["!"] : []), "--dports", is.join()];
}

function ownerArguments({ uid, gid, mark, connectionMark, state }: Match): readonly string[] {
  return [
    ...(uid === undefined ? [] : ["-m", "owner", ...matched("--uid-owner", uid)]),
    ...(gid === undefined ? [] : ["-m", "owner", ...matched("--gid-owner", gid)]),
    ...(mark === undefined ? [] : ["-m", "mark", ...matched("--mark", mark)]),
    ...(connectionMark === undefined ? [] : ["-m", "connmark", "--mark", `${connectionMark}`]),
    ...(state === undefined
      ? []
      : ["-m", "conntrack", "--ctstate", state === "invalid" ? "INVALID" : "RELATED,ESTABLISHED"]),
  ];
}

function matched(option: string, { is, not }: Matched<string | number>): readonly string[] {
  return [...(not === true ? ["!"] : []), option, `${is}`];
}

function verdictArguments({ verdict }: Rule): readonly string[] {
  return ["-j", ...target(verdict)];
}

function target(verdict: Verdict): readonly string[] {
  switch (verdict.to) {
    case "chain":
      return [verdict.chain];
    case "redirect":
      return ["REDIRECT", "--to-ports", `${verdict.port}`];
    case "tproxy":
      return ["TPROXY", "--on-port", `${verdict.port}`, "--tproxy-mark", `${verdict.mark}/0xffffffff`];
    case "mark":
      return ["MARK", "--set-mark", `${verdict.mark}`];
    case "save mark":
      return ["CONNMARK", "--save-mark"];
    case "restore mark":
      return ["CONNMARK", "--restore-mark"];
    case "zone":
      return ["CT", "--zone", `${verdict.zone}`];
    default:
      return [verdict.to.toUpperCase()];
  }
}
