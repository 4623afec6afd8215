/** Says when files of a directory tree may have changed. */
import type { Clock, Log } from "@tulle/xds";
import { lstatSync, readdirSync, realpathSync, statSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join, relative } from "node:path";
import { isConfigPath } from "./tree.ts";

export interface WatchOptions {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Paths relative to the root, or "all" if it is not known which. Called when things have calmed down. */
  readonly onChange: (changed: ReadonlySet<string> | "all") => void;
}

/** Milliseconds without a further event after which a change is taken for complete. */
const SETTLE_MS = {
  /** A write is many events. */
  written: 20,
  /** A file that was renamed into place is complete. One that was created is not, but its writing is events of its own. */
  renamed: 3,
  /** Editors move a file away, or empty it, before they write it anew: what is gone is believed later. */
  gone: 100,
};
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
  let closed = false;

  const note = (path: string | null, settleMs: number): void => {
    if (closed) return;
    if (changed === undefined) firstAt = clock.now();
    if (path === null) changed = "all";
    else if (changed !== "all") changed = (changed ?? new Set()).add(path);
    cancelSettle?.();
    const waited = clock.now() - firstAt;
    cancelSettle = clock.after(Math.max(0, Math.min(settleMs, MAX_SETTLE_MS - waited)), () => {
      const names = changed ?? "all";
      changed = undefined;
      if (names === "all") directories.follow();
      onChange(names);
    });
  };
  const directories = new WatchedDirectories(root, log, (event, directory, name) => {
    if (name === null) return note(null, SETTLE_MS.written);
    const full = join(directory, name);
    const path = relative(root, full);
    if (isConfigPath(path)) note(path, isGoneOrEmpty(full) ? SETTLE_MS.gone : SETTLE_MS[event]);
    // Of other names only directories and links to them matter: `..data` of a mounted ConfigMap is such a link.
    else if (directories.has(full) || leadsToDirectory(full)) note(null, SETTLE_MS.written);
  });
  const rescan = (): void => {
    cancelRescan = clock.after(RESCAN_MS, () => {
      note(null, 0);
      rescan();
    });
  };

  directories.follow();
  rescan();
  return () => {
    closed = true;
    cancelSettle?.();
    cancelRescan?.();
    directories.close();
  };
}

type OnEvent = (event: "renamed" | "written", directory: string, name: string | null) => void;

/**
 * One watcher for each directory of the tree. Node's own recursive watching is built from one watcher per file on Linux, which goes
 * on watching the old file when a new one is renamed over it, as every careful writer does.
 */
class WatchedDirectories {
  readonly #root: string;
  readonly #log: Log;
  readonly #onEvent: OnEvent;
  /** By path as reached from the root; links are followed. A path whose inode is another one leads elsewhere now. */
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  #warned = false;

  constructor(root: string, log: Log, onEvent: OnEvent) {
    this.#root = root;
    this.#log = log;
    this.#onEvent = onEvent;
  }

  has(path: string): boolean {
    return this.#watchers.has(path);
  }

  /** Watches the directories that there are now, and no others. */
  follow(): void {
    const present = new Map<string, number>();
    this.#collect(this.#root, present, new Set());
    for (const [path, { watcher, inode }] of this.#watchers) {
      if (present.get(path) === inode) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const [path, inode] of present) if (!this.#watchers.has(path)) this.#watch(path, inode);
  }

  close(): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #collect(directory: string, present: Map<string, number>, visited: Set<string>): void {
    try {
      const real = realpathSync(directory);
      if (visited.has(real)) return;
      visited.add(real);
      const entries = readdirSync(directory, { withFileTypes: true });
      present.set(directory, statSync(directory).ino);
      for (const entry of entries) {
        const path = join(directory, entry.name);
        if (entry.name.startsWith(".")) continue;
        if (entry.isDirectory() || (entry.isSymbolicLink() && leadsToDirectory(path))) {
          this.#collect(path, present, visited);
        }
      }
    } catch (error) {
      this.#warn(directory, error);
    }
  }

  #watch(path: string, inode: number): void {
    try {
      const watcher = watch(path, { persistent: false }, (event, name) =>
        this.#onEvent(event === "rename" ? "renamed" : "written", path, name),
      );
      watcher.on("error", (error) => {
        this.#warn(path, error);
        watcher.close();
        this.#watchers.delete(path);
      });
      this.#watchers.set(path, { watcher, inode });
    } catch (error) {
      this.#warn(path, error);
    }
  }

  /** Once: a directory that cannot be watched, or went away in between, is still looked at every few seconds. */
  #warn(path: string, error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log("warn", `cannot watch ${path}; looking every ${RESCAN_MS / 1000} s instead`, { error });
  }
}

function isGoneOrEmpty(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined || found.size === 0;
}

function leadsToDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory() || statSync(path).isDirectory();
  } catch {
    return false; // gone again, or a link that leads nowhere
  }
}
