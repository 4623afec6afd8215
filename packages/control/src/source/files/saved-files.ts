/** What the file source remembers from run to run: the age of objects, and the last good text of files that are wrong now. */
import type { Log } from "@tulle/xds";
import { join } from "node:path";
import { StateFile } from "../../state-file.ts";

interface Saved {
  readonly firstSeen: Readonly<Record<string, number>>;
  readonly good: Readonly<Record<string, string>>;
}

export class SavedFiles {
  readonly #file: StateFile<Saved>;
  #firstSeen: ReadonlyMap<string, number> = new Map();
  readonly #good = new Map<string, string>();

  constructor(stateDir: string, log: Log) {
    this.#file = new StateFile(join(stateDir, "files.json"), isSaved, log);
  }

  async load(): Promise<void> {
    const saved = await this.#file.load();
    if (saved === undefined) return;
    this.#firstSeen = new Map(Object.entries(saved.firstSeen));
    for (const [path, text] of Object.entries(saved.good)) this.#good.set(path, text);
  }

  /** By object key: milliseconds since the epoch. Among rules without a creationTimestamp the first seen counts as oldest. */
  get firstSeen(): ReadonlyMap<string, number> {
    return this.#firstSeen;
  }

  setFirstSeen(firstSeen: ReadonlyMap<string, number>): void {
    if (firstSeen === this.#firstSeen) return;
    this.#firstSeen = firstSeen;
    this.#save();
  }

  good(path: string): string | undefined {
    return this.#good.get(path);
  }

  keepGood(path: string, text: string): void {
    if (this.#good.get(path) === text) return;
    this.#good.set(path, text);
    this.#save();
  }

  forgetGood(path: string): void {
    if (this.#good.delete(path)) this.#save();
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  #save(): void {
    this.#file.save({ firstSeen: Object.fromEntries(this.#firstSeen), good: Object.fromEntries(this.#good) });
  }
}

function isSaved(value: unknown): value is Saved {
  const { firstSeen, good } = value as Partial<Saved>;
  return (
    typeof firstSeen === "object" &&
    Object.values(firstSeen).every((at) => typeof at === "number") &&
    typeof good === "object" &&
    Object.values(good).every((text) => typeof text === "string")
  );
}
