/** What the ADS client delivers, and what it asks of those who receive. */
import type { ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";
import type { Clock } from "../clock.ts";
import type { DiscoveryServiceName } from "../discovery-services.ts";
import type { Node } from "../gen/envoy/config/core/v3/base_pb.js";
import type { Log } from "../log.ts";

/** A resource as it came: not decoded beyond its `Any`. */
export interface ReceivedResource {
  readonly name: string;
  /** The resource's own version (delta), or the response's (state of the world). */
  readonly version: string;
  readonly typeUrl: string;
  /** The encoded message of type `typeUrl`. */
  readonly value: Uint8Array;
  readonly aliases: readonly string[];
}

/** The content of one response. */
export interface ResourceUpdate {
  readonly typeUrl: string;
  /** system_version_info or version_info. */
  readonly version: string;
  /** Added or changed, by name. In state of the world everything that the response holds. */
  readonly updated: ReadonlyMap<string, ReceivedResource>;
  /** Gone, or asked for and not there. */
  readonly removed: readonly string[];
}

export interface RejectedResource {
  readonly name: string;
  /** Why: field and value. It is sent to the server and shown there. */
  readonly message: string;
}

/** Receives the resources of one type. */
export interface ResourceWatcher {
  /**
   * Applies what is valid. Returning nothing acknowledges. Returning rejects, or throwing, refuses the response with
   * their reasons: rejected resources (all of them after a throw) count as not received, so the old version stays.
   */
  onUpdate(update: ResourceUpdate): readonly RejectedResource[] | void;
  /**
   * Some names (or `*`) were not answered within the initial fetch timeout; called once for those names. Whatever
   * waits for them goes on without. An answer may still come later.
   */
  onInitialFetchTimeout?(names: readonly string[]): void;
}

/** Counters and gauges of one type, by Envoy's names. (Envoy docs, "xDS subscription statistics") */
export interface SubscriptionStats {
  updateAttempt: number;
  updateSuccess: number;
  updateFailure: number;
  updateRejected: number;
  initFetchTimeout: number;
  /** Of the last accepted response; empty before. */
  versionText: string;
  /** When that was, in milliseconds since the epoch; 0 before. */
  updateTime: number;
}

/** (Envoy docs, "Management server statistics": control_plane.*) */
export interface ControlPlaneStats {
  /** 1 while a stream is up and has had a message, else 0. */
  connectedState: 0 | 1;
  /** control_plane.identifier of the last response that had one. */
  identifier: string;
  /** Streams opened. */
  connectAttempts: number;
  /** Streams that ended, whether they had ever worked or not. */
  connectFailures: number;
  /** Why the last stream ended; empty before. */
  lastError: string;
}

export interface AdsClientOptions {
  /** gRPC target of the management server: `127.0.0.1:15010`, `dns:///tulle.example:15010`, `unix:/run/ads.sock`. */
  readonly target: string;
  /** Sent with the first request of each stream. */
  readonly node: Node;
  /** Default `ads`. */
  readonly service?: DiscoveryServiceName;
  /** Default `delta`. */
  readonly mode?: "delta" | "sotw";
  /** Default: insecure. A function is asked with each attempt to connect; what it throws ends the attempt. */
  readonly credentials?: ChannelCredentials | (() => ChannelCredentials);
  /** Added to, and taking precedence over, the client's own (keepalive, message sizes). */
  readonly channelOptions?: ChannelOptions;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the jitter of the back-off. Default Math.random. */
  readonly random?: () => number;
  readonly log?: Log;
  /** Milliseconds; 0 waits forever. Default 15,000. (Envoy config.core.v3.ConfigSource.initial_fetch_timeout) */
  readonly initialFetchTimeoutMs?: number;
  /** Called when a stream has had its first message, and when it has ended. */
  readonly onConnection?: (connected: boolean, reason: string) => void;
}

/** The client, as its users see it. (`AdsClient` in ads-client.ts) */
export interface ResourceSubscriber {
  /**
   * Adds names to a type's subscription; `*` is all that the server has for this node. One watcher a type: the first
   * call sets it, later ones must pass the same. Requests of one turn of the event loop leave as one message.
   */
  subscribe(typeUrl: string, names: Iterable<string> | "*", watcher: ResourceWatcher): void;
  /** Takes names away, or the whole type. What was received of them is forgotten. */
  unsubscribe(typeUrl: string, names?: Iterable<string> | "*"): void;
  /**
   * Holds back requests of these types until the returned function is called, so that the subscriptions which follow
   * from applying another type leave in one message. Counted: each pause needs its own resume.
   */
  pause(typeUrls: Iterable<string>): () => void;
  /**
   * Tells the server how the workload is, now and after every reconnect. `message` says why it is not healthy.
   * Servers that are not Istio's kind ignore it.
   */
  reportHealth(healthy: boolean, message?: string): void;
  readonly controlPlane: Readonly<ControlPlaneStats>;
  /** Undefined for types never subscribed to. */
  stats(typeUrl: string): Readonly<SubscriptionStats> | undefined;
}
