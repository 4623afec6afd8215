/** Secrets as proxies get them. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DataSourceSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Secret } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Credential, Credentials } from "../../model/secret.ts";
import { caOf, secretResource } from "./secrets.ts";

/** The certificate and key of a name, and whom to trust; the latter may be in a Secret of its own. */
export function credentialSecrets(name: string, namespace: string, credentials: Credentials): readonly Secret[] {
  const own = credentials.get(`${namespace}/${name}`);
  const ca = [credentials.get(`${namespace}/${caOf(name)}`), own].find((found) => (found?.authorities ?? "") !== "");
  return [
    ...(own === undefined || own.certificate === "" || own.key === "" ? [] : [pair(name, own)]),
    ...(ca === undefined ? [] : [authorities(caOf(name), ca)]),
  ];
}

function pair(name: string, { certificate, key }: Credential): Secret {
  return create(SecretSchema, {
    name: secretResource(name),
    type: { case: "tlsCertificate", value: { certificateChain: inline(certificate), privateKey: inline(key) } },
  });
}

function authorities(name: string, { authorities: trusted, revoked }: Credential): Secret {
  return create(SecretSchema, {
    name: secretResource(name),
    type: {
      case: "validationContext",
      value: { trustedCa: inline(trusted), ...(revoked === "" ? {} : { crl: inline(revoked) }) },
    },
  });
}

function inline(text: string): MessageInitShape<typeof DataSourceSchema> {
  return { specifier: { case: "inlineBytes", value: new Uint8Array(Buffer.from(text, "latin1")) } };
}
