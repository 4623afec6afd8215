/** Which spans a connection manager makes, and who gets them. (istio/istio `pilot/pkg/networking/core/tracing.go`) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { TypedExtensionConfigSchema } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import { HeaderValueOption_HeaderAppendAction as AppendAction } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { OpenTelemetryConfigSchema } from "@tulle/xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import {
  ZipkinConfig_CollectorEndpointVersion as EndpointVersion,
  ZipkinConfig_TraceContextOption as TraceContextOption,
  ZipkinConfigSchema,
} from "@tulle/xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { EnvironmentResourceDetectorConfigSchema } from "@tulle/xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js";
import { UuidRequestIdConfigSchema } from "@tulle/xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import type { CustomTagSchema } from "@tulle/xds/gen/envoy/type/tracing/v3/custom_tag_pb.js";
import { NodeResourceDetectorSchema } from "@tulle/xds/gen/tulle/tracers/opentelemetry/resource_detectors/v1/node_resource_detector_pb.js";
import { TailSamplerSchema } from "@tulle/xds/gen/tulle/tracers/opentelemetry/samplers/v1/tail_sampler_pb.js";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Labels } from "@tulle/api";
import { workloadOfNode } from "@tulle/telemetry";
import type { Collector, CollectorTarget, CustomTag, Tracing } from "../model/tracing.ts";
import type { Capabilities } from "./data-plane.ts";
import { fromText, milliseconds } from "./durations.ts";
import { outboundCluster } from "./names.ts";
import { packed } from "./packed.ts";
import type { ConnectionManagerInit } from "./proxy-settings.ts";

/** Who makes the spans. */
export interface TracedWorkload {
  readonly type: "sidecar" | "router";
  /** The service's name in spans: the node's. */
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  readonly labels: Labels;
  readonly clusterId: string;
  readonly meshId: string;
  /** The cluster by which it reaches the control plane with what it tells of itself; undefined: it has none. */
  readonly telemetry: string | undefined;
}

type TagInit = Exclude<MessageInitShape<typeof CustomTagSchema>, { $typeName: string }>;
type OpenTelemetryInit = Exclude<MessageInitShape<typeof OpenTelemetryConfigSchema>, { $typeName: string }>;

/** A demo's traces are whole; a mesh under load pays for MeshConfig's share of them. docs/guides/tracing.md */
const MIN_TRACES_PER_SECOND = 25;
const MAX_KEPT_PER_SECOND = 5;
const SLOW_QUANTILE = 0.99;

export function tracingSettings(
  tracing: Tracing | undefined,
  workload: TracedWorkload,
  capabilities: Capabilities,
): ConnectionManagerInit {
  if (tracing === undefined || !capabilities.httpFeatures.has("tracing")) return {};
  const { collector, sampling, maxPathTagLength, propagates, usesRequestIds } = tracing;
  // Of its own bootstrap, which nobody else knows: a proxy refuses what names a cluster that it does not have.
  if (collector.type === "control plane" && workload.telemetry === undefined) return {};
  const ownProxy = capabilities.httpFeatures.has("traces by node");
  const { name, typedConfig } = providerOf(collector, workload, ownProxy);
  return {
    tracing: {
      clientSampling: { value: 100 },
      randomSampling: { value: sampling },
      overallSampling: { value: 100 },
      provider: { name, configType: { case: "typedConfig", value: typedConfig } },
      customTags: tagsOf(tracing, workload, ownProxy && collector.type === "control plane"),
      noContextPropagation: !propagates,
      ...(maxPathTagLength === undefined ? {} : { maxPathTagLength }),
      // A gateway is a service of its own. (`pilot/pkg/features` SpawnUpstreamSpanForGateway)
      ...(workload.type === "router" ? { spawnUpstreamSpan: true } : {}),
    },
    ...(usesRequestIds
      ? {}
      : {
          requestIdExtension: {
            typedConfig: packed(
              UuidRequestIdConfigSchema,
              create(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: false }),
            ),
          },
        }),
  };
}

interface ProviderConfig {
  readonly name: string;
  readonly typedConfig: Any;
}

function providerOf(collector: Collector, workload: TracedWorkload, ownProxy: boolean): ProviderConfig {
  if (collector.type === "zipkin") return zipkin(collector);
  if (collector.type === "opentelemetry") {
    return openTelemetry({ serviceName: workload.cluster, ...exporter(collector) });
  }
  const grpcService: OpenTelemetryInit["grpcService"] = {
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: workload.telemetry ?? "" } },
    timeout: milliseconds(DEFAULT_TIMEOUT_MS),
  };
  return openTelemetry(ownProxy ? { grpcService, ...NODE_AND_TAIL } : { grpcService, serviceName: workload.cluster });
}

function openTelemetry(config: OpenTelemetryInit): ProviderConfig {
  const typedConfig = packed(OpenTelemetryConfigSchema, create(OpenTelemetryConfigSchema, config));
  return { name: "envoy.tracers.opentelemetry", typedConfig };
}

const NODE_AND_TAIL: OpenTelemetryInit = {
  setServiceNameResourceAttribute: false,
  resourceDetectors: [
    extension(
      "tulle.tracers.opentelemetry.resource_detectors.node",
      packed(NodeResourceDetectorSchema, create(NodeResourceDetectorSchema)),
    ),
  ],
  sampler: extension(
    "tulle.tracers.opentelemetry.samplers.tail",
    packed(
      TailSamplerSchema,
      create(TailSamplerSchema, {
        minTracesPerSecond: MIN_TRACES_PER_SECOND,
        maxKeptPerSecond: MAX_KEPT_PER_SECOND,
        slow: { case: "slowQuantile", value: SLOW_QUANTILE },
      }),
    ),
  ),
};

