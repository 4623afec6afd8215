/** RateLimits, and whose proxies count by them. */
import { isKind, matchesLabels } from "@tulle/api";
import type { Labels, LoadedObject, RateLimitSpec } from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface RateLimitRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly spec: RateLimitSpec;
  /** Undefined: all workloads of the namespace, or of all namespaces if it is the root namespace. */
  readonly selector: Labels | undefined;
  readonly loaded: LoadedObject;
}

export function rateLimitOf(stored: StoredObject): RateLimitRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "tulle.dev", "RateLimit")) return undefined;
  const labels = object.spec.selector?.matchLabels;
  return {
    origin: originOf(stored.loaded),
    createdAt: stored.createdAt,
    spec: object.spec,
    selector: labels === undefined || Object.keys(labels).length === 0 ? undefined : labels,
    loaded: stored.loaded,
  };
}

/** All that are for a workload, as with AuthorizationPolicies: its namespace's and the root namespace's. Oldest first. */
export function rateLimitsFor(
  rules: readonly RateLimitRule[],
  rootNamespace: string,
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
): readonly RateLimitRule[] {
  return rules.filter(
    ({ origin, selector }) =>
      (origin.namespace === namespace || origin.namespace === rootNamespace) && matchesLabels(selector, labels),
  );
}
