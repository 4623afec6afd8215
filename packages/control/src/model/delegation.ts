/** Delegates: VirtualServices without hosts whose routes stand in another's place. (istio/istio `pilot/pkg/model/virtualservice.go`) */
import { isVisibleTo } from "@tulle/api";
import type { HttpMatchRequest, IstioHttpRoute, Path, StringMatch } from "@tulle/api";
import type { HttpRule } from "./http-rule.ts";
import { rememberByObject, rememberLast } from "./sharing.ts";
import type { VirtualServiceRule } from "./virtual-service.ts";
import { httpFacts } from "./virtual-service.ts";

/** What became of one item that delegates. */
export interface Delegation {
  /** Which item of the root's `spec.http`. */
  readonly index: number;
  /** `namespace/name` of the delegate. */
  readonly to: string;
  /** Undefined if there is no such VirtualService. */
  readonly delegate: VirtualServiceRule | undefined;
  readonly outcome: "merged" | "missing" | "has hosts" | "not exported";
  /** Items of the delegate that ask for what the root does not hand over. */
  readonly conflicts: readonly MatchConflict[];
}

interface MatchConflict {
  /** Which item of the delegate's `spec.http`, and which of its matches. */
  readonly index: number;
  readonly match: number;
  /** Condition, within the match, that is not a part of any of the root's: `uri`, `headers.x-user`. */
  readonly condition: Path;
}

/** Puts delegates' routes in place. A root is another object than before only if it or a delegate of its is. */
export function delegateResolver(): (rules: readonly VirtualServiceRule[]) => readonly VirtualServiceRule[] {
  const mergerOf = rememberByObject((root: VirtualServiceRule) =>
    rememberLast((...delegates: readonly (VirtualServiceRule | undefined)[]) => merged(root, delegates)),
  );
  return (rules) => {
    const byName = new Map(rules.map((rule) => [`${rule.origin.namespace}/${rule.origin.name}`, rule]));
    return rules.map((rule) => {
      const references = rule.http.flatMap(({ route }) => referenceOf(route, rule) ?? []);
      if (references.length === 0) return rule;
      return mergerOf(rule)(...references.map((reference) => byName.get(reference)));
    });
  };
}

function referenceOf({ delegate }: IstioHttpRoute, { origin }: VirtualServiceRule): string | undefined {
  return delegate && `${delegate.namespace ?? origin.namespace}/${delegate.name}`;
}

function merged(root: VirtualServiceRule, delegates: readonly (VirtualServiceRule | undefined)[]): VirtualServiceRule {
  const http: HttpRule[] = [];
  const delegations: Delegation[] = [];
  for (const item of root.http) {
    const to = referenceOf(item.route, root);
    if (to === undefined) {
      http.push(item);
      continue;
    }
    const delegate = delegates[delegations.length];
    const outcome = outcomeOf(root, delegate);
    const parts = outcome === "merged" ? delegate!.http.map((part) => mergeRoute(item.route, part)) : [];
    const conflicts = parts.filter((part) => "condition" in part);
    http.push(...parts.filter((part) => "route" in part));
    delegations.push({ index: item.index, to, delegate, outcome, conflicts });
  }
  return { ...root, http, facts: httpFacts(http), delegations };
}

function outcomeOf(root: VirtualServiceRule, delegate: VirtualServiceRule | undefined): Delegation["outcome"] {
  if (delegate === undefined) return "missing";
  if (delegate.hosts.length > 0) return "has hosts";
  return isVisibleTo(delegate.visibility, root.origin.namespace) ? "merged" : "not exported";
}

/** Fields that are the root's where the delegate has none; each as a whole. */
const INHERITED = [
  "rewrite",
  "timeout",
  "retries",
  "fault",
  "mirror",
  "mirrors",
  "mirrorPercent",
  "mirrorPercentage",
  "corsPolicy",
  "headers",
] as const;

