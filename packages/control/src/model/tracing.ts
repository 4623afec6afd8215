/** What a workload's Telemetries and MeshConfig say about traces. (istio/istio `pilot/pkg/model/telemetry.go` Tracing, `core/tracing.go`) */
import { parseNamespacedHost } from "@tulle/api";
import type { MeshConfig, TracingSettings } from "@tulle/api";
import type { MeshSettings } from "./mesh-settings.ts";
import type { MeshService } from "./service.ts";
import type { TelemetryRule, WorkloadMode } from "./telemetry.ts";
import { findProvider } from "./telemetry.ts";

type Provider = NonNullable<MeshConfig["extensionProviders"]>[number];
type ZipkinProvider = NonNullable<Provider["zipkin"]>;
type OpenTelemetryProvider = NonNullable<Provider["opentelemetry"]>;

/** Who gets spans that nobody else is named for: the control plane itself. */
const BUILT_IN_TRACING = "tulle";

/** Percent. (istio/istio `pilot/pkg/features/telemetry.go` TraceSampling) */
const DEFAULT_SAMPLING = 1;

/** Where spans go. */
export type Collector =
  | { readonly type: "control plane" }
  | { readonly type: "zipkin"; readonly settings: ZipkinProvider; readonly target: CollectorTarget }
  | { readonly type: "opentelemetry"; readonly settings: OpenTelemetryProvider; readonly target: CollectorTarget };

export interface CollectorTarget {
  readonly host: string;
  readonly port: number;
}

export interface Tracing {
  readonly collector: Collector;
  /** Percent of roots. */
  readonly sampling: number;
  /** In order of their names. */
  readonly customTags: readonly (readonly [name: string, tag: CustomTag])[];
  readonly istioTags: boolean;
  /** The decision is taken from the request's id. */
  readonly usesRequestIds: boolean;
  readonly propagates: boolean;
  /** Undefined: Envoy's. */
  readonly maxPathTagLength: number | undefined;
}

export type CustomTag = NonNullable<TracingSettings["customTags"]>[string];

/** Whether there is no such provider, it is none for traces that we have, or it has no service. */
export type CollectorOrProblem = Collector | CollectorProblem;

interface CollectorProblem {
  readonly problem: string;
  /** Envoy has it, we do not yet. */
  readonly notYet: boolean;
}

interface Choice {
  provider: string | undefined;
  disabled: boolean;
  sampling: number | undefined;
  customTags: TracingSettings["customTags"];
  istioTags: boolean;
  usesRequestIds: boolean;
  propagates: boolean;
}

/**
 * Undefined: no tracing. `rules` are a workload's, the more special later.
 * @param services those of collectors that the workload can reach, by host
 */
export function tracingOf(
  rules: readonly TelemetryRule[],
  mesh: MeshSettings,
  mode: WorkloadMode,
  services: ReadonlyMap<string, MeshService>,
): Tracing | undefined {
  const choice = chosen(rules, mesh, mode);
  if (choice.provider === undefined || choice.disabled) return undefined;
  const collector = findCollector(mesh, choice.provider, services);
  if ("problem" in collector) return undefined;
  const inProxies = mesh.config.defaultConfig?.tracing;
  const tags = { ...(choice.customTags ?? inProxies?.customTags) };
  return {
    collector,
    sampling: choice.sampling ?? samplingInProxies(mesh),
    customTags: Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)),
    istioTags: choice.istioTags,
    usesRequestIds: choice.usesRequestIds,
    propagates: choice.propagates,
    maxPathTagLength: maxTagLength(collector) || inProxies?.maxPathTagLength || undefined,
  };
}

/** Without anybody's word: MeshConfig's first default provider, or the control plane. */
function defaultTracingProvider({ config, collectsTraces }: MeshSettings): string | undefined {
  const [first] = config.defaultProviders?.tracing ?? [];
  if (first !== undefined) return first;
  return collectsTraces && config.enableTracing !== false ? BUILT_IN_TRACING : undefined;
}

