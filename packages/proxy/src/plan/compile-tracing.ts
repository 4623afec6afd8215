/** `HttpConnectionManager.tracing` and its parts; what concerns one kind of tracer is in compile-tracers.ts. */
import {
  type Decorator,
  type Tracing as RouteTracing,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type {
  HttpConnectionManager_Tracing,
  RequestIDExtension,
} from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { UuidRequestIdConfig } from "@tulle/xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import type { CustomTag, CustomTag_Metadata } from "@tulle/xds/gen/envoy/type/tracing/v3/custom_tag_pb.js";
import type { FractionalPercent, Percent } from "@tulle/xds/gen/envoy/type/v3/percent_pb.js";
import { type TracerCompilerContext, compileTracer } from "./compile-tracers.ts";
import { metadataValue } from "./dynamic-metadata.ts";
import { bytesOf } from "./format/byte-text.ts";
import { type Format, compileTextFormat, refuseFormatErrors } from "./format/format.ts";
import { jsonOf } from "./format/json-text.ts";
import type { Metadata, StreamInfo } from "./format/stream-info.ts";
import { fractionParts } from "./fraction.ts";
import type { Place } from "./problems.ts";
import type { RuntimeValues } from "./runtime-values.ts";
import { headerReader } from "./request-matchers.ts";
import { unpackExtension } from "./schemas.ts";
import type {
  CustomTagPlan,
  DecoratorPlan,
  RequestIdPlan,
  RouteTracingPlan,
  SampledShare,
  SpanNames,
  TracerPlan,
  TracingPlan,
} from "./tracing-plan.ts";

/** Source: Envoy source/common/tracing/http_tracer_impl.h, DefaultMaxPathTagLength. */
const DEFAULT_MAX_PATH_TAG_LENGTH = 256;

/** @param startChildSpan the router's */
export function compileTracing(
  message: HttpConnectionManager_Tracing,
  startChildSpan: boolean,
  context: TracerCompilerContext,
  place: Place,
): TracingPlan {
  const independentHop = message.spawnUpstreamSpan ?? false;
  const { runtime } = place;
  const provider =
    message.provider === undefined ? null : compileTracer(message.provider, context, place.field("provider"));
  return {
    provider,
    sampling: {
      // Envoy takes the whole percents of this one, and hundredths of a percent of the others.
      client: runtime.fraction("tracing.client_enabled", Math.floor(message.clientSampling?.value ?? 100), 100),
      random: hundredths(message.randomSampling, "tracing.random_sampling", runtime),
      overall: hundredths(message.overallSampling, "tracing.global_enabled", runtime),
    },
    maxPathTagLength: message.maxPathTagLength ?? DEFAULT_MAX_PATH_TAG_LENGTH,
    customTags: compileCustomTags(message.customTags, place),
    ...compileSpanNames(message, place),
    upstreamSpans: independentHop || startChildSpan ? "all" : decidesAtEnd(provider) ? "retries" : "none",
    independentHop,
    noContextPropagation: message.noContextPropagation,
  };
}

/** Whoever collects by our own sampler gets more than Envoy would send. */
function decidesAtEnd(provider: TracerPlan | null): boolean {
  return provider?.kind === "opentelemetry" && provider.sampler?.kind === "tail";
}

/** Cut off, not rounded, as Envoy does it (`ProtobufPercentHelper::convertPercent`). */
function hundredths(percent: Percent | undefined, key: string, runtime: RuntimeValues): SampledShare {
  const numerator = percent === undefined ? 10_000 : Math.floor(10_000 * (percent.value / 100));
  return runtime.fraction(key, numerator, 10_000);
}

function share(percent: FractionalPercent | undefined, key: string, { runtime }: Place): SampledShare {
  const { numerator, denominator } = percent === undefined ? ALL : fractionParts(percent);
  return runtime.fraction(key, numerator, denominator);
}

const ALL = { numerator: 100, denominator: 100 };

export function compileRouteTracing(message: RouteTracing | undefined, place: Place): RouteTracingPlan | null {
  if (message === undefined) return null;
  const { clientSampling, randomSampling, overallSampling, customTags } = message;
  return {
    sampling: {
      client: share(clientSampling, "tracing.client_enabled", place),
      random: share(randomSampling, "tracing.random_sampling", place),
      overall: share(overallSampling, "tracing.global_enabled", place),
    },
    customTags: compileCustomTags(customTags, place),
    ...compileSpanNames(message, place),
  };
}

function compileSpanNames(
  { operation, upstreamOperation }: { readonly operation: string; readonly upstreamOperation: string },
  place: Place,
): SpanNames {
  return {
    operation: compileText(operation, place.field("operation")),
    upstreamOperation: compileText(upstreamOperation, place.field("upstream_operation")),
  };
}

/** Null where there is none. What has no value is left out. */
function compileText(text: string, place: Place): Format | null {
  if (text === "") return null;
  return refuseFormatErrors(place, null, () =>
    compileTextFormat(bytesOf(text), { omitEmpty: true, extensions: NO_EXTENSIONS }),
  );
}

const NO_EXTENSIONS: ReadonlySet<string> = new Set();

export function compileDecorator(message: Decorator | undefined): DecoratorPlan | null {
  return message === undefined ? null : { operation: message.operation, propagate: message.propagate ?? true };
}

/** The first of a name counts. */
export function compileCustomTags(messages: readonly CustomTag[], place: Place): CustomTagPlan[] {
  const tags = new Map<string, CustomTagPlan>();
  messages.forEach((message, i) => {
    const plan = compileCustomTag(message, place.item("custom_tags", i));
    if (!tags.has(message.tag)) tags.set(message.tag, plan);
  });
  return [...tags.values()];
}

function compileCustomTag({ tag, type }: CustomTag, place: Place): CustomTagPlan {
  switch (type.case) {
    case "literal": {
      const { value } = type.value;
      return { tag, value: () => value };
    }
    case "environment": {
      const { name, defaultValue } = type.value;
      const value = process.env[name] ?? defaultValue;
      return { tag, value: () => value };
    }
    case "requestHeader": {
      const { name, defaultValue } = type.value;
      const lower = name.toLowerCase();
      if (lower !== "host" && !lower.startsWith(":")) {
        return { tag, value: ({ request }) => request.firstHeader(lower) ?? defaultValue };
      }
      const read = headerReader(lower);
      return { tag, value: ({ request }) => read(request) ?? defaultValue };
    }
    case "metadata":
      return { tag, value: metadataReader(type.value, place.field("metadata")) };
    case "value": {
      const format = compileText(type.value, place.field("value"));
      return { tag, value: (stream) => format?.format(stream) ?? "" };
    }
    default:
      // Reported by the reflection check.
      return { tag, value: () => "" };
  }
}

type MetadataSource = (stream: StreamInfo) => Metadata | null | undefined;

const METADATA_SOURCES: Readonly<Record<string, MetadataSource>> = {
  request: ({ dynamicMetadata }) => dynamicMetadata,
  route: ({ route }) => route?.metadata,
  cluster: ({ cluster }) => cluster?.plan.metadata,
  host: ({ host }) => host?.metadata,
};

function metadataReader({ kind, metadataKey, defaultValue }: CustomTag_Metadata, place: Place): CustomTagPlan["value"] {
  const source = METADATA_SOURCES[kind?.kind.case ?? ""];
  if (source === undefined) place.field("kind").refuse("value is required");
  const namespace = metadataKey?.key ?? "";
  const path = metadataKey?.path.map(({ segment }) => (segment.case === "key" ? segment.value : "")) ?? [];
  return (stream) => {
    const value = metadataValue(source(stream) ?? null, namespace, path);
    if (value === undefined || value === null) return bytesOf(defaultValue);
    if (typeof value === "string") return bytesOf(value);
    // As absl::StrCat writes a double.
    return typeof value === "number" ? shortNumber(value) : jsonOf(value);
  };
}

/** `%g`: six digits, an exponent where that needs more. */
function shortNumber(value: number): string {
  const [digits, exponent] = value.toExponential(5).split("e");
  const power = Number(exponent);
  if (power >= -5 && power < 6) return String(Number(value.toPrecision(6)));
  const sign = power < 0 ? "-" : "+";
  return `${Number(digits)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}

const DEFAULT_REQUEST_IDS: RequestIdPlan = { packTraceReason: true, useForTraceSampling: true };

export function compileRequestIds(message: RequestIDExtension | undefined): RequestIdPlan {
  if (message?.typedConfig === undefined) return DEFAULT_REQUEST_IDS;
  const config = unpackExtension(message.typedConfig).message as UuidRequestIdConfig | null;
  return {
    packTraceReason: config?.packTraceReason ?? true,
    useForTraceSampling: config?.useRequestIdForTraceSampling ?? true,
  };
}
