/**
 * Growth until now of what has only grown: the value that it has less the one at the beginning. Of all that was between nothing is read; where
 * the beginning was found the last time is where it is looked for the next time.
 */
import type { SealedBlock } from "./block.ts";
import { indexOf } from "./block.ts";
import type { Passed } from "./changes.ts";
import type { Growth, Stretch } from "./growth.ts";
import { valueAt } from "./growth.ts";
import type { KeptSeries, SourceSeries } from "./source-series.ts";

/** A stretch of one sender's flushes that ends with its last one. */
export interface LiveStretch {
  /** The block that it begins in, if that is not the open one. */
  readonly sealed: SealedBlock | undefined;
  /** Index of its first flush, there. */
  readonly first: number;
  readonly firstMs: number;
  /** Of the last flush before growth counts, and whether it is in the sealed block. */
  readonly base: number;
  readonly isBaseSealed: boolean;
  /** For a stretch that will be asked for again, a little later. */
  readonly isRemembered: boolean;
}

/** Where a series is in a sealed block. */
export interface SealedPlace {
  readonly block: SealedBlock;
  /** -1: it is not there. */
  readonly index: number;
  readonly passed: Passed;
}

/** Undefined: it does not end now, or there is no flush before growth counts, or more than one block is sealed in it. */
export function liveStretch(
  { sealed: blocks, fineTimes }: SourceSeries,
  sealed: readonly (readonly [block: SealedBlock, flushes: Stretch])[],
  open: Stretch,
  fromMs: number,
  isRemembered: boolean,
): LiveStretch | undefined {
  if (open.last < 0 || open.last !== fineTimes.length - 1 || sealed.length > 1) return undefined;
  const [block, flushes] = sealed[0] ?? [undefined, open];
  if (block !== undefined && (block.lastFalls === undefined || block !== blocks.at(-1))) return undefined;
  const { first } = flushes;
  const firstMs = (block?.times ?? fineTimes)[first];
  if (firstMs === undefined || firstMs > fromMs) return undefined;
  const inOpen = lastUntil(fineTimes, fromMs);
  const isBaseSealed = inOpen < 0;
  if (isBaseSealed && block === undefined) return undefined;
  const base = isBaseSealed ? lastUntil(block!.times, fromMs) : inOpen;
  return { sealed: block, first, firstMs, base, isBaseSealed, isRemembered };
}

function lastUntil(times: ArrayLike<number>, ms: number): number {
  let index = times.length - 1;
  while (index >= 0 && times[index]! > ms) index--;
  return index;
}

/** False: it may have done something else than grow, and has to be read. */
export function growLive(series: KeptSeries, live: LiveStretch, into: Growth): boolean {
  const { fine: track } = series;
  if (track === undefined || Number.isNaN(track.value)) return false;
  const { sealed, first, base, isBaseSealed, isRemembered } = live;
  let from: number;
  if (sealed === undefined) {
    series.sealedPlace = undefined;
    if (track.first > first || track.lastFall > first) return false;
  } else {
    const { index } = placeIn(series, sealed);
    if (index < 0 || track.first !== 0 || track.lastFall >= 0) return false;
    if (sealed.firsts[index]! > first || sealed.lastFalls![index]! > first) return false;
  }
  if (isBaseSealed) {
    const { index, passed } = placeIn(series, sealed!);
    const where = isRemembered ? passed : copyOf(passed);
    if (where.index > base) reset(where, sealed!, index);
    from = valueAt(sealed!.changes, sealed!.ends[index]!, where, base);
  } else if (track.changes === undefined) {
    from = track.initial;
  } else {
    const { bytes, length, passed } = track.changes;
    const where = isRemembered ? passed : copyOf(passed);
    if (where.index > base) {
      where.at = 0;
      where.index = track.first;
      where.value = track.initial;
    }
    from = valueAt(bytes, length, where, base);
  }
  if (Number.isNaN(from)) return false;
  into.firstMs = live.firstMs;
  into.firstValue = from;
  into.sum = track.value - from;
  return true;
}

function placeIn(series: KeptSeries, block: SealedBlock): SealedPlace {
  let place = series.sealedPlace;
  if (place?.block === block) return place;
  const index = indexOf(block.ids, series.id);
  place = { block, index, passed: { at: 0, index: 0, value: 0 } };
  if (index >= 0) reset(place.passed, block, index);
  series.sealedPlace = place;
  return place;
}

function reset(passed: Passed, { ends, firsts, initials }: SealedBlock, index: number): void {
  passed.at = index === 0 ? 0 : ends[index - 1]!;
  passed.index = firsts[index]!;
  passed.value = initials[index]!;
}

const scratch: Passed = { at: 0, index: 0, value: 0 };

function copyOf({ at, index, value }: Passed): Passed {
  scratch.at = at;
  scratch.index = index;
  scratch.value = value;
  return scratch;
}
