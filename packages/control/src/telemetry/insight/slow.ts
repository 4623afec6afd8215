/** Which service causes the delay: where the time goes now, and what has changed. */
import type { ObjectRef, Party, RequestsTaken, SlowAnswer, SlowRow, Spent } from "@tulle/telemetry/insight";
import type { FactIndex, RuleFacts } from "./facts.ts";
import { headlineOf } from "./headline.ts";
import type { Place } from "./span-place.ts";
import type { Spending } from "./spending.ts";

/** What the last seconds are: two flushes of metrics and of spans (5 s each). */
export const RECENT_SECONDS = 10;
/** Of traces that a window needs, so that an average of them is one. */
export const ENOUGH_TRACES = 10;
/** Requests of the last seconds below which a change among them is chance. */
const ENOUGH_RECENT = 5;
/** Of what requests took before: a smaller change is noise. */
const NOTABLE_CHANGE = 0.15;
const NOTABLE_MS = 1;
/** Delays that somebody injects are told from this share of the time on. */
const NOTABLE_FAULT = 0.05;
const FAR_LARGER = 2;
const MAX_ROWS = 100;

export interface SlowInput {
  readonly at: number;
  readonly windowSeconds: number;
  readonly basis: SlowAnswer["basis"];
  readonly traces: SlowAnswer["traces"];
  readonly now: Spending;
  readonly before: Spending;
  readonly recent: Spending;
  /** Traces that show what metrics tell; undefined: they are what is told. */
  readonly shown?: Spending;
  readonly facts: FactIndex;
  readonly emptyBecause: string;
}

export function slowAnswer(input: SlowInput): SlowAnswer {
  const { now, before, recent } = input;
  const hadBefore = before.requests > 0;
  const hasRecent = recent.requests >= ENOUGH_RECENT;
  const places = new Map<string, Place>([...now.places, ...recent.places]);
  const rows = [...places]
    .map(([key, place]) => rowOf(key, place, input, hadBefore, hasRecent))
    .sort((a, b) => weight(b) - weight(a))
    .slice(0, MAX_ROWS);
  const requests = { now: taken(now), before: hadBefore ? taken(before) : null };
  const culprit = culpritOf(rows, before.meanMs);
  const recentSeconds = Math.min(RECENT_SECONDS, input.windowSeconds);
  const answer = { windowSeconds: input.windowSeconds, recentSeconds, requests, rows, culprit };
  return {
    at: input.at,
    basis: rows.length === 0 ? "nothing" : input.basis,
    traces: input.traces,
    ...answer,
    headline: rows.length === 0 ? input.emptyBecause : headlineOf(answer),
  };
}

const taken = ({ requests, meanMs }: Spending): RequestsTaken => ({ count: requests, meanMs });

const NOTHING: Spent = { msPerRequest: 0, msPerCall: 0, share: 0, calls: 0 };

function rowOf(key: string, place: Place, input: SlowInput, hadBefore: boolean, hasRecent: boolean): SlowRow {
  const now = input.now.at(key) ?? NOTHING;
  const before = input.before.at(key);
  // Nobody came there lately: that is 0, and not unknown.
  const recent = hasRecent ? (input.recent.at(key) ?? NOTHING) : null;
  const rules = place.kind === "fault" ? rulesOf(place, input.facts) : [];
  const party: Party | null =
    place.from === null
      ? null
      : { namespace: place.from.namespace, name: place.from.name, workload: "", version: place.from.version };
  return {
    kind: place.kind,
    namespace: place.namespace,
    service: place.service,
    version: place.version,
    route: place.route || (rules.length === 1 ? rules[0]!.route : ""),
    from: party,
    now,
    before,
    recent,
    changeMs: hadBefore ? (recent ?? now).msPerRequest - (before?.msPerRequest ?? 0) : 0,
    because: rules.map(({ object }): ObjectRef => object),
    traceIds:
      input.shown?.evidenceLike(place) ??
      [...new Set([...input.recent.evidence(key), ...input.now.evidence(key)])].slice(0, 5),
  };
}

/** Rules for that host that delay; if some name the version's subset, those. */
function rulesOf({ host, version, service, namespace }: Place, facts: FactIndex): readonly RuleFacts[] {
  const known = host || (facts.service(namespace, service)?.host ?? "");
  const rules = facts.delays(known);
  const exact = rules.filter(({ subsets }) => subsets.includes(version));
  return exact.length > 0 ? exact : rules;
}

/** What shows lately counts: it is what can be done something about. */
function weight({ recent, now }: SlowRow): number {
  return Math.max(recent?.msPerRequest ?? 0, recent === null ? now.msPerRequest : 0) + now.msPerRequest * 1e-6;
}

/** A delay that somebody injects is a certain cause: it is named before a change that may have many, unless that is far larger. */
function culpritOf(rows: readonly SlowRow[], beforeMs: number | null): number | null {
  if (rows.length === 0) return null;
  const fault = rows.findIndex(({ kind, recent, now }) => kind === "fault" && (recent ?? now).share >= NOTABLE_FAULT);
  if (beforeMs !== null) {
    const changed = indexOfMost(rows, ({ changeMs }) => changeMs);
    const { changeMs } = rows[changed]!;
    const isNotable = changeMs >= Math.max(NOTABLE_MS, beforeMs * NOTABLE_CHANGE);
    if (isNotable && (fault < 0 || changeMs > FAR_LARGER * weight(rows[fault]!))) return changed;
  }
  return fault >= 0 ? fault : indexOfMost(rows, weight);
}

function indexOfMost(rows: readonly SlowRow[], value: (row: SlowRow) => number): number {
  let most = 0;
  for (const [index, row] of rows.entries()) if (value(row) > value(rows[most]!)) most = index;
  return most;
}
