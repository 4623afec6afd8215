/** The tracers' configurations: Zipkin and OpenTelemetry. */
import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { OtlpAttribute } from "@tulle/telemetry/tracing";
import type { HeaderValue, HeaderValueOption } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { HttpService } from "@tulle/xds/gen/envoy/config/core/v3/http_service_pb.js";
import type { Tracing_Http } from "@tulle/xds/gen/envoy/config/trace/v3/http_tracer_pb.js";
import {
  type OpenTelemetryConfig,
  OpenTelemetryConfigSchema,
} from "@tulle/xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import {
  type ZipkinConfig,
  ZipkinConfigSchema,
  ZipkinConfig_CollectorEndpointVersion as EndpointVersion,
  ZipkinConfig_TraceContextOption as TraceContextOption,
} from "@tulle/xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import type { StaticConfigResourceDetectorConfig } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.js";
import type { ParentBasedSamplerConfig } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/parent_based_sampler_pb.js";
import type { TraceIdRatioBasedSamplerConfig } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler_pb.js";
import type { GrpcService } from "@tulle/xds/gen/envoy/config/core/v3/grpc_service_pb.js";
import type { TailSampler } from "@tulle/xds/gen/tulle/tracers/opentelemetry/samplers/v1/tail_sampler_pb.js";
import type { Workload } from "@tulle/telemetry";
import { VERSION } from "../version.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { fractionParts } from "./fraction.ts";
import { compileHeaderValue } from "./header-value-format.ts";
import { hostAndPath } from "./http-uri.ts";
import type { ClusterRef } from "./cluster-plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import {
  ALWAYS_ON_SAMPLER,
  ENVIRONMENT_DETECTOR,
  NODE_DETECTOR,
  OPENTELEMETRY_TRACER,
  PARENT_BASED_SAMPLER,
  STATIC_DETECTOR,
  TAIL_SAMPLER,
  TRACE_ID_RATIO_SAMPLER,
  ZIPKIN_TRACER,
} from "./supported-fields/index.ts";
import type { CollectorPlan, OpenTelemetryPlan, SamplerPlan, TracerPlan, ZipkinPlan } from "./tracing-plan.ts";

export interface TracerCompilerContext {
  clusterRef(name: string): ClusterRef;
  readonly knownClusters: ReadonlySet<string>;
  readonly localWorkload: Workload;
  /** Who this proxy is, by its bootstrap. */
  readonly node: { readonly cluster: string };
}

/** Envoy's defaults of runtime values: source/extensions/tracers/zipkin/zipkin_tracer_impl.cc, opentelemetry/tracer.cc. */
const ZIPKIN_TIMEOUT_MS = 5_000;
const MIN_FLUSH_SPANS = 5;
const FLUSH_INTERVAL_MS = 5_000;
/** Source: Envoy source/extensions/tracers/opentelemetry/opentelemetry_tracer_impl.cc, kDefaultMaxCacheSize. */
const DEFAULT_MAX_CACHE_SIZE = 1_024;

/** Null if anything was refused. */
export function compileTracer(message: Tracing_Http, context: TracerCompilerContext, place: Place): TracerPlan | null {
  if (message.configType.case !== "typedConfig") return null;
  const extension = unpackExtension(message.configType.value);
  const at = place.packed("typed_config", extension.typeUrl);
  if (extension.typeName === ZIPKIN_TRACER) return compileZipkin(extension.message as ZipkinConfig, context, at);
  if (extension.typeName === OPENTELEMETRY_TRACER) {
    return compileOpenTelemetry(extension.message as OpenTelemetryConfig, context, at);
  }
  return null;
}

function compileZipkin(message: ZipkinConfig, context: TracerCompilerContext, place: Place): ZipkinPlan {
  const { collectorEndpointVersion: version } = message;
  if (version !== EndpointVersion.HTTP_JSON && version !== EndpointVersion.HTTP_PROTO) {
    place.field("collector_endpoint_version").refuse("must be HTTP_JSON or HTTP_PROTO");
  }
  const collector = zipkinCollector(message, context, place);
  if (!context.knownClusters.has(collector.cluster.name)) {
    place.refuse(`envoy.tracers.zipkin: unknown cluster '${collector.cluster.name}'`);
  }
  return {
    kind: "zipkin",
    collector,
    format: version === EndpointVersion.HTTP_PROTO ? "protobuf" : "json",
    traceId128Bit: message.traceId128bit,
    timestampTraceIds: message.timestampTraceIds,
    sharedSpanContext: message.sharedSpanContext ?? true,
    withW3c: message.traceContextOption === TraceContextOption.USE_B3_WITH_W3C_PROPAGATION,
    splitSpans: message.splitSpansForRequest,
    fingerprint: fingerprintOf(toBinary(ZipkinConfigSchema, message)),
  };
}

