/** PeerAuthentications: whether a workload takes mutual TLS, plaintext, or both. (istio/istio `pilot/pkg/security/authn/policy_applier.go`) */
import { isKind, matchesLabels } from "@tulle/api";
import type { LoadedObject, MutualTls, PeerAuthenticationSpec } from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { PolicyScope, PolicySubject } from "./policy-scope.ts";
import { policyScope } from "./policy-scope.ts";
import type { StoredObject } from "./stored-object.ts";

export type MutualTlsMode = Exclude<NonNullable<MutualTls["mode"]>, "UNSET">;

/** Where nobody says anything. */
const DEFAULT_MODE: MutualTlsMode = "PERMISSIVE";

export interface PeerAuthenticationRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly scope: PolicyScope;
  readonly spec: PeerAuthenticationSpec;
  readonly loaded: LoadedObject;
}

export function peerAuthenticationOf(stored: StoredObject): PeerAuthenticationRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "security.istio.io", "PeerAuthentication")) return undefined;
  const origin = originOf(stored.loaded);
  const { spec } = object;
  return { origin, createdAt: stored.createdAt, scope: policyScope(origin, spec), spec, loaded: stored.loaded };
}

/** What holds for one workload. */
export interface PeerModes {
  readonly mode: MutualTlsMode;
  /** By the workload's port. */
  readonly ofPorts: ReadonlyMap<number, MutualTlsMode>;
}

export function modeAt({ mode, ofPorts }: PeerModes, port: number): MutualTlsMode {
  return ofPorts.get(port) ?? mode;
}

export class PeerAuthentications {
  readonly rootNamespace: string;
  readonly #byNamespace: ReadonlyMap<string, readonly PeerAuthenticationRule[]>;

  /** `rules` are in order of age: of two for the same the older counts. */
  constructor(rules: readonly PeerAuthenticationRule[], rootNamespace: string) {
    this.rootNamespace = rootNamespace;
    this.#byNamespace = Map.groupBy(rules, ({ scope }) => scope.namespace);
  }

  modesOf(subject: PolicySubject): PeerModes {
    const ofWorkload = this.ofWorkload(subject);
    const chosen = [this.ofMesh, this.ofNamespace(subject.namespace), ofWorkload];
    const mode = chosen.reduce((inherited, rule) => written(rule?.spec.mtls) ?? inherited, DEFAULT_MODE);
    const ofPorts = Object.entries(ofWorkload?.spec.portLevelMtls ?? {}).map(
      ([port, settings]) => [Number(port), written(settings) ?? mode] as const,
    );
    return { mode, ofPorts: new Map(ofPorts) };
  }

  get ofMesh(): PeerAuthenticationRule | undefined {
    return this.#wide(this.rootNamespace);
  }

  ofNamespace(namespace: string): PeerAuthenticationRule | undefined {
    return namespace === this.rootNamespace ? undefined : this.#wide(namespace);
  }

  /** The root namespace has none: there a selector selects nobody. */
  ofWorkload({ namespace, labels }: PolicySubject): PeerAuthenticationRule | undefined {
    if (namespace === this.rootNamespace) return undefined;
    return this.#byNamespace
      .get(namespace)
      ?.find(({ scope: { selector } }) => selector !== undefined && matchesLabels(selector, labels));
  }

  #wide(namespace: string): PeerAuthenticationRule | undefined {
    return this.#byNamespace.get(namespace)?.find(({ scope }) => scope.selector === undefined);
  }
}

function written(settings: MutualTls | undefined): MutualTlsMode | undefined {
  const mode = settings?.mode ?? "UNSET";
  return mode === "UNSET" ? undefined : mode;
}
