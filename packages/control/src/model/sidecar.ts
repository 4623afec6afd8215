/** Sidecar objects: which of them holds for a workload. */
import { isKind, matchesLabels } from "@tulle/api";
import type { Labels, LoadedObject, SidecarSpec } from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface SidecarRule {
  /** `namespace/name`. */
  readonly key: string;
  readonly origin: Origin;
  readonly createdAt: number;
  readonly spec: SidecarSpec;
  /** Undefined: for all workloads of the namespace. */
  readonly selector: Labels | undefined;
  readonly loaded: LoadedObject;
}

export function sidecarOf(stored: StoredObject): SidecarRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "Sidecar")) return undefined;
  const origin = originOf(stored.loaded);
  return {
    key: `${origin.namespace}/${origin.name}`,
    origin,
    createdAt: stored.createdAt,
    spec: object.spec,
    selector: object.spec.workloadSelector?.labels,
    loaded: stored.loaded,
  };
}

/** Sidecars by namespace. Rules are given oldest first. */
export class SidecarIndex {
  readonly #byNamespace: ReadonlyMap<string, readonly SidecarRule[]>;
  readonly #byKey: ReadonlyMap<string, SidecarRule>;
  readonly #forAll: SidecarRule | undefined;

  constructor(rules: readonly SidecarRule[], rootNamespace: string) {
    this.#byNamespace = Map.groupBy(rules, ({ origin }) => origin.namespace);
    this.#byKey = new Map(rules.map((rule) => [rule.key, rule]));
    this.#forAll = this.#byNamespace.get(rootNamespace)?.find(({ selector }) => selector === undefined);
  }

  /**
   * One that selects the workload, else the namespace's, else the root namespace's; of several the oldest.
   * (istio/istio `pilot/pkg/model/push_context.go` getSidecarScope)
   */
  find(namespace: string, labels: Labels): SidecarRule | undefined {
    const own = this.#byNamespace.get(namespace) ?? [];
    return (
      own.find(({ selector }) => selector !== undefined && matchesLabels(selector, labels)) ??
      own.find(({ selector }) => selector === undefined) ??
      this.#forAll
    );
  }

  get(key: string): SidecarRule | undefined {
    return this.#byKey.get(key);
  }
}
