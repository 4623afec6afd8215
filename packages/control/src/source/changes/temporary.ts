/** Ends what is temporary when its time is up, across restarts: the objects themselves say when. */
import { DEFAULT_NAMESPACE } from "@tulle/api";
import type { KubeObject } from "@tulle/api";
import type { Clock, Log } from "@tulle/xds";
import type { StoredObject } from "../../model/stored-object.ts";
import { formatUntil, TEMPORARY_BEFORE, TEMPORARY_UNTIL, temporaryUntil } from "../../model/temporary.ts";
import { applyStream, deleteObject } from "../files/apply.ts";
import type { ConfigDirectory } from "../files/config-directory.ts";
import { plainObject } from "../files/edits.ts";
import { textOf } from "../files/text-of.ts";
import { toYaml } from "../files/to-yaml.ts";
import type { History } from "./history.ts";

/** Timers hold no more than 24.8 days. */
const MAX_WAIT_MS = 86_400_000;
/** After a failure, such as a full disk. */
const RETRY_MS = 30_000;

export interface TemporaryOptions {
  readonly directory: ConfigDirectory;
  readonly history: History;
  readonly clock: Clock;
  readonly log: Log;
}

export class TemporaryObjects {
  readonly #options: TemporaryOptions;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: TemporaryOptions) {
    this.#options = options;
  }

  /** Objects are others than before. */
  changed(): void {
    const { directory, clock } = this.#options;
    this.#cancel?.();
    this.#cancel = undefined;
    const ends = directory.objects.map(({ loaded }) => temporaryUntil(loaded.object)).filter((at) => at !== undefined);
    if (ends.length > 0) this.#wait(Math.min(...ends) - clock.now());
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #wait(milliseconds: number): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(Math.min(Math.max(milliseconds, 0), MAX_WAIT_MS), () => {
      this.#end().catch((error: unknown) => {
        this.#options.log("error", "cannot end what is temporary; it is tried again", { error });
        this.#wait(RETRY_MS);
      });
    });
  }

  async #end(): Promise<void> {
    const { directory, history, clock, log } = this.#options;
    const now = clock.now();
    const due = directory.objects.filter(({ loaded }) => (temporaryUntil(loaded.object) ?? Infinity) <= now);
    for (const { key, loaded } of due) {
      const { kind, metadata } = loaded.object;
      const before = metadata.annotations[TEMPORARY_BEFORE];
      const { next } = history;
      if (before === undefined) await deleteObject(directory, key);
      else {
        const options = { namespace: DEFAULT_NAMESPACE, dryRun: false };
        const { diagnostics } = await applyStream(directory, before, options);
        const error = diagnostics.find(({ severity }) => severity === "error");
        if (error !== undefined) throw new Error(`what ${kind} ${metadata.name} replaced is wrong: ${error.message}`);
      }
      history.attribute(next, new Set([key]), "expiry");
      log("info", `${kind} ${metadata.namespace}/${metadata.name} was temporary and its time is up`, {
        instead: before === undefined ? "nothing" : "what was there before",
      });
    }
    this.changed();
  }
}

/** The object as YAML, with until when it is to be there and what it replaces. */
export function temporaryText(
  object: KubeObject,
  untilMs: number,
  existing: StoredObject | undefined,
  files: ConfigDirectory["files"],
): string {
  const { metadata } = object;
  // What was there before something temporary stays what comes back.
  const before =
    existing === undefined
      ? undefined
      : temporaryUntil(existing.loaded.object) === undefined
        ? textOf(existing, files).text
        : existing.loaded.object.metadata.annotations[TEMPORARY_BEFORE];
  return toYaml(
    plainObject({
      ...object,
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, [TEMPORARY_UNTIL]: formatUntil(untilMs) },
        annotations: { ...metadata.annotations, ...(before === undefined ? {} : { [TEMPORARY_BEFORE]: before }) },
      },
    }),
  );
}
