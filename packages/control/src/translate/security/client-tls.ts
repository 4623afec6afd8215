/** How clients secure their connections to a service port. (istio/istio `pilot/pkg/networking/core/cluster_tls.go`) */
import { sniCluster } from "../names.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isIP } from "@tulle/api";
import type { ClientTlsSettings } from "@tulle/api";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import type { MeshService } from "../../model/service.ts";
import { caOf, file, kubernetesSecret } from "./secrets.ts";
import type { Carried } from "./tls-context.ts";
import {
  CLIENT_PARAMETERS,
  meshClient,
  PLAINTEXT,
  subjectNames,
  SYSTEM_AUTHORITIES,
  upstreamTls,
} from "./tls-context.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>;

export interface ClientTlsInput {
  readonly service: MeshService;
  readonly port: number;
  readonly subset: string;
  readonly settings: ClientTlsSettings | undefined;
  readonly mesh: MeshSettings;
  /** The client's cluster for certificates; undefined: it has none. */
  readonly secrets: string | undefined;
  /** Who answers for the service: `namespace/account`. */
  readonly accounts: readonly string[];
  readonly carries: Carried;
  /** Whether the client is one that gets what is in Secrets: a gateway, or a workload that the rule selects. */
  readonly mayHaveCredentials: boolean;
}

/** The key by which endpoints say what they take. (Envoy docs, `Cluster.transport_socket_matches`) */
export const TRANSPORT_SOCKET_METADATA = "envoy.transport_socket_match";
/** Of endpoints that take mutual TLS. */
export const TAKES_MUTUAL_TLS = { tlsMode: "istio" } as const;

export function clientTls(input: ClientTlsInput): Pick<ClusterInit, "transportSocket" | "transportSocketMatches"> {
  const { settings, secrets, service, mesh } = input;
  if (settings === undefined) {
    if (secrets === undefined || service.external || mesh.config.enableAutoMtls === false) return {};
    return {
      transportSocketMatches: [
        { name: "tlsMode-istio", match: TAKES_MUTUAL_TLS, transportSocket: mutual(input, secrets) },
        { name: "tlsMode-disabled", match: {}, transportSocket: PLAINTEXT },
      ],
    };
  }
  switch (settings.mode) {
    case "ISTIO_MUTUAL":
      return secrets === undefined ? {} : { transportSocket: mutual(input, secrets) };
    case "SIMPLE":
    case "MUTUAL":
      return { transportSocket: originated(input, settings) };
    default:
      return {};
  }
}

/** TLS as the rule's author wants it. A credential that the client may not have counts as none: a server that it is needed for refuses then. */
function originated(
  { service, carries, mayHaveCredentials, mesh }: ClientTlsInput,
  settings: ClientTlsSettings,
): TransportSocket {
  const { caCertificates = "", clientCertificate = "", privateKey = "", caCrl = "", insecureSkipVerify } = settings;
  const credential = mayHaveCredentials ? (settings.credentialName ?? "") : "";
  const sni = settings.sni || (isServerName(service.host) ? service.host : "");
  const own = settings.subjectAltNames ?? [];
  const named = own.length > 0 ? own : service.subjectAltNames;
  const names = named.length > 0 ? named : [service.host].filter(isServerName);
  const { cipherSuites = [], ecdhCurves = [] } = mesh.config.tlsDefaults ?? {};
  const byMutual = settings.mode === "MUTUAL";
  return upstreamTls({
    sni,
    commonTlsContext: {
      tlsParams: { ...CLIENT_PARAMETERS, cipherSuites: [...cipherSuites], ecdhCurves: [...ecdhCurves] },
      alpnProtocols: carries === "http2" ? ["h2"] : [],
      ...(byMutual && credential !== "" ? { tlsCertificateSdsSecretConfigs: [kubernetesSecret(credential)] } : {}),
      ...(byMutual && credential === "" && clientCertificate !== ""
        ? { tlsCertificates: [{ certificateChain: file(clientCertificate), privateKey: file(privateKey) }] }
        : {}),
      ...(insecureSkipVerify === true
        ? {}
        : {
            validationContextType:
              credential === ""
                ? {
                    case: "validationContext",
                    value: {
                      trustedCa: file(caCertificates || SYSTEM_AUTHORITIES),
                      ...(caCrl === "" ? {} : { crl: file(caCrl) }),
                      matchTypedSubjectAltNames: subjectNames(names),
                    },
                  }
                : {
                    case: "combinedValidationContext",
                    value: {
                      defaultValidationContext: { matchTypedSubjectAltNames: subjectNames(names) },
                      validationContextSdsSecretConfig: kubernetesSecret(caOf(credential)),
                    },
                  },
          }),
    },
  });
}

/** What a server can be asked for by name. */
function isServerName(host: string): boolean {
  return !isIP(host) && !host.includes("*");
}

function mutual({ service, port, subset, settings, mesh, accounts, carries }: ClientTlsInput, secrets: string) {
  const named = settings?.subjectAltNames;
  return meshClient({
    secrets,
    sni: settings?.sni || sniCluster(port, subset, service.host),
    names: named ?? [...identities(accounts, mesh.trustDomains), ...service.subjectAltNames],
    carries,
  });
}

/** Each account has one name in each trust domain. */
function identities(accounts: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return accounts.flatMap((account) => {
    const [namespace, name] = account.split("/");
    return trustDomains.map((trustDomain) => `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`);
  });
}
