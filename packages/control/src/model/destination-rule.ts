/** DestinationRules with their names resolved, merged, and which of them a client uses for a service. */
import { isKind, isPrivate, isVisibleTo, matchesLabels, parseExportTo, resolveShortName } from "@tulle/api";
import type {
  DestinationRuleSpec,
  Labels,
  LoadedObject,
  LocalityLbSetting,
  Subset,
  TrafficPolicy,
  Visibility,
} from "@tulle/api";
import { HostIndex } from "./host-index.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { MeshService } from "./service.ts";
import { rememberByObject } from "./sharing.ts";
import type { StoredObject } from "./stored-object.ts";
import { compareText } from "./stored-object.ts";

export interface DestinationRuleRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly spec: DestinationRuleSpec;
  /** Fully qualified, lower case; may be a wildcard. */
  readonly host: string;
  readonly visibility: Visibility;
  /** Labels of the client workloads it is for; undefined: for all. */
  readonly selector: Labels | undefined;
  readonly loaded: LoadedObject;
}

export interface MergedSubset {
  readonly subset: Subset;
  /** Where it is written: `spec.subsets[0]`. */
  readonly index: number;
  readonly origin: Origin;
}

/** Rules for one host in one namespace, as one. */
export interface MergedDestinationRule {
  readonly rules: readonly DestinationRuleRule[];
  /** The first definition of a name wins. */
  readonly subsets: readonly MergedSubset[];
  /** The first that is there; policies are not merged. */
  readonly trafficPolicy: TrafficPolicy | undefined;
  /** The rule that `trafficPolicy` is from, else the first. */
  readonly origin: Origin;
}

/** `exportTo` is what a rule without one means. */
export function destinationRuleOf(
  stored: StoredObject,
  domain: string,
  exportTo?: readonly string[],
): DestinationRuleRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "DestinationRule")) return undefined;
  const { spec, metadata } = object;
  const selector = spec.workloadSelector?.matchLabels;
  const own = { type: "namespaces", namespaces: new Set([metadata.namespace]) } as const;
  return {
    origin: originOf(stored.loaded),
    createdAt: stored.createdAt,
    spec,
    host: resolveShortName(spec.host, metadata.namespace, domain).toLowerCase(),
    visibility: selector === undefined ? parseExportTo(spec.exportTo, metadata.namespace, exportTo) : own,
    selector,
    loaded: stored.loaded,
  };
}

/** Wherever in it a policy may stand. */
export const localitySettings = rememberByObject(({ spec }: DestinationRuleRule): readonly LocalityLbSetting[] =>
  [spec.trafficPolicy, ...(spec.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)].flatMap((policy) =>
    [policy, ...(policy?.portLevelSettings ?? [])].flatMap((level) => level?.loadBalancer?.localityLbSetting ?? []),
  ),
);

/** All rules of a namespace for one host pattern: with selector first, then without; merged where they may be. */
interface HostRules {
  readonly host: string;
  readonly merged: readonly { readonly rule: MergedDestinationRule; readonly selector: Labels | undefined }[];
}

/** Rules by namespace. Made once for a list of rules; what it returns for unchanged rules is the same object. */
export class DestinationRuleIndex {
  readonly #local = new Map<string, HostIndex<HostRules>>();
  readonly #private = new Map<string, HostIndex<HostRules>>();
  readonly #exported = new Map<string, HostRules[]>();
  readonly #exportedTo = new Map<string, HostIndex<HostRules>>();
  readonly #rootNamespace: string;

  /** `rules` are in order of creation. */
  constructor(rules: readonly DestinationRuleRule[], rootNamespace: string) {
    this.#rootNamespace = rootNamespace;
    for (const [namespace, own] of Map.groupBy(rules, ({ origin }) => origin.namespace)) {
      const used = own.filter(({ visibility }) => visibility.type !== "none");
      this.#local.set(namespace, indexOf(hostRules(used)));
      const isOwn = (rule: DestinationRuleRule): boolean => isPrivate(rule.visibility, namespace);
      if (namespace === rootNamespace) this.#private.set(namespace, indexOf(hostRules(used.filter(isOwn))));
      this.#exported.set(namespace, hostRules(used.filter((rule) => !isOwn(rule))));
    }
  }

