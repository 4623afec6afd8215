/**
 * Which filter chain a connection takes: Envoy `source/common/listener_manager/filter_chain_manager_impl.cc`. Conditions are asked in a
 * fixed order, each within what the one before has chosen; a branch once chosen is not left again, even if nothing in it fits.
 */
import {
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { isIP, maskAddress } from "../ip-address.ts";
import { type AddressRange, type AddressTest, compileCidrRanges } from "./cidr.ts";
import type { Place } from "./problems.ts";

/** What conditions ask of a connection, listener filters having said what they know. */
export interface MatchedConnection {
  readonly localAddress: string;
  readonly localPort: number;
  /** Lower-case, "" if the client has named none. */
  readonly serverName: string;
  readonly transportProtocol: string;
  /** As the client offers them (ALPN). */
  readonly applicationProtocols: readonly string[];
  /** Who has connected, and on whose behalf (the PROXY protocol says). */
  readonly directRemoteAddress: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Chooses the chain of a connection. */
export interface ChainMatcher {
  /** The index of a chain, -1 if none wants this connection, `NO_CHAIN` if one was named that is not there. */
  find(connection: MatchedConnection): number;
}

/** Not even the default chain. */
export const NO_CHAIN = -2;

/** What remains when everything has been asked: the index of a chain. */
type Branch = Level | number;

abstract class Level {
  protected readonly branches = new Map<string, Branch>();

  at(key: string): Branch | undefined {
    return this.branches.get(key);
  }

  add(key: string, branch: Branch): void {
    this.branches.set(key, branch);
  }

  abstract choose(connection: MatchedConnection): Branch | undefined;
}

/** Whatever it is. */
const ANY = "";

/** That very value, else any. */
class ExactLevel extends Level {
  private readonly read: (connection: MatchedConnection) => string;

  constructor(read: (connection: MatchedConnection) => string) {
    super();
    this.read = read;
  }

  choose(connection: MatchedConnection): Branch | undefined {
    const { branches } = this;
    return branches.get(this.read(connection)) ?? branches.get(ANY);
  }
}

/** The longest prefix. */
class AddressLevel extends Level {
  private readonly read: (connection: MatchedConnection) => string;
  private readonly ranges: { readonly test: AddressTest; readonly length: number; readonly key: string }[] = [];

  constructor(read: (connection: MatchedConnection) => string) {
    super();
    this.read = read;
  }

  override add(key: string, branch: Branch): void {
    super.add(key, branch);
    if (key === ANY) return;
    const slash = key.indexOf("/");
    const range = { addressPrefix: key.slice(0, slash), prefixLen: Number(key.slice(slash + 1)) };
    this.ranges.push({ test: compileCidrRanges([range], neverRefused), length: range.prefixLen, key });
    this.ranges.sort((a, b) => b.length - a.length);
  }

  choose(connection: MatchedConnection): Branch | undefined {
    if (this.ranges.length > 0) {
      const address = this.read(connection);
      for (const { test, key } of this.ranges) if (test(address)) return this.branches.get(key);
    }
    return this.branches.get(ANY);
  }
}

function neverRefused(): Place {
  throw new TypeError("a range that has been compiled before");
}

/** The name, then what it ends in, longest first, then any. Suffixes are kept with the dot before them. */
class ServerNameLevel extends Level {
  choose({ serverName }: MatchedConnection): Branch | undefined {
    const { branches } = this;
    const exact = branches.get(serverName);
    if (exact !== undefined || serverName === ANY) return exact;
    for (let dot = serverName.indexOf(".", 1); dot >= 0 && dot < serverName.length - 1;) {
      const suffix = branches.get(serverName.slice(dot));
      if (suffix !== undefined) return suffix;
      dot = serverName.indexOf(".", dot + 1);
    }
    return branches.get(ANY);
  }
}

/** The first that the client offers and some chain wants. */
class ApplicationProtocolLevel extends Level {
  choose({ applicationProtocols }: MatchedConnection): Branch | undefined {
    const { branches } = this;
    for (const protocol of applicationProtocols) {
      const branch = branches.get(protocol);
      if (branch !== undefined) return branch;
    }
    return branches.get(ANY);
  }
}

const LOCAL = "local";
const EXTERNAL = "external";

class SourceTypeLevel extends Level {
  choose(connection: MatchedConnection): Branch | undefined {
    const { branches } = this;
    if (branches.size === 1 && branches.has(ANY)) return branches.get(ANY);
    return branches.get(isFromHere(connection) ? LOCAL : EXTERNAL) ?? branches.get(ANY);
  }
}

/** Envoy `Network::Utility::isSameIpOrLoopback`, which takes no other address of 127.0.0.0/8 for loopback. */
export function isFromHere({ remoteAddress, localAddress }: MatchedConnection): boolean {
  return remoteAddress === localAddress || remoteAddress === "127.0.0.1" || remoteAddress === "::1";
}

const LEVELS: readonly (() => Level)[] = [
  () => new ExactLevel(({ localPort }) => String(localPort)),
  () => new AddressLevel(({ localAddress }) => localAddress),
  () => new ServerNameLevel(),
  () => new ExactLevel(({ transportProtocol }) => transportProtocol),
  () => new ApplicationProtocolLevel(),
  () => new AddressLevel(({ directRemoteAddress }) => directRemoteAddress),
  () => new SourceTypeLevel(),
  () => new AddressLevel(({ remoteAddress }) => remoteAddress),
  () => new ExactLevel(({ remotePort }) => String(remotePort)),
];

const SOURCE_TYPES: Readonly<Record<number, string>> = {
  [SourceType.SAME_IP_OR_LOOPBACK]: LOCAL,
  [SourceType.EXTERNAL]: EXTERNAL,
};

/** The conditions of all chains of a listener. */
export class FilterChainMatcher implements ChainMatcher {
  private readonly root: Level = LEVELS[0]();

  /**
   * @param match undefined: every connection that no other chain wants more
   * @returns the index of the chain that has the same conditions, if there is one; -1 if not
   */
  add(match: FilterChainMatch | undefined, index: number, place: Place): number {
    return insert(this.root, 0, keysOf(match, place), index);
  }

  find(connection: MatchedConnection): number {
    let branch: Branch | undefined = this.root;
    while (typeof branch === "object") branch = branch.choose(connection);
    return branch ?? -1;
  }
}

function insert(level: Level, depth: number, keys: readonly (readonly string[])[], index: number): number {
  const isLast = depth === LEVELS.length - 1;
  for (const key of keys[depth]) {
    const there = level.at(key);
    if (isLast) {
      if (there !== undefined) return there as number;
      level.add(key, index);
      continue;
    }
    const next = (there as Level | undefined) ?? LEVELS[depth + 1]();
    if (there === undefined) level.add(key, next);
    const same = insert(next, depth + 1, keys, index);
    if (same >= 0) return same;
  }
  return -1;
}

/** Of each level, what a chain asks for. */
function keysOf(match: FilterChainMatch | undefined, place: Place): readonly (readonly string[])[] {
  if (match === undefined) return LEVELS.map(() => [ANY]);
  const { destinationPort, prefixRanges, serverNames, transportProtocol, applicationProtocols } = match;
  return [
    [destinationPort === undefined ? ANY : String(destinationPort)],
    rangesOf(prefixRanges, place, "prefix_ranges"),
    orAny(serverNames.map((name, i) => serverNameKey(name, place.item("server_names", i)))),
    [transportProtocol],
    orAny(applicationProtocols),
    rangesOf(match.directSourcePrefixRanges, place, "direct_source_prefix_ranges"),
    [SOURCE_TYPES[match.sourceType] ?? ANY],
    rangesOf(match.sourcePrefixRanges, place, "source_prefix_ranges"),
    orAny(match.sourcePorts.map(String)),
  ];
}

function orAny(keys: readonly string[]): readonly string[] {
  return keys.length === 0 ? [ANY] : [...new Set(keys)];
}

function rangesOf(ranges: readonly AddressRange[], place: Place, field: string): readonly string[] {
  const keys = ranges.flatMap(({ addressPrefix, prefixLen = 0 }, i) => {
    const version = isIP(addressPrefix);
    if (version !== 0 && prefixLen <= (version === 4 ? 32 : 128)) return [maskAddress(addressPrefix, prefixLen)];
    place.item(field, i).refuse(`malformed IP address: ${addressPrefix}/${prefixLen}`);
    return [];
  });
  return orAny(keys);
}

function serverNameKey(name: string, place: Place): string {
  const lower = name.toLowerCase();
  if (lower.startsWith("*.")) return lower.slice(1);
  if (lower.includes("*")) place.refuse(`partial wildcards are not supported in "server_names": '${name}'`);
  return lower;
}
