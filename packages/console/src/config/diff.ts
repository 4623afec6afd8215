/** Two texts line by line. Pure. */

export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
  /** Numbers in the text before and after; undefined where it is not. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** Longer texts are told as a whole: the table of a comparison grows with the product. */
const MAX_LINES = 3000;

export function diffLines(before: string, after: string): readonly DiffLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const middleA = a.slice(start, a.length - end);
  const middleB = b.slice(start, b.length - end);
  const lines: DiffLine[] = [];
  const same = (index: number, other: number): void =>
    void lines.push({ kind: "same", text: a[index]!, before: index + 1, after: other + 1 });
  for (let index = 0; index < start; index++) same(index, index);
  lines.push(...middle(middleA, middleB, start));
  for (let index = 0; index < end; index++) same(a.length - end + index, b.length - end + index);
  return lines;
}

function middle(a: readonly string[], b: readonly string[], offset: number): readonly DiffLine[] {
  const removed = (index: number): DiffLine => ({
    kind: "removed",
    text: a[index]!,
    before: offset + index + 1,
    after: undefined,
  });
  const added = (index: number): DiffLine => ({
    kind: "added",
    text: b[index]!,
    before: undefined,
    after: offset + index + 1,
  });
  if (a.length * b.length > MAX_LINES * MAX_LINES)
    return [...a.map((_, index) => removed(index)), ...b.map((_, index) => added(index))];
  // Longest common subsequence from each pair of positions to the ends.
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] =
        a[i] === b[j]
          ? table[(i + 1) * width + j + 1]! + 1
          : Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!);
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i]!, before: offset + i + 1, after: offset + j + 1 });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && table[(i + 1) * width + j]! >= table[i * width + j + 1]!))
      lines.push(removed(i++));
    else lines.push(added(j++));
  }
  return lines;
}

function linesOf(text: string): readonly string[] {
  const trimmed = text.endsWith("\n") ? text.slice(0, -1) : text;
  return trimmed === "" ? [] : trimmed.split("\n");
}

export function hasChanges(lines: readonly DiffLine[]): boolean {
  return lines.some(({ kind }) => kind !== "same");
}
