/** Telemetries, which of them a workload has, and what that says about access logs. (istio/istio `pilot/pkg/model/telemetry.go`) */
import { isKind, matchesLabels } from "@tulle/api";
import type { AccessLoggingSettings, Labels, LoadedObject, MeshConfig, TelemetrySpec } from "@tulle/api";
import type { MeshSettings } from "./mesh-settings.ts";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface TelemetryRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly spec: TelemetrySpec;
  /** Labels of the workloads it is for; undefined: for all of its namespace, in the root namespace for all of the mesh. */
  readonly selector: Labels | undefined;
  readonly loaded: LoadedObject;
}

/** Undefined too if it is attached to an object, which only gateways of the Gateway API and waypoints have. */
export function telemetryOf(stored: StoredObject): TelemetryRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "telemetry.istio.io", "Telemetry")) return undefined;
  const { spec } = object;
  if (spec.targetRef !== undefined || (spec.targetRefs ?? []).length > 0) return undefined;
  const labels = spec.selector?.matchLabels;
  return {
    origin: originOf(stored.loaded),
    createdAt: stored.createdAt,
    spec,
    selector: labels === undefined || Object.keys(labels).length === 0 ? undefined : labels,
    loaded: stored.loaded,
  };
}

interface Client {
  readonly namespace: string;
  readonly labels: Labels;
}

/** The mesh's, the namespace's and the oldest of the workload's own, the more special later. `rules` are in order of creation. */
export function telemetriesFor(
  rules: readonly TelemetryRule[],
  rootNamespace: string,
  { namespace, labels }: Client,
): readonly TelemetryRule[] {
  const wide = [...new Set([rootNamespace, namespace])].map((name) => namespaceWide(rules, name));
  const own = rules.find(
    ({ origin, selector }) =>
      origin.namespace === namespace && selector !== undefined && matchesLabels(selector, labels),
  );
  return [...wide, own].filter((rule) => rule !== undefined);
}

/** Of several for a whole namespace the oldest counts. */
export function namespaceWide(rules: readonly TelemetryRule[], namespace: string): TelemetryRule | undefined {
  return rules.find(({ origin, selector }) => origin.namespace === namespace && selector === undefined);
}

/** Where requests are written down, or told. */
export type AccessLogSink = FileLogSink | CollectorSink | RequestLogSink;

/** The control plane itself, of single requests: whoever explains them asks there. */
export interface RequestLogSink {
  readonly kind: "requests";
  /** Of the proxy's, that leads there. */
  readonly cluster: string;
  readonly reporter: "source" | "destination";
}

/** A service that collects them. */
export interface CollectorSink {
  readonly kind: "collector";
  /** With one of envoyHttpAls, envoyTcpAls, envoyOtelAls. */
  readonly provider: Provider;
  /** CEL that a request must satisfy. */
  readonly filter: string | undefined;
}

/** A file that requests are written to. */
export interface FileLogSink {
  readonly kind: "file";
  readonly path: string;
  readonly format: LogFormat;
  readonly omitEmptyValues: boolean;
  /** CEL that a request must satisfy. */
  readonly filter: string | undefined;
}

/** Undefined content: Istio's. */
type LogFormat =
  | { readonly type: "text"; readonly text: string | undefined }
  | { readonly type: "json"; readonly labels: Readonly<Record<string, unknown>> | undefined };

/** Which side of a request logs: a client's sidecar or a gateway, or a server's sidecar. */
export type WorkloadMode = "CLIENT" | "SERVER";

type Provider = NonNullable<MeshConfig["extensionProviders"]>[number];

/** There without being configured. (istio/istio `pkg/config/mesh/mesh.go` DefaultMeshConfig) */
const DEFAULT_PROVIDERS: readonly Provider[] = [
  { name: "prometheus" },
  { name: "stackdriver" },
  { name: "envoy", envoyFileAccessLog: { path: "/dev/stdout" } },
  // Ours: the control plane.
  { name: "tulle" },
];

/** Names count without regard to case; a configured provider replaces a default one of its name. */
export function findProvider({ config }: MeshSettings, name: string): Provider | undefined {
  const wanted = name.toLowerCase();
  return [...(config.extensionProviders ?? []), ...DEFAULT_PROVIDERS].find(
    (provider) => provider.name.toLowerCase() === wanted,
  );
}

