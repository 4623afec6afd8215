/** A discovery service on a gRPC server, the aggregated one or that of secrets: both variants of the protocol on one endpoint. */
import type { ChannelOptions, Metadata, Server, ServerDuplexStream } from "@grpc/grpc-js";
import { status as Status } from "@grpc/grpc-js";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { DiscoveryServiceName } from "../discovery-services.ts";
import { DISCOVERY_SERVICES } from "../discovery-services.ts";
import type { Node } from "../gen/envoy/config/core/v3/base_pb.js";
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { Log } from "../log.ts";
import { silent } from "../log.ts";
import type { ResourceView } from "../resource.ts";
import { HEALTH_INFORMATION, TYPE } from "../type-url.ts";
import { DeltaStream } from "./delta-stream.ts";
import type { OutboundResponse, PushStream, PushStreamOptions } from "./push-stream.ts";
import { RequestBudget } from "./request-budget.ts";
import { SendWindow } from "./send-window.ts";
import { SotwStream } from "./sotw-stream.ts";
import type { AdsConnection, AdsEvents, AdsServerOptions, AdsSource, PeerSecurity, ProxySyncStatus } from "./types.ts";
import { AdsRefusal } from "./types.ts";
import { joined } from "./wire.ts";

/** What the gRPC server that carries ADS should be made with. */
export const ADS_SERVER_OPTIONS: ChannelOptions = {
  // Istio's defaults for istiod (pkg/keepalive/options.go): find dead proxies, 30 s and 10 s.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // Bookkeeping of every stream for a debugging service that nobody mounts.
  "grpc.enable_channelz": 0,
  // A reconnecting client lists what it holds: 16 MiB are some 200,000 resources.
  "grpc.max_receive_message_length": 16 * 1024 * 1024,
  // State of the world sends all clusters in one message.
  "grpc.max_send_message_length": -1,
};

const PLAINTEXT: PeerSecurity = { kind: "plaintext" };
/** setTimeout's longest; a proof that is good for longer is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const EXPIRED = "what this connection was opened with has expired; connect again with a new certificate";
const ONLY_SECRETS = "this service has secrets only";
const CLOSING = "the control plane is shutting down";

interface OpenStream {
  readonly connection: AdsConnection;
  readonly machine: PushStream;
  readonly connectedAt: number;
  /** Ends the stream with a status. */
  readonly fail: (cause: unknown) => void;
}

interface Request {
  readonly node?: Node | undefined;
  typeUrl: string;
  readonly errorDetail?: { readonly message: string } | undefined;
}

/** A call, as far as it tells who makes it. */
export interface CallOrigin {
  readonly metadata: Metadata;
  /** Address of the other end: `127.0.0.1:41234`. */
  getPeer(): string;
}

export interface RegisterOptions {
  /** Default `ads`. */
  readonly service?: DiscoveryServiceName;
  /** Who calls; throws AdsRefusal for those who may not. Default: plaintext from anybody. */
  readonly secure?: (call: CallOrigin) => PeerSecurity;
}

/** How one variant reads its requests. */
interface Protocol<R extends Request> {
  readonly delta: boolean;
  start(options: PushStreamOptions): PushStream & { receive(request: R): void };
  /** Names in a request: its price. */
  names(request: R): number;
}

const DELTA: Protocol<DeltaDiscoveryRequest> = {
  delta: true,
  start: (options) => new DeltaStream(options),
  names: (request) => request.resourceNamesSubscribe.length + request.resourceNamesUnsubscribe.length,
};

const SOTW: Protocol<DiscoveryRequest> = {
  delta: false,
  start: (options) => new SotwStream(options),
  names: (request) => request.resourceNames.length,
};

/** Characters of a proxy's words that are logged; all of them are told by `status`. */
const MAX_REASON = 1_000;

export class AdsServer {
  readonly #source: AdsSource;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #events: AdsEvents;
  readonly #streams = new Map<string, OpenStream>();
  readonly #window: SendWindow;
  #lastStream = 0;
  #closed = false;

