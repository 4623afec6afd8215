/** Names looked up by this machine: its hosts file, its name servers or others, and whatever else its resolver knows. */
import { Resolver, lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ResolverPlan } from "../../plan/dns-plan.ts";
import { type Resolution, ResolveError, type Resolvers, resolveFamilies } from "./resolve.ts";
import { hostsAddresses, searchNames } from "./system-files.ts";

/**
 * With name servers of its own DNS alone is asked. Without, and where times to live are wanted, DNS comes first, and the system's resolver
 * answers for what DNS does not know (mDNS, search domains, split DNS).
 */
export const systemResolvers: Resolvers = (plan) => {
  const resolver = resolverOf(plan);
  return (name, family, withTtl) =>
    resolveFamilies(family, async (version) => {
      const own = withoutAsking(name, version);
      if (own !== null) return own;
      if (plan !== null) return search(resolver, plan.searches ? searchNames(name) : [name], version);
      if (!withTtl) return lookUp(name, version);
      const answer = await ask(resolver, name, version).catch(() => null);
      return answer === null || answer.addresses.length === 0 ? lookUp(name, version) : answer;
    });
};

function resolverOf(plan: ResolverPlan | null): Resolver {
  const resolver = new Resolver();
  if (plan !== null) resolver.setServers(plan.servers);
  return resolver;
}

/** What needs no question: addresses, localhost, the hosts file, and names that no server could be asked for. */
function withoutAsking(name: string, version: 4 | 6): Resolution | null {
  const literal = isIP(name);
  if (literal === version) return known([name]);
  if (literal !== 0 || !isName(name)) throw new ResolveError(failed("EBADNAME"));
  const lower = name.toLowerCase();
  const listed = hostsAddresses(lower).filter((address) => isIP(address) === version);
  if (listed.length > 0) return known(listed);
  // RFC 6761, section 6.3.
  if (lower === "localhost" || lower.endsWith(".localhost")) return known([version === 4 ? "127.0.0.1" : "::1"]);
  return null;
}

function known(addresses: readonly string[]): Resolution {
  return { addresses, ttlMs: 0, details: "" };
}

/** Source: c-ares `src/lib/str/ares_str.c` (ares_is_hostname), RFC 1035 section 2.3.4. */
function isName(name: string): boolean {
  return name.length <= 255 && /^[\w./*-]+$/.test(name) && name.split(".").every((label) => label.length <= 63);
}

/** The first of the names that is there. */
async function search(resolver: Resolver, names: readonly string[], version: 4 | 6): Promise<Resolution> {
  let answer = await ask(resolver, names[0], version);
  for (const name of names.slice(1)) {
    if (answer.addresses.length > 0) break;
    answer = await ask(resolver, name, version);
  }
  return answer;
}

/** A server that says that it cannot answer is asked again, as by c-ares in Envoy (ARES_DEFAULT_TRIES); in this runtime it is not. */
async function ask(resolver: Resolver, name: string, version: 4 | 6, tries = 3): Promise<Resolution> {
  try {
    const records =
      version === 4 ? await resolver.resolve4(name, { ttl: true }) : await resolver.resolve6(name, { ttl: true });
    const ttl = records.reduce((least, record) => Math.min(least, record.ttl), Infinity);
    return { addresses: records.map(({ address }) => address), ttlMs: ttl * 1000, details: "" };
  } catch (error) {
    if (tries > 1 && ASK_AGAIN.has(codeOf(error))) return ask(resolver, name, version, tries - 1);
    return withoutRecords(error);
  }
}

async function lookUp(name: string, version: 4 | 6): Promise<Resolution> {
  try {
    const all = await lookup(name, { all: true, family: version, verbatim: true });
    return known(all.map(({ address }) => address));
  } catch (error) {
    return withoutRecords(error);
  }
}

/** "There is none" is an answer, too. */
function withoutRecords(error: unknown): Resolution {
  const code = codeOf(error);
  if (!NO_RECORDS.has(code)) throw new ResolveError(failed(code));
  return { addresses: [], ttlMs: 0, details: `cares_norecords:${TEXTS[code] ?? code}` };
}

function failed(code: string): string {
  return `cares_failure:${TEXTS[code] ?? code}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}

const ASK_AGAIN: ReadonlySet<string> = new Set(["ESERVFAIL", "EREFUSED", "ENOTIMP"]);
const NO_RECORDS: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA"]);

/** Source: c-ares `ares_strerror`, whose words Envoy shows. */
const TEXTS: Readonly<Record<string, string>> = {
  ENODATA: "DNS server returned answer with no data",
  EFORMERR: "DNS server claims query was misformatted",
  ESERVFAIL: "DNS server returned general failure",
  ENOTFOUND: "Domain name not found",
  ENOTIMP: "DNS server does not implement requested operation",
  EREFUSED: "DNS server refused query",
  EBADNAME: "Misformatted domain name",
  EBADRESP: "Misformatted DNS reply",
  ECONNREFUSED: "Could not contact DNS servers",
  ETIMEOUT: "Timeout while contacting DNS servers",
  EAI_AGAIN: "Timeout while contacting DNS servers",
};
