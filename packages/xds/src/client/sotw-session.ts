/** The client's side of state-of-the-world xDS on one stream. (xds_protocol, "State of the World") */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../clock.ts";
import type {
  DiscoveryRequestSchema,
  DiscoveryResponse,
  Resource,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { resourceName } from "./resource-name.ts";
import { HEALTH_INFORMATION } from "../type-url.ts";
import type { Batch, ErrorDetail, Session, Subscriptions, Verdict } from "./session.ts";
import { deliver } from "./session.ts";
import type { TypeSubscription } from "./type-subscription.ts";
import { hasLegacyWildcard } from "./type-subscription.ts";
import type { ReceivedResource } from "./types.ts";

export type SotwRequestInit = MessageInitShape<typeof DiscoveryRequestSchema>;

export interface SotwSessionOptions {
  readonly subscriptions: Subscriptions;
  readonly clock: Clock;
  readonly send: (request: SotwRequestInit) => void;
  readonly decode: (bytes: Uint8Array) => DiscoveryResponse;
  /** Resources may come wrapped, to carry a name or a time to live. */
  readonly decodeWrapper: (bytes: Uint8Array) => Resource;
  /** A response of the type and from the control plane of that name (empty if it gave none) has come. */
  readonly onResponse: (typeUrl: string, controlPlane: string) => void;
}

const WRAPPER = "type.googleapis.com/envoy.service.discovery.v3.Resource";

export class SotwSession implements Session {
  readonly #options: SotwSessionOptions;
  /** Names that the server knows we want, by type, on this stream. */
  readonly #told = new Map<string, Set<string>>();
  /** Of the last response of each type. */
  readonly #nonces = new Map<string, string>();

  constructor(options: SotwSessionOptions) {
    this.#options = options;
  }

  request(subscription: TypeSubscription, verdict?: Verdict): void {
    const { typeUrl, wanted, fresh } = subscription;
    const told = this.#told.get(typeUrl);
    if (told === undefined && wanted.size === 0) return;
    const same = told !== undefined && fresh.size === 0 && told.size === wanted.size;
    if (verdict === undefined && same) return;
    // An empty list would mean "all" to a server that has had no other from us.
    if (wanted.size === 0 && told?.has("*") === true) return;
    this.#send(subscription, wanted, verdict);
    this.#told.set(typeUrl, new Set(wanted));
    fresh.clear();
  }

  reportHealth(error: ErrorDetail | undefined): void {
    this.#options.send({ typeUrl: HEALTH_INFORMATION, ...(error === undefined ? {} : { errorDetail: error }) });
  }

  receive(bytes: Uint8Array): void {
    const response = this.#options.decode(bytes);
    const { typeUrl, nonce, versionInfo } = response;
    this.#options.onResponse(typeUrl, response.controlPlane?.identifier ?? "");
    this.#nonces.set(typeUrl, nonce);
    const subscription = this.#options.subscriptions.get(typeUrl);
    if (subscription === undefined) return;
    const resources: ReceivedResource[] = response.resources.map((any) => this.#unwrap(any, versionInfo));
    const removed = hasLegacyWildcard(typeUrl) ? absent(subscription, resources) : [];
    const batch: Batch = { version: versionInfo, resources, removed };
    const verdict: Verdict = { nonce, error: deliver(subscription, batch, this.#options.clock) };
    if (subscription.paused === 0) this.request(subscription, verdict);
    else this.#send(subscription, this.#told.get(typeUrl) ?? new Set(), verdict);
  }

  #send(subscription: TypeSubscription, names: ReadonlySet<string>, verdict: Verdict | undefined): void {
    const { typeUrl, stats } = subscription;
    const all = names.size === 1 && names.has("*") && hasLegacyWildcard(typeUrl);
    const error = verdict?.error;
    this.#options.send({
      typeUrl,
      versionInfo: stats.versionText,
      resourceNames: all ? [] : [...names],
      responseNonce: verdict?.nonce ?? this.#nonces.get(typeUrl) ?? "",
      ...(error === undefined ? {} : { errorDetail: error }),
    });
  }

  #unwrap(any: { typeUrl: string; value: Uint8Array }, version: string): ReceivedResource {
    if (any.typeUrl !== WRAPPER) {
      return { name: resourceName(any.value), version, typeUrl: any.typeUrl, value: any.value, aliases: [] };
    }
    const { name, aliases, resource } = this.#options.decodeWrapper(any.value);
    const value = resource?.value ?? new Uint8Array();
    return { name: name || resourceName(value), version, typeUrl: resource?.typeUrl ?? "", value, aliases };
  }
}

/** Held or asked for, and not in a response that is complete. */
function absent(subscription: TypeSubscription, resources: readonly ReceivedResource[]): string[] {
  const present = new Set(resources.map((resource) => resource.name));
  const expected = new Set([...subscription.held.keys(), ...subscription.wanted]);
  expected.delete("*");
  return [...expected].filter((name) => !present.has(name));
}
