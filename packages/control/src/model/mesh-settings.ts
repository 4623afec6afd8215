/** Mesh-wide settings: the MeshConfig of the ConfigMap `istio` in the root namespace, with Istio's defaults. */
import { isKind, MESH_CONFIG_MAP, meshConfigOf, parseDuration } from "@tulle/api";
import type { MeshConfig } from "@tulle/api";
import { DEFAULT_TRUST_DOMAIN } from "@tulle/identity";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { StoredObject } from "./stored-object.ts";

export interface MeshSettings {
  /** Undefined if no object says anything. */
  readonly origin: Origin | undefined;
  /** As written. */
  readonly config: MeshConfig;
  readonly connectTimeoutMs: number;
  readonly dnsRefreshMs: number;
  /** What becomes of requests to hosts that nobody knows. */
  readonly outboundMode: NonNullable<NonNullable<MeshConfig["outboundTrafficPolicy"]>["mode"]>;
  /** In which the mesh gives identities: its own, then others that count as it. */
  readonly trustDomains: readonly [string, ...string[]];
  /** The control plane takes spans, and is who gets them where nobody else is named. */
  readonly collectsTraces: boolean;
}

/** (istio/istio `pkg/config/mesh/mesh.go` DefaultMeshConfig) */
const DEFAULTS = {
  connectTimeoutMs: 10_000,
  dnsRefreshMs: 60_000,
  outboundMode: "ALLOW_ANY",
  trustDomain: DEFAULT_TRUST_DOMAIN,
} as const;

const NOTHING: MeshConfig = {};
export const DEFAULT_MESH_SETTINGS: MeshSettings = settingsOf(NOTHING, undefined, false);
const COLLECTING_MESH_SETTINGS: MeshSettings = settingsOf(NOTHING, undefined, true);

/** `configMaps` are all that there are. */
export function meshSettings(
  configMaps: readonly StoredObject[],
  rootNamespace: string,
  collectsTraces: boolean,
): MeshSettings {
  for (const { loaded } of configMaps) {
    const { object } = loaded;
    if (object.metadata.name !== MESH_CONFIG_MAP || object.metadata.namespace !== rootNamespace) continue;
    const config = isKind(object, "", "ConfigMap") ? meshConfigOf(object) : undefined;
    if (config !== undefined) return settingsOf(config, originOf(loaded), collectsTraces);
  }
  return collectsTraces ? COLLECTING_MESH_SETTINGS : DEFAULT_MESH_SETTINGS;
}

function settingsOf(config: MeshConfig, origin: Origin | undefined, collectsTraces: boolean): MeshSettings {
  return {
    origin,
    config,
    connectTimeoutMs: milliseconds(config.connectTimeout) ?? DEFAULTS.connectTimeoutMs,
    dnsRefreshMs: milliseconds(config.dnsRefreshRate) ?? DEFAULTS.dnsRefreshMs,
    outboundMode: config.outboundTrafficPolicy === undefined ? DEFAULTS.outboundMode : outboundMode(config),
    trustDomains: [config.trustDomain || DEFAULTS.trustDomain, ...(config.trustDomainAliases ?? [])],
    collectsTraces,
  };
}

/** The first value of the enumeration is what an object without mode means. */
function outboundMode({ outboundTrafficPolicy: policy }: MeshConfig): MeshSettings["outboundMode"] {
  return policy?.mode ?? "REGISTRY_ONLY";
}

function milliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}
