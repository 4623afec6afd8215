/** Keeps every connected proxy in step: decides when a new snapshot is made, and hands each stream its view of it. */
import { status as Status } from "@grpc/grpc-js";
import type { Clock, Log, ResourceView } from "@tulle/xds";
import { AdsRefusal } from "@tulle/xds/server";
import type { AdsConnection, AdsSource, PeerSecurity } from "@tulle/xds/server";
import type { TrustDomains } from "../identity/callers.ts";
import type { Snapshot, SnapshotInput } from "../model/snapshot.ts";
import { SnapshotBuilder } from "../model/snapshot.ts";
import type { MeshOptions } from "../model/snapshot.ts";
import { MetadataError } from "../source/registration/metadata.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { readNode } from "../source/registration/node.ts";
import { provenNode } from "../source/registration/proven-node.ts";
import type { WorkloadRegistry } from "../source/registration/registry.ts";
import type { Capabilities } from "../translate/data-plane.ts";
import { capabilitiesOf } from "../translate/data-plane.ts";
import { Debounce } from "./debounce.ts";
import { namesSecrets } from "./secrets.ts";
import { ProxyView } from "./proxy-view.ts";
import { Views } from "./views.ts";

export interface ConnectedProxy {
  readonly streamId: string;
  readonly node: ProxyNode;
  readonly peer: string;
  readonly delta: boolean;
  readonly security: PeerSecurity;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** What it is to hold. */
  readonly target: ResourceView;
}

export interface PushStats {
  /** Pushes since the start, and milliseconds that computing the last one took. */
  readonly pushes: number;
  readonly lastPushMs: number;
}

export interface PusherOptions {
  readonly mesh: MeshOptions;
  /** The inputs as they are now. */
  readonly read: () => SnapshotInput;
  readonly registry: WorkloadRegistry;
  /** Hands a stream its view. */
  readonly update: (streamId: string, view: ResourceView) => void;
  /** Of which proxies' identities must be. */
  readonly trustDomains: () => TrustDomains;
  readonly clock: Clock;
  readonly log: Log;
}

interface Proxy {
  readonly streamId: string;
  readonly node: ProxyNode;
  readonly capabilities: Capabilities;
  readonly connection: AdsConnection;
  readonly connectedAt: number;
  readonly view: ProxyView;
  target: ResourceView;
}

export class Pusher implements AdsSource {
  readonly #options: PusherOptions;
  readonly #builder: SnapshotBuilder;
  readonly #views: Views;
  readonly #proxies = new Map<string, Proxy>();
  readonly #debounce: Debounce;
  #snapshot: Snapshot;
  #pushes = 0;
  #lastPushMs = 0;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#builder = new SnapshotBuilder(options.mesh);
    this.#snapshot = this.#builder.next(options.read());
    this.#views = new Views(this.#snapshot);
    this.#debounce = new Debounce(options.clock, () => this.#push());
  }

  /** Of the inputs as they are now, which the next push may still be waiting for. */
  current(): Snapshot {
    const input = this.#options.read();
    const { objects, workloads, issuers } = this.#snapshot;
    const isOther =
      input.objects !== objects || input.workloads !== workloads || (input.issuers ?? issuers) !== issuers;
    if (isOther) this.#snapshot = this.#builder.next(input);
    return this.#snapshot;
  }

  get stats(): PushStats {
    return { pushes: this.#pushes, lastPushMs: this.#lastPushMs };
  }

  proxies(): readonly ConnectedProxy[] {
    return [...this.#proxies.values()].map(({ streamId, node, connection, connectedAt, target }) => ({
      streamId,
      node,
      peer: connection.peer,
      delta: connection.delta,
      security: connection.security,
      connectedAt,
      target,
    }));
  }

  /** Some input is another than before. */
  changed(): void {
    this.#debounce.call();
  }

  /** Some change waits for the next push: no proxy has been told of it. */
  get pending(): boolean {
    return this.#debounce.pending;
  }

  connect(connection: AdsConnection): ResourceView {
    const node = readNodeOf(connection, this.#options.trustDomains());
    const capabilities = capabilitiesOf(node.dataPlane, connection.delta, node.capture !== undefined);
    // (istio/istio `pilot/pkg/xds/sds.go`: no verified identity, no credentials)
    const isProven = connection.security.kind !== "plaintext";
    if (!isProven && namesSecrets(node, this.#snapshot)) {
      this.#options.log("warn", "a proxy that has proved no identity gets no Secrets: let it connect over TLS", {
        node: node.id,
        peer: connection.peer,
      });
    }
    const view = new ProxyView(node, capabilities, this.#views.caches, isProven);
    const target = this.#views.view(view, node, capabilities);
    const connectedAt = this.#options.clock.now();
    const streamId = connection.id;
    this.#proxies.set(streamId, { streamId, node, capabilities, connection, connectedAt, view, target });
    this.#options.registry.connect(streamId, node);
    return target;
  }

  disconnect(streamId: string): void {
    this.#proxies.delete(streamId);
    this.#options.registry.disconnect(streamId);
  }

  close(): void {
    this.#debounce.close();
  }

  #push(): void {
    const started = this.#options.clock.now();
    this.#views.advance(this.current());
    let updated = 0;
    for (const proxy of this.#proxies.values()) if (this.#update(proxy)) updated++;
    this.#pushes++;
    this.#lastPushMs = this.#options.clock.now() - started;
    this.#options.log("debug", "push", { proxies: this.#proxies.size, updated, ms: this.#lastPushMs });
  }

  /** Whether there was something new. One proxy's trouble must not keep the others from their configuration. */
  #update(proxy: Proxy): boolean {
    const { view, node, capabilities, streamId } = proxy;
    try {
      const target = this.#views.view(view, node, capabilities);
      if (target === proxy.target) return false;
      proxy.target = target;
      this.#options.update(streamId, target);
      return true;
    } catch (error) {
      this.#options.log("error", "cannot make a proxy's configuration; it keeps what it has", { node: node.id, error });
      return false;
    }
  }
}

function readNodeOf({ node, security }: AdsConnection, trustDomains: TrustDomains): ProxyNode {
  try {
    const claimed = readNode(node);
    return security.identity === undefined ? claimed : provenNode(node, claimed, security.identity, trustDomains);
  } catch (error) {
    if (error instanceof MetadataError) throw new AdsRefusal(Status.INVALID_ARGUMENT, error.message);
    throw error;
  }
}
