/** Rules for the ConfigMap `istio` (istio/istio `pkg/config/validation/agent`, ValidateMeshConfig). */
import type { Path } from "../diagnostic.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { checkMeshConfig, MESH_CONFIG_KEY, MESH_CONFIG_MAP } from "../mesh-config/parse.ts";
import type { Reporter } from "./reporter.ts";
import { validateConnectionPool, validateLocality, validateOutlierDetection } from "./traffic-policy.ts";

export function validateConfigMap({ metadata, data }: ResourceObject<"", "ConfigMap">, reporter: Reporter): void {
  const text = metadata.name === MESH_CONFIG_MAP ? data?.[MESH_CONFIG_KEY] : undefined;
  if (text === undefined) return;
  const at: Path = ["data", MESH_CONFIG_KEY];
  const config = checkMeshConfig(text, ({ severity, path, message, expected }) =>
    reporter[severity]([...at, ...path], message, expected),
  );
  const { defaultTrafficPolicy: policy, localityLbSetting: locality } = config;
  const below: Path = [...at, "defaultTrafficPolicy"];
  validateConnectionPool(policy?.connectionPool, [...below, "connectionPool"], reporter);
  if (policy?.outlierDetection !== undefined) {
    validateOutlierDetection(policy.outlierDetection, [...below, "outlierDetection"], reporter);
  }
  // Whether there is outlier detection to fail over by is the rules' own matter.
  if (locality !== undefined) validateLocality(locality, true, [...at, "localityLbSetting"], reporter);
}
