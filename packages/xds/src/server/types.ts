/** What the ADS server asks of its owner, and what it tells. */
import type { Node } from "../gen/envoy/config/core/v3/base_pb.js";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { ResourceView } from "../resource.ts";

/** How the connection under a stream is secured, and what is known of who is at its other end. */
export interface PeerSecurity {
  /** `local`: a socket that only this machine's user can open; `token`: TLS, and a token that says who it is. */
  readonly kind: "plaintext" | "local" | "token" | "mtls";
  /** A SPIFFE id; undefined if the peer has proved none. */
  readonly identity?: string;
  /** When the proof ends, in milliseconds since the epoch: the stream ends then, too. */
  readonly expiresAt?: number;
}

/** A client's ADS stream, as its first request described it. */
export interface AdsConnection {
  /** Unique within the server; names the stream in `update`, `status` and events. */
  readonly id: string;
  readonly node: Node;
  /** Address of the other end, as gRPC gives it: `127.0.0.1:41234`. */
  readonly peer: string;
  /** True: DeltaAggregatedResources; false: StreamAggregatedResources (state of the world). */
  readonly delta: boolean;
  readonly security: PeerSecurity;
}

/** Decides what each client gets. Its methods are called synchronously and must not block. */
export interface AdsSource {
  /** Called at a stream's first request. Throw an AdsRefusal to end the stream with a status. */
  connect(connection: AdsConnection): ResourceView;
  /** Called once for each stream that `connect` accepted, when it has ended for whatever reason. */
  disconnect(streamId: string): void;
  /** The client has said how its workload is; `message` is its reason for not being healthy, else empty. */
  health?(streamId: string, healthy: boolean, message: string): void;
}

/** Ends a stream with a gRPC status that the client sees. `code` is a number of `status` in @grpc/grpc-js. */
export class AdsRefusal extends Error {
  override readonly name = "AdsRefusal";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Whether a client has what it should have, in istioctl's words. */
export type SyncState = "SYNCED" | "STALE" | "NOT SENT" | "NACKED";

/** A response that the client refused. It is not sent again before something changes. */
export interface NackDetail {
  /** The client's words. */
  readonly message: string;
  /** google.rpc.Code of the error detail. */
  readonly code: number;
  readonly nonce: string;
  readonly version: string;
  readonly at: number;
}

/** One type on one stream. Times are milliseconds since the epoch by the server's clock. */
export interface TypeSyncStatus {
  readonly typeUrl: string;
  /** SYNCED: acknowledged and nothing newer; STALE: sent and not answered yet, or newer content waits. */
  readonly state: SyncState;
  /** `*`, or the number of subscribed names (with `*` and names: `*`). */
  readonly subscribed: "*" | number;
  readonly lastSentVersion: string | undefined;
  readonly lastSentAt: number | undefined;
  readonly lastAckedVersion: string | undefined;
  readonly lastAckedAt: number | undefined;
  /** Nonce of the last response. */
  readonly nonce: string | undefined;
  /** The last refusal, until a later response is accepted. */
  readonly error: NackDetail | undefined;
  readonly pushes: number;
  readonly acks: number;
  readonly nacks: number;
  readonly bytesSent: number;
}

export interface ProxySyncStatus {
  readonly streamId: string;
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly peer: string;
  readonly delta: boolean;
  readonly connectedAt: number;
  /** Version of the view that the stream is to hold. */
  readonly viewVersion: string;
  /** In the order of first subscription. */
  readonly types: readonly TypeSyncStatus[];
}

/** Told as it happens. Handlers must not throw. */
export interface AdsEvents {
  onAck?(event: {
    readonly streamId: string;
    readonly typeUrl: string;
    readonly version: string;
    readonly nonce: string;
    /** From handing the response to gRPC until its acknowledgement arrived, in milliseconds. */
    readonly tookMs: number;
  }): void;
  onNack?(event: { readonly streamId: string; readonly typeUrl: string; readonly error: NackDetail }): void;
  /** A stream's view has been delivered in full: nothing in flight, nothing pending. */
  onSynced?(event: { readonly streamId: string; readonly viewVersion: string }): void;
}

export interface AdsServerOptions {
  readonly source: AdsSource;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly events?: AdsEvents;
}
