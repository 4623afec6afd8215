/**
 * The directory of YAML files that configures the mesh. Every file is in force as a whole: one that is wrong is reported, and
 * its last good version stays, until it is right again or gone.
 */
import type { Diagnostic, LoadedObject } from "@tulle/api";
import { formatDiagnostic } from "@tulle/api";
import type { Clock, Log } from "@tulle/xds";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredObject } from "../../model/stored-object.ts";
import type { ObjectTable } from "./object-table.ts";
import { buildTable, EMPTY_TABLE } from "./object-table.ts";
import type { StreamDocument } from "./parse-stream.ts";
import { parseStream } from "./parse-stream.ts";
import type { SavedFiles } from "./saved-files.ts";
import type { Signature } from "./tree.ts";
import { isGone, scanTree, signatureOf } from "./tree.ts";
import { watchTree } from "./watch-tree.ts";

export interface ConfigDirectoryOptions {
  readonly directory: string;
  /** What is remembered from run to run. */
  readonly saved: SavedFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when `objects` or `diagnostics` are others than before. */
  readonly onChange: () => void;
}

/** A file, in the version that is in force and, if that is another, the one that is on disk. */
export interface ConfigFile {
  /** Relative to the directory. */
  readonly path: string;
  readonly signature: Signature;
  /** The text in force; undefined if there never was a good one. */
  readonly text: string | undefined;
  readonly documents: readonly StreamDocument[];
  /** Of the version on disk. */
  readonly diagnostics: readonly Diagnostic[];
  /** Whether the version on disk is in force. */
  readonly isCurrent: boolean;
}

export class ConfigDirectory {
  readonly #options: ConfigDirectoryOptions;
  #files: ReadonlyMap<string, ConfigFile> = new Map();
  #table: ObjectTable = EMPTY_TABLE;
  #stopWatching: (() => void) | undefined;
  /** Changes are taken up one after the other. */
  #queue: Promise<void> = Promise.resolve();

  constructor(options: ConfigDirectoryOptions) {
    this.#options = options;
  }

  get directory(): string {
    return this.#options.directory;
  }

  /** Objects in force, by file and place; the same array while none changed. */
  get objects(): readonly StoredObject[] {
    return this.#table.objects;
  }

  get byKey(): ReadonlyMap<string, StoredObject> {
    return this.#table.byKey;
  }

  get files(): ReadonlyMap<string, ConfigFile> {
    return this.#files;
  }

  /** What is wrong with the files as they are on disk. */
  get diagnostics(): readonly Diagnostic[] {
    return [...[...this.#files.values()].flatMap(({ diagnostics }) => diagnostics), ...this.#table.duplicates];
  }

  /** Reads everything, then watches. Throws if the directory cannot be made or read. */
  async start(): Promise<void> {
    const { directory, saved, clock, log } = this.#options;
    await mkdir(directory, { recursive: true });
    await saved.load();
    this.#table = { ...EMPTY_TABLE, firstSeen: saved.firstSeen };
    await this.refresh("all");
    this.#stopWatching = watchTree({
      root: directory,
      clock,
      log,
      onChange: (changed) => {
        this.refresh(changed).catch((error: unknown) => log("error", `cannot read ${directory}`, { error }));
      },
    });
  }

  async close(): Promise<void> {
    this.#stopWatching?.();
    await this.#queue;
    await this.#options.saved.flush();
  }

  /** Takes up what changed on disk. Rejects if the directory cannot be read; what was in force stays. */
  refresh(changed: ReadonlySet<string> | "all"): Promise<void> {
    return this.exclusively(() => this.#refresh(changed));
  }

  /** Runs when nothing else reads or writes the files; nothing else does until it is done. */
  exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.then(
      () => undefined,
      () => undefined, // the caller gets the rejection; the queue goes on
    );
    return result;
  }

  /** As refresh, for use within `exclusively`. */
  async reload(paths: ReadonlySet<string>): Promise<void> {
    await this.#refresh(paths);
  }

