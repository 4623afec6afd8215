/** Fallbacks with their names resolved, and which of them are for a destination. */
import { isKind, isVisibleTo, parseExportTo, resolveShortName } from "@tulle/api";
import type { FallbackRuleSpec, FallbackSpec, LoadedObject, Visibility } from "@tulle/api";
import { HostIndex } from "./host-index.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface FallbackRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly spec: FallbackSpec;
  /** As `spec.rules`, with hosts of destinations fully qualified. */
  readonly rules: readonly FallbackRuleSpec[];
  /** Fully qualified, lower case; may be a wildcard. */
  readonly host: string;
  readonly visibility: Visibility;
  readonly loaded: LoadedObject;
}

export function fallbackOf(stored: StoredObject, domain: string): FallbackRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "tulle.dev", "Fallback")) return undefined;
  const { spec, metadata } = object;
  const resolve = (host: string): string => resolveShortName(host, metadata.namespace, domain).toLowerCase();
  return {
    origin: originOf(stored.loaded),
    createdAt: stored.createdAt,
    spec,
    rules: spec.rules.map((rule) => {
      if (rule.redirectTo === undefined) return rule;
      const { destination } = rule.redirectTo;
      return {
        ...rule,
        redirectTo: { ...rule.redirectTo, destination: { ...destination, host: resolve(destination.host) } },
      };
    }),
    host: resolve(spec.host),
    visibility: parseExportTo(spec.exportTo, metadata.namespace),
    loaded: stored.loaded,
  };
}

const NONE: readonly FallbackRule[] = [];

/** Made once for a list of Fallbacks; what it finds for the same names is the same list. */
export class FallbackIndex {
  readonly #byNamespace: ReadonlyMap<string, readonly FallbackRule[]>;
  readonly #rootNamespace: string;
  readonly #found = new Map<string, readonly FallbackRule[]>();

  /** `rules` are in order of creation. */
  constructor(rules: readonly FallbackRule[], rootNamespace: string) {
    this.#byNamespace = Map.groupBy(rules, ({ origin }) => origin.namespace);
    this.#rootNamespace = rootNamespace;
  }

  /**
   * As with DestinationRules: the client's namespace, then the service's, then the root namespace; the first that has any for the host
   * counts, and there the most specific host. Oldest first.
   */
  find(host: string, serviceNamespace: string, clientNamespace: string): readonly FallbackRule[] {
    if (this.#byNamespace.size === 0) return NONE;
    const key = `${host} ${serviceNamespace} ${clientNamespace}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      found = this.#find(host, [...new Set([clientNamespace, serviceNamespace, this.#rootNamespace])], clientNamespace);
      this.#found.set(key, found);
    }
    return found;
  }

  #find(host: string, owners: readonly string[], client: string): readonly FallbackRule[] {
    for (const owner of owners) {
      const visible = (this.#byNamespace.get(owner) ?? NONE).filter(({ visibility }) =>
        isVisibleTo(visibility, client),
      );
      const byHost = [...Map.groupBy(visible, (rule) => rule.host)];
      const found = new HostIndex(byHost, ([name]) => [name]).find(host);
      if (found !== undefined) return found[1];
    }
    return NONE;
  }
}

/** The oldest that is for the route. @param route name of the VirtualService's http route, "" if it has none */
export function fallbackForRoute(fallbacks: readonly FallbackRule[], route: string): FallbackRule | undefined {
  return fallbacks.find(({ spec: { routes } }) => routes === undefined || routes.includes(route));
}