function zipkinCollector(message: ZipkinConfig, context: TracerCompilerContext, place: Place): CollectorPlan {
  const service = message.collectorService;
  const times = {
    // `http_uri.timeout` of the collector service is not looked at.
    timeoutMs: place.runtime.integer("tracing.zipkin.request_timeout", ZIPKIN_TIMEOUT_MS),
    ...flushing("zipkin", place),
  };
  if (service !== undefined) {
    const [uri, cluster] = uriAndCluster(service);
    const [host, path] = uri.includes("://") ? hostAndPath(uri) : ["", uri];
    return {
      cluster: context.clusterRef(cluster),
      authority: host === "" ? cluster : host,
      path,
      isGrpc: false,
      headers: collectorHeaders(service.requestHeadersToAdd, place.field("collector_service")),
      ...times,
    };
  }
  const { collectorCluster, collectorEndpoint, collectorHostname } = message;
  if (collectorCluster === "" || collectorEndpoint === "") {
    place.refuse("collector_cluster and collector_endpoint must be specified when not using collector_service");
  }
  return {
    cluster: context.clusterRef(collectorCluster),
    authority: collectorHostname === "" ? collectorCluster : collectorHostname,
    path: collectorEndpoint,
    isGrpc: false,
    headers: [],
    ...times,
  };
}

function compileOpenTelemetry(
  message: OpenTelemetryConfig,
  context: TracerCompilerContext,
  place: Place,
): OpenTelemetryPlan {
  const { grpcService } = message;
  if ((message.httpService === undefined) === (grpcService === undefined)) {
    place.refuse("OpenTelemetry Tracer must have exactly one of gRPC, HTTP, or custom exporter configured.");
  }
  return {
    kind: "opentelemetry",
    collector:
      grpcService === undefined
        ? otlpCollector(message.httpService, context, place.field("http_service"))
        : grpcCollector(grpcService, context, place.field("grpc_service")),
    resource: compileResource(message, context),
    withScope: message.setInstrumentationScope ?? true,
    sampler: message.sampler === undefined ? null : compileSampler(message.sampler, place.field("sampler")),
    maxCacheSize: message.maxCacheSize ?? DEFAULT_MAX_CACHE_SIZE,
    fingerprint: fingerprintOf(toBinary(OpenTelemetryConfigSchema, message)),
  };
}

function otlpCollector(service: HttpService | undefined, context: TracerCompilerContext, place: Place): CollectorPlan {
  const [uri, cluster] = uriAndCluster(service);
  const [authority, path] = hostAndPath(uri);
  return {
    cluster: context.clusterRef(cluster),
    authority,
    path,
    isGrpc: false,
    headers: collectorHeaders(service?.requestHeadersToAdd ?? [], place),
    timeoutMs: { value: milliseconds(service?.httpUri?.timeout, 0) },
    ...flushing("opentelemetry", place),
  };
}

/** Source: opentelemetry-proto collector/trace/v1/trace_service.proto */
const EXPORT_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

function grpcCollector(service: GrpcService, context: TracerCompilerContext, place: Place): CollectorPlan {
  const { targetSpecifier: target, timeout, initialMetadata } = service;
  if (target.case !== "envoyGrpc") place.refuse("envoy_grpc is required");
  const { clusterName, authority } = target.case === "envoyGrpc" ? target.value : { clusterName: "", authority: "" };
  // Envoy makes no listener that would call nobody.
  if (!context.knownClusters.has(clusterName)) place.refuse(`Unknown gRPC client cluster '${clusterName}'`);
  return {
    cluster: context.clusterRef(clusterName),
    authority: authority === "" ? clusterName : authority,
    path: EXPORT_METHOD,
    isGrpc: true,
    headers: initialMetadata.map((header, i) => constantHeader(header, place.item("initial_metadata", i))),
    timeoutMs: { value: milliseconds(timeout, 0) },
    ...flushing("opentelemetry", place),
  };
}

function flushing(tracer: string, { runtime }: Place): Pick<CollectorPlan, "minFlushSpans" | "flushIntervalMs"> {
  return {
    minFlushSpans: runtime.integer(`tracing.${tracer}.min_flush_spans`, MIN_FLUSH_SPANS),
    flushIntervalMs: runtime.integer(`tracing.${tracer}.flush_interval_ms`, FLUSH_INTERVAL_MS),
  };
}

function uriAndCluster(service: HttpService | undefined): [uri: string, cluster: string] {
  return [service?.httpUri?.uri ?? "", service?.httpUri?.httpUpstreamType.value ?? ""];
}

