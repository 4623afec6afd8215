/** TLS of a Gateway's server. (istio/istio `pilot/pkg/networking/core/gateway.go` buildGatewayListenerTLSContext) */
import type { ServerTlsSettings } from "@tulle/api";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  CertificateValidationContext_TrustChainVerification as Verification,
  TlsParameters_TlsProtocol as Version,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import { serverSocket } from "./inbound-chains.ts";
import { caOf, file, kubernetesSecret } from "./secrets.ts";
import type { DownstreamTlsInit } from "./tls-context.ts";
import { downstreamTls, SERVER_CIPHERS, subjectNames } from "./tls-context.ts";

type CommonInit = NonNullable<DownstreamTlsInit["commonTlsContext"]>;

const VERSIONS: Readonly<Record<NonNullable<ServerTlsSettings["minProtocolVersion"]>, Version>> = {
  TLS_AUTO: Version.TLS_AUTO,
  TLSV1_0: Version.TLSv1_0,
  TLSV1_1: Version.TLSv1_1,
  TLSV1_2: Version.TLSv1_2,
  TLSV1_3: Version.TLSv1_3,
};

/** Undefined: the proxy has no certificate of the mesh to show. `secrets`: its cluster for those. */
export function gatewayTls(
  tls: ServerTlsSettings,
  secrets: string | undefined,
  mesh: MeshSettings,
): TransportSocket | undefined {
  if (tls.mode === "ISTIO_MUTUAL") {
    return secrets === undefined ? undefined : serverSocket({ secrets, mode: "STRICT" }, mesh);
  }
  const { minProtocolVersion: min = "TLS_AUTO", maxProtocolVersion: max = "TLS_AUTO", cipherSuites = [] } = tls;
  const defaults = mesh.config.tlsDefaults ?? {};
  const ciphers = [cipherSuites, defaults.cipherSuites ?? [], SERVER_CIPHERS].find((some) => some.length > 0);
  const curves = [tls.ecdhCurves ?? [], defaults.ecdhCurves ?? []].find((some) => some.length > 0);
  const asksClients = tls.mode === "MUTUAL" || tls.mode === "OPTIONAL_MUTUAL";
  return downstreamTls({
    commonTlsContext: {
      alpnProtocols: ["h2", "http/1.1"],
      tlsParams: {
        tlsMinimumProtocolVersion: min === "TLS_AUTO" ? Version.TLSv1_2 : VERSIONS[min],
        tlsMaximumProtocolVersion: max === "TLS_AUTO" ? Version.TLSv1_3 : VERSIONS[max],
        cipherSuites: [...new Set(ciphers)],
        ecdhCurves: [...(curves ?? [])],
      },
      ...certificates(tls),
      ...(asksClients ? validation(tls) : {}),
    },
    requireClientCertificate: tls.mode === "MUTUAL",
  });
}

function credentialsIn({ credentialName = "", credentialNames = [] }: ServerTlsSettings): readonly string[] {
  return credentialNames.length > 0 ? credentialNames : credentialName === "" ? [] : [credentialName];
}

/** Secrets that a server needs. */
export function credentialNames(tls: ServerTlsSettings): readonly string[] {
  const { caCertCredentialName = "" } = tls;
  return [...credentialsIn(tls), ...(caCertCredentialName === "" ? [] : [caCertCredentialName])];
}

function certificates(tls: ServerTlsSettings): Pick<CommonInit, "tlsCertificates" | "tlsCertificateSdsSecretConfigs"> {
  const credentials = credentialsIn(tls);
  if (credentials.length > 0) return { tlsCertificateSdsSecretConfigs: credentials.map(kubernetesSecret) };
  const pairs = tls.tlsCertificates ?? [{ serverCertificate: tls.serverCertificate, privateKey: tls.privateKey }];
  return {
    tlsCertificates: pairs.map(({ serverCertificate = "", privateKey = "" }) => ({
      certificateChain: file(serverCertificate),
      privateKey: file(privateKey),
    })),
  };
}

/** Of clients. */
function validation(tls: ServerTlsSettings): Pick<CommonInit, "validationContextType"> {
  const [credential] = credentialsIn(tls);
  const { caCertificates = "", caCrl = "", caCertCredentialName = "" } = tls;
  const context = {
    matchTypedSubjectAltNames: subjectNames(tls.subjectAltNames ?? []),
    verifyCertificateSpki: [...(tls.verifyCertificateSpki ?? [])],
    verifyCertificateHash: [...(tls.verifyCertificateHash ?? [])],
    ...(tls.insecureSkipVerify === true ? { trustChainVerification: Verification.ACCEPT_UNTRUSTED } : {}),
  };
  if (credential === undefined) {
    const trusted = caCertificates || (tls.tlsCertificates?.[0]?.caCertificates ?? "");
    const value = { ...context, trustedCa: file(trusted), ...(caCrl === "" ? {} : { crl: file(caCrl) }) };
    return { validationContextType: { case: "validationContext", value } };
  }
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: context,
        validationContextSdsSecretConfig: kubernetesSecret(
          caCertCredentialName === "" ? caOf(credential) : caOf(caCertCredentialName),
        ),
      },
    },
  };
}
