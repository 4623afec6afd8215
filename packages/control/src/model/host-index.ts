import { hostMatches, isWildcard } from "@tulle/api";

/** Finds rules by host: the exact name first, else the longest wildcard; the first rule given wins among equals. */
export class HostIndex<R> {
  readonly #exact = new Map<string, R[]>();
  /** Longest first. */
  readonly #wildcards: { readonly pattern: string; readonly rules: R[] }[];

  constructor(rules: Iterable<R>, hostsOf: (rule: R) => readonly string[]) {
    const wildcards = new Map<string, R[]>();
    for (const rule of rules) {
      for (const host of hostsOf(rule)) {
        const index = isWildcard(host) ? wildcards : this.#exact;
        const found = index.get(host);
        if (found === undefined) index.set(host, [rule]);
        else found.push(rule);
      }
    }
    this.#wildcards = [...wildcards]
      .map(([pattern, found]) => ({ pattern, rules: found }))
      .sort((a, b) => b.pattern.length - a.pattern.length);
  }

  /** The first that is accepted. */
  find(host: string, accepts: (rule: R) => boolean = () => true): R | undefined {
    const exact = this.#exact.get(host)?.find(accepts);
    if (exact !== undefined) return exact;
    for (const { pattern, rules } of this.#wildcards) {
      const found = hostMatches(pattern, host) ? rules.find(accepts) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
