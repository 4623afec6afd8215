/** Access logs that leave over gRPC. Envoy `source/extensions/access_loggers/grpc/{config_utils,http_config,tcp_config}.cc`. */
import { toBinary } from "@bufbuild/protobuf";
import type { GrpcService } from "@tulle/xds/gen/envoy/config/core/v3/grpc_service_pb.js";
import {
  type CommonGrpcAccessLogConfig,
  CommonGrpcAccessLogConfigSchema,
  type HttpGrpcAccessLogConfig,
  type TcpGrpcAccessLogConfig,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import { compileCustomTags } from "./compile-tracing.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type EntryPlan, type NamedValue, httpEntry, tcpEntry } from "./format/als-entry.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import { compileHeaderValue } from "./header-value-format.ts";
import type { CollectedLogPlan } from "./listener-plan.ts";
import type { LogCollectorPlan } from "./log-collector-plan.ts";
import type { Place } from "./problems.ts";
import { headerReader } from "./request-matchers.ts";

/** Source: Envoy `source/extensions/access_loggers/common/grpc_access_logger.h`. */
export const FLUSH_MS = 1_000;
export const BUFFER_BYTES = 16_384;
const STAT_PREFIX = "access_logs.grpc_access_log.";

type Compiled = Pick<CollectedLogPlan, "kind" | "collector" | "entry">;

export function compileHttpLog(message: HttpGrpcAccessLogConfig, place: Place): Compiled {
  const { commonConfig: config } = message;
  const plan: EntryPlan = { ...entryPlanOf(config, place.field("common_config")), ...additions(message) };
  const collector = compileCollector(config, "http", place.field("common_config"));
  return { kind: "collected", collector, entry: (stream) => httpEntry(stream, plan, 0) };
}

export function compileTcpLog({ commonConfig: config }: TcpGrpcAccessLogConfig, place: Place): Compiled {
  const plan: EntryPlan = {
    ...entryPlanOf(config, place.field("common_config")),
    requestHeaders: [],
    responseHeaders: [],
    responseTrailers: [],
  };
  const collector = compileCollector(config, "tcp", place.field("common_config"));
  return { kind: "collected", collector, entry: (stream) => tcpEntry(stream, plan, 0) };
}

/** What is told beyond what every entry has. */
export function additions(
  message: Pick<
    HttpGrpcAccessLogConfig,
    "additionalRequestHeadersToLog" | "additionalResponseHeadersToLog" | "additionalResponseTrailersToLog"
  >,
): Pick<EntryPlan, "requestHeaders" | "responseHeaders" | "responseTrailers"> {
  return {
    requestHeaders: message.additionalRequestHeadersToLog.map(requestHeader),
    responseHeaders: message.additionalResponseHeadersToLog.map(responseHeader),
    responseTrailers: message.additionalResponseTrailersToLog.map(responseTrailer),
  };
}

export function entryPlanOf(
  config: CommonGrpcAccessLogConfig | undefined,
  place: Place,
): Pick<EntryPlan, "customTags" | "filterStates"> {
  return {
    customTags: compileCustomTags(config?.customTags ?? [], place),
    filterStates: config?.filterStateObjectsToLog ?? [],
  };
}

/** All lines of that name. */
function requestHeader(name: string): NamedValue {
  const lower = name.toLowerCase();
  const read = headerReader(lower);
  return { name: lower, read: ({ requestHeadDone, request }) => (requestHeadDone ? read(request) : undefined) };
}

function responseHeader(name: string): NamedValue {
  const lower = name.toLowerCase();
  if (lower === ":status") {
    return { name: lower, read: ({ response }) => (response.status === 0 ? undefined : String(response.status)) };
  }
  return { name: lower, read: ({ response }: StreamInfo) => response.headers.find(lower) };
}

function responseTrailer(name: string): NamedValue {
  const lower = name.toLowerCase();
  return { name: lower, read: ({ responseTrailers }) => responseTrailers?.find(lower) };
}

export function compileCollector(
  config: CommonGrpcAccessLogConfig | undefined,
  protocol: "http" | "tcp",
  place: Place,
): LogCollectorPlan {
  return {
    ...compileService(config?.grpcService, place),
    fingerprint:
      config === undefined ? "" : `${protocol} ${fingerprintOf(toBinary(CommonGrpcAccessLogConfigSchema, config))}`,
    protocol,
    logName: config?.logName ?? "",
    flushMs: milliseconds(config?.bufferFlushInterval, FLUSH_MS),
    bufferBytes: config?.bufferSizeBytes ?? BUFFER_BYTES,
    statPrefix: STAT_PREFIX,
    resource: NOTHING,
    namesNode: false,
  };
}

const NOTHING = new Uint8Array();

/** @param place of the message that `grpc_service` is a field of */
export function compileService(
  service: GrpcService | undefined,
  place: Place,
): Pick<LogCollectorPlan, "cluster" | "authority" | "headers"> {
  const at = place.field("grpc_service");
  const target = service?.targetSpecifier;
  if (service !== undefined && target?.case !== "envoyGrpc") at.refuse("envoy_grpc is required");
  const { clusterName, authority } = target?.case === "envoyGrpc" ? target.value : { clusterName: "", authority: "" };
  const headers = (service?.initialMetadata ?? []).map(({ key, value }, i) => {
    const item = at.item("initial_metadata", i);
    const { value: constant } = compileHeaderValue(value, item);
    if (constant === null) item.refuse("there is no request that the value could be taken from");
    return [key.toLowerCase(), constant ?? ""] as const;
  });
  return {
    cluster: clusterName,
    authority: authority === "" ? clusterName : authority,
    headers: Object.fromEntries(headers),
  };
}
