/** Which of many names somebody means. */

/** Those that have every word of `text`, best first: names that begin with it, then words that do, then the rest. */
export function rank<T>(all: readonly T[], text: string, nameOf: (one: T) => string): readonly T[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return all;
  const scored = all.flatMap((one) => {
    const name = nameOf(one).toLowerCase();
    let score = 0;
    for (const word of words) {
      const at = name.indexOf(word);
      if (at < 0) return [];
      score += at === 0 ? 4 : /[^a-z0-9]/.test(name[at - 1]!) ? 2 : 1;
    }
    return [{ one, score: score - name.length / 1000 }];
  });
  return scored.sort((a, b) => b.score - a.score).map(({ one }) => one);
}
