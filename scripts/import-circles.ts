/**
 * Files that import each other in a circle: which of them runs first is then an accident of who is loaded first. Imports of types alone are none:
 * they are gone when the program runs.
 */
import { posix } from "node:path";

const IMPORT = /^\s*(?:import|export)\s+(?!type\b)([^"';]*?)\bfrom\s+["'](\.[^"']+)["']/gm;

/** Each circle once, from its first file in the order of names to the one that closes it. @param sources by path in the repository */
export function circlesIn(sources: ReadonlyMap<string, string>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (path.includes(file)) {
      found.push(path.slice(path.indexOf(file)));
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of importsOf(file, sources.get(file) ?? "")) if (sources.has(target)) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of [...sources.keys()].toSorted()) visit(file);
  return found;
}

function importsOf(file: string, source: string): string[] {
  return [...source.matchAll(IMPORT)]
    .filter(([, names]) => !onlyTypes(names ?? ""))
    .map(([, , specifier]) => posix.join(posix.dirname(file), specifier ?? ""));
}

function onlyTypes(names: string): boolean {
  const listed = /^\{(.*)\}\s*$/s
    .exec(names)?.[1]
    ?.split(",")
    .filter((name) => name.trim() !== "");
  return listed !== undefined && listed.length > 0 && listed.every((name) => /^\s*type\s/.test(name));
}
