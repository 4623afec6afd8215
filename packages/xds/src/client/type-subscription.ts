/** What is wanted of one type and what has been accepted of it. Outlives the streams over which it is fetched. */
import { TYPE } from "../type-url.ts";
import type { SubscriptionStats, ResourceWatcher } from "./types.ts";

/** Types whose empty list of names means "all". (xds_protocol, "How the client specifies what resources to return") */
export function hasLegacyWildcard(typeUrl: string): boolean {
  return typeUrl === TYPE.cluster || typeUrl === TYPE.listener;
}

export class TypeSubscription {
  readonly typeUrl: string;
  watcher: ResourceWatcher;
  /** Names, globs (`http.8080/*`) and `*`. */
  readonly wanted = new Set<string>();
  /** Wanted since the last request, perhaps not for the first time: what was received before is forgotten. */
  readonly fresh = new Set<string>();
  /** Wanted and not answered yet. */
  readonly awaited = new Set<string>();
  /** Accepted resources: name to version. */
  readonly held = new Map<string, string>();
  readonly stats: SubscriptionStats = {
    updateAttempt: 1,
    updateSuccess: 0,
    updateFailure: 0,
    updateRejected: 0,
    initFetchTimeout: 0,
    versionText: "",
    updateTime: 0,
  };
  /** How many pauses are in force. */
  paused = 0;

  constructor(typeUrl: string, watcher: ResourceWatcher) {
    this.typeUrl = typeUrl;
    this.watcher = watcher;
  }

  /** Returns the names that were not wanted before. */
  add(names: Iterable<string>): string[] {
    const added: string[] = [];
    for (const name of names) {
      if (this.wanted.has(name)) continue;
      this.wanted.add(name);
      this.fresh.add(name);
      this.awaited.add(name);
      added.push(name);
    }
    return added;
  }

  delete(names: Iterable<string>): void {
    for (const name of names) {
      this.wanted.delete(name);
      this.fresh.delete(name);
      this.awaited.delete(name);
    }
    for (const name of this.held.keys()) if (!this.wants(name)) this.held.delete(name);
  }

  wants(name: string, aliases: readonly string[] = []): boolean {
    if (this.wanted.has("*") || this.wanted.has(name)) return true;
    return this.wanted.has(globOf(name)) || aliases.some((alias) => this.wanted.has(alias));
  }

  /** A response has told about this name. */
  answered(name: string, aliases: readonly string[] = []): void {
    if (this.awaited.size === 0) return;
    this.awaited.delete(name);
    this.awaited.delete(globOf(name));
    for (const alias of aliases) this.awaited.delete(alias);
  }
}

/** `http.8080/reviews` → `http.8080/*` */
function globOf(name: string): string {
  return `${name.slice(0, name.lastIndexOf("/") + 1)}*`;
}
