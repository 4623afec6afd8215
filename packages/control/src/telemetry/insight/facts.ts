/** What the configuration and the registry say of those whom the numbers name. The main thread tells it whenever it changes. */
import type { Badge, ObjectRef } from "@tulle/telemetry/insight";

export interface MeshFacts {
  readonly services: readonly ServiceFacts[];
  readonly workloads: readonly WorkloadFacts[];
  readonly rules: readonly RuleFacts[];
}

export interface ServiceFacts {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly external: boolean;
  readonly badges: readonly Badge[];
  readonly objects: readonly ObjectRef[];
  readonly ports: readonly { readonly number: number; readonly name: string; readonly protocol: string }[];
}

export interface WorkloadFacts {
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly version: string;
  readonly isGateway: boolean;
  /** Hosts of services that it is behind. */
  readonly services: readonly string[];
  readonly addresses: readonly string[];
  readonly instances: number;
  /** Healthy, and its proxy connected. */
  readonly ready: number;
  readonly proxies: readonly {
    readonly id: string;
    readonly state: "SYNCED" | "STALE" | "NACKED";
    readonly error: string;
  }[];
  readonly badges: readonly Badge[];
  readonly objects: readonly ObjectRef[];
}

/** A rule that delays requests on purpose. */
export interface RuleFacts {
  readonly kind: "delay";
  /** Of the VirtualService, all that it names, lower case and fully qualified. */
  readonly hosts: readonly string[];
  /** Name of its route; "" if it has none. */
  readonly route: string;
  readonly delayMs: number;
  readonly percent: number;
  /** Subsets that it sends to. */
  readonly subsets: readonly string[];
  readonly object: ObjectRef;
}

export const NO_FACTS: MeshFacts = { services: [], workloads: [], rules: [] };

/** Facts by the names that metrics and spans have. */
export class FactIndex {
  readonly facts: MeshFacts;
  readonly #serviceByHost: ReadonlyMap<string, ServiceFacts>;
  readonly #serviceByName: ReadonlyMap<string, ServiceFacts>;
  readonly #workloads: ReadonlyMap<string, WorkloadFacts>;

  constructor(facts: MeshFacts) {
    this.facts = facts;
    this.#serviceByHost = new Map(facts.services.map((service) => [service.host, service]));
    this.#serviceByName = new Map(facts.services.map((service) => [`${service.namespace}/${service.name}`, service]));
    this.#workloads = new Map(facts.workloads.map((workload) => [`${workload.namespace}/${workload.name}`, workload]));
  }

  service(namespace: string, name: string, host = ""): ServiceFacts | undefined {
    return this.#serviceByHost.get(host.toLowerCase()) ?? this.#serviceByName.get(`${namespace}/${name}`);
  }

  workload(namespace: string, name: string): WorkloadFacts | undefined {
    return this.#workloads.get(`${namespace}/${name}`);
  }

  /** The workloads behind a service. */
  behind(host: string): readonly WorkloadFacts[] {
    return this.facts.workloads.filter(({ services }) => services.includes(host));
  }

  /** The rules that may have delayed a request for this host. */
  delays(host: string): readonly RuleFacts[] {
    return this.facts.rules.filter(({ hosts }) => hosts.includes(host.toLowerCase()));
  }
}
