/** Certificates and keys that Secrets hold. (istio/istio `pilot/pkg/credentials/kube/secrets.go`) */
import { isKind } from "@tulle/api";
import type { StoredObject } from "./stored-object.ts";

export interface Credential {
  readonly name: string;
  readonly namespace: string;
  /** PEM; "" if it has none. */
  readonly certificate: string;
  readonly key: string;
  /** Whom to trust. */
  readonly authorities: string;
  readonly revoked: string;
}

/** Kubernetes' names of what is in a Secret of type tls, and the generic ones. */
const NAMES = {
  certificate: ["tls.crt", "cert"],
  key: ["tls.key", "key"],
  authorities: ["ca.crt", "cacert"],
  revoked: ["ca.crl", "crl"],
} as const;

/** Undefined: it holds nothing of the kind. */
export function credentialOf({ loaded: { object } }: StoredObject): Credential | undefined {
  if (!isKind(object, "", "Secret")) return undefined;
  const { data = {}, stringData = {} } = object;
  const text = (part: keyof typeof NAMES): string => {
    for (const name of NAMES[part]) {
      const plain = stringData[name];
      if (plain !== undefined) return plain;
      const encoded = data[name];
      if (encoded !== undefined) return Buffer.from(encoded, "base64").toString("latin1");
    }
    return "";
  };
  const { name, namespace } = object.metadata;
  const found = {
    name,
    namespace,
    certificate: text("certificate"),
    key: text("key"),
    authorities: text("authorities"),
    revoked: text("revoked"),
  };
  const hasPair = found.certificate !== "" && found.key !== "";
  return hasPair || found.authorities !== "" ? found : undefined;
}

/** By `namespace/name`. */
export type Credentials = ReadonlyMap<string, Credential>;