/** What a workload logs: as its Telemetries say, else as MeshConfig does. (`telemetry.go` AccessLogging, `accesslog.go`) */
export function accessLogSinks(
  rules: readonly TelemetryRule[],
  mesh: MeshSettings,
  mode: WorkloadMode,
): readonly (FileLogSink | CollectorSink)[] {
  const defaults = mesh.config.defaultProviders?.accessLogging ?? [];
  const levels = rules.map(({ spec }) => spec.accessLogging ?? []).filter((settings) => settings.length > 0);
  const chosen = [...chosenProviders(levels, defaults, mode)]
    .map(([name, choice]) => ({ provider: findProvider(mesh, name), ...choice }))
    .filter(({ provider }) => provider !== undefined && logsRequests(provider))
    .sort((a, b) => (a.provider!.name < b.provider!.name ? -1 : 1));
  if (chosen.length === 0) {
    const { accessLogFile = "" } = mesh.config;
    return accessLogFile === "" ? [] : [meshSink(accessLogFile, mesh, undefined)];
  }
  return chosen
    .filter(({ disabled }) => !disabled)
    .map(({ provider, filter }) => providerSink(provider!, mesh, filter));
}

interface Choice {
  readonly disabled: boolean;
  readonly filter: string | undefined;
}

/**
 * The last level that names providers says which there are; each item before may switch them off, and one without names is about
 * those of the item before it. (`telemetry.go` mergeLogs)
 */
function chosenProviders(
  levels: readonly (readonly AccessLoggingSettings[])[],
  defaults: readonly string[],
  mode: WorkloadMode,
): ReadonlyMap<string, Choice> {
  if (levels.length === 0) return new Map(defaults.map((name) => [name, { disabled: false, filter: undefined }]));
  const filters = new Map<string, string | undefined>();
  let inScope = defaults;
  for (const level of levels) {
    const named = level.filter((item) => isFor(item, mode));
    for (const item of named) for (const name of namesIn(item)) filters.set(name, item.filter?.expression);
    const names = named.flatMap(namesIn);
    if (names.length > 0) inScope = names;
  }
  const chosen = new Map<string, Choice>();
  let before = defaults;
  for (const item of levels.flat()) {
    const names = namesIn(item);
    if (names.length > 0) before = names;
    if (!isFor(item, mode)) continue;
    for (const name of before) {
      if (!inScope.includes(name)) continue;
      chosen.set(name, { disabled: item.disabled === true, filter: filters.get(name) });
    }
  }
  return chosen;
}

function isFor({ match }: AccessLoggingSettings, mode: WorkloadMode): boolean {
  return match === undefined || (match.mode ?? "CLIENT_AND_SERVER") === "CLIENT_AND_SERVER" || match.mode === mode;
}

function namesIn({ providers = [] }: AccessLoggingSettings): readonly string[] {
  return providers.map(({ name }) => name);
}

const STDOUT = "/dev/stdout";

/** (istio/istio `telemetry_logging.go`) */
export function logsRequests(provider: Provider): boolean {
  return provider.envoyFileAccessLog !== undefined || isCollector(provider);
}

function isCollector({ envoyHttpAls, envoyTcpAls, envoyOtelAls }: Provider): boolean {
  return [envoyHttpAls, envoyTcpAls, envoyOtelAls].some((collector) => collector !== undefined);
}

function providerSink(provider: Provider, mesh: MeshSettings, filter: string | undefined): FileLogSink | CollectorSink {
  if (isCollector(provider)) return { kind: "collector", provider, filter };
  const { name, envoyFileAccessLog } = provider;
  const { path = "", logFormat, omitEmptyValues = false } = envoyFileAccessLog ?? {};
  // The built-in provider has MeshConfig's format unless it has one of its own.
  if (name === "envoy" && logFormat === undefined && !omitEmptyValues) return meshSink(path || STDOUT, mesh, filter);
  const format: LogFormat =
    logFormat?.labels === undefined
      ? { type: "text", text: logFormat?.text }
      : { type: "json", labels: logFormat.labels as Readonly<Record<string, unknown>> };
  return { kind: "file", path: path || STDOUT, format, omitEmptyValues, filter };
}

function meshSink(path: string, { config }: MeshSettings, filter: string | undefined): FileLogSink {
  const format: LogFormat =
    config.accessLogEncoding === "JSON"
      ? { type: "json", labels: jsonObject(config.accessLogFormat) }
      : { type: "text", text: config.accessLogFormat };
  return { kind: "file", path, format, omitEmptyValues: false, filter };
}

/** Undefined, so that Istio's format stands in, if the text is no JSON object. */
export function jsonObject(text = ""): Readonly<Record<string, unknown>> | undefined {
  if (text === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
