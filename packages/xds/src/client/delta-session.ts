/** The client's side of incremental xDS on one stream. (xds_protocol, "Incremental xDS") */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../clock.ts";
import type {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponse,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { HEALTH_INFORMATION } from "../type-url.ts";
import type { Batch, ErrorDetail, Session, Subscriptions, Verdict } from "./session.ts";
import { deliver } from "./session.ts";
import type { TypeSubscription } from "./type-subscription.ts";
import { hasLegacyWildcard } from "./type-subscription.ts";

export type DeltaRequestInit = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

export interface DeltaSessionOptions {
  readonly subscriptions: Subscriptions;
  readonly clock: Clock;
  readonly send: (request: DeltaRequestInit) => void;
  readonly decode: (bytes: Uint8Array) => DeltaDiscoveryResponse;
  /** A response of the type and from the control plane of that name (empty if it gave none) has come. */
  readonly onResponse: (typeUrl: string, controlPlane: string) => void;
}

export class DeltaSession implements Session {
  readonly #options: DeltaSessionOptions;
  /** Names that the server knows we want, by type, on this stream. */
  readonly #told = new Map<string, Set<string>>();

  constructor(options: DeltaSessionOptions) {
    this.#options = options;
  }

  request(subscription: TypeSubscription, verdict?: Verdict): void {
    const { typeUrl, wanted, fresh, held } = subscription;
    const told = this.#told.get(typeUrl);
    const { nonce, error } = verdict ?? { nonce: "", error: undefined };
    const answer = { typeUrl, responseNonce: nonce, ...(error === undefined ? {} : { errorDetail: error }) };
    if (told === undefined) {
      if (wanted.size === 0) return;
      const all = wanted.size === 1 && wanted.has("*") && hasLegacyWildcard(typeUrl);
      this.#options.send({
        ...answer,
        resourceNamesSubscribe: all ? [] : [...wanted],
        initialResourceVersions: Object.fromEntries(held),
      });
    } else {
      const subscribe = [...wanted].filter((name) => fresh.has(name) || !told.has(name));
      const unsubscribe = [...told].filter((name) => !wanted.has(name));
      if (verdict === undefined && subscribe.length === 0 && unsubscribe.length === 0) return;
      this.#options.send({ ...answer, resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe });
    }
    this.#told.set(typeUrl, new Set(wanted));
    fresh.clear();
  }

  reportHealth(error: ErrorDetail | undefined): void {
    this.#options.send({ typeUrl: HEALTH_INFORMATION, ...(error === undefined ? {} : { errorDetail: error }) });
  }

  receive(bytes: Uint8Array): void {
    const response = this.#options.decode(bytes);
    const { typeUrl, nonce } = response;
    this.#options.onResponse(typeUrl, response.controlPlane?.identifier ?? "");
    const subscription = this.#options.subscriptions.get(typeUrl);
    if (subscription === undefined) return;
    const error = deliver(subscription, batchOf(response), this.#options.clock);
    this.#answer(subscription, { nonce, error });
  }

  /** While the type is paused its answers still leave, without the subscriptions that wait. */
  #answer(subscription: TypeSubscription, verdict: Verdict): void {
    if (subscription.paused === 0) {
      this.request(subscription, verdict);
      return;
    }
    const { nonce, error } = verdict;
    const errorDetail = error === undefined ? {} : { errorDetail: error };
    this.#options.send({ typeUrl: subscription.typeUrl, responseNonce: nonce, ...errorDetail });
  }
}

function batchOf(response: DeltaDiscoveryResponse): Batch {
  const resources = response.resources.map(({ name, version, aliases, resource }) => ({
    name,
    version,
    aliases,
    typeUrl: resource?.typeUrl ?? "",
    value: resource?.value ?? new Uint8Array(),
  }));
  const named = response.removedResourceNames.map((removed) => removed.name);
  return { version: response.systemVersionInfo, resources, removed: [...response.removedResources, ...named] };
}
