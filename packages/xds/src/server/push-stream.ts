/**
 * One ADS stream as a state machine: which type may be sent next, and what became of what was sent. Knows neither gRPC
 * nor the two variants of the protocol (delta-stream.ts, sotw-stream.ts).
 *
 * A stream pushes one view at a time (`#active`), type by type in make-before-break order, each answered before the
 * next is sent; whatever comes meanwhile replaces `#pending`, so a slow client gets the newest view and never a queue.
 * What the client itself asks for is answered at once, unless something that it may refer to has yet to be sent.
 */
import type { Clock } from "../clock.ts";
import type { ResourceSet, ResourceView } from "../resource.ts";
import { PUSH_ORDER, TYPE } from "../type-url.ts";
import { EndpointGate } from "./endpoint-gate.ts";
import type { Selection } from "./set-diff.ts";
import { Subscription } from "./subscription.ts";
import type { AdsEvents, TypeSyncStatus } from "./types.ts";
import { AdsRefusal } from "./types.ts";
import type { Variant } from "./wire.ts";
import { encodeBody, encodeNonce } from "./wire.ts";

/** A response to be written: `body` is shared between streams, `tail` (the nonce) is this stream's own. */
export interface OutboundResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly body: Buffer;
  readonly tail: Buffer;
}

export interface PushStreamOptions {
  readonly id: string;
  readonly view: ResourceView;
  readonly clock: Clock;
  readonly events: AdsEvents;
  /** Writes a response; `written` is to be called when the transport has taken it. */
  readonly write: (response: OutboundResponse) => void;
}

/** What both kinds of request say about the response they answer. */
export interface Answer {
  readonly responseNonce: string;
  readonly errorDetail?: { readonly code: number; readonly message: string } | undefined;
}

/** Far above what a client of ours or Envoy needs; a stream that asks for more is ended. */
const MAX_TYPES = 32;
const MAX_NAMES = 100_000;
/** google.rpc.Code */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

const ENDPOINTS_ORDER = PUSH_ORDER.indexOf(TYPE.endpoints);

export abstract class PushStream {
  protected abstract readonly variant: Variant;
  readonly #options: PushStreamOptions;
  /** In push order. */
  readonly #subscriptions: Subscription[] = [];
  readonly #gate: EndpointGate;
  #active: ResourceView;
  #pending: ResourceView | undefined = undefined;
  #writing = false;
  #closed = false;
  #lastNonce = 0;
  #announced: ResourceView | undefined = undefined;

  constructor(options: PushStreamOptions) {
    this.#options = options;
    this.#active = options.view;
    this.#gate = new EndpointGate(options.clock, () => this.#pump());
  }

  /** What goes to the client for `subscription` to be in step with `view`; undefined: nothing has to be sent. */
  protected abstract select(
    subscription: Subscription,
    view: ResourceView,
    deferRemovals: boolean,
  ): Selection | undefined;

  /** The message that tells the client of `subscription.removals`. */
  protected abstract selectRemovals(subscription: Subscription, view: ResourceView): Selection;

  /** The view that the client is to hold from now on. */
  update(view: ResourceView): void {
    if (view === this.target) return;
    this.#pending = view;
    this.#pump();
  }

  get target(): ResourceView {
    return this.#pending ?? this.#active;
  }

  /** The transport has taken the last response: the next may follow. */
  written(): void {
    this.#writing = false;
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#gate.open();
  }

  status(): TypeSyncStatus[] {
    return this.#subscriptions.map((subscription) => subscription.status(this.target));
  }

  /** The view that requests are answered from. */
  protected get view(): ResourceView {
    return this.#active;
  }

  protected find(typeUrl: string): Subscription | undefined {
    return this.#subscriptions.find((subscription) => subscription.typeUrl === typeUrl);
  }

  /** The state of a type, made at its first request. Throws AdsRefusal if that is one too many. */
  protected subscription(typeUrl: string): Subscription {
    const known = this.find(typeUrl);
    if (known !== undefined) return known;
    if (typeUrl === "") throw new AdsRefusal(INVALID_ARGUMENT, "a request on an aggregated stream needs a type_url");
    if (this.#subscriptions.length >= MAX_TYPES) {
      throw new AdsRefusal(RESOURCE_EXHAUSTED, `a stream may subscribe to ${MAX_TYPES} types`);
    }
    const subscription = new Subscription(typeUrl);
    this.#subscriptions.push(subscription);
    this.#subscriptions.sort((a, b) => a.order - b.order);
    return subscription;
  }

