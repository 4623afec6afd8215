/**
 * What has to be sent to go from one set to another. Computed once for each pair of sets, however many proxies make
 * the same step: the results are the keys under which encoded bodies are shared.
 */
import type { EncodedResource, ResourceSet } from "../resource.ts";

/** Content of a response. The same object has the same content for ever. */
export interface Selection {
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
}

/** Stands for "holds nothing" as the older of two sets. */
const NOTHING: object = {};
const memo = new WeakMap<ResourceSet, WeakMap<object, Selection>>();

/** Added, changed and removed resources from `older` (undefined: nothing) to `newer`. */
export function diffSets(older: ResourceSet | undefined, newer: ResourceSet): Selection {
  let byOlder = memo.get(newer);
  if (byOlder === undefined) memo.set(newer, (byOlder = new WeakMap()));
  const key = older ?? NOTHING;
  let diff = byOlder.get(key);
  if (diff === undefined) byOlder.set(key, (diff = compare(older, newer)));
  return diff;
}

function compare(older: ResourceSet | undefined, newer: ResourceSet): Selection {
  if (older === undefined) return { resources: [...newer.resources.values()], removed: [] };
  const resources: EncodedResource[] = [];
  for (const resource of newer.resources.values()) {
    const before = older.resources.get(resource.name);
    if (before !== resource && before?.version !== resource.version) resources.push(resource);
  }
  const removed: string[] = [];
  for (const name of older.resources.keys()) if (!newer.resources.has(name)) removed.push(name);
  return { resources, removed };
}

interface SetIndex {
  readonly byAlias: ReadonlyMap<string, EncodedResource>;
  /** By what stands before the last slash, slash included. */
  readonly byPrefix: ReadonlyMap<string, readonly EncodedResource[]>;
}

const indexes = new WeakMap<ResourceSet, SetIndex>();

function index(set: ResourceSet): SetIndex {
  let found = indexes.get(set);
  if (found !== undefined) return found;
  const byAlias = new Map<string, EncodedResource>();
  const byPrefix = new Map<string, EncodedResource[]>();
  for (const resource of set.resources.values()) {
    for (const alias of resource.aliases ?? []) byAlias.set(alias, resource);
    const prefix = prefixOf(resource.name);
    const siblings = byPrefix.get(prefix);
    if (siblings === undefined) byPrefix.set(prefix, [resource]);
    else siblings.push(resource);
  }
  indexes.set(set, (found = { byAlias, byPrefix }));
  return found;
}

/** `http.8080/reviews:9080` → `http.8080/`; empty without a slash. */
export function prefixOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/") + 1);
}

export function withAlias(set: ResourceSet, alias: string): EncodedResource | undefined {
  return index(set).byAlias.get(alias);
}

export function withPrefix(set: ResourceSet, prefix: string): readonly EncodedResource[] {
  return index(set).byPrefix.get(prefix) ?? [];
}
