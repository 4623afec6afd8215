/** Gateway of networking.istio.io (istio/api `networking/v1alpha3/gateway.proto`). */
import { labelKey, labelValue, nonEmpty } from "../../schema/formats.ts";
import {
  boolean,
  deprecated,
  enumOf,
  integer,
  list,
  map,
  object,
  required,
  string,
  withDefault,
} from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

const tlsProtocol = enumOf(["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]);

export const serverTls = object({
  httpsRedirect: boolean(),
  mode: enumOf(["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"]),
  serverCertificate: string(),
  privateKey: string(),
  caCertificates: string(),
  caCrl: string(),
  credentialName: string(),
  credentialNames: list(string(nonEmpty), { min: 1, max: 2 }),
  caCertCredentialName: string(),
  tlsCertificates: list(object({ serverCertificate: string(), privateKey: string(), caCertificates: string() }), {
    min: 1,
    max: 2,
  }),
  subjectAltNames: list(string()),
  verifyCertificateSpki: list(string(nonEmpty)),
  verifyCertificateHash: list(string(nonEmpty)),
  minProtocolVersion: tlsProtocol,
  maxProtocolVersion: tlsProtocol,
  cipherSuites: list(string(nonEmpty)),
  ecdhCurves: list(string(nonEmpty)),
  insecureSkipVerify: boolean(),
});
export type ServerTlsSettings = Infer<typeof serverTls>;

const server = object({
  port: required(
    object({
      /** 0 only together with a Unix socket in `bind`. */
      number: withDefault(integer({ min: 0, max: 65535 }), 0),
      protocol: required(string(nonEmpty)),
      name: required(string(nonEmpty)),
      targetPort: deprecated(integer({ min: 0, max: 65535 }), "it has no effect here; remove it"),
    }),
  ),
  bind: string(),
  hosts: required(list(string(nonEmpty), { min: 1 })),
  tls: serverTls,
  defaultEndpoint: string(),
  name: string(),
});
export type GatewayServer = Infer<typeof server>;

export const gatewaySpec = object({
  servers: required(list(server, { min: 1 })),
  selector: map(string(labelValue), labelKey),
});
export type GatewaySpec = Infer<typeof gatewaySpec>;
