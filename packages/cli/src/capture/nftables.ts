/** Rules as `nft -f` reads them. */
import type { Family, Hook, Match, Matched, Rule, Table, Verdict } from "./rule.ts";
import { chainsOf, isHook, TABLES } from "./rule.ts";

/** One table of ours for each of netfilter's, for both families of addresses. */
function tableName(table: Table): string {
  return `inet tulle_${table}`;
}

/** A script for `nft -f`, carried out as a whole or not at all, however often it was before. */
export function nftScript(rules: readonly Rule[], families: readonly Family[]): string {
  const tables = TABLES.flatMap((table) => {
    const own = rules.filter((rule) => rule.table === table);
    return own.length === 0 ? [] : [...tableLines(table, own, families), ""];
  });
  return [nftCleanup(), ...tables].join("\n");
}

/** To add a table before it is deleted is how nft deletes one that may not be there. */
export function nftCleanup(): string {
  return TABLES.flatMap((table) => [`add table ${tableName(table)}`, `delete table ${tableName(table)}`, ""]).join(
    "\n",
  );
}

function tableLines(table: Table, rules: readonly Rule[], families: readonly Family[]): readonly string[] {
  return [
    `table ${tableName(table)} {`,
    ...chainsOf(rules, table).flatMap((chain) => [
      `  chain ${chain} {`,
      ...(isHook(chain) ? [`    ${hookOf(table, chain)}`, ...onlyFamily(families)] : []),
      ...rules
        .filter((rule) => rule.chain === chain)
        .map(
          ({ match, verdict, family }) =>
            `    ${[...matches(match, family), "counter", statement(verdict, family)].join(" ")}`,
        ),
      "  }",
    ]),
    "}",
  ];
}

/** Of two families one may be left alone. */
function onlyFamily(families: readonly Family[]): readonly string[] {
  const [only, other] = families;
  return only === undefined || other !== undefined
    ? []
    : [`    meta nfproto != ${only === 4 ? "ipv4" : "ipv6"} return`];
}

const PRIORITY: Readonly<Record<Table, Readonly<Record<Hook, string>>>> = {
  raw: { PREROUTING: "raw", OUTPUT: "raw" },
  mangle: { PREROUTING: "mangle", OUTPUT: "mangle" },
  // By name it exists for prerouting only.
  nat: { PREROUTING: "dstnat", OUTPUT: "-100" },
};

function hookOf(table: Table, hook: Hook): string {
  // A packet whose mark changes on its way out may have to go another way.
  const type = table === "nat" ? "nat" : table === "mangle" && hook === "OUTPUT" ? "route" : "filter";
  return `type ${type} hook ${hook.toLowerCase()} priority ${PRIORITY[table][hook]}; policy accept;`;
}

function matches(match: Match, family: Family | undefined): readonly string[] {
  const { inInterface, outInterface, source, destination, protocol, sourcePort, destinationPorts } = match;
  const ip = family === 6 ? "ip6" : "ip";
  return [
    ...(inInterface === undefined ? [] : [`iifname "${inInterface}"`]),
    ...(outInterface === undefined ? [] : [`oifname "${outInterface}"`]),
    ...(source === undefined ? [] : [`${ip} saddr ${value(source)}`]),
    ...(destination === undefined ? [] : [`${ip} daddr ${value(destination)}`]),
    ...(protocol !== undefined && sourcePort === undefined && destinationPorts === undefined
      ? [`meta l4proto ${protocol}`]
      : []),
    ...(sourcePort === undefined ? [] : [`${protocol} sport ${sourcePort}`]),
    ...(destinationPorts === undefined ? [] : [`${protocol} dport ${ports(destinationPorts)}`]),
    ...ofSender(match),
  ];
}

function ofSender({ uid, gid, mark, connectionMark, state }: Match): readonly string[] {
  return [
    ...(uid === undefined ? [] : [`meta skuid ${value(uid)}`]),
    ...(gid === undefined ? [] : [`meta skgid ${value(gid)}`]),
    ...(mark === undefined ? [] : [`meta mark ${value(mark)}`]),
    ...(connectionMark === undefined ? [] : [`ct mark ${connectionMark}`]),
    ...(state === undefined ? [] : [`ct state ${state === "invalid" ? "invalid" : "related,established"}`]),
  ];
}

function ports({ is, not }: Matched<readonly number[]>): string {
  const set = is.length === 1 ? `${is[0]}` : `{ ${is.join(", ")} }`;
  return not === true ? `!= ${set}` : set;
}

function value({ is, not }: Matched<string | number>): string {
  return not === true ? `!= ${is}` : `${is}`;
}

function statement(verdict: Verdict, family: Family | undefined): string {
  switch (verdict.to) {
    case "chain":
      return `jump ${verdict.chain}`;
    case "redirect":
      return `redirect to :${verdict.port}`;
    case "tproxy":
      return `meta mark set ${verdict.mark} tproxy ${family === 6 ? "ip6" : "ip"} to :${verdict.port} accept`;
    case "mark":
      return `meta mark set ${verdict.mark}`;
    case "save mark":
      return "ct mark set meta mark";
    case "restore mark":
      return "meta mark set ct mark";
    case "zone":
      return `ct zone set ${verdict.zone}`;
    default:
      return verdict.to;
  }
}