function mergeRoute(root: IstioHttpRoute, part: HttpRule): HttpRule | MatchConflict {
  const { route } = part;
  const match = mergeMatches(root.match ?? [], route.match ?? []);
  if (!Array.isArray(match)) return { index: part.index, ...match };
  const inherited = INHERITED.filter((field) => route[field] === undefined && root[field] !== undefined);
  return {
    ...part,
    ...((root.match ?? []).length === 0 ? {} : { matchesMerged: true }),
    route: {
      ...route,
      ...Object.fromEntries(inherited.map((field) => [field, root[field]])),
      name: joinedName(root.name, route.name),
      match,
    },
  };
}

function joinedName(root = "", delegate = ""): string {
  return root === "" || delegate === "" ? root + delegate : `${root}-${delegate}`;
}

/** Each of the delegate's matches together with each of the root's that it is a part of; it must be a part of one. */
function mergeMatches(
  root: readonly HttpMatchRequest[],
  delegate: readonly HttpMatchRequest[],
): HttpMatchRequest[] | Omit<MatchConflict, "index"> {
  if (root.length === 0) return [...delegate];
  if (delegate.length === 0) return [...root];
  const all: HttpMatchRequest[] = [];
  for (const [match, leaf] of delegate.entries()) {
    const wider = root.filter((candidate) => conflictOf(candidate, leaf) === undefined);
    if (wider.length === 0) return { match, condition: conflictOf(root[0]!, leaf)! };
    all.push(...wider.map((candidate) => mergeMatch(candidate, leaf)));
  }
  return all;
}

const MATCH_MAPS = ["headers", "withoutHeaders", "queryParams", "sourceLabels"] as const;

/** Both conditions; where both have one, the delegate's, which is the narrower. */
function mergeMatch(root: HttpMatchRequest, leaf: HttpMatchRequest): HttpMatchRequest {
  const maps = MATCH_MAPS.filter((field) => root[field] !== undefined);
  const gateways = leaf.gateways === undefined || leaf.gateways.length === 0 ? root.gateways : leaf.gateways;
  return {
    ...root,
    ...leaf,
    ...Object.fromEntries(maps.map((field) => [field, { ...root[field], ...leaf[field] }])),
    ...(gateways === undefined ? {} : { gateways }),
    name: joinedName(root.name, leaf.name),
  };
}

/** Which of the delegate's conditions is not a part of the root's; undefined: none. (`virtualservice.go` hasConflict) */
function conflictOf(root: HttpMatchRequest, leaf: HttpMatchRequest): Path | undefined {
  for (const field of ["uri", "scheme", "method", "authority"] as const) {
    if (textConflicts(root[field], leaf[field])) return [field];
  }
  for (const field of ["headers", "withoutHeaders", "queryParams"] as const) {
    for (const [name, value] of Object.entries(leaf[field] ?? {})) {
      if (textConflicts(root[field]?.[name], value)) return [field, name];
    }
  }
  if ((root.ignoreUriCase ?? false) !== (leaf.ignoreUriCase ?? false)) return ["ignoreUriCase"];
  if (root.port !== undefined && leaf.port !== undefined && root.port !== leaf.port) return ["port"];
  if (root.sourceNamespace !== undefined && root.sourceNamespace !== leaf.sourceNamespace) return ["sourceNamespace"];
  for (const [key, value] of Object.entries(leaf.sourceLabels ?? {})) {
    const wanted = root.sourceLabels?.[key];
    if (wanted !== undefined && wanted !== value) return ["sourceLabels", key];
  }
  const gateways = root.gateways ?? [];
  if (gateways.length > 0 && (leaf.gateways ?? []).some((name) => !gateways.includes(name))) return ["gateways"];
  return undefined;
}

/**
 * Whether the delegate's condition is not a part of the root's. Regular expressions cannot be compared, so one in either is
 * in conflict with whatever the other has. (`virtualservice.go` stringMatchConflict)
 */
function textConflicts(root: StringMatch | undefined, leaf: StringMatch | undefined): boolean {
  if (root === undefined || leaf === undefined) return false;
  if (root.exact) return leaf.exact !== root.exact;
  if (root.prefix) {
    const narrower = leaf.prefix || leaf.exact;
    return !narrower || !narrower.startsWith(root.prefix);
  }
  return true;
}
