/** Says when files of a directory tree may have changed. */
import type { Clock, Log } from "@tulle/xds";
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { isConfigPath } from "./tree.ts";

export interface WatchOptions {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Paths relative to the root, or "all" if it is not known which. Called when things have calmed down. */
  readonly onChange: (changed: ReadonlySet<string> | "all") => void;
}

/** A write is many events; the file is read when there have been none for this long. */
const SETTLE_MS = 30;
/** Someone who writes without pause must not keep others waiting. */
const MAX_SETTLE_MS = 300;
/** Watchers miss events (network file systems, links to other trees), so everything is looked at once in a while. */
const RESCAN_MS = 5000;

/** Returns a function that stops watching. */
export function watchTree({ root, clock, log, onChange }: WatchOptions): () => void {
  let changed: Set<string> | "all" | undefined;
  let firstAt = 0;
  let cancelSettle: (() => void) | undefined;
  let cancelRescan: (() => void) | undefined;
  let watcher: FSWatcher | undefined;
  let closed = false;

  const settle = (): void => {
    cancelSettle?.();
    const waited = clock.now() - firstAt;
    cancelSettle = clock.after(Math.max(0, Math.min(SETTLE_MS, MAX_SETTLE_MS - waited)), () => {
      cancelSettle = undefined;
      const names = changed ?? "all";
      changed = undefined;
      onChange(names);
    });
  };
  const note = (path: string | null): void => {
    if (closed) return;
    if (changed === undefined) firstAt = clock.now();
    // What is no file of ours may be a directory or a link with some in it.
    if (path === null || !isConfigPath(path)) changed = "all";
    else if (changed !== "all") changed = (changed ?? new Set()).add(path);
    settle();
  };
  const open = (): void => {
    try {
      watcher = watch(root, { recursive: true, persistent: false }, (_event, path) => note(path));
      watcher.on("error", (error) => {
        log("warn", `cannot watch ${root}; looking every ${RESCAN_MS / 1000} s instead`, { error });
        watcher?.close();
        watcher = undefined;
      });
    } catch (error) {
      log("warn", `cannot watch ${root}; looking every ${RESCAN_MS / 1000} s instead`, { error });
    }
  };
  const rescan = (): void => {
    cancelRescan = clock.after(RESCAN_MS, () => {
      note(null);
      rescan();
    });
  };

  open();
  rescan();
  return () => {
    closed = true;
    cancelSettle?.();
    cancelRescan?.();
    watcher?.close();
  };
}
