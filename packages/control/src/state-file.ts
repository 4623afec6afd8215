/** A small JSON file that always holds one complete version: written to the side, then renamed over the old one. */
import type { Log } from "@tulle/xds";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAtomically } from "./write-atomically.ts";

export class StateFile<T> {
  readonly #path: string;
  readonly #isValid: (value: unknown) => value is T;
  readonly #log: Log;
  #pending: { readonly value: T } | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, isValid: (value: unknown) => value is T, log: Log) {
    this.#path = path;
    this.#isValid = isValid;
    this.#log = log;
  }

  /** Undefined if there is none, or none that can be used; the log says which. */
  async load(): Promise<T | undefined> {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(this.#path, "utf8"));
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!missing) this.#log("warn", `cannot use ${this.#path}; starting without it`, { error });
      return undefined;
    }
    if (typeof value === "object" && value !== null && this.#isValid(value)) return value;
    this.#log("warn", `cannot use ${this.#path}: it has another form than this version writes; starting without it`);
    return undefined;
  }

  /** Writes soon; of several values the last. Failures are logged. */
  save(value: T): void {
    this.#pending = { value };
    this.#writing ??= this.#write();
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      for (let next = this.#pending; next !== undefined; next = this.#pending) {
        this.#pending = undefined;
        // Texts of configuration are among it, Secrets with them.
        await writeAtomically(this.#path, JSON.stringify(next.value), 0o600);
      }
    } catch (error) {
      this.#log("error", `cannot write ${this.#path}`, { error });
    } finally {
      this.#writing = undefined;
    }
  }
}
