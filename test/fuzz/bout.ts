/** Envoy and Tulle side by side: the same configuration, the same exchanges, and what is different then. */
import { isDeepStrictEqual } from "node:util";
import type { Observation } from "../contract/harness/case.ts";
import type { Subject } from "../contract/harness/subject.ts";
import { agree } from "./outcome.ts";
import type { Configuration, Exchange } from "./exchange.ts";
import { HASTY, PATIENT, Side } from "./side.ts";
import type { Patience } from "./side.ts";

export interface Subjects {
  readonly envoy: Subject;
  readonly tulle: Subject;
}

export interface Difference {
  /** Which exchange; -1 where one of both refuses the configuration. */
  readonly at: number;
  readonly envoy: Observation;
  readonly tulle: Observation;
}

export interface Bout {
  readonly differences: readonly Difference[];
  /** Exchanges that were played. */
  readonly played: number;
  /** Both refused the configuration. */
  readonly refused: boolean;
}

const REFUSED: Bout = { differences: [], played: 0, refused: true };

/** All exchanges on both sides; differences of the hasty look have to be confirmed. */
export async function bout(
  configuration: Configuration,
  exchanges: readonly Exchange[],
  { envoy, tulle }: Subjects,
  patience: Patience = HASTY,
): Promise<Bout> {
  const [left, right] = await Promise.all([Side.start(configuration, envoy), Side.start(configuration, tulle)]);
  if ("refusal" in left || "refusal" in right) {
    for (const side of [left, right]) if (!("refusal" in side)) await side.stop();
    if ("refusal" in left && "refusal" in right) return REFUSED;
    const seen = (side: Side | { refusal: string }): Observation =>
      "refusal" in side ? { refused: true, stuck: side.refusal } : {};
    if (seen(left).stuck?.includes("RE2 program size")) return REFUSED;
    return { differences: [{ at: -1, envoy: seen(left), tulle: seen(right) }], played: 0, refused: false };
  }
  return played(left, right, exchanges, patience);
}

async function played(left: Side, right: Side, exchanges: readonly Exchange[], patience: Patience): Promise<Bout> {
  const seen: [Observation, Observation][] = [];
  for (const exchange of exchanges) {
    if (exchange.fresh || !left.clean || !right.clean) {
      left.hangUp();
      right.hangUp();
    }
    seen.push(await Promise.all([left.play(exchange, patience), right.play(exchange, patience)]));
  }
  const [leftLog, rightLog] = await Promise.all([left.stop(), right.stop()]);
  // Which exchange a line is of, clocks do not tell for sure; the order of all lines does not depend on them.
  const sameLogs = isDeepStrictEqual(inOrder(leftLog), inOrder(rightLog));
  const differences: Difference[] = [];
  for (const [at, [envoy, tulle]] of seen.entries()) {
    const logs = [leftLog.get(at) ?? [], rightLog.get(at) ?? []] as const;
    const exchange = exchanges[at]!;
    if (agree(exchange, envoy, tulle) && (exchange.raw === true || sameLogs || isDeepStrictEqual(...logs))) continue;
    differences.push({ at, envoy: { ...envoy, log: logs[0] }, tulle: { ...tulle, log: logs[1] } });
  }
  return { differences, played: exchanges.length, refused: false };
}

function inOrder(log: ReadonlyMap<number, readonly string[]>): readonly string[] {
  return [...log].sort(([a], [b]) => a - b).flatMap(([, lines]) => lines);
}

/** The difference at the last exchange, looked at patiently; null if there is none. */
export async function confirmed(
  configuration: Configuration,
  exchanges: readonly Exchange[],
  subjects: Subjects,
): Promise<Difference | null> {
  const { differences } = await bout(configuration, exchanges, subjects, PATIENT);
  return differences.find(({ at }) => at === exchanges.length - 1 || at === -1) ?? null;
}