  constructor(options: AdsServerOptions) {
    this.#source = options.source;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silent;
    const { events = {} } = options;
    this.#events = {
      ...events,
      onNack: (event) => {
        this.#tellRefusal(event.streamId, event.typeUrl, event.error.message);
        events.onNack?.(event);
      },
    };
    this.#window = new SendWindow(this.#clock);
  }

  /** Adds the service to a gRPC server, which should have been made with ADS_SERVER_OPTIONS. */
  register(server: Server, { service = "ads", secure = () => PLAINTEXT }: RegisterOptions = {}): void {
    const { delta, sotw } = DISCOVERY_SERVICES[service];
    // On a stream of secrets the type goes without saying.
    const only = service === "sds" ? TYPE.secret : undefined;
    server.addService(
      { delta, sotw },
      {
        delta: (call: Call<DeltaDiscoveryRequest>) => this.#serve(call, DELTA, secure, only),
        sotw: (call: Call<DiscoveryRequest>) => this.#serve(call, SOTW, secure, only),
      },
    );
  }

  /** What the stream's client is to hold from now on. Streams that have ended are ignored. */
  update(streamId: string, view: ResourceView): void {
    this.#streams.get(streamId)?.machine.update(view);
  }

  /** All open streams, in the order in which they were opened. */
  status(): ProxySyncStatus[] {
    return [...this.#streams.values()].map(({ connection, machine, connectedAt }) => ({
      streamId: connection.id,
      nodeId: connection.node.id,
      nodeCluster: connection.node.cluster,
      peer: connection.peer,
      delta: connection.delta,
      connectedAt,
      viewVersion: machine.target.version,
      types: machine.status(),
    }));
  }

  /**
   * Ends all streams and refuses new ones, so that clients go elsewhere. To be called before the gRPC server is shut
   * down: that alone leaves the streams open for as long as the connections live.
   */
  close(): void {
    this.#closed = true;
    for (const { fail } of this.#streams.values()) fail(new AdsRefusal(Status.UNAVAILABLE, CLOSING));
  }

  #serve<R extends Request>(
    call: Call<R>,
    protocol: Protocol<R>,
    secure: (call: CallOrigin) => PeerSecurity,
    only: string | undefined,
  ): void {
    const id = `ads-${(this.#lastStream += 1)}`;
    const budget = new RequestBudget(this.#clock);
    let machine: ReturnType<Protocol<R>["start"]> | undefined;
    let cancelResume: (() => void) | undefined;
    let cancelExpiry: (() => void) | undefined;
    let ended = false;

    const end = (): void => {
      if (ended) return;
      ended = true;
      cancelResume?.();
      cancelExpiry?.();
      machine?.close();
      if (this.#streams.delete(id)) {
        this.#log("info", "ADS stream ended", { stream: id });
        this.#source.disconnect(id);
      }
    };
    const fail = (cause: unknown): void => {
      const refusal = cause instanceof AdsRefusal ? cause : undefined;
      const details = refusal?.message ?? "the control plane failed to handle the request";
      this.#log(refusal === undefined ? "error" : "warn", "ADS stream refused", {
        stream: id,
        peer: call.getPeer(),
        cause,
      });
      end();
      call.emit("error", { code: refusal?.code ?? Status.INTERNAL, details });
    };

    /** What proved the peer's identity may have been renewed meanwhile: it is asked for again when its time is over. */
    const expire = (at: number | undefined): void => {
      if (at === undefined) return;
      const left = at - this.#clock.now();
      if (left <= 0) fail(new AdsRefusal(Status.UNAUTHENTICATED, EXPIRED));
      else cancelExpiry = this.#clock.after(Math.min(left, LONGEST_TIMER_MS), () => prove());
    };
    const prove = (): void => {
      try {
        expire(secure(call).expiresAt);
      } catch (cause) {
        fail(cause);
      }
    };

    call.on("data", (request: R) => {
      if (ended) return;
      if (only !== undefined && request.typeUrl === "") request.typeUrl = only;
      const pauseMs = budget.spend(protocol.names(request));
      if (pauseMs > 0 && cancelResume === undefined) {
        call.pause();
        cancelResume = this.#clock.after(pauseMs, () => {
          cancelResume = undefined;
          call.resume();
        });
      }
      try {
        if (only !== undefined && request.typeUrl !== only) throw new AdsRefusal(Status.INVALID_ARGUMENT, ONLY_SECRETS);
        if (machine === undefined) {
          const security = secure(call);
          machine = this.#connect(id, call, security, protocol, request.node, end, fail);
          expire(security.expiresAt);
        }
        if (request.typeUrl === HEALTH_INFORMATION) {
          this.#source.health?.(id, request.errorDetail === undefined, request.errorDetail?.message ?? "");
        } else {
          machine.receive(request);
        }
      } catch (cause) {
        fail(cause);
      }
    });
    call.on("end", () => {
      end();
      call.end();
    });
    call.on("cancelled", end);
    call.on("close", end);
    call.on("error", (cause: Error) => {
      if (!ended) this.#log("warn", "ADS stream broke", { stream: id, cause });
      end();
    });
  }

  #connect<R extends Request>(
    id: string,
    call: Call<R>,
    security: PeerSecurity,
    protocol: Protocol<R>,
    node: Node | undefined,
    end: () => void,
    fail: (cause: unknown) => void,
  ): ReturnType<Protocol<R>["start"]> {
    if (this.#closed) throw new AdsRefusal(Status.UNAVAILABLE, CLOSING);
    if (node === undefined) {
      throw new AdsRefusal(Status.INVALID_ARGUMENT, "the first request of a stream needs a node");
    }
    const connection: AdsConnection = { id, node, peer: call.getPeer(), delta: protocol.delta, security };
    const view = this.#source.connect(connection);
    const machine = protocol.start({
      id,
      view,
      clock: this.#clock,
      events: this.#events,
      write: (response) => this.#write(call, response, () => machine.written(), end, fail),
    });
    this.#streams.set(id, { connection, machine, connectedAt: this.#clock.now(), fail });
    this.#log("info", "ADS stream opened", { stream: id, node: node.id, peer: connection.peer, delta: protocol.delta });
    return machine;
  }

  /** The proxy keeps what it had: nothing that is applied from here on may have an effect there. */
  #tellRefusal(stream: string, type: string, message: string): void {
    const node = this.#streams.get(stream)?.connection.node.id;
    const reason = message.length > MAX_REASON ? `${message.slice(0, MAX_REASON)}…` : message;
    this.#log("warn", "configuration refused by a proxy", { stream, node, type, reason });
  }

  /** One message at a time: the next is made when this one has left, so that nothing piles up for a slow reader. */
  #write<R>(
    call: Call<R>,
    { body, tail }: OutboundResponse,
    written: () => void,
    end: () => void,
    fail: (cause: unknown) => void,
  ): void {
    this.#window.admit(body.length, (release) => {
      if (call.cancelled) {
        release();
        return;
      }
      call.write(joined(body, tail), (cause?: Error | null) => {
        release();
        try {
          if (cause) end();
          else written();
        } catch (error) {
          fail(error);
        }
      });
    });
  }
}

type Call<R> = ServerDuplexStream<R, Buffer>;
