/** What this machine's files say of names: hosts(5), resolv.conf(5). Read again when they have changed. */
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

class WatchedFile<T> {
  private readonly path: string;
  private readonly parse: (text: string) => T;
  private changedMs = -1;
  private content: T;

  constructor(path: string, parse: (text: string) => T) {
    this.path = path;
    this.parse = parse;
    this.content = parse("");
  }

  /** A file that is not there is empty. */
  read(): T {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    const changedMs = stat === undefined ? 0 : stat.mtimeMs;
    if (changedMs === this.changedMs) return this.content;
    this.changedMs = changedMs;
    return (this.content = this.parse(stat === undefined ? "" : readFileSync(this.path, "utf8")));
  }
}

const hosts = new WatchedFile("/etc/hosts", parseHosts);
const resolvConf = new WatchedFile("/etc/resolv.conf", parseResolvConf);

/** Addresses of both families. @param name lower-case */
export function hostsAddresses(name: string): readonly string[] {
  return hosts.read().get(name) ?? [];
}

/** The names that may be meant, in the order in which they are asked for. Source: c-ares `ares_search_name_list`. */
export function searchNames(name: string): readonly string[] {
  if (name.endsWith(".")) return [name];
  const { domains, dots } = resolvConf.read();
  const completed = domains.map((domain) => `${name}.${domain}`);
  return name.split(".").length > dots ? [name, ...completed] : [...completed, name];
}

function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const [address = "", ...aliases] of words(text)) {
    if (isIP(address) === 0) continue;
    for (const alias of aliases) {
      const key = alias.toLowerCase();
      names.set(key, [...(names.get(key) ?? []), address]);
    }
  }
  return names;
}

/** The last `search` or `domain` holds. */
function parseResolvConf(text: string): { readonly domains: readonly string[]; readonly dots: number } {
  let domains: readonly string[] = [];
  let dots = 1;
  for (const [keyword, ...values] of words(text)) {
    if (keyword === "search" || keyword === "domain") domains = values.filter((domain) => domain !== ".");
    if (keyword !== "options") continue;
    const given = values.findLast((value) => /^ndots:\d+$/.test(value));
    if (given !== undefined) dots = Number(given.slice("ndots:".length));
  }
  return { domains, dots };
}

function words(text: string): string[][] {
  return text.split("\n").map((line) =>
    line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/),
  );
}
