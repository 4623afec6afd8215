/**
 * Entries of access logs over gRPC (`envoy.data.accesslog.v3`), written last field to first. What is told when: Envoy
 * `source/extensions/access_loggers/grpc/grpc_access_log_utils.cc`, `http_grpc_access_log_impl.cc`; settled with Envoy 1.40.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { ProtoWriter } from "@tulle/telemetry/proto";
import { FLAG_FIELDS } from "@tulle/telemetry/response-flags";
import { MetadataSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { AccessLogType } from "@tulle/xds/gen/envoy/data/accesslog/v3/accesslog_pb.js";
import type { HttpProtocol } from "../../codec/messages.ts";
import { REFERER, USER_AGENT, X_ENVOY_ORIGINAL_PATH, X_FORWARDED_FOR, X_REQUEST_ID } from "../../codec/header-names.ts";
import { namesOf } from "../../codec/x509/certificate.ts";
import type { Certificate } from "../../codec/x509/certificate.ts";
import { canonicalAddress } from "../../ip-address.ts";
import { CIPHER_SUITES } from "../cipher-suites.ts";
import type { ConnectionView, TlsInfo } from "../request-views.ts";
import type { CustomTagPlan } from "../tracing-plan.ts";
import { messageText } from "./byte-text.ts";
import { requestSizeOf, responseSizeOf } from "./headers.ts";
import { type FilterStateObject, type StreamInfo, protocolOf } from "./stream-info.ts";
import { RESPONSE_RECEIVED, REQUEST_SENT } from "./times.ts";

/** A value of a stream under a name. */
export interface NamedValue {
  readonly name: string;
  read(stream: StreamInfo): string | undefined;
}

export interface EntryPlan {
  readonly customTags: readonly CustomTagPlan[];
  readonly requestHeaders: readonly NamedValue[];
  readonly responseHeaders: readonly NamedValue[];
  readonly responseTrailers: readonly NamedValue[];
  readonly filterStates: readonly string[];
}

/** `HTTPAccessLogEntry`. @param sampleRate 0: it is not said */
export function httpEntry(stream: StreamInfo, plan: EntryPlan, sampleRate: number): Uint8Array {
  const writer = new ProtoWriter();
  response(writer, stream, plan);
  request(writer, stream, plan);
  writer.uint(2, HTTP_VERSIONS[protocolOf(stream)]);
  common(writer, stream, plan, sampleRate);
  return writer.finish();
}

/** `TCPAccessLogEntry`. */
export function tcpEntry(stream: StreamInfo, plan: EntryPlan, sampleRate: number): Uint8Array {
  const writer = new ProtoWriter();
  number(writer, 2, stream.bytesSent);
  number(writer, 1, stream.bytesReceived);
  writer.message(2, 0);
  common(writer, stream, plan, sampleRate);
  return writer.finish();
}

/** `HTTPAccessLogEntry.HTTPVersion`. */
const HTTP_VERSIONS: Readonly<Record<HttpProtocol, number>> = { "HTTP/1.0": 1, "HTTP/1.1": 2, "HTTP/2": 3 };

function response(writer: ProtoWriter, stream: StreamInfo, plan: EntryPlan): void {
  const end = writer.length;
  number(writer, 8, stream.downstreamBytes.headerSent);
  number(writer, 7, stream.upstreamBytes.headerReceived);
  text(writer, 6, stream.details);
  namedValues(writer, 5, plan.responseTrailers, stream);
  namedValues(writer, 4, plan.responseHeaders, stream);
  number(writer, 3, stream.bytesSent);
  number(writer, 2, responseSizeOf(stream));
  if (stream.status !== 0) wrapped(writer, 1, stream.status);
  writer.message(4, end);
}

function request(writer: ProtoWriter, stream: StreamInfo, plan: EntryPlan): void {
  const end = writer.length;
  const head = stream.requestHeadDone;
  number(writer, 15, stream.downstreamBytes.headerReceived);
  number(writer, 14, stream.upstreamBytes.headerSent);
  if (head) namedValues(writer, 13, plan.requestHeaders, stream);
  number(writer, 12, stream.bytesReceived);
  if (head) requestHead(writer, stream);
  writer.message(3, end);
}

