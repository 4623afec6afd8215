/** How clients secure their connections to a service port. (istio/istio `pilot/pkg/networking/core/cluster_tls.go`) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ClientTlsSettings } from "@tulle/api";
import type { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import type { MeshService } from "../../model/service.ts";
import { meshClient, PLAINTEXT } from "./tls-context.ts";

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
  readonly http2: boolean;
}

/** The key by which endpoints say what they take. (Envoy docs, `Cluster.transport_socket_matches`) */
export const TRANSPORT_SOCKET_METADATA = "envoy.transport_socket_match";
/** Of endpoints that take mutual TLS. */
export const TAKES_MUTUAL_TLS = { tlsMode: "istio" } as const;

export function clientTls(input: ClientTlsInput): Pick<ClusterInit, "transportSocket" | "transportSocketMatches"> {
  const { settings, secrets, service, mesh } = input;
  if (secrets === undefined) return {};
  if (settings === undefined) {
    if (service.external || mesh.config.enableAutoMtls === false) return {};
    return {
      transportSocketMatches: [
        { name: "tlsMode-istio", match: TAKES_MUTUAL_TLS, transportSocket: mutual(input, secrets) },
        { name: "tlsMode-disabled", match: {}, transportSocket: PLAINTEXT },
      ],
    };
  }
  return settings.mode === "ISTIO_MUTUAL" ? { transportSocket: mutual(input, secrets) } : {};
}

function mutual({ service, port, subset, settings, mesh, accounts, http2 }: ClientTlsInput, secrets: string) {
  const named = settings?.subjectAltNames;
  return meshClient({
    secrets,
    sni: settings?.sni || encodedSni(port, subset, service.host),
    names: named ?? identities(accounts, mesh.trustDomains),
    http2,
  });
}

/** Each account has one name in each trust domain. */
function identities(accounts: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return accounts.flatMap((account) => {
    const [namespace, name] = account.split("/");
    return trustDomains.map((trustDomain) => `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`);
  });
}

/** By which gateways between networks route. (Istio `pilot/pkg/model/service.go` BuildDNSSrvSubsetKey) */
function encodedSni(port: number, subset: string, host: string): string {
  return `outbound_.${port}_.${subset}_.${host}`;
}
