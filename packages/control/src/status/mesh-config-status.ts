/** What became of the ConfigMap `istio`: mesh-wide settings. */
import { MESH_CONFIG_KEY, MESH_CONFIG_MAP } from "@tulle/api";
import type { MeshConfig, ResourceObject } from "@tulle/api";
import type { Snapshot } from "../model/snapshot.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

/** The settings that are applied; every other that is set is told. */
const APPLIED: ReadonlySet<keyof MeshConfig> = new Set([
  "connectTimeout",
  "dnsRefreshRate",
  "localityLbSetting",
  "defaultServiceExportTo",
  "defaultVirtualServiceExportTo",
  "defaultDestinationRuleExportTo",
  "defaultTrafficPolicy",
]);

/** Undefined if the ConfigMap is another one. */
export function meshConfigFindings(
  { mesh, options }: Snapshot,
  { metadata, data }: ResourceObject<"", "ConfigMap">,
): readonly Finding[] | undefined {
  if (metadata.name !== MESH_CONFIG_MAP || data?.[MESH_CONFIG_KEY] === undefined) return undefined;
  if (metadata.namespace !== options.rootNamespace) {
    const message = `the mesh has its settings in namespace ${options.rootNamespace}`;
    return [finding("Ignored", ["data", MESH_CONFIG_KEY], message)];
  }
  const left = (Object.keys(mesh.config) as (keyof MeshConfig)[]).filter((field) => !APPLIED.has(field));
  return [
    finding("InForce", [], "settings of the whole mesh"),
    ...left.map((field) => finding("NotYetApplied", ["data", MESH_CONFIG_KEY, field], "this setting")),
  ];
}
