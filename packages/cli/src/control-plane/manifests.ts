/** Files of objects named on the command line, joined to the one stream that the API takes, with the way back to their lines. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CliError, UsageError, reason } from "../errors.ts";

const MANIFEST = /\.(?:ya?ml|json)$/i;
const STDIN = "-";

export interface Manifests {
  /** All files as one YAML stream. */
  readonly stream: string;
  /** Where a line of the stream (from 1) came from. */
  readonly locate: (line: number) => { file: string; line: number };
}

interface Section {
  readonly file: string;
  /** First line of the file in the stream, from 1. */
  readonly start: number;
}

/** Reads files, directories (their .yaml, .yml and .json files; with `recursive` those below too) and `-`, standard input. */
export function readManifests(paths: readonly string[], recursive: boolean): Manifests {
  if (paths.length === 0) throw new UsageError("nothing given: -f FILE, -f DIR, or -f - for standard input");
  const sections: Section[] = [];
  let stream = "";
  let line = 1;
  for (const file of paths.flatMap((path) => expand(path, recursive))) {
    const text = read(file);
    if (sections.length > 0) {
      stream += "---\n";
      line++;
    }
    sections.push({ file, start: line });
    const terminated = text.endsWith("\n") || text === "" ? text : `${text}\n`;
    stream += terminated;
    line += terminated.split("\n").length - 1;
  }
  const locate = (line: number): { file: string; line: number } => {
    const section = sections.findLast(({ start }) => start <= line) ?? sections[0]!;
    return { file: section.file, line: line - section.start + 1 };
  };
  return { stream, locate };
}

function expand(path: string, recursive: boolean): readonly string[] {
  if (path === STDIN || !isDirectory(path)) return [path];
  const files = readdirSync(path, { withFileTypes: true, recursive })
    .filter((entry) => entry.isFile() && MANIFEST.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length > 0) return files;
  throw new CliError(
    `${path}: no .yaml, .yml or .json file in it`,
    recursive ? [] : ["With -R also in the directories below."],
  );
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new CliError(`${path}: no such file or directory`);
    throw new CliError(reason(error));
  }
}

function read(path: string): string {
  try {
    return readFileSync(path === STDIN ? 0 : path, "utf8");
  } catch (error) {
    throw new CliError(`${path}: ${reason(error)}`);
  }
}