  /** To be called when a request has been read. Throws AdsRefusal if the client has subscribed to too much. */
  protected requested(): void {
    let names = 0;
    for (const subscription of this.#subscriptions) names += subscription.names.size + subscription.prefixes.size;
    if (names > MAX_NAMES) {
      throw new AdsRefusal(RESOURCE_EXHAUSTED, `a stream may subscribe to ${MAX_NAMES} names, this one has ${names}`);
    }
    this.#pump();
  }

  /** Takes note of an ACK or NACK. False if it is about another response than the one in flight. */
  protected answered(subscription: Subscription, answer: Answer): boolean {
    const sent = subscription.inFlight;
    if (sent === undefined || answer.responseNonce !== sent.nonce) return false;
    subscription.inFlight = undefined;
    const { id: streamId, clock, events } = this.#options;
    const { nonce, version } = sent;
    const at = clock.now();
    const typeUrl = subscription.typeUrl;
    if (answer.errorDetail === undefined) {
      subscription.acks += 1;
      subscription.error = undefined;
      subscription.lastAckedVersion = version;
      subscription.lastAckedAt = at;
      events.onAck?.({ streamId, typeUrl, version, nonce, tookMs: at - sent.sentAt });
    } else {
      subscription.nacks += 1;
      const { message, code } = answer.errorDetail;
      subscription.error = { message, code, nonce, version, at };
      for (const resource of sent.selection.resources) subscription.doubtful.add(resource.name);
      for (const name of sent.selection.removed) subscription.doubtful.add(name);
      if (typeUrl === TYPE.cluster) this.#gate.open();
      events.onNack?.({ streamId, typeUrl, error: subscription.error });
    }
    return true;
  }

  #pump(): void {
    while (!this.#closed && !this.#writing) {
      if (this.#pushNext()) continue;
      const busy = this.#subscriptions.some((subscription) => subscription.inFlight !== undefined);
      if (busy || this.#writing || this.#gate.closed) return;
      if (this.#removeNext()) continue;
      if (this.#pending === undefined) {
        this.#announce();
        return;
      }
      this.#active = this.#pending;
      this.#pending = undefined;
    }
  }

  /** Sends what is first in push order and may be sent; false if there is none. */
  #pushNext(): boolean {
    const view = this.#active;
    const busy = this.#subscriptions.some((subscription) => subscription.inFlight !== undefined);
    for (const subscription of this.#subscriptions) {
      const { asked } = subscription;
      if (!asked && !subscription.behind(view)) continue;
      if (subscription.inFlight !== undefined) continue;
      if (!asked && (busy || (this.#gate.closed && subscription.order > ENDPOINTS_ORDER))) return false;
      const held = subscription.held;
      const selection = this.select(subscription, view, this.#mustDeferRemovals(subscription));
      subscription.settle(view);
      if (selection === undefined) continue;
      this.#send(subscription, selection);
      if (subscription.typeUrl === TYPE.cluster) this.#clustersSent(selection, held);
      return true;
    }
    return false;
  }

  /** Clusters and endpoints stay until the client has what no longer refers to them. */
  #mustDeferRemovals(subscription: Subscription): boolean {
    if (subscription.order > ENDPOINTS_ORDER) return false;
    // After a reconnect: what the client still has of other types is not known yet.
    if (subscription.claimed !== undefined) return true;
    return this.#subscriptions.some(
      (other) => other.order > ENDPOINTS_ORDER && (other.inFlight !== undefined || other.behind(this.#active)),
    );
  }

  /** Clusters before endpoints: the client drops the endpoints of a cluster with the cluster. */
  #removeNext(): boolean {
    for (const subscription of this.#subscriptions) {
      if (subscription.removals.size === 0) continue;
      const selection = this.selectRemovals(subscription, this.#active);
      subscription.removals.clear();
      this.#send(subscription, selection);
      return true;
    }
    return false;
  }

  #send(subscription: Subscription, selection: Selection): void {
    const version = subscription.setIn(this.#active).version;
    const nonce = String((this.#lastNonce += 1));
    const { typeUrl } = subscription;
    const body = encodeBody(this.variant, typeUrl, version, selection);
    const tail = encodeNonce(nonce);
    const sentAt = this.#options.clock.now();
    subscription.inFlight = { nonce, version, sentAt, selection };
    subscription.nonce = nonce;
    subscription.lastSentVersion = version;
    subscription.lastSentAt = sentAt;
    subscription.pushes += 1;
    subscription.bytesSent += body.length + tail.length;
    this.#writing = true;
    this.#options.write({ typeUrl, version, nonce, body, tail });
  }

  #announce(): void {
    if (this.#announced === this.#active || this.#subscriptions.length === 0) return;
    this.#announced = this.#active;
    this.#options.events.onSynced?.({ streamId: this.#options.id, viewVersion: this.#active.version });
  }

  /** New clusters make the client subscribe to their endpoints; for changed ones it wants them once more. */
  #clustersSent(selection: Selection, held: ResourceSet | undefined): void {
    const endpoints = this.find(TYPE.endpoints);
    if (held !== undefined) this.#gate.expect(selection, held, endpoints, this.#active.set(TYPE.endpoints));
    if (endpoints !== undefined) this.clustersChanged(selection, endpoints);
  }

  /** Clusters are on their way, and `endpoints` is what the client has subscribed to of these. */
  protected abstract clustersChanged(clusters: Selection, endpoints: Subscription): void;

  /** A subscription names endpoints that a pushed cluster was waiting for. */
  protected endpointsSubscribed(name: string): void {
    this.#gate.subscribed(name);
  }
}
