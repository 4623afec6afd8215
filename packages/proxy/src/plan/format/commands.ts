/**
 * Every command there is, in one table: what Envoy 1.40 knows and what we refuse of it. Envoy `source/common/formatter/stream_info_formatter.cc`,
 * `http_specific_formatter.cc`; syntax of each settled with Envoy 1.40.
 */
import { hostname } from "node:os";
import {
  type AddressOperators,
  downstreamDirectLocal,
  downstreamDirectRemote,
  downstreamLocal,
  downstreamRemote,
  upstreamHost,
  upstreamHostName,
  upstreamHostNamesAttempted,
  upstreamHostNamesAttemptedWithoutPort,
  upstreamHostNameWithoutPort,
  upstreamHostsAttempted,
  upstreamHostsAttemptedWithoutPort,
  upstreamLocal,
  upstreamRemote,
} from "./addresses.ts";
import { bytesOf, textOf } from "./byte-text.ts";
import { coalesce } from "./coalesce.ts";
import { type Command, FormatError } from "./command.ts";
import {
  grpcStatus,
  path,
  queryParameter,
  queryParameters,
  requestHeader,
  requestHeaderWithoutQuery,
  requestHeadersBytes,
  requestedServerName,
  responseHeader,
  responseHeadersBytes,
  responseTrailer,
  responseTrailersBytes,
} from "./headers.ts";
import { filterState, metadata, metadataOf } from "./metadata.ts";
import { ConstantOperator, NumberOperator, type Operator, TextOperator } from "./operator.ts";
import { REQ_WITHOUT_QUERY } from "../supported-fields/index.ts";
import type { ConnectionView } from "../request-views.ts";
import { type StreamInfo, protocolOf } from "./stream-info.ts";
import { TLS_OPERATORS, certificateTime } from "./tls.ts";
import {
  commonDuration,
  duration,
  emitTime,
  poolReadyDuration,
  requestDuration,
  requestTxDuration,
  responseDuration,
  responseTxDuration,
  startTime,
} from "./times.ts";

/** What may follow a command's name. Envoy `CommandSyntaxChecker`. */
interface Syntax {
  readonly argument: "none" | "optional" | "required";
  readonly length: boolean;
}

type Compile = (argument: string, length: number | null, extensions: ReadonlySet<string>) => Operator;

const ALONE: Syntax = { argument: "none", length: false };
const OPTIONAL: Syntax = { argument: "optional", length: false };
const OPTIONAL_WITH_LENGTH: Syntax = { argument: "optional", length: true };
const REQUIRED: Syntax = { argument: "required", length: false };
const REQUIRED_WITH_LENGTH: Syntax = { argument: "required", length: true };

const text = (read: (stream: StreamInfo) => string | undefined): Operator => new TextOperator(read);
const number = (read: (stream: StreamInfo) => number): Operator => new NumberOperator(read);
/** What has no value over plain TCP and HTTP/1.1, as in Envoy. */
const NOTHING = text(() => undefined);

/** "" shows as nothing. */
function ofConnection(read: (connection: ConnectionView) => string): Operator {
  return text(({ connection }) => (connection === null ? undefined : read(connection) || undefined));
}
const NORMAL = "Normal";
const streamId: Operator = text((stream) => stream.streamId() || undefined);