  async #refresh(changed: ReadonlySet<string> | "all"): Promise<void> {
    const signatures = changed === "all" ? await scanTree(this.directory) : await this.#signatures(changed);
    const files = new Map<string, ConfigFile>();
    let changes = signatures.size !== this.#files.size;
    for (const [path, signature] of signatures) {
      const before = this.#files.get(path);
      const now = before?.signature === signature ? before : await this.#read(path, signature, before);
      changes ||= now !== before;
      if (now !== undefined) files.set(path, now);
    }
    if (!changes) return;
    this.#take(files);
  }

  /** All known signatures, those of `changed` newly looked up. */
  async #signatures(changed: ReadonlySet<string>): Promise<ReadonlyMap<string, Signature>> {
    const signatures = new Map([...this.#files].map(([path, { signature }]) => [path, signature]));
    let added = false;
    for (const path of changed) {
      const signature = await signatureOf(join(this.directory, path));
      added ||= signature !== undefined && !signatures.has(path);
      if (signature === undefined) signatures.delete(path);
      else signatures.set(path, signature);
    }
    return added ? new Map([...signatures].sort(([a], [b]) => (a < b ? -1 : 1))) : signatures;
  }

  async #read(path: string, signature: Signature, before: ConfigFile | undefined): Promise<ConfigFile | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.directory, path), "utf8");
    } catch (error) {
      if (isGone(error)) return undefined;
      return this.#wrong(path, signature, before, [unreadable(path, error)]);
    }
    const documents = parseStream(text, path, before?.documents ?? []);
    const diagnostics = documents.flatMap((document) => document.diagnostics);
    if (diagnostics.some(({ severity }) => severity === "error"))
      return this.#wrong(path, signature, before, diagnostics);
    for (const diagnostic of diagnostics) this.#options.log("warn", formatDiagnostic(diagnostic));
    if (before !== undefined && !before.isCurrent) {
      this.#options.log("info", `${path} is right again and in force`);
      this.#options.saved.forgetGood(path);
    }
    return { path, signature, text, documents, diagnostics, isCurrent: true };
  }

  #wrong(
    path: string,
    signature: Signature,
    before: ConfigFile | undefined,
    diagnostics: readonly Diagnostic[],
  ): ConfigFile {
    const { log, saved } = this.#options;
    const text = before?.text ?? saved.good(path);
    const documents = before?.documents ?? (text === undefined ? [] : parseStream(text, path, []));
    const consequence = text === undefined ? "nothing of it is in force" : "its last good version stays in force";
    log("error", `${path} has errors: ${consequence}`, { diagnostics: diagnostics.map(formatDiagnostic) });
    if (text !== undefined) saved.keepGood(path, text);
    return { path, signature, text, documents, diagnostics, isCurrent: false };
  }

  #take(files: ReadonlyMap<string, ConfigFile>): void {
    const { clock, saved, onChange } = this.#options;
    for (const [path, { isCurrent }] of this.#files) if (!isCurrent && !files.has(path)) saved.forgetGood(path);
    this.#files = files;
    const objects = [...files.values()].map(({ path, documents }) => ({ path, objects: objectsOf(documents) }));
    const before = this.#table;
    this.#table = buildTable(objects, before, clock.now());
    if (this.#table.objects !== before.objects) saved.setFirstSeen(this.#table.firstSeen);
    onChange();
  }
}

function objectsOf(documents: readonly StreamDocument[]): readonly LoadedObject[] {
  return documents.flatMap(({ objects }) => objects);
}

function unreadable(file: string, error: unknown): Diagnostic {
  const reason = error instanceof Error ? error.message : String(error);
  const nobody = { kind: "", namespace: "", name: "", field: "" };
  return {
    severity: "error",
    code: "yaml-syntax",
    file,
    line: 0,
    column: 0,
    ...nobody,
    message: `cannot be read: ${reason}`,
  };
}
