/** Mutual TLS as Istio's sidecars do it, as Envoy's transport sockets and as nginx's directives. */
import { type Json, typed } from "../hop/bootstrap-parts.ts";
import { type Identity, SERVER_NAME } from "./certificates.ts";

/** (istio.io: TLS 1.2 at least) */
const PARAMS = { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" };

/** Towards a peer that must be `expected`. */
export function upstreamTls(own: Identity, expected: Identity, alpn: readonly string[]): Json {
  const common_tls_context = context(own, expected, alpn);
  return transportSocket("UpstreamTlsContext", { common_tls_context, sni: SERVER_NAME });
}

/** For clients that must be `expected`. */
export function downstreamTls(own: Identity, expected: Identity, alpn: readonly string[]): Json {
  const common_tls_context = context(own, expected, alpn);
  return transportSocket("DownstreamTlsContext", { common_tls_context, require_client_certificate: true });
}

function context(own: Identity, expected: Identity, alpn: readonly string[]): Json {
  return {
    tls_params: PARAMS,
    alpn_protocols: alpn,
    tls_certificates: [{ certificate_chain: { filename: own.certificate }, private_key: { filename: own.key } }],
    validation_context: {
      trusted_ca: { filename: own.authority },
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: expected.uri } }],
    },
  };
}

function transportSocket(type: string, config: Json): Json {
  return { name: "envoy.transport_sockets.tls", ...typed(`transport_sockets.tls.v3.${type}`, config) };
}

export function nginxServerTls(own: Identity): string {
  return `ssl_certificate ${own.certificate}; ssl_certificate_key ${own.key}; ssl_client_certificate ${own.authority}; ssl_verify_client on; ssl_protocols TLSv1.2 TLSv1.3;`;
}

export function nginxBackendTls(own: Identity): string {
  return `proxy_ssl_certificate ${own.certificate}; proxy_ssl_certificate_key ${own.key}; proxy_ssl_trusted_certificate ${own.authority}; proxy_ssl_verify on; proxy_ssl_name ${SERVER_NAME}; proxy_ssl_protocols TLSv1.2 TLSv1.3;`;
}
