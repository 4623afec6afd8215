/** Runs cases and tells how each stands to the record. */
import { isDeepStrictEqual } from "node:util";
import type { ContractCase, Observation } from "./case.ts";
import type { Recorded } from "./record.ts";
import { unmet } from "./expectation.ts";
import { runCase } from "./run-case.ts";
import type { Subject } from "./subject.ts";

/** How long the steps of a case that is not expected to work wait. */
const IN_VAIN_MS = 2000;

/** `failed`: something that must not be, whatever the case says about Tulle. */
type Standing = "same" | "waived" | "not built" | "different" | "failed";

export interface Outcome {
  readonly area: string;
  readonly contractCase: ContractCase;
  readonly standing: Standing;
  /** Why it is different or failed. */
  readonly because?: string;
  readonly expected?: Observation;
  readonly seen?: Observation;
  /** It was right at the second or third attempt only. */
  readonly unsteady?: true;
}

export interface Entry {
  readonly area: string;
  readonly contractCase: ContractCase;
}

/** Tulle against the record. */
export async function checkTulle({ area, contractCase }: Entry, recorded: Recorded, tulle: Subject): Promise<Outcome> {
  const { waived, notBuilt } = contractCase;
  const told = (standing: Standing, because?: string, expected?: Observation, seen?: Observation): Outcome => ({
    area,
    contractCase,
    standing,
    ...(because === undefined ? {} : { because }),
    ...(expected === undefined ? {} : { expected }),
    ...(seen === undefined ? {} : { seen }),
  });
  const right = waived === undefined ? recorded.envoy : recorded.tulle;
  if (right === undefined) return told("failed", "waived, and what Tulle is to do is not recorded");
  const run =
    notBuilt === undefined ? runCase(contractCase, tulle, right) : runCase(contractCase, tulle, null, IN_VAIN_MS);
  const { refusal, ...seen } = await run;
  const problems = unmet(contractCase.expect, seen);
  const same = isDeepStrictEqual(seen, right) && problems.length === 0;
  if (notBuilt !== undefined) {
    if (same) return told("failed", `it works now: take notBuilt away (${notBuilt})`);
    return told(
      "not built",
      [notBuilt, refusal ?? "", ...problems].filter((line) => line !== "").join("\n"),
      right,
      seen,
    );
  }
  if (waived !== undefined && isDeepStrictEqual(recorded.envoy, right))
    return told("failed", "waived, but Tulle and Envoy do the same: take the waiver away");
  if (!same) return told("different", refusal ?? problems.join("\n"), right, seen);
  return told(waived === undefined ? "same" : "waived");
}

/** A live Envoy against the record. */
export async function checkEnvoy({ area, contractCase }: Entry, recorded: Recorded, envoy: Subject): Promise<Outcome> {
  const { refusal, ...seen } = await runCase(contractCase, envoy, recorded.envoy);
  if (isDeepStrictEqual(seen, recorded.envoy)) return { area, contractCase, standing: "same" };
  const because = refusal ?? "a live Envoy does something other than the record";
  return { area, contractCase, standing: "failed", because, expected: recorded.envoy, seen };
}

/** What a case looks like now. Throws where it cannot be recorded. */
export async function recordCase({ contractCase }: Entry, envoy: Subject, tulle: Subject): Promise<Recorded> {
  const { refusal, ...seen } = await runCase(contractCase, envoy, null);
  if (seen.stuck !== undefined) throw new Error(`stuck on Envoy: waited for ${seen.stuck}: ${JSON.stringify(seen)}`);
  if ((seen.refused ?? false) !== (contractCase.refused ?? false))
    throw new Error(seen.refused === true ? `refused by Envoy: ${refusal}` : "not refused by Envoy");
  const problems = unmet(contractCase.expect, seen);
  if (problems.length > 0 && contractCase.notBuilt === undefined)
    throw new Error(`Envoy does not do what the case expects:\n${problems.join("\n")}\n${JSON.stringify(seen)}`);
  if (contractCase.waived === undefined) return { envoy: seen };
  const { refusal: _, ...ours } = await runCase(contractCase, tulle, null);
  return { envoy: seen, tulle: ours };
}

/** How often a case that is not right is tried again, by itself, when all others are done: a busy machine stretches time. */
const MORE_ATTEMPTS = 4;

/** Checks every entry, so many at a time, and gives a promise for each. */
export function checkAll<E extends Entry>(
  entries: readonly E[],
  atATime: number,
  check: (entry: E) => Promise<Outcome>,
): Promise<Outcome>[] {
  const checked = async (entry: E): Promise<Outcome> => {
    try {
      return await check(entry);
    } catch (error) {
      const because = error instanceof Error ? error.stack! : String(error);
      return { area: entry.area, contractCase: entry.contractCase, standing: "failed", because };
    }
  };
  const first = pooled(entries, atATime, checked);
  let turn: Promise<unknown> = Promise.allSettled(first);
  return first.map(async (promise, index) => {
    const outcome = await promise;
    if (isRight(outcome)) return outcome;
    const again = turn.then(async () => {
      for (let i = 0; i < MORE_ATTEMPTS; i++) {
        const other = await checked(entries[index]!);
        if (isRight(other)) return { ...other, unsteady: true } as const;
      }
      return outcome;
    });
    turn = again;
    return again;
  });
}

function isRight({ standing }: Outcome): boolean {
  return standing !== "different" && standing !== "failed";
}

/** Runs `work` for every item, so many at a time, and gives a promise for each. */
export function pooled<T, R>(items: readonly T[], atATime: number, work: (item: T) => Promise<R>): Promise<R>[] {
  const results = items.map(() => Promise.withResolvers<R>());
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const index = next++;
      if (index >= items.length) return;
      await Promise.try(work, items[index]!).then(results[index]!.resolve, results[index]!.reject);
    }
  };
  for (let i = 0; i < atATime; i++) void worker();
  for (const { promise } of results) promise.catch(() => undefined);
  return results.map(({ promise }) => promise);
}
