/** What one client has asked for of one type, what it has been sent, and what it said to that. */
import type { EncodedResource, ResourceSet, ResourceView } from "../resource.ts";
import type { TypeUrl } from "../type-url.ts";
import { PUSH_ORDER, TYPE } from "../type-url.ts";
import type { Selection } from "./set-diff.ts";
import { diffSets, prefixOf, withAlias } from "./set-diff.ts";
import type { NackDetail, SyncState, TypeSyncStatus } from "./types.ts";

export interface InFlight {
  readonly nonce: string;
  readonly version: string;
  readonly sentAt: number;
  readonly selection: Selection;
}

/** Types whose empty first subscription means "all". (Envoy docs, "How the client specifies what resources to return") */
export function hasLegacyWildcard(typeUrl: string): boolean {
  return typeUrl === TYPE.cluster || typeUrl === TYPE.listener;
}

/** `http.8080/*`: all virtual hosts of a route configuration, as one name. */
export function isGlob(typeUrl: string, name: string): boolean {
  return typeUrl === TYPE.virtualHost && name.endsWith("/*");
}

const emptySet = (typeUrl: string): ResourceSet => ({ typeUrl: typeUrl as TypeUrl, version: "", resources: new Map() });
/** For views that have nothing of a type: one object, so that proxies share the diffs from and to it. */
const emptySets = new Map<string, ResourceSet>(PUSH_ORDER.map((typeUrl) => [typeUrl, emptySet(typeUrl)]));

export class Subscription {
  readonly typeUrl: string;
  /** Place in PUSH_ORDER; types we do not know come last. */
  readonly order: number;
  readonly #empty: ResourceSet;

  wildcard = false;
  readonly names = new Set<string>();
  /** Prefixes of globs: `http.8080/`. */
  readonly prefixes = new Set<string>();

  /** The set that the client is in step with, as far as its subscription goes; undefined before the first answer. */
  held: ResourceSet | undefined = undefined;
  /** The wildcard has been asked for and not answered. */
  dueAll = false;
  /** Names and globs that have been asked for and not answered. */
  readonly due = new Set<string>();
  /** Names from refused responses: what the client holds of them is unknown, so they go with the next change. */
  readonly doubtful = new Set<string>();
  /** Subscribed names that the set does not hold by that name: found by alias or `resolve`, or nowhere. */
  readonly outside = new Map<string, EncodedResource | undefined>();
  /** View in which `outside` was last looked up. */
  lookedIn: ResourceView | undefined = undefined;
  /** What the client said, on its first request, that it still has: name to version. */
  claimed: ReadonlyMap<string, string> | undefined = undefined;
  /** Removals held back until what refers to them has gone. */
  readonly removals = new Map<string, EncodedResource | undefined>();

