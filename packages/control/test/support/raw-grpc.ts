/** gRPC calls whose messages are bytes. */
import type { TestContext } from "node:test";
import type { ChannelCredentials, ClientWritableStream } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import { atEnd } from "./at-end.ts";

export const STREAM_METRICS = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
export const EXPORT_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

const asIs = (bytes: Buffer): Buffer => bytes;

export interface RawGrpc {
  /** The answer, or the code of the error. */
  call(path: string, message: Buffer): Promise<Buffer | number>;
  /** `status`: the code that the stream ends with, 0 for an answer. */
  stream(path: string): { readonly call: ClientWritableStream<Buffer>; readonly status: Promise<number> };
}

export function rawGrpc(context: TestContext, target: string, channel?: ChannelCredentials): RawGrpc {
  const client = new Client(target, channel ?? credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  atEnd(context, () => client.close());
  return {
    call: (path, message) =>
      new Promise((resolve) => {
        client.makeUnaryRequest(path, asIs, asIs, message, (error, answer) => resolve(error?.code ?? answer!));
      }),
    stream: (path) => {
      const { promise: status, resolve } = Promise.withResolvers<number>();
      const call = client.makeClientStreamRequest(path, asIs, asIs, (error) => resolve(error?.code ?? 0));
      call.on("error", () => undefined);
      return { call, status };
    },
  };
}