/** Each item overrides what those before it say, field by field; custom tags as a whole. */
function chosen(rules: readonly TelemetryRule[], mesh: MeshSettings, mode: WorkloadMode): Choice {
  const choice: Choice = {
    provider: defaultTracingProvider(mesh),
    disabled: false,
    sampling: undefined,
    customTags: undefined,
    istioTags: true,
    usesRequestIds: true,
    propagates: true,
  };
  const items = rules.flatMap(({ spec }) => spec.tracing ?? []);
  // (`core/tracing.go` configureCustomTags: only who says nothing about traces gets what proxies are told)
  if (items.length === 0) choice.istioTags = mesh.config.defaultConfig?.tracing?.enableIstioTags ?? true;
  for (const item of items) {
    const wanted = item.match?.mode ?? "CLIENT_AND_SERVER";
    if (wanted !== "CLIENT_AND_SERVER" && wanted !== mode) continue;
    const { customTags, randomSamplingPercentage } = item;
    choice.provider = item.providers?.[0]?.name ?? choice.provider;
    choice.disabled = item.disableSpanReporting ?? choice.disabled;
    choice.sampling = randomSamplingPercentage ?? choice.sampling;
    if (customTags !== undefined && Object.keys(customTags).length > 0) choice.customTags = customTags;
    choice.istioTags = item.enableIstioTags ?? choice.istioTags;
    choice.usesRequestIds = item.useRequestIdForTraceSampling ?? choice.usesRequestIds;
    choice.propagates =
      item.disableContextPropagation === undefined ? choice.propagates : !item.disableContextPropagation;
  }
  return choice;
}

/** 0 is the same as nothing, as for Istio. */
function samplingInProxies({ config }: MeshSettings): number {
  return config.defaultConfig?.tracing?.sampling || DEFAULT_SAMPLING;
}

function maxTagLength(collector: Collector): number | undefined {
  return collector.type === "control plane" ? undefined : collector.settings.maxTagLength;
}

export function findCollector(
  mesh: MeshSettings,
  name: string,
  services: ReadonlyMap<string, MeshService>,
): CollectorOrProblem {
  const provider = findProvider(mesh, name);
  if (provider === undefined) return no(`MeshConfig has no extension provider ${name}`);
  if (provider.zipkin !== undefined) {
    const target = targetOf(provider.zipkin, services);
    return "problem" in target ? target : { type: "zipkin", settings: provider.zipkin, target };
  }
  if (provider.opentelemetry !== undefined) {
    if (provider.opentelemetry.dynatraceSampler !== undefined) return no(`${name} has a dynatraceSampler`, true);
    const target = targetOf(provider.opentelemetry, services);
    return "problem" in target ? target : { type: "opentelemetry", settings: provider.opentelemetry, target };
  }
  if (provider.name === BUILT_IN_TRACING && Object.keys(provider).length === 1) {
    return mesh.collectsTraces ? { type: "control plane" } : no("this control plane collects no traces");
  }
  const kind = OTHER_TRACERS.find((other) => Object.hasOwn(provider, other));
  if (kind !== undefined) return no(`${name} is a ${kind} provider`, true);
  return no(`the extension provider ${name} is none for traces`);
}

/** What Istio has beside them, some of it deprecated. */
const OTHER_TRACERS: readonly string[] = ["skywalking", "datadog", "lightstep", "opencensus", "stackdriver"];

function no(problem: string, notYet = false): CollectorProblem {
  return { problem, notYet };
}

function targetOf(
  { service: name, port: number }: Pick<ZipkinProvider, "service" | "port">,
  services: ReadonlyMap<string, MeshService>,
): CollectorTarget | CollectorProblem {
  const { namespace, host } = parseNamespacedHost(name.toLowerCase());
  const service = services.get(host);
  if (service === undefined || (namespace !== "*" && namespace !== service.namespace)) {
    return no(`there is no service ${name}`);
  }
  const port = service.ports.find((each) => each.number === number);
  return port === undefined ? no(`${host} has no port ${number}`) : { host, port: port.number };
}

/** Of all collectors that somebody may send spans to. */
export function collectorHosts({ config }: MeshSettings): ReadonlySet<string> {
  const providers = (config.extensionProviders ?? []).map(({ zipkin, opentelemetry }) => zipkin ?? opentelemetry);
  return new Set(
    providers
      .filter((provider) => provider !== undefined)
      .map(({ service }) => parseNamespacedHost(service.toLowerCase()).host),
  );
}

/** `HOST:PORT` of collectors that are told by gRPC: proxies that send no request by HTTP/2 reach these all the same. */
export function grpcCollectors({ config }: MeshSettings): readonly string[] {
  return (config.extensionProviders ?? []).flatMap(({ opentelemetry: provider }) =>
    provider === undefined || provider.http !== undefined
      ? []
      : [`${parseNamespacedHost(provider.service.toLowerCase()).host}:${provider.port}`],
  );
}
