/** The text of a MeshConfig to its settings. */
import type { ResourceObject } from "../kinds/registry.ts";
import { readDocuments } from "../parse/documents.ts";
import { DEFAULT_LIMITS } from "../parse/limits.ts";
import { toPlain } from "../parse/plain.ts";
import { check, UNSOUND } from "../schema/check.ts";
import type { Finding, Report } from "../schema/check.ts";
import { meshConfig } from "./schema.ts";
import type { MeshConfig } from "./schema.ts";

/** Name of the ConfigMap that has it, in the root namespace. (istio/istio `pilot/pkg/bootstrap/mesh.go`) */
export const MESH_CONFIG_MAP = "istio";
/** Key of it in the ConfigMap's data. */
export const MESH_CONFIG_KEY = "mesh";

const EMPTY: MeshConfig = {};

/** Reports what is wrong; the result holds what is right. */
export function checkMeshConfig(text: string, report: Report): MeshConfig {
  const problem = (finding: Pick<Finding, "code" | "message">): void =>
    report({ ...finding, severity: "error", path: [] });
  const [part, ...more] = readDocuments(text, DEFAULT_LIMITS).filter(({ document }) => document?.contents !== null);
  if (more.length > 0) problem({ code: "yaml-syntax", message: "has more than one document" });
  for (const { message } of part?.problems ?? []) problem({ code: "yaml-syntax", message });
  if (part?.document === undefined || part.problems.length > 0) return EMPTY;
  const { value, problems } = toPlain(part.document.contents, DEFAULT_LIMITS);
  for (const { code, message } of problems) problem({ code, message });
  if (problems.length > 0 || value === null) return EMPTY;
  const checked = check(meshConfig, value, [], { report, protoNames: true });
  return checked === UNSOUND ? EMPTY : (checked as MeshConfig);
}

/** The settings in a ConfigMap `istio`; undefined if it has none. */
export function meshConfigOf({ metadata, data }: ResourceObject<"", "ConfigMap">): MeshConfig | undefined {
  const text = metadata.name === MESH_CONFIG_MAP ? data?.[MESH_CONFIG_KEY] : undefined;
  return text === undefined ? undefined : checkMeshConfig(text, () => undefined);
}