/** Commands without argument. */
const PLAIN: Readonly<Record<string, Operator>> = {
  REQUEST_DURATION: requestDuration,
  REQUEST_TX_DURATION: requestTxDuration,
  RESPONSE_DURATION: responseDuration,
  RESPONSE_TX_DURATION: responseTxDuration,
  UPSTREAM_CONNECTION_POOL_READY_DURATION: poolReadyDuration,
  DURATION: duration,
  // QUIC's.
  ROUNDTRIP_DURATION: NOTHING,
  BYTES_RETRANSMITTED: number(() => 0),
  PACKETS_RETRANSMITTED: number(() => 0),

  BYTES_RECEIVED: number((stream) => stream.bytesReceived),
  BYTES_SENT: number((stream) => stream.bytesSent),
  UPSTREAM_WIRE_BYTES_RECEIVED: number((stream) => stream.upstreamBytes.wireReceived),
  UPSTREAM_WIRE_BYTES_SENT: number((stream) => stream.upstreamBytes.wireSent),
  UPSTREAM_HEADER_BYTES_RECEIVED: number((stream) => stream.upstreamBytes.headerReceived),
  UPSTREAM_HEADER_BYTES_SENT: number((stream) => stream.upstreamBytes.headerSent),
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: number((stream) => stream.upstreamBytes.plainHeaderReceived),
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: number((stream) => stream.upstreamBytes.plainHeaderSent),
  DOWNSTREAM_WIRE_BYTES_RECEIVED: number((stream) => stream.downstreamBytes.wireReceived),
  DOWNSTREAM_WIRE_BYTES_SENT: number((stream) => stream.downstreamBytes.wireSent),
  DOWNSTREAM_HEADER_BYTES_RECEIVED: number((stream) => stream.downstreamBytes.headerReceived),
  DOWNSTREAM_HEADER_BYTES_SENT: number((stream) => stream.downstreamBytes.headerSent),
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: number((stream) => stream.downstreamBytes.plainHeaderReceived),
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: number((stream) => stream.downstreamBytes.plainHeaderSent),
  REQUEST_HEADERS_BYTES: requestHeadersBytes,
  RESPONSE_HEADERS_BYTES: responseHeadersBytes,
  RESPONSE_TRAILERS_BYTES: responseTrailersBytes,

  RESPONSE_CODE: number((stream) => stream.status),
  RESPONSE_FLAGS: text((stream) => stream.responseFlags),
  RESPONSE_FLAGS_LONG: text((stream) => stream.responseFlagsLong),
  CONNECTION_TERMINATION_DETAILS: text(({ terminationDetails }) =>
    terminationDetails === "" ? undefined : terminationDetails,
  ),
  CUSTOM_FLAGS: text(() => ""),
  GRPC_STATUS_NUMBER: grpcStatus("NUMBER"),

  PROTOCOL: text((stream) => (stream.carriesHttp ? protocolOf(stream) : undefined)),
  UPSTREAM_PROTOCOL: text(({ upstreamInfo }) => upstreamInfo?.protocol || undefined),
  UPSTREAM_CLUSTER: text(({ cluster }) => cluster?.plan.statName),
  UPSTREAM_CLUSTER_RAW: text(({ cluster }) => cluster?.plan.name),
  UPSTREAM_HOST: upstreamHost,
  UPSTREAM_HOST_NAME: upstreamHostName,
  UPSTREAM_HOST_NAME_WITHOUT_PORT: upstreamHostNameWithoutPort,
  UPSTREAM_HOSTS_ATTEMPTED: upstreamHostsAttempted,
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: upstreamHostsAttemptedWithoutPort,
  UPSTREAM_HOST_NAMES_ATTEMPTED: upstreamHostNamesAttempted,
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: upstreamHostNamesAttemptedWithoutPort,
  UPSTREAM_CONNECTION_ID: number(({ upstreamInfo }) =>
    upstreamInfo?.connected === true ? upstreamInfo.connectionId : 0,
  ),
  UPSTREAM_CONNECTION_IDS_ATTEMPTED: text(({ upstreamInfo }) =>
    upstreamInfo?.connected === true ? String(upstreamInfo.connectionId) : undefined,
  ),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: number((stream) => stream.attemptCount),
  UPSTREAM_TRANSPORT_FAILURE_REASON: text(({ transportFailure }) =>
    transportFailure === "" ? undefined : transportFailure.replaceAll(" ", "_"),
  ),
  // Envoy 1.40 says so of every HTTP stream, however its connection ended.
  UPSTREAM_DETECTED_CLOSE_TYPE: text(({ upstreamInfo }) => (upstreamInfo === null ? undefined : NORMAL)),
  DOWNSTREAM_DETECTED_CLOSE_TYPE: text(() => NORMAL),
  UPSTREAM_LOCAL_CLOSE_REASON: NOTHING,
  DOWNSTREAM_LOCAL_CLOSE_REASON: NOTHING,
  // Envoy-internal addresses have one.
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID: text(({ upstreamInfo }) => (upstreamInfo?.connected === true ? "" : undefined)),
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID: text(() => ""),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID: text(() => ""),

  CONNECTION_ID: number(({ connection }) => connection?.id ?? 0),
  STREAM_ID: streamId,
  UNIQUE_ID: text((stream) => stream.uniqueId()),
  TRACE_ID: text(({ traceId }) => (traceId === "" ? undefined : traceId)),
  SPAN_ID: text(({ spanId }) => (spanId === "" ? undefined : spanId)),
  ROUTE_NAME: text(({ route }) => (route === null || route.name === "" ? undefined : route.name)),
  VIRTUAL_CLUSTER_NAME: text(({ virtualCluster }) => (virtualCluster === "" ? undefined : virtualCluster)),
  LISTENER_NAME: text(({ listener }) => listener?.name),
  FILTER_CHAIN_NAME: text(({ listener }) =>
    listener === null || listener.filterChainName === "" ? undefined : listener.filterChainName,
  ),
  ACCESS_LOG_TYPE: text((stream) => stream.accessLogType),
  LOCAL_REPLY_BODY: text((stream) => stream.localReplyBody),
  HOSTNAME: new ConstantOperator(hostname()),
  ...TLS_OPERATORS,
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: ofConnection(({ transportFailure }) => transportFailure.replaceAll(" ", "_")),
  TLS_JA3_FINGERPRINT: ofConnection(({ ja3 }) => ja3),
  TLS_JA4_FINGERPRINT: ofConnection(({ ja4 }) => ja4),
};