/** Each replaces what there is of its name, and moves it to the end. */
function collectorHeaders(options: readonly HeaderValueOption[], place: Place): [string, string][] {
  const headers: [string, string][] = [];
  for (const [i, { header }] of options.entries()) {
    if (header === undefined) continue;
    headers.push(constantHeader(header, place.item("request_headers_to_add", i)));
  }
  return headers;
}

function constantHeader(header: Pick<HeaderValue, "key" | "value">, place: Place): [name: string, value: string] {
  const { value } = compileHeaderValue(header.value, place);
  if (value === null) place.refuse("there is no request that the value could be taken from");
  return [header.key.toLowerCase(), value ?? ""];
}

/** As the OpenTelemetry SDKs have it: what we are, then what the detectors find, later ones over earlier ones. */
function compileResource(message: OpenTelemetryConfig, context: TracerCompilerContext): OtlpAttribute[] {
  const attributes = new Map<string, string>();
  if (message.setServiceNameResourceAttribute ?? true) {
    // Envoy's default: who moves to Tulle finds its services under the same names.
    attributes.set("service.name", message.serviceName === "" ? "unknown_service:envoy" : message.serviceName);
  }
  if (message.setTelemetrySdkResourceAttributes ?? true) {
    attributes.set("telemetry.sdk.language", "nodejs");
    attributes.set("telemetry.sdk.name", "tulle");
    attributes.set("telemetry.sdk.version", VERSION);
  }
  for (const { typedConfig } of message.resourceDetectors) {
    for (const [name, value] of typedConfig === undefined ? [] : detect(typedConfig, context))
      attributes.set(name, value);
  }
  return [...attributes];
}

function detect(typedConfig: Any, context: TracerCompilerContext): readonly OtlpAttribute[] {
  const { typeName, message } = unpackExtension(typedConfig);
  if (typeName === NODE_DETECTOR) return nodeAttributes(context);
  if (typeName === ENVIRONMENT_DETECTOR) return environmentAttributes(process.env["OTEL_RESOURCE_ATTRIBUTES"] ?? "");
  if (typeName !== STATIC_DETECTOR) return [];
  const { attributes } = message as StaticConfigResourceDetectorConfig;
  return Object.entries(attributes).filter(([, value]) => value !== "");
}

function nodeAttributes({ node, localWorkload }: TracerCompilerContext): OtlpAttribute[] {
  const { name, namespace, canonicalName, canonicalRevision, cluster } = localWorkload;
  return [
    ["service.name", node.cluster],
    ["istio.canonical_service", canonicalName],
    ["istio.canonical_revision", canonicalRevision],
    ["istio.namespace", namespace],
    ["istio.cluster_id", cluster],
    ["tulle.workload", name],
  ];
}

/** `name=value,name=value`; what is none is passed over, nothing is trimmed or unescaped. */
function environmentAttributes(text: string): OtlpAttribute[] {
  return text.split(",").flatMap((pair) => {
    const equals = pair.indexOf("=");
    return equals < 0 ? [] : [[pair.slice(0, equals), pair.slice(equals + 1)] as const];
  });
}

function compileSampler({ typedConfig }: TypedExtensionConfig, place: Place): SamplerPlan {
  if (typedConfig === undefined) {
    place.refuse("Didn't find a registered implementation for '' with type URL: ''");
    return { kind: "always-on" };
  }
  const { typeName, typeUrl, message } = unpackExtension(typedConfig);
  switch (typeName) {
    case PARENT_BASED_SAMPLER: {
      const at = place.packed("typed_config", typeUrl).field("wrapped_sampler");
      const { wrappedSampler } = message as ParentBasedSamplerConfig;
      if (wrappedSampler !== undefined) {
        const root = compileSampler(wrappedSampler, at);
        // The table lets no other one in.
        return { kind: "parent-based", root: root.kind === "tail" ? { kind: "always-on" } : root };
      }
      at.refuse("Didn't find a registered implementation for '' with type URL: ''");
      return { kind: "always-on" };
    }
    case TRACE_ID_RATIO_SAMPLER: {
      const { samplingPercentage } = message as TraceIdRatioBasedSamplerConfig;
      return { kind: "trace-id-ratio", share: fractionParts(samplingPercentage) };
    }
    case ALWAYS_ON_SAMPLER:
      return { kind: "always-on" };
    case TAIL_SAMPLER: {
      const { minTracesPerSecond, maxKeptPerSecond, slow } = message as TailSampler;
      return {
        kind: "tail",
        minTracesPerSecond,
        maxKeptPerSecond,
        slowQuantile: slow.case === "slowQuantile" ? slow.value : 0,
        slowThresholdMs: slow.case === "slowThreshold" ? milliseconds(slow.value, 0) : 0,
      };
    }
    default:
      place.refuse(`${typeUrl} is no sampler`);
      return { kind: "always-on" };
  }
}
