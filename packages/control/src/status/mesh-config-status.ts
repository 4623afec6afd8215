/** What became of the ConfigMap `istio`: mesh-wide settings. */
import { MESH_CONFIG_KEY, MESH_CONFIG_MAP } from "@tulle/api";
import type { MeshConfig, Path, ResourceObject } from "@tulle/api";
import type { Snapshot } from "../model/snapshot.ts";
import { jsonObject } from "../model/telemetry.ts";
import { findCollector } from "../model/tracing.ts";
import { notYetApplied } from "./not-yet-applied.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

/** The settings that are applied; every other that is set is told. */
const APPLIED: ReadonlySet<keyof MeshConfig> = new Set([
  "connectTimeout",
  "dnsRefreshRate",
  "localityLbSetting",
  "outboundTrafficPolicy",
  "pathNormalization",
  "tcpKeepalive",
  "trustDomain",
  "trustDomainAliases",
  "defaultServiceExportTo",
  "defaultVirtualServiceExportTo",
  "defaultDestinationRuleExportTo",
  "defaultTrafficPolicy",
  "accessLogFile",
  "accessLogFormat",
  "accessLogEncoding",
  "pathNormalization",
  "defaultHttpRetryPolicy",
  "defaultInboundHttpRetryPolicy",
  "enableAutoMtls",
  "meshMTLS",
  "tlsDefaults",
  // In part: see below.
  "extensionProviders",
  "defaultProviders",
  "defaultConfig",
  "enableTracing",
]);

/** What is applied of settings that are applied in part. */
const DEFAULT_CONFIG: ReadonlySet<string> = new Set(["proxyHeaders", "gatewayTopology", "tracing"]);
const TRACING: ReadonlySet<string> = new Set(["sampling", "maxPathTagLength", "enableIstioTags", "customTags"]);
const GATEWAY_TOPOLOGY: ReadonlySet<string> = new Set(["numTrustedProxies"]);
const PROXY_HEADERS: ReadonlySet<string> = new Set([
  "server",
  "requestId",
  "attemptCount",
  "envoyDebugHeaders",
  "preserveHttp1HeaderCase",
]);

const PROVIDERS = [
  "envoyFileAccessLog",
  "envoyHttpAls",
  "envoyTcpAls",
  "envoyOtelAls",
  "envoyExtAuthzHttp",
  "envoyExtAuthzGrpc",
  "zipkin",
  "opentelemetry",
  "prometheus",
] as const;

/** Undefined if the ConfigMap is another one. */
export function meshConfigFindings(
  snapshot: Snapshot,
  { metadata, data }: ResourceObject<"", "ConfigMap">,
): readonly Finding[] | undefined {
  const { mesh, options } = snapshot;
  if (metadata.name !== MESH_CONFIG_MAP || data?.[MESH_CONFIG_KEY] === undefined) return undefined;
  if (metadata.namespace !== options.rootNamespace) {
    const message = `the mesh has its settings in namespace ${options.rootNamespace}`;
    return [finding("Ignored", ["data", MESH_CONFIG_KEY], message)];
  }
  const left = (Object.keys(mesh.config) as (keyof MeshConfig)[]).filter((field) => !APPLIED.has(field));
  return [
    finding("InForce", [], "settings of the whole mesh"),
    ...[...left.map((field): Path => [field]), ...partsLeft(mesh.config)].map((path) =>
      finding("NotYetApplied", ["data", MESH_CONFIG_KEY, ...path], "this setting"),
    ),
    ...logFindings(mesh.config),
    ...tracingFindings(snapshot),
    ...notYetApplied("", "MeshConfig", mesh.config).map((found) => ({
      ...found,
      path: ["data", MESH_CONFIG_KEY, ...found.path],
    })),
  ];
}

function partsLeft({ defaultConfig, defaultProviders, extensionProviders = [] }: MeshConfig): readonly Path[] {
  const without = (value: object | undefined, applied: ReadonlySet<string>, path: Path): Path[] =>
    Object.keys(value ?? {})
      .filter((field) => !applied.has(field))
      .map((field) => [...path, field]);
  return [
    ...without(defaultConfig, DEFAULT_CONFIG, ["defaultConfig"]),
    ...without(defaultConfig?.proxyHeaders, PROXY_HEADERS, ["defaultConfig", "proxyHeaders"]),
    ...without(defaultConfig?.gatewayTopology, GATEWAY_TOPOLOGY, ["defaultConfig", "gatewayTopology"]),
    ...without(defaultConfig?.tracing, TRACING, ["defaultConfig", "tracing"]),
    ...without(defaultProviders, new Set(["accessLogging", "metrics", "tracing"]), ["defaultProviders"]),
    ...extensionProviders.flatMap((provider, index): Path[] =>
      PROVIDERS.some((kind) => provider[kind] !== undefined) ? [] : [["extensionProviders", index]],
    ),
    ...extensionProviders.flatMap(collectorParts),
  ];
}

/** Values of headers that are to come from an environment, and what finds attributes but the environment. */
function collectorParts({ zipkin, opentelemetry }: Provider, index: number): Path[] {
  const fromEnvironment = (headers: Headers = [], path: Path): Path[] =>
    headers.flatMap(({ envName }, i) => (envName === undefined ? [] : [[...path, i, "envName"]]));
  const at = (...path: Path): Path => ["extensionProviders", index, ...path];
  return [
    ...fromEnvironment(zipkin?.headers, at("zipkin", "headers")),
    ...fromEnvironment(opentelemetry?.http?.headers, at("opentelemetry", "http", "headers")),
    ...fromEnvironment(opentelemetry?.grpc?.initialMetadata, at("opentelemetry", "grpc", "initialMetadata")),
    ...Object.keys(opentelemetry?.resourceDetectors ?? {})
      .filter((kind) => kind !== "environment")
      .map((kind) => at("opentelemetry", "resourceDetectors", kind)),
    ...(opentelemetry?.dynatraceSampler === undefined ? [] : [at("opentelemetry", "dynatraceSampler")]),
  ];
}

type Provider = NonNullable<MeshConfig["extensionProviders"]>[number];
type Headers = NonNullable<NonNullable<Provider["zipkin"]>["headers"]>;

/** Of several default providers the first counts. */
function tracingFindings({ mesh, serviceByHost }: Snapshot): readonly Finding[] {
  const [first] = mesh.config.defaultProviders?.tracing ?? [];
  const found = first === undefined ? undefined : findCollector(mesh, first, serviceByHost);
  if (found === undefined || !("problem" in found)) return [];
  const path: Path = ["data", MESH_CONFIG_KEY, "defaultProviders", "tracing", 0];
  return [finding(found.notYet ? "NotYetApplied" : "Invalid", path, `${found.problem}: there are no traces`)];
}

/** (`telemetry_logging.go` FileAccessLogFromMeshConfig) */
function logFindings({ accessLogEncoding, accessLogFormat }: MeshConfig): readonly Finding[] {
  if (accessLogEncoding !== "JSON" || !accessLogFormat || jsonObject(accessLogFormat) !== undefined) return [];
  const path = ["data", MESH_CONFIG_KEY, "accessLogFormat"];
  return [finding("Invalid", path, "is no JSON object, as accessLogEncoding wants; Istio's fields are logged")];
}
