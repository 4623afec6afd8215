import type { ConfigSource } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { Message } from "@bufbuild/protobuf";
import { HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { Router } from "@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManager_ForwardClientCertDetails as ClientCertificate,
  HttpConnectionManager_PathWithEscapedSlashesAction as Escaped,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { HeaderClass } from "../codec/header-names.ts";
import type { SecretRefs } from "./compile-tls.ts";
import type { TracerCompilerContext } from "./compile-tracers.ts";
import { compileRequestIds, compileTracing } from "./compile-tracing.ts";
import { type AddressTest, compileCidrRanges } from "./cidr.ts";
import { compileHttp2Options } from "./http2-options.ts";
import { compileAccessLogs } from "./compile-access-log.ts";
import { milliseconds } from "./duration.ts";
import type { ListenerInfo } from "./format/stream-info.ts";
import { compileLocalReplies } from "./local-reply-config.ts";
import { FILTER_COMPILERS, type FilterCompilerContext } from "./filters/index.ts";
import type {
  ClientCertificatePlan,
  EscapedSlashes,
  HttpConnectionManagerPlan,
  HttpFilterPlan,
  ListenerPlan,
} from "./listener-plan.ts";
import type { RouteConfigRef } from "./route-plan.ts";
import type { Place } from "./problems.ts";
import { peerMetadata } from "./peer-metadata.ts";
import { compileUpgrades } from "./upgrades.ts";
import { compileHeaderCase } from "./compile-header-case.ts";
import type { HeaderMutation as EarlyHeaderMutation } from "@tulle/xds/gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js";
import { compileAddressDetection } from "./compile-address-detection.ts";
import { compileSteps } from "./filters/header-mutation.ts";
import { unpackExtension } from "./schemas.ts";
import { MESH_STATS, ROUTER } from "./supported-fields/index.ts";

const ROUTER_NAME = "envoy.filters.http.router";

export interface ConnectionManagerContext extends FilterCompilerContext, TracerCompilerContext {
  readonly listener: ListenerInfo;
  readonly direction: ListenerPlan["direction"];
  readonly bufferLimitBytes: number;
  readonly secrets: SecretRefs;
  /** `node` of the bootstrap. */
  readonly node: { readonly cluster: string; readonly id: string };
  /** The shared hold on an RDS route configuration. */
  routeConfigRef(name: string, source: ConfigSource | undefined): RouteConfigRef;
  /** Compiles an inline route configuration. */
  inlineRoutes(message: RouteConfiguration, place: Place): RouteConfigRef;
}

/** Sources of the defaults: Envoy http_connection_manager.proto and protocol.proto. */
const DEFAULTS = {
  serverName: "envoy",
  maxRequestHeadersKb: 60,
  maxHeadersCount: 100,
  idleTimeoutMs: 3_600_000,
  streamIdleTimeoutMs: 300_000,
  drainTimeoutMs: 5_000,
  delayedCloseTimeoutMs: 1_000,
} as const;

const SERVER_HEADER: Readonly<Record<number, HttpConnectionManagerPlan["serverHeader"]>> = {
  [ServerHeader.OVERWRITE]: "overwrite",
  [ServerHeader.APPEND_IF_ABSENT]: "append-if-absent",
  [ServerHeader.PASS_THROUGH]: "pass-through",
};

const ESCAPED_SLASHES: Readonly<Record<number, EscapedSlashes>> = {
  [Escaped.KEEP_UNCHANGED]: "keep",
  [Escaped.REJECT_REQUEST]: "reject",
  [Escaped.UNESCAPE_AND_REDIRECT]: "unescape-and-redirect",
  [Escaped.UNESCAPE_AND_FORWARD]: "unescape-and-forward",
};

const CODEC_TYPES: Readonly<Record<number, HttpConnectionManagerPlan["codecType"]>> = {
  [CodecType.AUTO]: "auto",
  [CodecType.HTTP1]: "http1",
  [CodecType.HTTP2]: "http2",
};

const UNDERSCORES: Readonly<Record<number, HttpConnectionManagerPlan["headersWithUnderscores"]>> = {
  [Underscores.ALLOW]: "allow",
  [Underscores.REJECT_REQUEST]: "reject",
  [Underscores.DROP_HEADER]: "drop",
};

/** @param packed the HttpConnectionManager of a filter's typed_config. */
export function compileConnectionManager(
  packed: Message,
  context: ConnectionManagerContext,
  place: Place,
): HttpConnectionManagerPlan {
  const message = packed as HttpConnectionManager;
  const common = message.commonHttpProtocolOptions;
  const http1 = message.httpProtocolOptions;
  const { router, filters } = compileFilters(message, context, place);
  const forMetrics = filters.some(({ typeName }) => typeName === MESH_STATS);
  const stripAny = message.stripPortMode.case === "stripAnyHostPort" && message.stripPortMode.value;
  if (stripAny && message.stripMatchingHostPort) {
    place.refuse("Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.");
  }
  const codecType = CODEC_TYPES[message.codecType] ?? "auto";
  const headersWithUnderscores = UNDERSCORES[common?.headersWithUnderscoresAction ?? Underscores.ALLOW] ?? "allow";
  const maxHeadersBytes = (message.maxRequestHeadersKb ?? DEFAULTS.maxRequestHeadersKb) * 1024;
  const maxHeadersCount = common?.maxHeadersCount ?? DEFAULTS.maxHeadersCount;
  if (message.streamErrorOnInvalidHttpMessage === true && codecType !== "http2") {
    place.field("stream_error_on_invalid_http_message").refuse("true is supported for codec_type HTTP2 only");
  }
  if (common?.maxResponseHeadersKb !== undefined) {
    place.field("common_http_protocol_options.max_response_headers_kb").refuse("is for clusters");
  }
  return {
    statPrefix: message.statPrefix,
    serverName: message.serverName === "" ? DEFAULTS.serverName : message.serverName,
    serverHeader: SERVER_HEADER[message.serverHeaderTransformation] ?? "overwrite",
    useRemoteAddress: message.useRemoteAddress ?? false,
    xffNumTrustedHops: message.xffNumTrustedHops,
    addressDetectors: compileAddressDetection(message, place),
    earlyMutations: compileEarlyMutations(message, place),
    skipXffAppend: message.skipXffAppend,
    isInternal: compileInternalAddresses(message, place.field("internal_address_config")),
    appendXForwardedPort: message.appendXForwardedPort,
    schemeToOverwrite: message.schemeHeaderTransformation?.transformation.value ?? "",
    neverAccepted:
      HeaderClass.neverFromPeer |
      (message.forwardClientCertDetails === ClientCertificate.ALWAYS_FORWARD_ONLY ? 0 : HeaderClass.clientCertificate) |
      (forMetrics ? HeaderClass.peerMetadata : 0),
    clientCertificate: compileClientCertificate(message),
    peerMetadata: forMetrics ? peerMetadata(context.direction, context.node.id, context.localWorkload) : null,
    userAgent: (message.addUserAgent ?? false) ? { cluster: context.node.cluster, node: context.node.id } : null,
    via: message.via,
    generateRequestId: message.generateRequestId ?? true,
    requestIds: compileRequestIds(message.requestIdExtension),
    preserveExternalRequestId: message.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: message.alwaysSetRequestIdInResponse,
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    // IMPLEMENTATION_SPECIFIC_DEFAULT is KEEP_UNCHANGED.
    escapedSlashes: ESCAPED_SLASHES[message.pathWithEscapedSlashesAction] ?? "keep",
    stripPort: stripAny ? "any" : message.stripMatchingHostPort ? "matching" : "none",
    stripTrailingHostDot: message.stripTrailingHostDot,
    headersWithUnderscores,
    codecType,
    http2: compileHttp2Options(
      message.http2ProtocolOptions,
      {
        maxHeadersBytes,
        maxHeadersCount,
        headersWithUnderscores,
        bufferLimitBytes: context.bufferLimitBytes,
        streamErrorOnInvalidMessage: message.streamErrorOnInvalidHttpMessage ?? false,
      },
      place.field("http2_protocol_options"),
    ),
    acceptHttp10: http1?.acceptHttp10 ?? false,
    defaultHostForHttp10: http1?.defaultHostForHttp10 ?? "",
    enableTrailers: http1?.enableTrailers ?? false,
    headerCase: compileHeaderCase(http1),
    allowAbsoluteUrl: http1?.allowAbsoluteUrl ?? true,
    refusesHttpsUrl: (message.useRemoteAddress ?? false) && message.xffNumTrustedHops === 0,
    allowChunkedLength: http1?.allowChunkedLength ?? false,
    proxy100Continue: message.proxy100Continue,
    maxRequestHeadersBytes: maxHeadersBytes,
    maxRequestHeadersCount: maxHeadersCount,
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    idleTimeoutMs: milliseconds(common?.idleTimeout, DEFAULTS.idleTimeoutMs),
    maxConnectionDurationMs: milliseconds(common?.maxConnectionDuration, 0),
    streamIdleTimeoutMs: milliseconds(message.streamIdleTimeout, DEFAULTS.streamIdleTimeoutMs),
    requestTimeoutMs: milliseconds(message.requestTimeout, 0),
    requestHeadersTimeoutMs: milliseconds(message.requestHeadersTimeout, 0),
    maxStreamDurationMs: milliseconds(common?.maxStreamDuration, 0),
    drainTimeoutMs: milliseconds(message.drainTimeout, DEFAULTS.drainTimeoutMs),
    delayedCloseTimeoutMs: milliseconds(message.delayedCloseTimeout, DEFAULTS.delayedCloseTimeoutMs),
    tellsOverload: message.appendLocalOverload,
    suppressEnvoyHeaders: router?.suppressEnvoyHeaders ?? false,
    respectExpectedRqTimeout: router?.respectExpectedRqTimeout ?? false,
    listener: context.listener,
    localReplies: compileLocalReplies(message.localReplyConfig, place.field("local_reply_config")),
    accessLogs: compileAccessLogs(message.accessLog, (i) => place.item("access_log", i)),
    ...compileAccessLogOptions(message),
    tracing:
      message.tracing === undefined
        ? null
        : compileTracing(message.tracing, router?.startChildSpan ?? false, context, place.field("tracing")),
    routes: compileRoutes(message, context, place),
    upgrades: compileUpgrades(message.upgradeConfigs, place) ?? NO_UPGRADES,
    filters,
  };
}

function compileEarlyMutations(
  { earlyHeaderMutationExtensions: extensions }: HttpConnectionManager,
  place: Place,
): HttpConnectionManagerPlan["earlyMutations"] {
  if (extensions.length === 0) return null;
  return extensions.flatMap(({ typedConfig }, i) => {
    if (typedConfig === undefined) return [];
    const at = place.item("early_header_mutation_extensions", i).packed("typed_config", typedConfig.typeUrl);
    const { mutations } = unpackExtension(typedConfig).message as EarlyHeaderMutation;
    return compileSteps(mutations, NO_EXTENSIONS, (j) => at.item("mutations", j));
  });
}

const NO_EXTENSIONS: ReadonlySet<string> = new Set();

function compileClientCertificate({
  forwardClientCertDetails: mode,
  setCurrentClientCertDetails: details,
}: HttpConnectionManager): ClientCertificatePlan | null {
  if (mode === ClientCertificate.SANITIZE || mode === ClientCertificate.ALWAYS_FORWARD_ONLY) return null;
  return {
    forwardsOnly: mode === ClientCertificate.FORWARD_ONLY,
    appends: mode === ClientCertificate.APPEND_FORWARD,
    subject: details?.subject ?? false,
    cert: details?.cert ?? false,
    chain: details?.chain ?? false,
    dns: details?.dns ?? false,
    uri: details?.uri ?? false,
  };
}

const NO_UPGRADES: ReadonlyMap<string, boolean> = new Map();

function compileInternalAddresses(message: HttpConnectionManager, place: Place): AddressTest | null {
  const ranges = message.internalAddressConfig?.cidrRanges ?? [];
  return ranges.length === 0 ? null : compileCidrRanges(ranges, (i) => place.item("cidr_ranges", i));
}

/** When there are lines beside the one at the end. The fields of the connection manager itself are older and do the same. */
function compileAccessLogOptions(
  message: HttpConnectionManager,
): Pick<HttpConnectionManagerPlan, "logsNewRequests" | "logsNewTunnels" | "accessLogIntervalMs"> {
  const { accessLogOptions: options } = message;
  return {
    logsNewRequests: options?.flushAccessLogOnNewRequest ?? message.flushAccessLogOnNewRequest,
    logsNewTunnels: options?.flushLogOnTunnelSuccessfullyEstablished ?? false,
    accessLogIntervalMs: milliseconds(options?.accessLogFlushInterval ?? message.accessLogFlushInterval, 0),
  };
}

function compileRoutes(
  message: HttpConnectionManager,
  context: ConnectionManagerContext,
  place: Place,
): RouteConfigRef {
  const specifier = message.routeSpecifier;
  if (specifier.case === "routeConfig") return context.inlineRoutes(specifier.value, place.field("route_config"));
  if (specifier.case === "rds")
    return context.routeConfigRef(specifier.value.routeConfigName, specifier.value.configSource);
  // Reported by the reflection check: the oneof is required, and its other members are not supported.
  return { name: "", current: null };
}

interface CompiledFilters {
  readonly router: Router | null;
  readonly filters: readonly HttpFilterPlan[];
}

/** The router comes last and is part of the plan itself; an optional filter that we lack has been left out by then. */
function compileFilters(
  message: HttpConnectionManager,
  context: ConnectionManagerContext,
  place: Place,
): CompiledFilters {
  const filters: HttpFilterPlan[] = [];
  let router: Router | null = null;
  for (const [i, filter] of message.httpFilters.entries()) {
    if (filter.configType.case !== "typedConfig") continue;
    if (router !== null) {
      const last = place.item("http_filters", i - 1);
      last.refuse(`terminal filter named ${ROUTER_NAME} must be the last filter in a http filter chain.`);
    }
    const extension = unpackExtension(filter.configType.value);
    if (extension.typeName === ROUTER) {
      router = extension.message as Router | null;
      continue;
    }
    const compiler = FILTER_COMPILERS.get(extension.typeName);
    if (compiler === undefined) continue;
    const at = place.item("http_filters", i).packed("typed_config", extension.typeUrl);
    filters.push({
      name: filter.name,
      typeName: extension.typeName,
      disabled: filter.disabled,
      config: compiler.compile(extension, context, at),
    });
  }
  if (router === null) place.field("http_filters").refuse(`a filter chain without ${ROUTER_NAME} is not supported`);
  return { router, filters };
}
