import type { FallbackIndex, FallbackRule } from "../model/fallback.ts";
import type { MeshService } from "../model/service.ts";

const NONE: ReadonlyMap<string, readonly FallbackRule[]> = new Map();

/** Fallbacks for these destinations, as a client of the namespace sees them, by host; those without have no entry. */
export function fallbacksOf(
  destinations: readonly string[],
  index: FallbackIndex,
  services: ReadonlyMap<string, MeshService>,
  clientNamespace: string,
): ReadonlyMap<string, readonly FallbackRule[]> {
  const found = destinations.flatMap((host) => {
    const fallbacks = index.find(host, services.get(host)?.namespace ?? clientNamespace, clientNamespace);
    return fallbacks.length === 0 ? [] : [[host, fallbacks] as const];
  });
  return found.length === 0 ? NONE : new Map(found);
}

/** Where requests go instead. */
export function redirectHosts(fallbacks: ReadonlyMap<string, readonly FallbackRule[]>): readonly string[] {
  return [...fallbacks.values()].flatMap((list) =>
    list.flatMap(({ rules }) => rules.flatMap(({ redirectTo }) => redirectTo?.destination.host ?? [])),
  );
}

/** Tells apart what differs by fallbacks. */
export function fallbackKey(fallbacks: ReadonlyMap<string, readonly FallbackRule[]>): string {
  if (fallbacks.size === 0) return "";
  return [...fallbacks.values()]
    .flatMap((list) => list.map(({ origin }) => `${origin.namespace}/${origin.name}`))
    .join();
}