/** `X_ADDRESS`, `X_ADDRESS_WITHOUT_PORT`, `X_PORT`. */
const ENDS: Readonly<Record<string, AddressOperators>> = {
  DOWNSTREAM_LOCAL: downstreamLocal,
  DOWNSTREAM_DIRECT_LOCAL: downstreamDirectLocal,
  DOWNSTREAM_REMOTE: downstreamRemote,
  DOWNSTREAM_DIRECT_REMOTE: downstreamDirectRemote,
  UPSTREAM_LOCAL: upstreamLocal,
  UPSTREAM_REMOTE: upstreamRemote,
};

const COMMANDS = new Map<string, { readonly syntax: Syntax; readonly compile: Compile }>([
  ...Object.entries(PLAIN).map(([name, operator]) => [name, { syntax: ALONE, compile: () => operator }] as const),
  ...Object.entries(ENDS).flatMap(([end, operators]) => [
    [`${end}_ADDRESS`, { syntax: ALONE, compile: () => operators.address }] as const,
    [`${end}_PORT`, { syntax: ALONE, compile: () => operators.port }] as const,
    [`${end}_ADDRESS_WITHOUT_PORT`, { syntax: OPTIONAL, compile: operators.withoutPort }] as const,
  ]),
  ["REQ", { syntax: REQUIRED_WITH_LENGTH, compile: requestHeader }],
  ["REQUEST_HEADER", { syntax: REQUIRED_WITH_LENGTH, compile: requestHeader }],
  ["STREAM_INFO_REQ", { syntax: REQUIRED_WITH_LENGTH, compile: requestHeader }],
  ["RESP", { syntax: REQUIRED_WITH_LENGTH, compile: responseHeader }],
  ["RESPONSE_HEADER", { syntax: REQUIRED_WITH_LENGTH, compile: responseHeader }],
  ["TRAILER", { syntax: REQUIRED_WITH_LENGTH, compile: responseTrailer }],
  ["RESPONSE_TRAILER", { syntax: REQUIRED_WITH_LENGTH, compile: responseTrailer }],
  ["PATH", { syntax: OPTIONAL_WITH_LENGTH, compile: path }],
  ["QUERY_PARAM", { syntax: REQUIRED_WITH_LENGTH, compile: queryParameter }],
  ["QUERY_PARAMS", { syntax: OPTIONAL_WITH_LENGTH, compile: queryParameters }],
  ["REQUESTED_SERVER_NAME", { syntax: OPTIONAL, compile: requestedServerName }],
  ["GRPC_STATUS", { syntax: OPTIONAL, compile: grpcStatus }],
  ["RESPONSE_CODE_DETAILS", { syntax: OPTIONAL, compile: responseCodeDetails }],
  ["COMMON_DURATION", { syntax: REQUIRED, compile: commonDuration }],
  ["START_TIME", { syntax: OPTIONAL, compile: (format) => startTime(format, false) }],
  ["START_TIME_LOCAL", { syntax: OPTIONAL, compile: (format) => startTime(format, true) }],
  ["EMIT_TIME", { syntax: OPTIONAL, compile: (format) => emitTime(format, false) }],
  ["EMIT_TIME_LOCAL", { syntax: OPTIONAL, compile: (format) => emitTime(format, true) }],
  ["DOWNSTREAM_PEER_CERT_V_START", { syntax: OPTIONAL, compile: certificateTime("downstream", "validFrom") }],
  ["DOWNSTREAM_PEER_CERT_V_END", { syntax: OPTIONAL, compile: certificateTime("downstream", "validTo") }],
  ["UPSTREAM_PEER_CERT_V_START", { syntax: OPTIONAL, compile: certificateTime("upstream", "validFrom") }],
  ["UPSTREAM_PEER_CERT_V_END", { syntax: OPTIONAL, compile: certificateTime("upstream", "validTo") }],
  ["XFCC_VALUE", { syntax: OPTIONAL_WITH_LENGTH, compile: xfccValue }],
  [
    "DYNAMIC_METADATA",
    { syntax: REQUIRED_WITH_LENGTH, compile: (argument, length) => metadataOf("DYNAMIC", argument, length) },
  ],
  ["CLUSTER_METADATA", { syntax: REQUIRED, compile: (argument, length) => metadataOf("CLUSTER", argument, length) }],
  [
    "UPSTREAM_METADATA",
    { syntax: REQUIRED, compile: (argument, length) => metadataOf("UPSTREAM_HOST", argument, length) },
  ],
  ["METADATA", { syntax: OPTIONAL_WITH_LENGTH, compile: metadata }],
  ["FILTER_STATE", { syntax: OPTIONAL_WITH_LENGTH, compile: filterState }],
  ["UPSTREAM_FILTER_STATE", { syntax: OPTIONAL_WITH_LENGTH, compile: upstreamFilterState }],
  ["ENVIRONMENT", { syntax: REQUIRED_WITH_LENGTH, compile: environment }],
  [
    "COALESCE",
    { syntax: REQUIRED_WITH_LENGTH, compile: (argument, length) => coalesce(argument, length, compileBuiltIn) },
  ],
]);

