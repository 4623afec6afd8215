/** What was changed, when and by what: the last changes of objects, with their texts before and after, so that they can be undone. */
import type { Clock, Log } from "@tulle/xds";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { StoredObject } from "../../model/stored-object.ts";
import { StateFile } from "../../state-file.ts";
import type { ConfigFile } from "../files/config-directory.ts";
import { isSecret, referenceOf, textOf } from "../files/text-of.ts";

/** `files`: somebody edited them; `expiry`: a temporary object's time was up. */
export type ChangedBy = "api" | "console" | "files" | "expiry" | "undo";

export interface ObjectChange {
  readonly key: string;
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent: it was not there. Null: it is not kept, because it is secret or too long. */
  readonly before?: string | null;
  readonly after?: string | null;
}

export interface Change {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: ChangedBy;
  readonly objects: readonly ObjectChange[];
}

/** Changes that are kept, and how much text they may have together. */
const MAX_CHANGES = 200;
const MAX_TEXT = 4 * 1024 * 1024;
/** Of one object; a longer one's change is told, and cannot be undone. */
const MAX_OBJECT_TEXT = 256 * 1024;

interface Known {
  readonly stored: StoredObject;
  readonly text: string | null;
}

export class History {
  readonly #file: StateFile<readonly Change[]>;
  readonly #clock: Clock;
  #changes: readonly Change[] = [];
  /** Undefined before the first look: what is there then was there before. */
  #known: ReadonlyMap<string, Known> | undefined;

  constructor(stateDir: string, clock: Clock, log: Log) {
    this.#file = new StateFile(join(stateDir, "history.json"), isChanges, log);
    this.#clock = clock;
  }

  async load(): Promise<void> {
    this.#changes = (await this.#file.load()) ?? [];
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  /** Newest first. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** The id that the next change will have. */
  get next(): number {
    return (this.#changes[0]?.id ?? 0) + 1;
  }

  /** Takes note of what is another than at the last look. */
  observe(objects: readonly StoredObject[], files: ReadonlyMap<string, ConfigFile>): void {
    const before = this.#known;
    const now = new Map<string, Known>();
    const found: ObjectChange[] = [];
    for (const stored of objects) {
      const known = before?.get(stored.key);
      if (known?.stored === stored) {
        now.set(stored.key, known);
        continue;
      }
      const text = keptText(stored, files);
      now.set(stored.key, { stored, text });
      if (before === undefined) continue;
      if (known === undefined) found.push({ ...describe(stored), after: text });
      else if (!isDeepStrictEqual(known.stored.loaded.object, stored.loaded.object))
        found.push({ ...describe(stored), before: known.text, after: text });
    }
    for (const [key, { stored, text }] of before ?? [])
      if (!now.has(key)) found.push({ ...describe(stored), before: text });
    this.#known = now;
    if (found.length > 0) this.#add({ id: this.next, at: this.#clock.now(), by: "files", objects: found });
  }

  /** Changes since `id` that concern only these objects are somebody's who is known. */
  attribute(sinceId: number, keys: ReadonlySet<string>, by: ChangedBy): void {
    this.#changes = this.#changes.map((change) =>
      change.id >= sinceId && change.by === "files" && change.objects.every(({ key }) => keys.has(key))
        ? { ...change, by }
        : change,
    );
    this.#file.save(this.#changes);
  }

  #add(change: Change): void {
    let left = MAX_TEXT;
    this.#changes = [change, ...this.#changes].slice(0, MAX_CHANGES).filter((one) => {
      for (const { before, after } of one.objects) left -= (before?.length ?? 0) + (after?.length ?? 0);
      return left >= 0 || one === change;
    });
    this.#file.save(this.#changes);
  }
}

function describe({ key, loaded }: StoredObject): Omit<ObjectChange, "before" | "after"> {
  return { key, ...referenceOf(loaded.object) };
}

/** Null if it is not to be kept. */
function keptText(stored: StoredObject, files: ReadonlyMap<string, ConfigFile>): string | null {
  if (isSecret(stored.loaded.object)) return null;
  const { text } = textOf(stored, files);
  return text.length > MAX_OBJECT_TEXT ? null : text;
}

function isChanges(value: unknown): value is readonly Change[] {
  return (
    Array.isArray(value) &&
    value.every((one: unknown) => {
      const { id, at, by, objects } = (one ?? {}) as Partial<Change>;
      return typeof id === "number" && typeof at === "number" && typeof by === "string" && Array.isArray(objects);
    })
  );
}
