/** `TlsParameters` in OpenSSL's terms. Names that BoringSSL does not know are refused with Envoy's words. */
import {
  type TlsParameters,
  TlsParameters_TlsProtocol as Protocol,
} from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { Place } from "./problems.ts";
import type { TlsContextPlan, TlsVersion } from "./tls-plan.ts";

/** In BoringSSL the client's order decides among those of TLS 1.3. */
const TLS13_CIPHERS = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";

/** Source: Envoy `source/common/tls/context_config_impl.cc`, DEFAULT_CIPHER_SUITES; groups of equals are kept in their order. */
const DEFAULT_CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
];

/** The same, DEFAULT_CURVES. */
const DEFAULT_CURVES = ["X25519MLKEM768", "X25519", "P-256"];

/** Without pre-shared keys. Source: BoringSSL `ssl/ssl_cipher.cc`. */
const CIPHERS: ReadonlySet<string> = new Set([
  ...DEFAULT_CIPHERS,
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-RSA-AES256-SHA",
  "ECDHE-RSA-AES128-SHA256",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
]);

/** Source: BoringSSL `ssl/ssl_key_share.cc`. */
const CURVES: ReadonlySet<string> = new Set([...DEFAULT_CURVES, "P-384", "P-521"]);

/** Source: BoringSSL `ssl/ssl_privkey.cc`. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "ed25519",
]);

const VERSIONS: Readonly<Record<number, TlsVersion>> = {
  [Protocol.TLSv1_2]: "TLSv1.2",
  [Protocol.TLSv1_3]: "TLSv1.3",
};

type Parameters = Pick<TlsContextPlan, "minVersion" | "maxVersion" | "ciphers" | "curves" | "signatureAlgorithms">;

/** @param latest the highest version unless another is configured: clients of Envoy's speak TLS 1.2 then */
export function compileTlsParameters(message: TlsParameters | undefined, latest: TlsVersion, place: Place): Parameters {
  const ciphers = (message?.cipherSuites ?? []).flatMap((each) => each.replaceAll(/[[\]]/g, "").split(/[|:]/));
  const curves = message?.ecdhCurves ?? [];
  const algorithms = message?.signatureAlgorithms ?? [];
  const unknown = ciphers.filter((name) => name !== "" && !CIPHERS.has(name));
  if (unknown.length > 0) {
    place
      .field("cipher_suites")
      .refuse(
        `Failed to initialize cipher suites ${(message?.cipherSuites ?? []).join(":")}. ` +
          `The following ciphers were rejected when tried individually: ${unknown.join(", ")}`,
      );
  }
  if (curves.some((name) => !CURVES.has(name))) {
    place.field("ecdh_curves").refuse(`Failed to initialize ECDH curves ${curves.join(":")}`);
  }
  if (algorithms.some((name) => !SIGNATURE_ALGORITHMS.has(name))) {
    place.field("signature_algorithms").refuse(`Failed to initialize TLS signature algorithms ${algorithms.join(":")}`);
  }
  const version = (name: "tlsMinimumProtocolVersion" | "tlsMaximumProtocolVersion", auto: TlsVersion): TlsVersion => {
    const value = message?.[name] ?? Protocol.TLS_AUTO;
    if (value === Protocol.TLS_AUTO) return auto;
    const found = VERSIONS[value];
    if (found === undefined) {
      const field =
        name === "tlsMinimumProtocolVersion" ? "tls_minimum_protocol_version" : "tls_maximum_protocol_version";
      place.field(field).refuse(`${Protocol[value] ?? value} is not supported: TLS begins with 1.2 here`);
    }
    return found ?? auto;
  };
  return {
    minVersion: version("tlsMinimumProtocolVersion", "TLSv1.2"),
    maxVersion: version("tlsMaximumProtocolVersion", latest),
    ciphers: `${TLS13_CIPHERS}:${(ciphers.length === 0 ? DEFAULT_CIPHERS : ciphers.filter(Boolean)).join(":")}`,
    curves: (curves.length === 0 ? DEFAULT_CURVES : curves).join(":"),
    signatureAlgorithms: algorithms.join(":"),
  };
}