/** What Envoy has and we have not, and why. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["DOWNSTREAM_CX_RTT", "the runtime does not tell the round-trip time of a connection"],
  ["CEL", "there is no CEL"],
  ["TYPED_CEL", "there is no CEL"],
]);

/** Commands that a format has only with `formatters`, by the extension that brings them. */
const EXTENSION_COMMANDS: ReadonlyMap<string, { readonly extension: string; readonly compile: Compile }> = new Map([
  ["REQ_WITHOUT_QUERY", { extension: REQ_WITHOUT_QUERY, compile: requestHeaderWithoutQuery }],
]);

/** Throws FormatError with Envoy's words. @param extensions message types of the format's `formatters` */
export function compileCommand(command: Command, extensions: ReadonlySet<string>): Operator {
  const { name, argument, length } = command;
  const extension = EXTENSION_COMMANDS.get(name);
  if (extension !== undefined && extensions.has(extension.extension)) {
    return extension.compile(argument, length, extensions);
  }
  const operator = compileBuiltIn(name, argument, length);
  if (operator === null) throw new FormatError(`Not supported field in StreamInfo: ${name}`);
  return operator;
}

function compileBuiltIn(name: string, argument: string, length: number | null): Operator | null {
  const refused = REFUSED.get(name);
  if (refused !== undefined) throw new FormatError(`%${name}% is not supported: ${refused}`);
  const spec = COMMANDS.get(name);
  if (spec === undefined) return null;
  checkSyntax(name, spec.syntax, argument, length);
  return spec.compile(argument, length, new Set());
}

function checkSyntax(name: string, syntax: Syntax, argument: string, length: number | null): void {
  if (syntax === ALONE && (argument !== "" || length !== null)) {
    throw new FormatError(`${name} does not take any parameters or length`);
  }
  if (syntax.argument === "required" && argument === "") throw new FormatError(`${name} requires parameters`);
  if (!syntax.length && length !== null) throw new FormatError(`${name} does not allow length to be specified.`);
}

function responseCodeDetails(option: string): Operator {
  if (option === "ALLOW_WHITESPACES") return text(({ details }) => (details === "" ? undefined : details));
  return text(({ details }) => {
    if (details === "") return undefined;
    return details.includes(" ") ? details.replaceAll(/\s/g, "_") : details;
  });
}

/** One of the variables that the proxy was started with; `-` where there is no such. */
function environment(name: string, length: number | null): Operator {
  const value = process.env[textOf(name)];
  return new ConstantOperator(value === undefined ? "-" : bytesOf(value).slice(0, length ?? undefined));
}

/** The header is removed from requests that came without TLS. */
function xfccValue(argument: string): Operator {
  if (argument === "") throw new FormatError("XFCC_VALUE command requires a subcommand");
  if (!["by", "hash", "cert", "chain", "subject", "uri", "dns"].includes(argument.toLowerCase())) {
    throw new FormatError(`XFCC_VALUE command does not support subcommand: ${argument}`);
  }
  return NOTHING;
}

/** Nothing keeps state of an upstream connection. */
function upstreamFilterState(argument: string): Operator {
  filterState(argument, null);
  return NOTHING;
}
