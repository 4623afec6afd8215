/** What a connection manager's tracing, and a route's part in it, compile to. */
import type { OtlpAttribute } from "@tulle/telemetry/tracing";
import type { Format } from "./format/format.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import type { ClusterRef } from "./cluster-plan.ts";
import type { RuntimeRef } from "./runtime-values.ts";

/** Names of spans; null: the tracer's, or a decorator's. */
export interface SpanNames {
  readonly operation: Format | null;
  /** Of attempts. */
  readonly upstreamOperation: Format | null;
}

/** `HttpConnectionManager.tracing`. */
export interface TracingPlan extends SpanNames {
  /** Who makes and reports spans; null: decisions and decorators only. */
  readonly provider: TracerPlan | null;
  readonly sampling: SamplingPlan;
  /** `max_path_tag_length`, default 256. */
  readonly maxPathTagLength: number;
  readonly customTags: readonly CustomTagPlan[];
  /** Which attempts at upstreams are spans of their own: all by `spawn_upstream_span` or the router's `start_child_span`. */
  readonly upstreamSpans: "none" | "retries" | "all";
  /** `spawn_upstream_span`: the proxy's two spans are a server's and a client's, whatever the listener's direction. */
  readonly independentHop: boolean;
  readonly noContextPropagation: boolean;
}

/** Envoy draws a number and takes it modulo the denominator. */
export interface SampledShare {
  readonly numerator: number;
  readonly denominator: number;
}

export interface SamplingPlan {
  /** Of requests with x-client-trace-id. */
  readonly client: SampledShare;
  /** Of requests that nobody asks to trace. */
  readonly random: SampledShare;
  /** Of all that the others chose. */
  readonly overall: SampledShare;
}

/** `Route.tracing`: takes the place of the connection manager's sampling and, where it has them, names, adds to its tags. */
export interface RouteTracingPlan extends SpanNames {
  readonly sampling: SamplingPlan;
  readonly customTags: readonly CustomTagPlan[];
}

/** `Route.decorator`. */
export interface DecoratorPlan {
  /** The span's name. */
  readonly operation: string;
  /** The other end is told. Default true. */
  readonly propagate: boolean;
}

export interface CustomTagPlan {
  readonly tag: string;
  /** "": the span does not get it. */
  value(stream: StreamInfo): string;
}

/** `UuidRequestIdConfig`. */
export interface RequestIdPlan {
  /** The decision is written into the id. Default true. */
  readonly packTraceReason: boolean;
  /** The decision is taken from the id, so that all proxies take the same. Default true. */
  readonly useForTraceSampling: boolean;
}

/** Where spans are sent. */
export interface CollectorPlan {
  readonly cluster: ClusterRef;
  readonly authority: string;
  /** Of a gRPC method, or what is posted to. */
  readonly path: string;
  readonly isGrpc: boolean;
  /** Configured ones; lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timeoutMs: RuntimeRef<number>;
  /** So many spans are sent at once. */
  readonly minFlushSpans: RuntimeRef<number>;
  /** Or what there is after so long. */
  readonly flushIntervalMs: RuntimeRef<number>;
}

export type TracerPlan = ZipkinPlan | OpenTelemetryPlan;

export interface ZipkinPlan {
  readonly kind: "zipkin";
  readonly collector: CollectorPlan;
  readonly format: "json" | "protobuf";
  readonly traceId128Bit: boolean;
  readonly timestampTraceIds: boolean;
  /** Default true: a server's span has the id of its client's. */
  readonly sharedSpanContext: boolean;
  /** `USE_B3_WITH_W3C_PROPAGATION`. */
  readonly withW3c: boolean;
  readonly splitSpans: boolean;
  /** Equal strings mean equal configuration: listeners share tracers. */
  readonly fingerprint: string;
}

export interface OpenTelemetryPlan {
  readonly kind: "opentelemetry";
  readonly collector: CollectorPlan;
  readonly resource: readonly OtlpAttribute[];
  readonly withScope: boolean;
  /** Null: the connection manager's decision, unless the parent says no. */
  readonly sampler: SamplerPlan | null;
  /** Spans that may wait. Default 1024. */
  readonly maxCacheSize: number;
  readonly fingerprint: string;
}

/** `tulle.tracers.opentelemetry.samplers.v1.TailSampler`; 0: not. */
export interface TailSamplerPlan {
  readonly kind: "tail";
  readonly minTracesPerSecond: number;
  readonly maxKeptPerSecond: number;
  readonly slowQuantile: number;
  readonly slowThresholdMs: number;
}

export type SamplerPlan = HeadSamplerPlan | TailSamplerPlan;

export type HeadSamplerPlan =
  | { readonly kind: "always-on" }
  /** As the parent; the root as the other one says. */
  | { readonly kind: "parent-based"; readonly root: HeadSamplerPlan }
  | { readonly kind: "trace-id-ratio"; readonly share: SampledShare };
