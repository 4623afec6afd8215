import { hostMatches, isWildcard } from "@tulle/api";

/** Finds rules by host: the exact name first, else the longest wildcard; the first rule given wins among equals. */
export class HostIndex<R> {
  readonly #exact = new Map<string, R>();
  /** Longest first. */
  readonly #wildcards: { readonly pattern: string; readonly rule: R }[] = [];

  constructor(rules: Iterable<R>, hostsOf: (rule: R) => readonly string[]) {
    const patterns = new Set<string>();
    for (const rule of rules) {
      for (const host of hostsOf(rule)) {
        if (!isWildcard(host)) {
          if (!this.#exact.has(host)) this.#exact.set(host, rule);
        } else if (!patterns.has(host)) {
          patterns.add(host);
          this.#wildcards.push({ pattern: host, rule });
        }
      }
    }
    this.#wildcards.sort((a, b) => b.pattern.length - a.pattern.length);
  }

  find(host: string): R | undefined {
    return this.#exact.get(host) ?? this.#wildcards.find(({ pattern }) => hostMatches(pattern, host))?.rule;
  }
}
