/** What went wrong with a request, or was done to it on purpose: Envoy's response flags, in its numbering. */
import { RESPONSE_FLAGS, type ResponseFlagName } from "@tulle/telemetry/response-flags";

/** Short form; "" for none. */
export type ResponseFlag = ResponseFlagName | "";

const FLAGS = [["", ""], ...RESPONSE_FLAGS] as const;

/**
 * The flags of one exchange, 0 for none: their numbers, five bits each, the first lowest. So a set that keeps the order in which its
 * members came, which is how Envoy shows them, costs no allocation.
 */
export type ResponseFlags = number;

const BITS = 5;
const MASK = (1 << BITS) - 1;
/** Six fit, which is more than can happen to one request. */
const LIMIT = 6 * BITS;

const DELAYED = FLAGS.findIndex(([short]) => short === "DI");
const NUMBERS: ReadonlyMap<ResponseFlag, number> = new Map(FLAGS.map(([short], number) => [short, number]));

export function withFlag(flags: ResponseFlags, flag: ResponseFlag): ResponseFlags {
  const number = NUMBERS.get(flag) ?? 0;
  if (number === 0) return flags;
  for (let at = 0; at < LIMIT; at += BITS) {
    const there = (flags >> at) & MASK;
    if (there === number) return flags;
    if (there === 0) return flags | (number << at);
  }
  return flags;
}

/** Whether something went wrong; a delay that was asked for is no such thing. */
export function isFailure(flags: ResponseFlags): boolean {
  return flags !== 0 && flags !== DELAYED;
}

/** Some flags as a set: a bit for each number. */
export function flagSet(flags: readonly ResponseFlag[]): number {
  return flags.reduce((set, flag) => set | (1 << (NUMBERS.get(flag) ?? 0)), 0);
}

/** @param set of `flagSet` */
export function hasAnyFlag(flags: ResponseFlags, set: number): boolean {
  for (let at = 0; at < LIMIT; at += BITS) {
    const number = (flags >> at) & MASK;
    if (number === 0) return false;
    if ((set & (1 << number)) !== 0) return true;
  }
  return false;
}

/** `%RESPONSE_FLAGS%`: joined with commas, "-" for none. */
export function shortFlags(flags: ResponseFlags): string {
  return textOf(flags, 0, shortTexts);
}

/** `%RESPONSE_FLAGS_LONG%` */
export function longFlags(flags: ResponseFlags): string {
  return textOf(flags, 1, longTexts);
}

/** There are few combinations: each is put together once. */
const shortTexts = new Map<ResponseFlags, string>([[0, "-"]]);
const longTexts = new Map<ResponseFlags, string>([[0, "-"]]);

function textOf(flags: ResponseFlags, form: 0 | 1, made: Map<ResponseFlags, string>): string {
  let text = made.get(flags);
  if (text === undefined) {
    const names: string[] = [];
    for (let at = 0; at < LIMIT && flags >> at !== 0; at += BITS) names.push(FLAGS[(flags >> at) & MASK][form]);
    made.set(flags, (text = names.join(",")));
  }
  return text;
}
