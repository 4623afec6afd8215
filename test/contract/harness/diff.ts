/** A difference between two observations that a person can read. */
import type { Observation } from "./case.ts";

/** Lines of the JSON; `-` is expected and missing, `+` is there instead. */
export function differenceOf(expected: Observation, seen: Observation): string {
  const left = JSON.stringify(expected, null, 1).split("\n");
  const right = JSON.stringify(seen, null, 1).split("\n");
  const common = longestCommon(left, right);
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  for (const line of [...common, null]) {
    while (i < left.length && left[i] !== line) lines.push(`- ${left[i++]}`);
    while (j < right.length && right[j] !== line) lines.push(`+ ${right[j++]}`);
    if (line !== null) lines.push(`  ${line}`);
    i++;
    j++;
  }
  return lines.join("\n");
}

function longestCommon(left: readonly string[], right: readonly string[]): string[] {
  const lengths = Array.from({ length: left.length + 1 }, () => Array.from(right, () => 0).concat(0));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        left[i] === right[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const common: string[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i] === right[j]) {
      common.push(left[i]!);
      i++;
      j++;
    } else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return common;
}
