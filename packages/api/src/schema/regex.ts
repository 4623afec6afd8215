/** Which regular expressions are legal: RE2's syntax, of a size that compiles in milliseconds. */
import { RE2JS } from "re2js";

/** Istio's limit (`pkg/config/validation`, validateStringRegexp), a stand-in for RE2's program size. */
const MAX_LENGTH = 1024;
/** Counted repetition multiplies: 1,024 characters can ask for 50,000 instructions, 50 ms to compile. */
const MAX_INSTRUCTIONS = 5000;

/** Why a regular expression is refused; undefined if it is not. */
export function regexError(pattern: string): string | undefined {
  if (pattern === "") return "empty";
  if (pattern.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`;
  const size = estimateInstructions(pattern);
  if (size > MAX_INSTRUCTIONS) return `its repetitions add up to ${size} instructions, more than ${MAX_INSTRUCTIONS}`;
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error);
  }
}

const REPETITION = /\{(\d{1,4})(?:(,)(\d{0,4}))?\}/y;

interface Group {
  total: number;
  /** Size of what a quantifier would repeat. */
  last: number;
}

/** Roughly the instructions of the compiled program: characters and classes, times the counts around them. */
function estimateInstructions(pattern: string): number {
  const stack: Group[] = [{ total: 0, last: 0 }];
  const add = (size: number): void => {
    const group = stack.at(-1)!;
    group.total += size;
    group.last = size;
  };
  let index = 0;
  while (index < pattern.length) {
    const character = pattern[index]!;
    REPETITION.lastIndex = index;
    const repetition = character === "{" ? REPETITION.exec(pattern) : null;
    if (repetition !== null) {
      const count = Math.max(1, Number(repetition[3] || repetition[1]));
      const group = stack.at(-1)!;
      group.total += group.last * (count - 1);
      group.last *= count;
      index = REPETITION.lastIndex;
      continue;
    }
    if (character === "\\") index++;
    if (character === "(") stack.push({ total: 1, last: 0 });
    else if (character === ")" && stack.length > 1) add(stack.pop()!.total);
    else if (character === "[") {
      index = endOfClass(pattern, index);
      add(1);
    } else add(1);
    index++;
  }
  return stack.reduce((sum, { total }) => sum + total, 0);
}

/** Index of the `]` that closes a class; a `]` in its first place is an ordinary character. */
function endOfClass(pattern: string, start: number): number {
  let index = start + 1;
  if (pattern[index] === "^") index++;
  if (pattern[index] === "]") index++;
  while (index < pattern.length && pattern[index] !== "]") index += pattern[index] === "\\" ? 2 : 1;
  return index;
}
