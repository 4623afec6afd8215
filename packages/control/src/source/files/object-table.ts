/** The objects of all files as one list: each key once, each with its age. */
import type { Diagnostic, LoadedObject } from "@tulle/api";
import { describeOrigin, originOf } from "../../model/origin.ts";
import { rememberByObject, sameElements } from "../../model/sharing.ts";
import type { StoredObject } from "../../model/stored-object.ts";
import { objectKey } from "../../model/stored-object.ts";

export interface FileObjects {
  readonly path: string;
  /** Of the version that is in force. */
  readonly objects: readonly LoadedObject[];
}

export interface ObjectTable {
  readonly objects: readonly StoredObject[];
  readonly byKey: ReadonlyMap<string, StoredObject>;
  /** Objects that another file, or the same file before, already has. */
  readonly duplicates: readonly Diagnostic[];
  /** When each object was first seen, by key: the age of those without a creationTimestamp. */
  readonly firstSeen: ReadonlyMap<string, number>;
}

export const EMPTY_TABLE: ObjectTable = { objects: [], byKey: new Map(), duplicates: [], firstSeen: new Map() };

/** Files in path order: the first to have an object wins. What did not change is taken over from `previous`. */
export function buildTable(files: readonly FileObjects[], previous: ObjectTable, now: number): ObjectTable {
  const byKey = new Map<string, StoredObject>();
  const duplicates: Diagnostic[] = [];
  const added = new Map<string, number>();
  for (const file of files) {
    for (const loaded of file.objects) {
      const key = keyOf(loaded);
      const winner = byKey.get(key);
      if (winner !== undefined) {
        duplicates.push(duplicate(loaded, winner.loaded));
        continue;
      }
      const before = previous.byKey.get(key);
      if (before?.loaded === loaded) {
        byKey.set(key, before);
        continue;
      }
      const seen = previous.firstSeen.get(key) ?? now;
      if (!previous.firstSeen.has(key)) added.set(key, seen);
      byKey.set(key, { key, loaded, createdAt: creationOf(loaded) ?? seen });
    }
  }
  const objects = [...byKey.values()];
  const unchanged = sameElements(objects, previous.objects);
  return {
    objects: unchanged ? previous.objects : objects,
    byKey,
    duplicates,
    firstSeen: firstSeenOf(byKey, added, previous.firstSeen),
  };
}

/** The same map while the same objects are there. */
function firstSeenOf(
  byKey: ReadonlyMap<string, StoredObject>,
  added: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  // With nothing new, as many means the same.
  if (added.size === 0 && before.size === byKey.size) return before;
  return new Map([...byKey.keys()].map((key) => [key, added.get(key) ?? before.get(key)!]));
}

const keyOf = rememberByObject(({ object }: LoadedObject) => objectKey(object));

/** Undefined if the object does not say, or says no date. */
function creationOf({ object }: LoadedObject): number | undefined {
  const { creationTimestamp } = object.metadata;
  if (creationTimestamp === undefined) return undefined;
  const written = Date.parse(creationTimestamp);
  return Number.isNaN(written) ? undefined : written;
}

function duplicate(loaded: LoadedObject, winner: LoadedObject): Diagnostic {
  const { object, source } = loaded;
  const { namespace, name } = object.metadata;
  const where = `${winner.source.file}:${winner.source.line}`;
  return {
    severity: "error",
    code: "semantic",
    ...source,
    kind: object.kind,
    namespace,
    name,
    field: "",
    message: `${describeOrigin(originOf(winner))} is already in ${where}, which is in force`,
    expected: "each object once",
  };
}
