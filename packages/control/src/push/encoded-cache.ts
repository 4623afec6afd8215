/** Encoded resources, kept for as long as what they were made of stays the same. */
import { sameElements } from "../model/sharing.ts";

interface Entry<V> {
  readonly input: object;
  readonly value: V;
}

/** Variants kept for one object: more than views of one service differ in, fewer than could hurt. */
const MAX_VARIANTS = 256;

/**
 * A generator reads nothing but its input, whose fields are compared one by one: by identity, lists and maps by their
 * elements. So the cache cannot miss an input. Entries belong to an object of the model (a service, a rule) and go with it.
 */
export class EncodedCache<V> {
  readonly #byOwner = new WeakMap<object, Map<string, Entry<V>>>();

  /** `key` tells apart what is made of one owner; the newest input of a key replaces the one before. */
  get<I extends object>(owner: object, key: string, input: I, encode: (input: I) => V): V {
    let entries = this.#byOwner.get(owner);
    if (entries === undefined) {
      entries = new Map();
      this.#byOwner.set(owner, entries);
    }
    const found = entries.get(key);
    if (found !== undefined && sameInput(found.input, input)) return found.value;
    if (entries.size >= MAX_VARIANTS) entries.clear();
    const value = encode(input);
    entries.set(key, { input, value });
    return value;
  }
}

function sameInput(a: object, b: object): boolean {
  const left = Object.entries(a);
  const right = b as Readonly<Record<string, unknown>>;
  return left.length === Object.keys(b).length && left.every(([name, value]) => sameField(value, right[name]));
}

function sameField(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return sameElements(a, b);
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
  return false;
}