function requestHead(writer: ProtoWriter, stream: StreamInfo): void {
  const { headers, path, authority, scheme, method } = stream.request;
  number(writer, 11, requestSizeOf(stream));
  text(writer, 10, headers.get(X_ENVOY_ORIGINAL_PATH));
  text(writer, 9, headers.get(X_REQUEST_ID));
  text(writer, 8, headers.get(X_FORWARDED_FOR));
  text(writer, 7, headers.get(REFERER));
  text(writer, 6, headers.get(USER_AGENT));
  text(writer, 5, path);
  text(writer, 3, authority);
  text(writer, 2, scheme);
  number(writer, 1, METHODS.indexOf(method));
}

/** `envoy.config.core.v3.RequestMethod`; index = number. Others are METHOD_UNSPECIFIED. */
const METHODS = ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

function common(writer: ProtoWriter, stream: StreamInfo, plan: EntryPlan, sampleRate: number): void {
  const end = writer.length;
  const { connection, upstreamInfo, host } = stream;
  const over = !INTERMEDIATE.has(stream.accessLogType);
  number(writer, 33, AccessLogType[stream.accessLogType]);
  number(writer, 32, stream.upstreamBytes.wireReceived);
  number(writer, 31, stream.upstreamBytes.wireSent);
  number(writer, 30, stream.downstreamBytes.wireReceived);
  number(writer, 29, stream.downstreamBytes.wireSent);
  if (connection !== null) text(writer, 28, connection.transportFailure);
  if (!over) writer.uint(27, 1);
  text(writer, 26, stream.streamId());
  text(writer, 25, stream.terminationDetails);
  number(writer, 24, stream.attemptCount);
  if (over) duration(writer, 23, stream.now - stream.startedAt);
  customTags(writer, plan.customTags, stream);
  filterStates(writer, plan.filterStates, stream.filterStateObjects);
  if (connection !== null) address(writer, 20, connection.directRemoteAddress, connection.directRemotePort);
  if (stream.route !== null) text(writer, 19, stream.route.name);
  text(writer, 18, stream.transportFailure);
  metadata(writer, stream);
  responseFlags(writer, stream.responseFlags);
  if (host !== null && stream.cluster !== null) text(writer, 15, stream.cluster.plan.name);
  if (upstreamInfo?.connected === true) address(writer, 14, upstreamInfo.localAddress, upstreamInfo.localPort);
  if (host !== null) address(writer, 13, host.address, host.port);
  if (stream.carriesHttp) moments(writer, stream);
  timestamp(writer, 5, stream.wallMs(stream.startedAt));
  if (connection !== null) {
    if (connection.tls !== null) tlsProperties(writer, connection, connection.tls);
    address(writer, 3, connection.localAddress, connection.localPort);
    const { forwardedFor } = stream.request;
    if (forwardedFor === "") address(writer, 2, connection.remoteAddress, connection.remotePort);
    else address(writer, 2, canonicalAddress(forwardedFor), 0);
  }
  if (sampleRate > 0) writer.double(1, sampleRate);
  writer.message(1, end);
}

/** It goes on. */
const INTERMEDIATE: ReadonlySet<string> = new Set([
  "DownstreamStart",
  "DownstreamPeriodic",
  "DownstreamTunnelSuccessfullyEstablished",
  "TcpConnectionStart",
  "TcpUpstreamConnected",
  "TcpPeriodic",
]);

/** Each from the request's first byte; what has not happened is left out. */
function moments(writer: ProtoWriter, stream: StreamInfo): void {
  const { upstreamInfo } = stream;
  since(writer, 12, stream, stream.responseEndedAt);
  since(writer, 11, stream, stream.responseStartedAt);
  since(writer, 10, stream, RESPONSE_RECEIVED(stream));
  since(writer, 9, stream, upstreamInfo === null ? 0 : upstreamInfo.firstReceivedAt);
  since(writer, 8, stream, REQUEST_SENT(stream));
  since(writer, 7, stream, upstreamInfo === null ? 0 : upstreamInfo.firstSentAt);
  since(writer, 6, stream, stream.requestEndedAt);
}

function since(writer: ProtoWriter, field: number, { startedAt }: StreamInfo, at: number): void {
  if (at !== 0) duration(writer, field, at - startedAt);
}

/** `TLSProperties`. */
function tlsProperties(writer: ProtoWriter, connection: ConnectionView, tls: TlsInfo): void {
  const end = writer.length;
  text(writer, 7, connection.ja3);
  text(writer, 6, tls.sessionId);
  if (tls.peer !== null) certificate(writer, 5, tls.peer, tls.peer.issuer);
  if (tls.local !== null) certificate(writer, 4, tls.local, "");
  text(writer, 3, connection.serverName);
  const suite = CIPHER_SUITES.get(tls.cipher);
  if (suite !== undefined) wrapped(writer, 2, suite);
  number(writer, 1, TLS_VERSIONS.indexOf(tls.version));
  writer.message(4, end);
}

