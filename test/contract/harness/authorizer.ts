/** An upstream that speaks gRPC: Envoy's Authorization service. What it is asked is observed as a message of HTTP/1 would be, one line for each value. */
import { createServer, type IncomingHttpHeaders, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { CheckRequestSchema, CheckResponseSchema } from "@tulle/xds/gen/envoy/service/auth/v3/external_auth_pb.js";
import type { JsonObject } from "./case.ts";
import { ObservedConnection } from "./observed.ts";

/** A CheckResponse in JSON, or a status of gRPC other than OK in its place; `silent` waits until the caller has had enough. */
export type Verdict = JsonObject | { readonly grpcStatus: number } | "silent";

/** @param verdicts of the first call, the second, …; the last one is that of all that follow @param onChange something has been observed */
export function authorizerServer(
  verdicts: readonly Verdict[],
  onConnection: (connection: ObservedConnection) => void,
  onChange: () => void,
): Http2Server {
  const bySocket = new Map<Socket, ObservedConnection>();
  let asked = 0;
  const server = createServer();
  server.on("connection", (socket: Socket) => {
    const connection = new ObservedConnection(socket.remotePort!, () => socket.destroy());
    bySocket.set(socket, connection);
    onConnection(connection);
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream, headers) => {
    const connection = [...bySocket].find(([socket]) => socket.remotePort === stream.session?.socket.remotePort)?.[1];
    const pieces: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      const message = Buffer.concat(pieces).subarray(PREFIX_BYTES);
      if (connection !== undefined) connection.received += asText(headers, message);
      answer(stream, verdicts[Math.min(asked++, verdicts.length - 1)]!);
      onChange();
    });
  });
  return server;
}

const PREFIX_BYTES = 5;

function answer(stream: ServerHttp2Stream, verdict: Verdict): void {
  if (verdict === "silent") return;
  const head = { ":status": 200, "content-type": "application/grpc" };
  if ("grpcStatus" in verdict) {
    stream.respond({ ...head, "grpc-status": String(verdict["grpcStatus"] as number) }, { endStream: true });
    return;
  }
  const message = toBinary(CheckResponseSchema, fromJson(CheckResponseSchema, verdict as never));
  const frame = Buffer.alloc(PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  stream.respond(head, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(frame);
}

/** What differs from run to run and tells nothing. */
const VARYING = /^(time|.*\.portValue|request\.http\.id|request\.time)$/;

function asText(headers: IncomingHttpHeaders, message: Uint8Array): string {
  const lines = Object.entries(headers)
    .filter(([name]) => !name.startsWith(":"))
    .map(([name, value]) => `${name}: ${String(value)}`);
  const { attributes } = toJson(CheckRequestSchema, fromBinary(CheckRequestSchema, message)) as {
    readonly attributes: JsonValue;
  };
  const head = `${headers[":method"]} ${headers[":path"]} HTTP/1.1\r\nhost: ${headers[":authority"]}`;
  return `${[head, ...lines, ...valuesOf(attributes, "")].join("\r\n")}\r\ncontent-length: 0\r\n\r\n`;
}

function valuesOf(value: JsonValue, path: string): string[] {
  if (typeof value !== "object" || value === null) {
    return VARYING.test(path) ? [] : [`${path}= ${String(value).replaceAll(/[\r\n]+/g, "\\n")}`.replace("=", ":")];
  }
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, inner]) => valuesOf(inner, path === "" ? key : `${path}.${key.replace(/^:/, "")}`));
}
