/** Applies a stream of objects to the configuration directory: all of it or nothing. */
import { parseYaml } from "@tulle/api";
import type { Diagnostic, KubeObject, LoadedObject } from "@tulle/api";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { StoredObject } from "../../model/stored-object.ts";
import { objectKey } from "../../model/stored-object.ts";
import { writeAtomically } from "../../write-atomically.ts";
import type { ConfigDirectory } from "./config-directory.ts";
import { FileEditor } from "./edits.ts";
import type { FileEdits, WantedObject } from "./edits.ts";
import { parseStream } from "./parse-stream.ts";

export interface ApplyResult {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly action: "created" | "configured" | "unchanged";
}

export interface ApplyAnswer {
  /** Empty if anything was wrong: then nothing was applied. */
  readonly results: readonly ApplyResult[];
  readonly diagnostics: readonly Diagnostic[];
  /** What the stream has, by key: who sent it wants to know what is where in that, not in our files. */
  readonly objects: ReadonlyMap<string, LoadedObject>;
}

export interface ApplyOptions {
  /** Namespace of objects that name none. */
  readonly namespace: string;
  readonly dryRun: boolean;
}

/** What diagnostics call the text. */
export const REQUEST = "(applied)";

export async function applyStream(
  directory: ConfigDirectory,
  text: string,
  options: ApplyOptions,
): Promise<ApplyAnswer> {
  const { wanted, diagnostics, objects } = readWanted(text, options.namespace);
  if (diagnostics.some(({ severity }) => severity === "error")) return { results: [], diagnostics, objects };
  return directory.exclusively(async () => {
    const editor = new FileEditor(directory.files);
    const results: ApplyResult[] = [];
    for (const one of wanted) {
      const existing = directory.byKey.get(objectKey(one.object));
      const action = actionFor(one, existing);
      if (action !== "unchanged") editor.put(one, existing?.loaded.source.file);
      const { namespace, name } = one.object.metadata;
      results.push({ kind: one.object.kind, namespace, name, action });
    }
    const broken = brokenFiles(directory, editor.edits);
    if (broken.length > 0) return { results: [], diagnostics: [...diagnostics, ...broken], objects };
    if (!options.dryRun) await write(directory, editor.edits);
    return { results, diagnostics, objects };
  });
}

/** False if there is no such object. */
export async function deleteObject(directory: ConfigDirectory, key: string): Promise<boolean> {
  return directory.exclusively(async () => {
    const existing = directory.byKey.get(key);
    if (existing === undefined) return false;
    const editor = new FileEditor(directory.files);
    editor.remove(existing.loaded.object, existing.loaded.source.file);
    await write(directory, editor.edits);
    return true;
  });
}

export interface Wanted extends Pick<ApplyAnswer, "diagnostics" | "objects"> {
  readonly wanted: readonly WantedObject[];
}

export function readWanted(text: string, namespace: string): Wanted {
  // Parsed whole for the diagnostics' order and limits, and in parts for the objects' own texts.
  const diagnostics = [...parseYaml(text, REQUEST).diagnostics];
  const wanted: WantedObject[] = [];
  const objects = new Map<string, LoadedObject>();
  for (const document of parseStream(text, REQUEST, [])) {
    for (const loaded of document.objects) {
      const moved =
        !namesNamespace(loaded) && loaded.kindInfo.namespaced && loaded.object.metadata.namespace !== namespace;
      const object = moved ? inNamespace(loaded.object, namespace) : loaded.object;
      const key = objectKey(object);
      const before = objects.get(key);
      if (before !== undefined) diagnostics.push(twice(loaded, before));
      objects.set(key, loaded);
      wanted.push({ object, text: moved || document.objects.length > 1 ? undefined : document.text });
    }
  }
  return { wanted, diagnostics, objects };
}

/** A field that is not written has the position of what it would be in. */
function namesNamespace({ positionOf }: LoadedObject): boolean {
  const whole = positionOf(["metadata"]);
  const field = positionOf(["metadata", "namespace"]);
  return whole.line !== field.line || whole.column !== field.column;
}

function inNamespace(object: KubeObject, namespace: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function twice({ object, source }: LoadedObject, { source: first }: LoadedObject): Diagnostic {
  const { kind, metadata } = object;
  return {
    severity: "error",
    code: "semantic",
    ...source,
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
    field: "",
    message: `the same object is already in line ${first.line}`,
    expected: "each object once",
  };
}

export function actionFor({ object }: WantedObject, existing: StoredObject | undefined): ApplyResult["action"] {
  if (existing === undefined) return "created";
  return isDeepStrictEqual(existing.loaded.object, object) ? "unchanged" : "configured";
}

/** An object can only be replaced in a file that is right itself: otherwise the change would not be in force. */
function brokenFiles(directory: ConfigDirectory, edits: FileEdits): readonly Diagnostic[] {
  return [...edits].flatMap(([path, text]) => {
    const file = directory.files.get(path);
    const found = text === undefined ? [] : parseStream(text, path, []).flatMap(({ diagnostics }) => diagnostics);
    const errors = found.filter(({ severity }) => severity === "error");
    return file === undefined || file.isCurrent
      ? errors
      : file.diagnostics.filter(({ severity }) => severity === "error");
  });
}

/** Writes all files, or puts back those that were written when one fails: that one is as it was, and the disk may be full. */
async function write(directory: ConfigDirectory, edits: FileEdits): Promise<void> {
  const done: string[] = [];
  try {
    for (const [path, text] of edits) {
      await put(join(directory.directory, path), text);
      done.push(path);
    }
  } catch (error) {
    for (const path of done) await put(join(directory.directory, path), directory.files.get(path)?.text);
    throw error;
  } finally {
    await directory.reload(new Set(done));
  }
}

const HAS_SECRET = /^["']?kind["']?: *["']?Secret\b/m;

async function put(path: string, text: string | undefined): Promise<void> {
  if (text === undefined) return rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true });
  await writeAtomically(path, text, HAS_SECRET.test(text) ? 0o600 : 0o666);
}
