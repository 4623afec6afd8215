/**
 * Filter chains for what arrives at a sidecar: with mutual TLS, and without; HTTP, and what is not.
 * (istio/istio `pilot/pkg/networking/core/filterchain_options.go`)
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type {
  Filter,
  FilterChainMatchSchema,
  FilterChainSchema,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TlsParameters_TlsProtocol as Version } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import type { MutualTlsMode } from "../../model/peer-authentication.ts";
import { meshServer, SERVER_CIPHERS } from "./tls-context.ts";

export interface InboundSecurity {
  readonly mode: MutualTlsMode;
  /** The proxy's cluster for certificates. */
  readonly secrets: string;
}

type MatchInit = Exclude<MessageInitShape<typeof FilterChainMatchSchema>, { $typeName: string }>;
export type FilterChainInit = Exclude<MessageInitShape<typeof FilterChainSchema>, { $typeName: string }>;

/** What reads requests, and what passes bytes on; both where it has to be found out. */
export interface InboundFilters {
  readonly http: readonly Filter[] | undefined;
  readonly tcp: readonly Filter[] | undefined;
}

/** What clients of the mesh say in ALPN, by which they are told from others that speak TLS. (`util.go` allIstioMtlsALPNs) */
const MESH_HTTP = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
const MESH_TCP = ["istio-peer-exchange", "istio"];
export const MESH = [...MESH_TCP, ...MESH_HTTP];

type Kind = "http" | "tcp" | "auto";

interface ChainRow {
  readonly to: "http" | "tcp";
  readonly transport?: "tls" | "raw_buffer";
  readonly alpn?: readonly string[] | "plaintext http";
  readonly mutual?: boolean;
}

const CHAINS: Readonly<Record<MutualTlsMode, Readonly<Record<Kind, readonly ChainRow[]>>>> = {
  DISABLE: {
    http: [{ to: "http" }],
    tcp: [{ to: "tcp" }],
    auto: [{ to: "http", alpn: "plaintext http" }, { to: "tcp" }],
  },
  PERMISSIVE: {
    http: [
      { to: "http", transport: "tls", alpn: MESH, mutual: true },
      { to: "http", transport: "raw_buffer" },
    ],
    tcp: [
      { to: "tcp", transport: "tls", alpn: MESH, mutual: true },
      // The application's own TLS.
      { to: "tcp", transport: "tls" },
      { to: "tcp", transport: "raw_buffer" },
    ],
    auto: [
      { to: "http", transport: "tls", alpn: MESH_HTTP, mutual: true },
      { to: "http", transport: "raw_buffer", alpn: "plaintext http" },
      { to: "tcp", transport: "tls", alpn: MESH_TCP, mutual: true },
      { to: "tcp", transport: "raw_buffer" },
      { to: "tcp", transport: "tls" },
    ],
  },
  STRICT: {
    http: [{ to: "http", transport: "tls", mutual: true }],
    tcp: [{ to: "tcp", transport: "tls", mutual: true }],
    auto: [
      { to: "http", transport: "tls", alpn: MESH_HTTP, mutual: true },
      { to: "tcp", transport: "tls", mutual: true },
    ],
  },
};

export interface ChainsInput {
  readonly filters: InboundFilters;
  /** Undefined: the proxy has no certificate, and plaintext is all it takes. */
  readonly security: InboundSecurity | undefined;
  readonly mesh: MeshSettings;
  /** What every chain's match has. */
  readonly match?: MatchInit;
  readonly name?: string;
  /** What the HTTP inspector calls HTTP. */
  readonly plaintextHttp?: readonly string[];
}

/** One of the two kinds of filters is there. */
export function inboundChains(input: ChainsInput): FilterChainInit[] {
  const { filters, security, mesh, match = {}, name = "", plaintextHttp = [] } = input;
  const kind = filters.tcp === undefined ? "http" : filters.http === undefined ? "tcp" : "auto";
  const socket = isInspected(security) ? serverSocket(security, mesh) : undefined;
  return CHAINS[security?.mode ?? "DISABLE"][kind].map(({ to, transport, alpn = [], mutual = false }) => {
    const whole: MatchInit = {
      ...match,
      ...(transport === undefined ? {} : { transportProtocol: transport }),
      applicationProtocols: [...(alpn === "plaintext http" ? plaintextHttp : alpn)],
    };
    const isAny = transport === undefined && alpn.length === 0 && Object.keys(match).length === 0;
    return {
      name,
      ...(isAny ? {} : { filterChainMatch: whole }),
      filters: [...(filters[to] ?? [])],
      ...(mutual && socket !== undefined ? { transportSocket: socket } : {}),
    };
  });
}

/** Whether it has to be found out which connections are TLS. */
export function isInspected(security: InboundSecurity | undefined): security is InboundSecurity {
  return security !== undefined && security.mode !== "DISABLE";
}

/** What a server of the mesh shows and asks for. */
export function serverSocket({ secrets }: InboundSecurity, { config, trustDomains }: MeshSettings): TransportSocket {
  const { minProtocolVersion, cipherSuites = [], ecdhCurves = [] } = config.meshMTLS ?? {};
  return meshServer({
    secrets,
    trustDomains,
    minVersion: minProtocolVersion === "TLSV1_3" ? Version.TLSv1_3 : Version.TLSv1_2,
    ciphers: cipherSuites.length === 0 ? SERVER_CIPHERS : cipherSuites,
    curves: ecdhCurves,
  });
}
