/** TLS between proxies of the mesh. (istio/istio `pilot/pkg/security/authn/utils/utils.go`, `pilot/pkg/networking/core/cluster_tls.go`) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isIP } from "@tulle/api";
import { TransportSocketSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as Version,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type {
  SubjectAltNameMatcherSchema,
  TlsParametersSchema,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { packed } from "../packed.ts";
import { exact, prefix } from "./matchers.ts";
import { meshRoots, ownCertificate } from "./secrets.ts";

export type DownstreamTlsInit = Exclude<MessageInitShape<typeof DownstreamTlsContextSchema>, { $typeName: string }>;
type UpstreamTlsInit = Exclude<MessageInitShape<typeof UpstreamTlsContextSchema>, { $typeName: string }>;
type ParametersInit = MessageInitShape<typeof TlsParametersSchema>;

const TLS = "envoy.transport_sockets.tls";

/** For servers; those of TLS 1.3 are always there. (SupportedCiphers) */
export const SERVER_CIPHERS: readonly string[] = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

/** (defaultUpstreamCommonTLSContext) */
export const CLIENT_PARAMETERS: ParametersInit = {
  tlsMinimumProtocolVersion: Version.TLSv1_2,
  tlsMaximumProtocolVersion: Version.TLSv1_3,
};

export function downstreamTls(context: DownstreamTlsInit): TransportSocket {
  const config = packed(DownstreamTlsContextSchema, create(DownstreamTlsContextSchema, context));
  return create(TransportSocketSchema, { name: TLS, configType: { case: "typedConfig", value: config } });
}

export function upstreamTls(context: UpstreamTlsInit): TransportSocket {
  const config = packed(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, context));
  return create(TransportSocketSchema, { name: TLS, configType: { case: "typedConfig", value: config } });
}

export const PLAINTEXT: TransportSocket = create(TransportSocketSchema, {
  name: "envoy.transport_sockets.raw_buffer",
  configType: { case: "typedConfig", value: packed(RawBufferSchema, create(RawBufferSchema)) },
});

/** Names of peers, each of the type that it looks like. */
export function subjectNames(names: readonly string[]): MessageInitShape<typeof SubjectAltNameMatcherSchema>[] {
  return names.map((name) => ({ sanType: typeOf(name), matcher: exact(name) }));
}

function typeOf(name: string): SanType {
  if (name.includes("://")) return SanType.URI;
  if (name.includes("@")) return SanType.EMAIL;
  return isIP(name) ? SanType.IP_ADDRESS : SanType.DNS;
}

export interface ServerIdentity {
  /** The proxy's cluster for secrets. */
  readonly secrets: string;
  /** Those of clients. */
  readonly trustDomains: readonly string[];
  /** MeshConfig's `meshMTLS`. */
  readonly minVersion: Version;
  readonly ciphers: readonly string[];
  readonly curves: readonly string[];
}

/** What a proxy takes from other proxies. Clients say "istio" to be found by; what is spoken then is settled without it. */
export function meshServer({ secrets, trustDomains, minVersion, ciphers, curves }: ServerIdentity): TransportSocket {
  return downstreamTls({
    commonTlsContext: {
      alpnProtocols: ["h2", "http/1.1"],
      tlsParams: {
        tlsMinimumProtocolVersion: minVersion,
        tlsMaximumProtocolVersion: Version.TLSv1_3,
        cipherSuites: [...ciphers],
        ecdhCurves: [...curves],
      },
      tlsCertificateSdsSecretConfigs: [ownCertificate(secrets)],
      validationContextType: {
        case: "combinedValidationContext",
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: trustDomains.map((one) => ({
              sanType: SanType.URI,
              matcher: prefix(`spiffe://${one}/`),
            })),
          },
          validationContextSdsSecretConfig: meshRoots(secrets),
        },
      },
    },
    requireClientCertificate: true,
  });
}

/** Where systems keep the certificates of the web's authorities. (Debian's place, which most others have too) */
export const SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";

/** What a proxy takes a server of the web for: one that somebody vouches for whom everybody trusts. */
export function webClient({
  sni,
  names,
}: {
  readonly sni: string;
  readonly names: readonly string[];
}): TransportSocket {
  return upstreamTls({
    sni,
    commonTlsContext: {
      tlsParams: CLIENT_PARAMETERS,
      validationContextType: {
        case: "validationContext",
        value: {
          trustedCa: { specifier: { case: "filename", value: SYSTEM_AUTHORITIES } },
          matchTypedSubjectAltNames: subjectNames(names),
        },
      },
    },
  });
}

export interface ClientIdentity {
  readonly secrets: string;
  readonly sni: string;
  /** Who the server may be; empty: anybody of the mesh. */
  readonly names: readonly string[];
  readonly carries: Carried;
}

/** What a client sends. */
export type Carried = "http1" | "http2" | "bytes";

/** By it servers of ports that may carry both choose what reads it. (istio/istio `pilot/pkg/networking/util/util.go` ALPNInMesh…) */
const MESH_ALPN: Readonly<Record<Carried, readonly string[]>> = {
  http1: ["istio-http/1.1", "istio", "http/1.1"],
  http2: ["istio-h2", "istio", "h2"],
  bytes: ["istio"],
};

/** What a proxy offers other proxies. Istio's filter that tells servers which HTTP comes is not needed where a cluster speaks one. */
export function meshClient({ secrets, sni, names, carries }: ClientIdentity): TransportSocket {
  return upstreamTls({
    sni,
    commonTlsContext: {
      tlsParams: CLIENT_PARAMETERS,
      alpnProtocols: [...MESH_ALPN[carries]],
      tlsCertificateSdsSecretConfigs: [ownCertificate(secrets)],
      validationContextType: {
        case: "combinedValidationContext",
        value: {
          defaultValidationContext: { matchTypedSubjectAltNames: subjectNames(names) },
          validationContextSdsSecretConfig: meshRoots(secrets),
        },
      },
    },
  });
}