/** `TLSProperties.TLSVersion`; index = number. */
const TLS_VERSIONS = ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

function certificate(writer: ProtoWriter, field: number, shown: Certificate, issuer: string): void {
  const end = writer.length;
  text(writer, 3, issuer);
  text(writer, 2, shown.subject);
  // Of DNS names Envoy 1.40 tells none.
  const uris = namesOf(shown, "uri");
  for (let i = uris.length - 1; i >= 0; i--) {
    const name = writer.length;
    text(writer, 1, uris[i]);
    writer.message(1, name);
  }
  writer.message(field, end);
}

function metadata(writer: ProtoWriter, { dynamicMetadata }: StreamInfo): void {
  if (dynamicMetadata === null) return;
  writer.raw(17, toBinary(MetadataSchema, create(MetadataSchema, { filterMetadata: { ...dynamicMetadata } })));
}

function customTags(writer: ProtoWriter, tags: readonly CustomTagPlan[], stream: StreamInfo): void {
  for (let i = tags.length - 1; i >= 0; i--) {
    const { tag } = tags[i];
    const value = tags[i].value(stream);
    if (value !== "") entry(writer, 22, tag, value);
  }
}

function filterStates(
  writer: ProtoWriter,
  names: readonly string[],
  objects: ReadonlyMap<string, FilterStateObject> | null,
): void {
  if (objects === null) return;
  for (let i = names.length - 1; i >= 0; i--) {
    const object = objects.get(names[i]);
    if (object === undefined) continue;
    const end = writer.length;
    writer.raw(2, object.encode());
    writer.string(1, `type.googleapis.com/${object.typeName}`);
    writer.message(2, end);
    text(writer, 1, names[i]);
    writer.message(21, end);
  }
}

function namedValues(writer: ProtoWriter, field: number, values: readonly NamedValue[], stream: StreamInfo): void {
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i].read(stream);
    if (value !== undefined) entry(writer, field, values[i].name, value);
  }
}

/** Of a map. */
function entry(writer: ProtoWriter, field: number, key: string, value: string): void {
  const end = writer.length;
  text(writer, 2, value);
  text(writer, 1, key);
  writer.message(field, end);
}

/** `ResponseFlags` by short name: the field's number. Of those that came later it has none. */
const FLAGS: Readonly<Record<string, number>> = Object.fromEntries(FLAG_FIELDS.map((short, i) => [short, i + 1]));

/** There are few combinations. */
const madeFlags = new Map<string, Uint8Array>();

function responseFlags(writer: ProtoWriter, flags: string): void {
  if (flags === "-") return;
  let made = madeFlags.get(flags);
  if (made === undefined) {
    const numbers = flags.split(",").flatMap((flag) => FLAGS[flag] ?? []);
    const bytes = new ProtoWriter();
    for (const field of numbers.toSorted((a, b) => b - a)) {
      // `unauthorized_details` has a reason: EXTERNAL_SERVICE.
      const end = bytes.length;
      bytes.uint(field === FLAGS["UAEX"] ? 1 : field, 1);
      if (field === FLAGS["UAEX"]) bytes.message(field, end);
    }
    madeFlags.set(flags, (made = bytes.finish()));
  }
  writer.raw(16, made);
}

/** `SocketAddress` in `Address`. */
function address(writer: ProtoWriter, field: number, host: string, port: number): void {
  const end = writer.length;
  writer.uint(3, port);
  writer.string(2, host);
  writer.message(1, end);
  writer.message(field, end);
}

function duration(writer: ProtoWriter, field: number, ms: number): void {
  const end = writer.length;
  // Rounded first: there are never 1,000,000,000 nanoseconds beside the seconds.
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  number(writer, 2, (micros - seconds * 1_000_000) * 1000);
  number(writer, 1, seconds);
  writer.message(field, end);
}

const timestamp = duration;

/** Zero is not said. */
function number(writer: ProtoWriter, field: number, value: number): void {
  if (value > 0) writer.uint(field, value);
}

/** `google.protobuf.UInt32Value`. */
function wrapped(writer: ProtoWriter, field: number, value: number): void {
  const end = writer.length;
  number(writer, 1, value);
  writer.message(field, end);
}

/** @param bytes one character each; nothing is not said */
function text(writer: ProtoWriter, field: number, bytes: string): void {
  if (bytes !== "") writer.string(field, messageText(bytes));
}
