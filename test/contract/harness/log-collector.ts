/** An upstream that access logs are sent to over gRPC: Envoy's AccessLogService and OpenTelemetry's. What it is told is observed as messages of HTTP/1 would be. */
import { createServer, type IncomingHttpHeaders, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { type DescMessage, fromBinary, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { ExportLogsServiceRequestSchema } from "@tulle/xds/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.js";
import { StreamAccessLogsMessageSchema } from "@tulle/xds/gen/envoy/service/accesslog/v3/als_pb.js";
import { ObservedConnection } from "./observed.ts";

/** How a collector behaves. */
export interface CollectorScript {
  /** It answers with this status after so many messages of a stream; default never. */
  readonly endsAfter?: number;
  readonly grpcStatus?: number;
}

const METHODS: Readonly<Record<string, DescMessage>> = {
  "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs": StreamAccessLogsMessageSchema,
  "/opentelemetry.proto.collector.logs.v1.LogsService/Export": ExportLogsServiceRequestSchema,
};

const PREFIX_BYTES = 5;

export function logCollector(
  { endsAfter = Infinity, grpcStatus = 0 }: CollectorScript,
  onConnection: (connection: ObservedConnection) => void,
  onChange: () => void,
): Http2Server {
  const byPort = new Map<number, ObservedConnection>();
  const server = createServer();
  server.on("connection", (socket: Socket) => {
    const port = socket.remotePort!;
    const connection = new ObservedConnection(port, () => socket.destroy());
    byPort.set(port, connection);
    onConnection(connection);
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const connection = byPort.get(stream.session!.socket.remotePort!);
    const schema = METHODS[headers[":path"]!]!;
    const unary = schema === ExportLogsServiceRequestSchema;
    let pending = Buffer.alloc(0);
    let messages = 0;
    stream.on("error", () => undefined);
    stream.on("data", (piece: Buffer) => {
      pending = Buffer.concat([pending, piece]);
      for (; pending.length >= PREFIX_BYTES;) {
        const end = PREFIX_BYTES + pending.readUInt32BE(1);
        if (pending.length < end) break;
        const json = toJson(schema, fromBinary(schema, pending.subarray(PREFIX_BYTES, end)));
        pending = pending.subarray(end);
        if (connection !== undefined) connection.received += asText(headers, messages === 0, json);
        if (++messages === endsAfter || unary) answer(stream, grpcStatus, unary);
      }
      onChange();
    });
  });
  return server;
}

function answer(stream: ServerHttp2Stream, grpcStatus: number, withMessage: boolean): void {
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (grpcStatus !== 0) {
    stream.respond({ ...head, "grpc-status": String(grpcStatus) }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(withMessage ? Buffer.alloc(PREFIX_BYTES) : undefined);
}

/** What a proxy says of itself and of the moment, beyond what a case is about. */
const UNINTERESTING = /^identifier\.node\.(?!id$|cluster$)/;

function asText(headers: IncomingHttpHeaders, isFirst: boolean, json: JsonValue): string {
  const lines = Object.entries(headers)
    .filter(([name]) => !name.startsWith(":"))
    .map(([name, value]) => `${name}: ${String(value)}`);
  const head = isFirst
    ? [`${headers[":method"]} ${headers[":path"]} HTTP/1.1`, `host: ${headers[":authority"]}`, ...lines]
    : ["MESSAGE of the same stream"];
  return `${[...head, ...valuesOf(json, "")].join("\r\n")}\r\ncontent-length: 0\r\n\r\n`;
}

/** A line for each value, sorted by name; addresses and attributes are one value each. */
function valuesOf(value: JsonValue, path: string): string[] {
  if (UNINTERESTING.test(path)) return [];
  if (typeof value !== "object" || value === null) return [`${path}: ${shown(path, String(value))}`];
  const fields = value as Readonly<Record<string, JsonValue>>;
  const { address, portValue } = fields;
  if (typeof address === "string") return [`${path}: ${address}:${Number(portValue)}`];
  if (typeof fields["key"] === "string") return valuesOf(fields["value"] ?? null, `${path}.${fields["key"]}`);
  return Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, inner]) => valuesOf(inner, path === "" ? key : `${path}.${key.replace(/^:/, "")}`));
}

function shown(path: string, text: string): string {
  if (/^\d+(\.\d+)?s$/.test(text)) return "{duration}";
  if (path.endsWith("timeUnixNano")) return "{now}";
  return text.replaceAll(/[\r\n]+/g, "\\n");
}
