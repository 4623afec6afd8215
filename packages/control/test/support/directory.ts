/** A configuration directory on disk, for one test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock } from "@tulle/xds";
import type { Clock } from "@tulle/xds";
import { atEnd } from "./at-end.ts";
import { ConfigDirectory } from "../../src/source/files/config-directory.ts";
import { SavedFiles } from "../../src/source/files/saved-files.ts";

export interface TestDirectory {
  readonly root: string;
  readonly directory: ConfigDirectory;
  readonly logs: string[];
  readonly changes: () => number;
  readonly write: (path: string, text: string) => void;
  /** `kind/name` of what is in force, in order. */
  readonly names: () => string[];
}

export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tulle-control-"));
  atEnd(context, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Started, and closed after the test. `files` are there before the start. */
export async function startDirectory(
  context: TestContext,
  files: Readonly<Record<string, string>> = {},
  base = temporaryFolder(context),
  clock: Clock = systemClock,
): Promise<TestDirectory> {
  const root = join(base, "config");
  const logs: string[] = [];
  let changes = 0;
  const log = (level: string, message: string): void => void logs.push(`${level} ${message}`);
  const directory = new ConfigDirectory({
    directory: root,
    saved: new SavedFiles(join(base, "state"), log),
    clock,
    log,
    onChange: () => changes++,
  });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  await directory.start();
  atEnd(context, () => directory.close());
  const names = (): string[] =>
    directory.objects.map(({ loaded: { object } }) => `${object.kind}/${object.metadata.name}`);
  return { root, directory, logs, changes: () => changes, write, names };
}

export function configMap(name: string, value = "x"): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  key: ${value}\n`;
}
