/**
 * Filter chains of a sidecar's inbound listener: what comes with mutual TLS, and what comes without.
 * (istio/istio `pilot/pkg/networking/core/filterchain_options.go`)
 */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  FilterChainSchema,
  ListenerFilterSchema,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TlsInspectorSchema } from "@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { TlsParameters_TlsProtocol as Version } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { MeshSettings } from "../../model/mesh-settings.ts";
import type { MutualTlsMode } from "../../model/peer-authentication.ts";
import { packed } from "../packed.ts";
import { meshServer, SERVER_CIPHERS } from "./tls-context.ts";

export interface InboundSecurity {
  readonly mode: MutualTlsMode;
  /** The proxy's cluster for certificates. */
  readonly secrets: string;
}

export type FilterChainInit = Exclude<MessageInitShape<typeof FilterChainSchema>, { $typeName: string }>;

export interface Chains {
  readonly filterChains: FilterChainInit[];
  readonly listenerFilters: MessageInitShape<typeof ListenerFilterSchema>[];
}

/** What clients of the mesh say in ALPN, by which they are told from others that speak TLS. (`util.go` allIstioMtlsALPNs) */
const OF_THE_MESH = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

const TLS_INSPECTOR = {
  name: "envoy.filters.listener.tls_inspector",
  configType: {
    case: "typedConfig" as const,
    value: packed(TlsInspectorSchema, create(TlsInspectorSchema)),
  },
};

/** Undefined security: the proxy has no certificate, and plaintext is all it takes. */
export function inboundChains(
  chain: FilterChainInit,
  security: InboundSecurity | undefined,
  { config, trustDomains }: MeshSettings,
): Chains {
  if (security === undefined || security.mode === "DISABLE") return { filterChains: [chain], listenerFilters: [] };
  const { minProtocolVersion, cipherSuites = [] } = config.meshMTLS ?? {};
  const transportSocket = meshServer({
    secrets: security.secrets,
    trustDomains,
    minVersion: minProtocolVersion === "TLSV1_3" ? Version.TLSv1_3 : Version.TLSv1_2,
    ciphers: cipherSuites.length === 0 ? SERVER_CIPHERS : cipherSuites,
  });
  const strict = security.mode === "STRICT";
  const applicationProtocols = strict ? [] : OF_THE_MESH;
  return {
    filterChains: [
      { ...chain, filterChainMatch: { transportProtocol: "tls", applicationProtocols }, transportSocket },
      ...(strict ? [] : [{ ...chain, filterChainMatch: { transportProtocol: "raw_buffer" } }]),
    ],
    listenerFilters: [TLS_INSPECTOR],
  };
}