  inFlight: InFlight | undefined = undefined;
  nonce: string | undefined = undefined;
  lastSentVersion: string | undefined = undefined;
  lastSentAt: number | undefined = undefined;
  lastAckedVersion: string | undefined = undefined;
  lastAckedAt: number | undefined = undefined;
  error: NackDetail | undefined = undefined;
  pushes = 0;
  acks = 0;
  nacks = 0;
  bytesSent = 0;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
    this.#empty = emptySets.get(typeUrl) ?? emptySet(typeUrl);
    const place = PUSH_ORDER.indexOf(typeUrl as TypeUrl);
    this.order = place < 0 ? PUSH_ORDER.length : place;
  }

  /** The client waits for an answer. */
  get asked(): boolean {
    return this.dueAll || this.due.size > 0;
  }

  setIn(view: ResourceView): ResourceSet {
    return view.set(this.typeUrl) ?? this.#empty;
  }

  /** The view may hold something that the client has not got: false is certain. */
  behind(view: ResourceView): boolean {
    if (this.held === undefined) return false; // its first answer is due, not a push
    return this.held !== this.setIn(view) || (this.outside.size > 0 && this.lookedIn !== view);
  }

  /** What the client has asked for by name or glob. */
  explicit(): string[] {
    return [...this.names, ...[...this.prefixes].map((prefix) => `${prefix}*`)];
  }

  /** `name`, glob or `*` has been asked for, in these words. */
  has(name: string): boolean {
    if (name === "*") return this.wildcard;
    return isGlob(this.typeUrl, name) ? this.prefixes.has(prefixOf(name)) : this.names.has(name);
  }

  /** The resource called `name` is among what has been asked for. */
  subscribes(name: string): boolean {
    return this.wildcard || this.names.has(name) || (this.prefixes.size > 0 && this.prefixes.has(prefixOf(name)));
  }

  find(view: ResourceView, name: string): EncodedResource | undefined {
    const set = this.setIn(view);
    return set.resources.get(name) ?? withAlias(set, name) ?? view.resolve?.(this.typeUrl, name);
  }

  add(view: ResourceView, name: string): void {
    if (name === "*") {
      this.wildcard = true;
      this.dueAll = true;
    } else if (isGlob(this.typeUrl, name)) {
      this.prefixes.add(prefixOf(name));
      this.due.add(name);
    } else {
      // The set's own string rather than the decoded one: a thousand proxies then share a thousand names.
      const shared = this.setIn(view).resources.get(name)?.name ?? name;
      this.names.add(shared);
      this.due.add(shared);
    }
  }

  delete(name: string): void {
    if (name === "*") {
      this.wildcard = false;
      this.dueAll = false;
    } else if (isGlob(this.typeUrl, name)) {
      this.prefixes.delete(prefixOf(name));
      this.due.delete(name);
    } else {
      this.names.delete(name);
      this.due.delete(name);
      this.outside.delete(name);
      this.doubtful.delete(name);
      this.removals.delete(name);
      // Under a wildcard the client would lose what it still should have: it is told again.
      if (this.subscribes(name)) this.due.add(name);
    }
  }

  /** Names whose resource is not in the set and has changed, come or gone since the last look. */
  changedOutside(view: ResourceView): string[] {
    const changed: string[] = [];
    if (this.lookedIn === view) return changed;
    const { resources } = this.setIn(view);
    for (const [name, before] of this.outside) {
      if (!resources.has(name) && this.find(view, name)?.version !== before?.version) changed.push(name);
    }
    return changed;
  }

  /** The client is being told everything that `view` has for it. */
  settle(view: ResourceView): void {
    const set = this.setIn(view);
    const lookUp = (name: string): void => {
      if (set.resources.has(name)) this.outside.delete(name);
      else this.outside.set(name, this.find(view, name));
    };
    if (this.lookedIn !== view) for (const name of this.outside.keys()) lookUp(name);
    if (this.names.size > 0) {
      for (const name of this.due) if (this.names.has(name)) lookUp(name);
      for (const name of this.held === undefined ? [] : diffSets(this.held, set).removed) {
        if (this.names.has(name)) lookUp(name);
      }
    }
    this.held = set;
    this.lookedIn = view;
    this.dueAll = false;
    this.due.clear();
    this.doubtful.clear();
    this.claimed = undefined;
  }

  state(view: ResourceView): SyncState {
    if (this.held === undefined) return "NOT SENT";
    if (this.inFlight !== undefined) return "STALE";
    if (this.error !== undefined) return "NACKED";
    return this.asked || this.removals.size > 0 || this.behind(view) ? "STALE" : "SYNCED";
  }

  status(view: ResourceView): TypeSyncStatus {
    return {
      typeUrl: this.typeUrl,
      state: this.state(view),
      subscribed: this.wildcard ? "*" : this.names.size + this.prefixes.size,
      lastSentVersion: this.lastSentVersion,
      lastSentAt: this.lastSentAt,
      lastAckedVersion: this.lastAckedVersion,
      lastAckedAt: this.lastAckedAt,
      nonce: this.nonce,
      error: this.error,
      pushes: this.pushes,
      acks: this.acks,
      nacks: this.nacks,
      bytesSent: this.bytesSent,
    };
  }
}
