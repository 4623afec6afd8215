/**
 * Telemetry over gRPC, on the servers that carry xDS: what proxies stream (metrics, requests), and OTLP. Messages are passed on to the
 * telemetry thread as they came; only the first of a stream is looked into, for the node that sends it.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { MethodDefinition, sendUnaryData, Server, ServerReadableStream, ServerUnaryCall } from "@grpc/grpc-js";
import { status as Status } from "@grpc/grpc-js";
import type { Node } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Clock, Log } from "@tulle/xds";
import { AdsRefusal } from "@tulle/xds/server";
import type { CallOrigin, PeerSecurity } from "@tulle/xds/server";
import type { TrustDomains } from "../../identity/callers.ts";
import { RateLimiter } from "../../identity/rate-limiter.ts";
import { MetadataError } from "../../source/registration/metadata.ts";
import { readNode } from "../../source/registration/node.ts";
import { provenNode } from "../../source/registration/proven-node.ts";
import { IngestError } from "../ingest/ingest-error.ts";
import type { IngestKind } from "../ingest/kinds.ts";
import { WireReader } from "../ingest/wire-reader.ts";
import { QuestionError } from "../question-error.ts";
import type { Sender } from "../sender.ts";
import type { Telemetry } from "../telemetry.ts";
import { encodeOtlpReport } from "./otlp-answers.ts";

/**
 * What proxies stream without an answer, by path. The messages of both of Envoy's services name the node in the same place, in the
 * first message of a stream: `identifier.node`, fields 1 and 1.
 */
const STREAMS: readonly { readonly path: string; readonly kind: IngestKind }[] = [
  { path: "/envoy.service.metrics.v3.MetricsService/StreamMetrics", kind: "metrics" },
  { path: "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs", kind: "access-log" },
];
const OTLP_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** Of one sender. A proxy flushes every 5 s, some in several messages. Whoever sends more is read more slowly. */
const RATE = { burst: 500, perSecond: 100 };
/** After which a stream that was too fast, or came when the thread was behind, is read on. */
const PAUSE_MS = 250;

export interface GrpcReceiverOptions {
  readonly telemetry: Telemetry;
  readonly trustDomains: () => TrustDomains;
  readonly clock: Clock;
  readonly log: Log;
}

export class GrpcReceivers {
  readonly #options: GrpcReceiverOptions;
  readonly #rates: RateLimiter;

  constructor(options: GrpcReceiverOptions) {
    this.#options = options;
    this.#rates = new RateLimiter(RATE, options.clock);
  }

  /** `secure` says who calls, and throws AdsRefusal for those who may not. */
  register(server: Server, { secure }: { readonly secure: (call: CallOrigin) => PeerSecurity }): void {
    for (const { path, kind } of STREAMS) {
      server.addService(
        { stream: { ...method(path), requestStream: true } },
        {
          stream: (call: ServerReadableStream<Buffer, Uint8Array>, answer: sendUnaryData<Uint8Array>) =>
            this.#read(call, answer, kind, secure),
        },
      );
    }
    server.addService(
      { export: method(OTLP_TRACES) },
      {
        export: (call: ServerUnaryCall<Buffer, Uint8Array>, answer: sendUnaryData<Uint8Array>) =>
          void this.#export(call, answer, secure),
      },
    );
  }

  #read(
    call: ServerReadableStream<Buffer, Uint8Array>,
    answer: sendUnaryData<Uint8Array>,
    kind: IngestKind,
    secure: (call: CallOrigin) => PeerSecurity,
  ): void {
    const { telemetry, clock } = this.#options;
    let from: Sender | undefined;
    let cancelResume: (() => void) | undefined;
    const end = (): void => cancelResume?.();
    call.on("data", (message: Buffer) => {
      try {
        from ??= this.#sender(message, secure(call));
      } catch (error) {
        call.pause();
        answer(this.#refusal(error, call, kind));
        return;
      }
      const isSlowEnough = this.#rates.take(from.id);
      if (telemetry.ingest(kind, from, message) && isSlowEnough) return;
      call.pause();
      cancelResume = clock.after(PAUSE_MS, () => call.resume());
    });
    call.on("end", () => {
      end();
      answer(null, new Uint8Array());
    });
    call.on("cancelled", end);
    call.on("close", end);
    call.on("error", end);
  }

  async #export(
    call: ServerUnaryCall<Buffer, Uint8Array>,
    answer: sendUnaryData<Uint8Array>,
    secure: (call: CallOrigin) => PeerSecurity,
  ): Promise<void> {
    try {
      const { identity } = secure(call);
      const id = identity ?? hostOf(call.getPeer());
      if (!this.#rates.take(id)) throw new AdsRefusal(Status.UNAVAILABLE, "too many messages; send larger batches");
      const report = await this.#options.telemetry.deliver("otlp-traces", { id, proxy: undefined }, call.request);
      answer(null, encodeOtlpReport(report));
    } catch (error) {
      answer(this.#refusal(error, call, "otlp-traces"));
    }
  }

  /** Throws AdsRefusal and MetadataError. */
  #sender(message: Buffer, { identity }: PeerSecurity): Sender {
    const bytes = nodeIn(message);
    if (bytes === undefined) {
      throw new AdsRefusal(Status.INVALID_ARGUMENT, "the first message of a stream must have identifier.node");
    }
    const node = decodeNode(bytes);
    const claimed = readNode(node);
    const proxy = identity === undefined ? claimed : provenNode(node, claimed, identity, this.#options.trustDomains());
    const { id, workload, namespace, labels, address, clusterId, service, dataPlane } = proxy;
    const sending = { node: id, workload, namespace, labels, address, clusterId, service, userAgent: dataPlane };
    return { id, proxy: sending };
  }

  #refusal(error: unknown, call: CallOrigin, kind: IngestKind): { code: number; details: string } {
    const known = statusOf(error);
    this.#options.log(known === undefined ? "error" : "debug", "telemetry is refused", {
      peer: call.getPeer(),
      kind,
      error,
    });
    return known ?? { code: Status.INTERNAL, details: "the control plane failed to take this in" };
  }
}

function statusOf(error: unknown): { code: number; details: string } | undefined {
  if (error instanceof AdsRefusal) return { code: error.code, details: error.message };
  if (error instanceof MetadataError || error instanceof IngestError) {
    return { code: Status.INVALID_ARGUMENT, details: error.message };
  }
  if (error instanceof QuestionError) {
    // What may be sent again. (opentelemetry-proto docs/specification.md, "Failures")
    return { code: error.kind === "invalid" ? Status.INVALID_ARGUMENT : Status.UNAVAILABLE, details: error.message };
  }
  return undefined;
}

/** `identifier.node` of a stream's first message. Throws IngestError. */
function nodeIn(message: Uint8Array): Uint8Array | undefined {
  return field1(field1(message) ?? new Uint8Array());
}

function decodeNode(bytes: Uint8Array): Node {
  try {
    return fromBinary(NodeSchema, bytes);
  } catch (error) {
    throw new IngestError("identifier.node is no Node", { cause: error });
  }
}

function field1(message: Uint8Array): Uint8Array | undefined {
  const reader = WireReader.of(message);
  while (reader.next()) {
    if (reader.field === 1) return reader.bytes();
    reader.skip();
  }
  return undefined;
}

/** `127.0.0.1:41234`, without the port: the next connection has another. */
function hostOf(peer: string): string {
  return peer.slice(0, Math.max(peer.lastIndexOf(":"), 0)) || peer;
}

/** Bytes in, bytes out. */
function method(path: string): MethodDefinition<Uint8Array, Uint8Array> {
  const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}
