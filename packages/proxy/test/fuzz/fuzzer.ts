/** Random inputs, made of pieces, to something that must hold for all of them; what breaks it is made small before it is shown. */

/** [0, 1), by a seed. mulberry32, public domain. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }
}

export interface FuzzTarget {
  /** What inputs are put together from, beside random bytes. */
  readonly pieces: readonly string[];
  readonly maxPieces: number;
  /** How many inputs one `check` is: those that share what is expensive to set up. Default 1. */
  readonly inputsPerCheck?: number;
  /** Throws if something does not hold. */
  check(pieces: readonly string[]): void;
}

export interface Finding {
  /** The smallest input that was found. */
  readonly pieces: readonly string[];
  readonly error: string;
}

/** @returns what is wrong with the input, null if nothing */
function failure(target: FuzzTarget, pieces: readonly string[]): string | null {
  try {
    target.check(pieces);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function randomPieces({ pieces, maxPieces }: FuzzTarget, random: Random): string[] {
  return Array.from({ length: 1 + random.below(maxPieces) }, () =>
    random.below(8) === 0 ? String.fromCharCode(random.below(256)) : random.one(pieces),
  );
}

/** Leaves out whatever can be left out. */
function smallest(target: FuzzTarget, pieces: readonly string[]): readonly string[] {
  for (let i = 0; i < pieces.length; i++) {
    const fewer = pieces.toSpliced(i, 1);
    if (failure(target, fewer) !== null) return smallest(target, fewer);
  }
  return pieces;
}

/** @param goesOn asked every 256 checks */
export function fuzz(
  target: FuzzTarget,
  seed: number,
  goesOn: (runs: number) => boolean,
): { readonly runs: number; readonly finding: Finding | null } {
  const random = new Random(seed);
  const { inputsPerCheck = 1 } = target;
  let runs = 0;
  while (goesOn(runs)) {
    for (let i = 0; i < 256; i++, runs += inputsPerCheck) {
      const pieces = randomPieces(target, random);
      if (failure(target, pieces) === null) continue;
      const small = smallest(target, pieces);
      return { runs, finding: { pieces: small, error: failure(target, small) ?? "" } };
    }
  }
  return { runs, finding: null };
}
