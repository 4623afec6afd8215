/** One attempt at a stream: a gRPC channel of its own, the call on it, and the session that speaks over it. */
import { create, fromBinary } from "@bufbuild/protobuf";
import type { ChannelCredentials, ChannelOptions, ClientDuplexStream, StatusObject } from "@grpc/grpc-js";
import { Client, connectivityState, credentials, status as Status } from "@grpc/grpc-js";
import type { DiscoveryMethod, DiscoveryService } from "../discovery-services.ts";
import { DISCOVERY_SERVICES } from "../discovery-services.ts";
import type { Clock } from "../clock.ts";
import type { Node } from "../gen/envoy/config/core/v3/base_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
  ResourceSchema,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { DeltaRequestInit } from "./delta-session.ts";
import { DeltaSession } from "./delta-session.ts";
import type { Session, Subscriptions } from "./session.ts";
import type { SotwRequestInit } from "./sotw-session.ts";
import { SotwSession } from "./sotw-session.ts";
import type { AdsClientOptions } from "./types.ts";

const CHANNEL_OPTIONS: ChannelOptions = {
  // As the server does, and as Istio's agent does (pkg/istio-agent/xds_proxy.go): 30 s and 10 s.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.enable_channelz": 0,
  "grpc.max_receive_message_length": -1,
  // The connection lives and dies with the attempt: reconnecting is paced by our back-off, not by the channel's too.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // HTTP/2's 64 KiB would cost a round trip for each 64 KiB of a first answer.
  "grpc-node.flow_control_window": 1024 * 1024,
};

/** (Envoy config.cluster.v3.Cluster.connect_timeout: 5 s) */
const CONNECT_TIMEOUT_MS = 5_000;

export interface TransportOptions extends AdsClientOptions {
  readonly clock: Clock;
  readonly subscriptions: Subscriptions;
  readonly onMessage: (bytes: Uint8Array) => void;
  /** See the sessions' option of that name. */
  readonly onResponse: (typeUrl: string, controlPlane: string) => void;
  /** The stream has ended, or could not be opened. */
  readonly onEnd: (reason: string) => void;
}

export interface Transport {
  readonly session: Session;
  readonly close: () => void;
}

export function openTransport(options: TransportOptions): Transport {
  const service = DISCOVERY_SERVICES[options.service ?? "ads"];
  return options.mode === "sotw" ? openSotw(options, service) : openDelta(options, service);
}

function openDelta(options: TransportOptions, { delta }: DiscoveryService): Transport {
  const stream = openStream(options, delta, (request: DeltaRequestInit, node) =>
    create(DeltaDiscoveryRequestSchema, node === undefined ? request : { ...request, node }),
  );
  const { decodeResponse: decode } = delta;
  return { session: new DeltaSession({ ...options, send: stream.send, decode }), close: stream.close };
}

function openSotw(options: TransportOptions, { sotw }: DiscoveryService): Transport {
  const stream = openStream(options, sotw, (request: SotwRequestInit, node) =>
    create(DiscoveryRequestSchema, node === undefined ? request : { ...request, node }),
  );
  const { decodeResponse: decode } = sotw;
  const decodeWrapper = (bytes: Uint8Array) => fromBinary(ResourceSchema, bytes);
  return { session: new SotwSession({ ...options, send: stream.send, decode, decodeWrapper }), close: stream.close };
}

function credentialsOf({ credentials: given }: AdsClientOptions): ChannelCredentials {
  if (given === undefined) return credentials.createInsecure();
  return typeof given === "function" ? given() : given;
}

interface Stream<Init> {
  readonly send: (request: Init) => void;
  readonly close: () => void;
}

function openStream<Init, Request>(
  options: TransportOptions,
  method: DiscoveryMethod<Request, unknown>,
  /** The node goes with the first request only. */
  makeRequest: (request: Init, node: Node | undefined) => Request,
): Stream<Init> {
  const channelOptions = { ...CHANNEL_OPTIONS, ...options.channelOptions };
  let secured: ChannelCredentials;
  try {
    secured = credentialsOf(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { send() {}, close: options.clock.after(0, () => options.onEnd(reason)) };
  }
  const client = new Client(options.target, secured, channelOptions);
  const { path, requestSerialize, responseDeserialize } = method;
  const call: ClientDuplexStream<Request, Buffer> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
  );
  let open = true;
  let nodeSent = false;
  const cancelTimeout = options.clock.after(CONNECT_TIMEOUT_MS, () => {
    if (client.getChannel().getConnectivityState(false) !== connectivityState.READY) {
      end(`no connection to ${options.target} within ${CONNECT_TIMEOUT_MS} ms`);
    }
  });
  const close = (): void => {
    open = false;
    cancelTimeout();
    call.cancel();
    client.close();
  };
  const end = (reason: string): void => {
    if (!open) return;
    close();
    options.onEnd(reason);
  };
  call.on("data", (bytes: Buffer) => {
    if (open) options.onMessage(bytes);
  });
  call.on("status", ({ code, details }: StatusObject) => end(`${Status[code]}: ${details}`));
  // Follows a status that is not OK, which has been dealt with; without a listener it would end the process.
  call.on("error", (cause: Error) => end(cause.message));
  return {
    send(request) {
      if (!open) return;
      call.write(makeRequest(request, nodeSent ? undefined : options.node));
      nodeSent = true;
    },
    close,
  };
}