  /**
   * The client's namespace, then the service's, then the root namespace: the first that has a rule for the host wins
   * entirely. (istio/istio `pilot/pkg/model/push_context.go` destinationRule)
   */
  find(service: MeshService, clientNamespace: string, clientLabels: Labels): MergedDestinationRule | undefined {
    const inRoot = clientNamespace === this.#rootNamespace;
    const local = (inRoot ? this.#private : this.#local).get(clientNamespace);
    return (
      pick(local?.find(service.host), clientLabels) ??
      pick(this.#exportedBy(service.namespace, clientNamespace).find(service.host), clientLabels) ??
      pick(this.#exportedBy(this.#rootNamespace, clientNamespace).find(service.host), clientLabels)
    );
  }

  #exportedBy(owner: string, client: string): HostIndex<HostRules> {
    const key = `${owner}/${client}`;
    let index = this.#exportedTo.get(key);
    if (index === undefined) {
      const visible = (this.#exported.get(owner) ?? []).filter(({ merged }) =>
        merged.some(({ rule }) => isVisibleTo(rule.rules[0]!.visibility, client)),
      );
      index = indexOf(visible);
      this.#exportedTo.set(key, index);
    }
    return index;
  }
}

function indexOf(rules: readonly HostRules[]): HostIndex<HostRules> {
  return new HostIndex(rules, ({ host }) => [host]);
}

function pick(found: HostRules | undefined, labels: Labels): MergedDestinationRule | undefined {
  return found?.merged.find(({ selector }) => matchesLabels(selector, labels))?.rule;
}

function hostRules(rules: readonly DestinationRuleRule[]): HostRules[] {
  return [...Map.groupBy(rules, ({ host }) => host)].map(([host, same]) => {
    const ordered = [...same.filter(({ selector }) => selector), ...same.filter(({ selector }) => !selector)];
    // Rules merge if they are exported to the same namespaces and select the same clients.
    const groups = [...Map.groupBy(ordered, ({ visibility, selector }) => mergeKey(visibility, selector)).values()];
    return { host, merged: groups.map((group) => ({ rule: merge(group), selector: group[0]!.selector })) };
  });
}

function mergeKey(visibility: Visibility, selector: Labels | undefined): string {
  const namespaces = visibility.type === "namespaces" ? [...visibility.namespaces].sort() : visibility.type;
  return JSON.stringify([namespaces, Object.entries(selector ?? {}).sort(([a], [b]) => compareText(a, b))]);
}

/** Merged rules by their first rule: the same rules give the same object, across indices. */
const mergedRules = new WeakMap<DestinationRuleRule, MergedDestinationRule>();

/** (istio/istio `pilot/pkg/model/destination_rule.go` mergeDestinationRule) */
function merge(rules: readonly DestinationRuleRule[]): MergedDestinationRule {
  const first = rules[0]!;
  const known = mergedRules.get(first);
  if (known !== undefined && known.rules.length === rules.length && rules.every((rule, i) => rule === known.rules[i])) {
    return known;
  }
  const subsets = new Map<string, MergedSubset>();
  for (const { spec, origin } of rules) {
    for (const [index, subset] of (spec.subsets ?? []).entries()) {
      if (!subsets.has(subset.name)) subsets.set(subset.name, { subset, index, origin });
    }
  }
  const policySource = rules.find(({ spec }) => spec.trafficPolicy !== undefined);
  const merged: MergedDestinationRule = {
    rules,
    subsets: [...subsets.values()],
    trafficPolicy: policySource?.spec.trafficPolicy,
    origin: (policySource ?? first).origin,
  };
  mergedRules.set(first, merged);
  return merged;
}
