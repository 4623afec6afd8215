/** A shared set of resources with a few of a proxy's own on top, without copying the shared ones. */
import type { EncodedResource, ResourceSet } from "@tulle/xds";

export function overlaySet(base: ResourceSet, own: ResourceSet): ResourceSet {
  if (own.resources.size === 0) return base;
  return {
    typeUrl: base.typeUrl,
    version: `${base.version}+${own.version}`,
    resources: new OverlayMap(base.resources, own.resources),
  };
}

/** Two maps read as one; their keys must not overlap. */
class OverlayMap implements ReadonlyMap<string, EncodedResource> {
  readonly #base: ReadonlyMap<string, EncodedResource>;
  readonly #own: ReadonlyMap<string, EncodedResource>;

  constructor(base: ReadonlyMap<string, EncodedResource>, own: ReadonlyMap<string, EncodedResource>) {
    this.#base = base;
    this.#own = own;
  }

  get size(): number {
    return this.#base.size + this.#own.size;
  }

  get(key: string): EncodedResource | undefined {
    return this.#own.get(key) ?? this.#base.get(key);
  }

  has(key: string): boolean {
    return this.#own.has(key) || this.#base.has(key);
  }

  forEach(callback: (value: EncodedResource, key: string, map: ReadonlyMap<string, EncodedResource>) => void): void {
    for (const [key, value] of this) callback(value, key, this);
  }

  *entries(): MapIterator<[string, EncodedResource]> {
    yield* this.#base;
    yield* this.#own;
  }

  *keys(): MapIterator<string> {
    yield* this.#base.keys();
    yield* this.#own.keys();
  }

  *values(): MapIterator<EncodedResource> {
    yield* this.#base.values();
    yield* this.#own.values();
  }

  [Symbol.iterator](): MapIterator<[string, EncodedResource]> {
    return this.entries();
  }
}