function extension(name: string, typedConfig: Any) {
  return create(TypedExtensionConfigSchema, { name, typedConfig });
}

/** Zipkin's API of version 2. (`core/tracing.go` zipkinConfig) */
function zipkin({ settings, target }: Extract<Collector, { type: "zipkin" }>): ProviderConfig {
  const { path = "", enable64bitTraceId = false, traceContextOption = "USE_B3", timeout, headers = [] } = settings;
  const config = create(ZipkinConfigSchema, {
    collectorEndpointVersion: EndpointVersion.HTTP_JSON,
    traceId128bit: !enable64bitTraceId,
    sharedSpanContext: false,
    traceContextOption: TraceContextOption[traceContextOption],
    collectorService: httpService(`http://${target.host}${path || "/api/v2/spans"}`, target, timeout, headers),
  });
  return { name: "envoy.tracers.zipkin", typedConfig: packed(ZipkinConfigSchema, config) };
}

function exporter({ settings, target }: Extract<Collector, { type: "opentelemetry" }>): OpenTelemetryInit {
  const { http, grpc, resourceDetectors } = settings;
  const detectors =
    resourceDetectors?.environment === undefined
      ? {}
      : {
          resourceDetectors: [
            extension(
              "envoy.tracers.opentelemetry.resource_detectors.environment",
              packed(EnvironmentResourceDetectorConfigSchema, create(EnvironmentResourceDetectorConfigSchema)),
            ),
          ],
        };
  if (http !== undefined) {
    const uri = `${target.host}${http.path || "/"}`;
    return { ...detectors, httpService: httpService(uri, target, http.timeout, http.headers ?? []) };
  }
  const initialMetadata = (grpc?.initialMetadata ?? []).map(({ name, value = "" }) => ({ key: name, value }));
  return {
    ...detectors,
    grpcService: {
      targetSpecifier: { case: "envoyGrpc", value: { clusterName: clusterOf(target), authority: target.host } },
      ...(grpc?.timeout === undefined ? {} : { timeout: fromText(grpc.timeout) }),
      initialMetadata,
    },
  };
}

type Headers = readonly { readonly name: string; readonly value?: string }[];

function httpService(uri: string, target: CollectorTarget, timeout: string | undefined, headers: Headers) {
  return {
    httpUri: {
      uri,
      httpUpstreamType: { case: "cluster" as const, value: clusterOf(target) },
      // Envoy takes no address without one.
      timeout: timeout === undefined ? milliseconds(DEFAULT_TIMEOUT_MS) : fromText(timeout),
    },
    requestHeadersToAdd: headers.map(({ name, value = "" }) => ({
      header: { key: name, value },
      appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    })),
  };
}

/** Istio's for Zipkin, of which it is the only one that it gives. */
const DEFAULT_TIMEOUT_MS = 5_000;

function clusterOf({ host, port }: CollectorTarget): string {
  return outboundCluster(port, "", host);
}

/** @param named reports say themselves who makes the spans */
function tagsOf({ istioTags, customTags }: Tracing, workload: TracedWorkload, named: boolean): TagInit[] {
  const tags: TagInit[] = [
    ...(istioTags && !named ? workloadTags(workload) : []),
    ...(istioTags ? DRY_RUN_TAGS : []),
    ...customTags.map(([tag, from]): TagInit => ({ tag, type: tagType(from) })),
  ];
  return tags.sort((a, b) => (a.tag! < b.tag! ? -1 : 1));
}

function tagType({ literal, environment, header, formatter }: CustomTag): NonNullable<TagInit["type"]> {
  if (literal !== undefined) return { case: "literal", value: { value: literal.value } };
  if (environment !== undefined) return { case: "environment", value: environment };
  if (header !== undefined) return { case: "requestHeader", value: header };
  return { case: "value", value: formatter?.value ?? "" };
}

/** (`core/tracing.go` buildServiceTags; what injected pods have as labels is derived here) */
function workloadTags({ labels, namespace, clusterId, meshId, workload }: TracedWorkload): TagInit[] {
  const { canonicalName, canonicalRevision } = workloadOfNode({ WORKLOAD_NAME: workload, LABELS: labels });
  const tags = {
    "istio.canonical_revision": canonicalRevision,
    "istio.canonical_service": canonicalName,
    "istio.mesh_id": meshId,
    "istio.namespace": namespace,
    "istio.cluster_id": clusterId,
  };
  return Object.entries(tags).map(([tag, value]) => ({ tag, type: { case: "literal", value: { value } } }));
}

/** What policies would do of which only a dry run is wanted. (`core/tracing.go` optionalPolicyTags) */
const DRY_RUN_TAGS: readonly TagInit[] = ["allow", "deny"].flatMap((action) =>
  (
    [
      ["name", "shadow_effective_policy_id"],
      ["result", "shadow_engine_result"],
    ] as const
  ).map(([what, key]): TagInit => ({
    tag: `istio.authorization.dry_run.${action}_policy.${what}`,
    type: {
      case: "metadata",
      value: {
        kind: { kind: { case: "request", value: {} } },
        metadataKey: {
          key: "envoy.filters.http.rbac",
          path: [{ segment: { case: "key", value: `istio_dry_run_${action}_${key}` } }],
        },
      },
    },
  })),
);
