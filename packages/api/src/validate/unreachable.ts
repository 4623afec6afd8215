/** Warnings about rules that can never be chosen (Istio's analyzer codes IST0130 and IST0131). */
import type { HttpMatchRequest, VirtualServiceSpec } from "../kinds/istio/virtual-service.ts";
import type { Reporter } from "./reporter.ts";

export function warnUnreachable(spec: VirtualServiceSpec, reporter: Reporter): void {
  warnInList(spec.http ?? [], "http", takesEverything, reporter);
  warnInList(spec.tls ?? [], "tls", () => false, reporter);
  warnInList(spec.tcp ?? [], "tcp", () => false, reporter);
  warnCoveredPrefixes(spec, reporter);
}

function warnInList<M extends object>(
  rules: readonly { readonly match?: readonly M[] }[],
  list: string,
  takesAll: (match: M) => boolean,
  { noEffect }: Reporter,
): void {
  const seen = new Map<string, number>();
  let catchAll: number | undefined;
  for (const [index, { match = [] }] of rules.entries()) {
    const path = ["spec", list, index];
    if (catchAll !== undefined) {
      noEffect(path, `is never reached: ${list}[${catchAll}] before it takes everything`);
      continue;
    }
    if (match.length === 0 || match.some(takesAll)) catchAll = index;
    for (const [position, condition] of match.entries()) {
      const key = canonical({ ...condition, name: undefined });
      const earlier = seen.get(key);
      if (earlier === undefined) seen.set(key, index);
      else noEffect([...path, "match", position], `has no effect: ${list}[${earlier}] has the same match`);
    }
  }
}

/** Prefixes that are remembered: the comparison is quadratic, and this is advice. */
const MAX_PREFIXES = 1000;

/** A match on a path prefix alone takes every longer prefix that comes later. */
function warnCoveredPrefixes(spec: VirtualServiceSpec, { noEffect }: Reporter): void {
  const taken: { readonly prefix: string; readonly index: number }[] = [];
  for (const [index, route] of (spec.http ?? []).entries()) {
    for (const [position, match] of (route.match ?? []).entries()) {
      const path = match.uri?.prefix ?? match.uri?.exact;
      const cover = taken.find(({ prefix }) => path !== undefined && path.startsWith(prefix));
      if (cover !== undefined && !isRoot(cover.prefix) && match.uri?.prefix !== cover.prefix) {
        const at = ["spec", "http", index, "match", position];
        noEffect(at, `has no effect: http[${cover.index}] takes every path that starts with "${cover.prefix}"`);
      }
    }
    for (const match of route.match ?? []) {
      if (isPrefixOnly(match) && taken.length < MAX_PREFIXES) taken.push({ prefix: match.uri!.prefix!, index });
    }
  }
}

/** A match that every request of the hosts satisfies, whoever sends it. (istio/istio `route.go` IsCatchAllRoute) */
function takesEverything(match: HttpMatchRequest): boolean {
  const { uri = {} } = match;
  const everyPath = uri.exact === undefined && (uri.regex === undefined ? isRoot(uri.prefix) : uri.regex === ".*");
  return everyPath && Object.keys(match).every((key) => UNCONDITIONAL.has(key) || key === "ignoreUriCase");
}

function isRoot(prefix = "/"): boolean {
  return prefix === "/" || prefix === "";
}

/** Fields of a match that are no condition, and the path. */
const UNCONDITIONAL: ReadonlySet<string> = new Set(["uri", "name", "statPrefix"]);

function isPrefixOnly(match: HttpMatchRequest): boolean {
  if (match.uri?.prefix === undefined || match.ignoreUriCase === true) return false;
  return Object.keys(match).every((key) => UNCONDITIONAL.has(key));
}

/** Text that is the same for equal values, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
