/** How much time requests spend where, in one window: filled from critical paths or from histograms. */
import type { Spent } from "@tulle/telemetry/insight";
import type { Place } from "./span-place.ts";

interface Kept {
  readonly place: Place;
  ms: number;
  calls: number;
  /** Slowest first. */
  readonly evidence: { readonly traceId: string; readonly ms: number }[];
}

const EVIDENCE = 5;

export class Spending {
  /** That entered the mesh, and the sum of how long they took. */
  requests = 0;
  totalMs = 0;
  readonly #byPlace = new Map<string, Kept>();

  get places(): Iterable<readonly [key: string, place: Place]> {
    return this.#byPlace.entries().map(([key, { place }]) => [key, place] as const);
  }

  spend(place: Place, ms: number, calls: number): void {
    const key = keyOf(place);
    let kept = this.#byPlace.get(key);
    if (kept === undefined) this.#byPlace.set(key, (kept = { place, ms: 0, calls: 0, evidence: [] }));
    kept.ms += ms;
    kept.calls += calls;
  }

  /** A trace in which so much time was spent there. */
  show(place: Place, traceId: string, ms: number): void {
    const evidence = this.#byPlace.get(keyOf(place))?.evidence;
    if (evidence === undefined) return;
    evidence.push({ traceId, ms });
    evidence.sort((a, b) => b.ms - a.ms);
    if (evidence.length > EVIDENCE) evidence.pop();
  }

  /** Null: nobody came there. */
  at(key: string): Spent | null {
    const kept = this.#byPlace.get(key);
    if (kept === undefined || this.requests === 0) return null;
    const { ms, calls } = kept;
    return {
      msPerRequest: ms / this.requests,
      msPerCall: calls === 0 ? 0 : ms / calls,
      share: this.totalMs === 0 ? 0 : Math.min(1, ms / this.totalMs),
      calls,
    };
  }

  evidence(key: string): readonly string[] {
    return this.#byPlace.get(key)?.evidence.map(({ traceId }) => traceId) ?? [];
  }

  /** Of a place whose route and caller are not asked for. */
  evidenceLike({ kind, namespace, service, version }: Place): readonly string[] {
    const alike = [...this.#byPlace.values()].filter(
      ({ place }) =>
        place.kind === kind &&
        place.namespace === namespace &&
        place.service === service &&
        (version === "" || place.version === version),
    );
    const all = alike.flatMap(({ evidence }) => evidence).sort((a, b) => b.ms - a.ms);
    return [...new Set(all.map(({ traceId }) => traceId))].slice(0, EVIDENCE);
  }

  get meanMs(): number | null {
    return this.requests === 0 ? null : this.totalMs / this.requests;
  }
}

export function keyOf({ kind, namespace, service, version, route, from }: Place): string {
  const caller = from === null ? "" : `${from.namespace}/${from.name}/${from.version}`;
  return [kind, namespace, service, version, route, caller].join("\n");
}
