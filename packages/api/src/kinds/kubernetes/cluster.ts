/** Namespace, Node, Secret, ConfigMap, ServiceAccount: fields a mesh reads. */
import { boolean, list, map, opaque, openObject, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

export const nodeStatus = openObject({
  addresses: list(openObject({ type: required(string()), address: required(string()) })),
});
export type NodeStatus = Infer<typeof nodeStatus>;

const base64 = string({
  expected: "base64 text",
  accepts: (value) => !/[^A-Za-z0-9+/=\s]/.test(value),
});

export const secretFields = {
  type: string(),
  immutable: boolean(),
  /** Values are base64. */
  data: map(base64),
  stringData: map(string()),
};

export const configMapFields = {
  immutable: boolean(),
  data: map(string()),
  binaryData: map(base64),
};

export const serviceAccountFields = {
  secrets: list(opaque()),
  imagePullSecrets: list(opaque()),
  automountServiceAccountToken: boolean(),
};
