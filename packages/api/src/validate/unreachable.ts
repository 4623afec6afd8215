/** Warnings about rules that can never be chosen (Istio's analyzer codes IST0130 and IST0131). */
import type { HttpMatchRequest, VirtualServiceSpec } from "../kinds/istio/virtual-service.ts";
import type { Reporter } from "./reporter.ts";

interface Rule {
  readonly match?: readonly object[];
}

export function warnUnreachable(spec: VirtualServiceSpec, reporter: Reporter): void {
  warnInList(spec.http ?? [], "http", reporter);
  warnInList(spec.tls ?? [], "tls", reporter);
  warnInList(spec.tcp ?? [], "tcp", reporter);
  warnCoveredPrefixes(spec, reporter);
}

function warnInList(rules: readonly Rule[], list: string, { warning }: Reporter): void {
  const seen = new Map<string, number>();
  let catchAll: number | undefined;
  for (const [index, { match = [] }] of rules.entries()) {
    const path = ["spec", list, index];
    if (catchAll !== undefined) {
      warning(path, `is never reached: ${list}[${catchAll}] before it has no match and takes everything`);
      continue;
    }
    if (match.length === 0) catchAll = index;
    for (const [position, condition] of match.entries()) {
      const key = canonical({ ...condition, name: undefined });
      const earlier = seen.get(key);
      if (earlier === undefined) seen.set(key, index);
      else warning([...path, "match", position], `has no effect: ${list}[${earlier}] has the same match`);
    }
  }
}

/** Prefixes that are remembered: the comparison is quadratic, and this is advice. */
const MAX_PREFIXES = 1000;

/** A match on a path prefix alone takes every longer prefix that comes later. */
function warnCoveredPrefixes(spec: VirtualServiceSpec, { warning }: Reporter): void {
  const taken: { readonly prefix: string; readonly index: number }[] = [];
  for (const [index, route] of (spec.http ?? []).entries()) {
    for (const [position, match] of (route.match ?? []).entries()) {
      const path = match.uri?.prefix ?? match.uri?.exact;
      const cover = taken.find(({ prefix }) => path !== undefined && path.startsWith(prefix));
      if (cover !== undefined && match.uri?.prefix !== cover.prefix) {
        const at = ["spec", "http", index, "match", position];
        warning(at, `has no effect: http[${cover.index}] takes every path that starts with "${cover.prefix}"`);
      }
    }
    for (const match of route.match ?? []) {
      if (isPrefixOnly(match) && taken.length < MAX_PREFIXES) taken.push({ prefix: match.uri!.prefix!, index });
    }
  }
}

function isPrefixOnly(match: HttpMatchRequest): boolean {
  if (match.uri?.prefix === undefined || match.ignoreUriCase === true) return false;
  return Object.keys(match).every((key) => key === "uri" || key === "name" || key === "statPrefix");
}

/** Text that is the same for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
