/** Operators on TLS connections and the certificates shown on them. What is empty shows as nothing. Envoy `stream_info_formatter.cc`. */
import { type Certificate, type NameKind, certificatePem, namesOf } from "../../codec/x509/certificate.ts";
import type { TlsInfo } from "../request-views.ts";
import { NumberOperator, type Operator, TextOperator } from "./operator.ts";
import type { StreamInfo } from "./stream-info.ts";
import { compileTimeFormat } from "./time-format.ts";

// Not by `import`: see plan/fingerprint.ts.
const { hash } = process.getBuiltinModule("node:crypto");

type Side = (stream: StreamInfo) => TlsInfo | null | undefined;
type Read = (tls: TlsInfo) => string | undefined;

const DOWNSTREAM: Side = ({ connection }) => connection?.tls;
const UPSTREAM: Side = ({ upstreamInfo }) => upstreamInfo?.tls;

function text(side: Side, read: Read): Operator {
  return new TextOperator((stream) => {
    const tls = side(stream);
    const value = tls === null || tls === undefined ? "" : read(tls);
    return value === "" ? undefined : value;
  });
}

const peer =
  (read: (certificate: Certificate) => string): Read =>
  (tls) =>
    tls.peer === null ? "" : read(tls.peer);
const local =
  (read: (certificate: Certificate) => string): Read =>
  (tls) =>
    tls.local === null ? "" : read(tls.local);
const names =
  (kind: NameKind) =>
  (certificate: Certificate): string =>
    namesOf(certificate, kind).join(",");
/** cold: for who logs such a thing */
const chain =
  (read: (certificate: Certificate) => string): Read =>
  ({ peerChain }) =>
    peerChain.map(read).join(",");
const issuer =
  (read: (certificate: Certificate) => string): Read =>
  ({ peerIssuer }) =>
    peerIssuer === null ? "" : read(peerIssuer);

const fingerprint = (algorithm: "sha1" | "sha256") => (certificate: Certificate) =>
  hash(algorithm, certificate.der, "hex");
const serial = (certificate: Certificate): string => certificate.serial;

/** Source: Envoy `source/common/tls/connection_info_impl_base.cc`, urlEncodedPemEncodedPeerCertificate. */
export function urlEncodedPem(certificate: Certificate): string {
  return certificatePem(certificate.der).replace(/[\n +/=]/g, (char) => ENCODED[char]);
}

const ENCODED: Readonly<Record<string, string>> = { "\n": "%0A", " ": "%20", "+": "%2B", "/": "%2F", "=": "%3D" };

const BOTH: Readonly<Record<string, Read>> = {
  TLS_CIPHER: (tls) => tls.cipher,
  TLS_GROUP: (tls) => tls.group,
  TLS_SESSION_ID: (tls) => tls.sessionId,
  TLS_VERSION: (tls) => tls.version,
  PEER_CERT: peer(urlEncodedPem),
  PEER_SUBJECT: peer(({ subject }) => subject),
  PEER_ISSUER: peer((certificate) => certificate.issuer),
  PEER_URI_SAN: peer(names("uri")),
  PEER_DNS_SAN: peer(names("dns")),
  PEER_IP_SAN: peer(names("ip")),
  LOCAL_URI_SAN: local(names("uri")),
  LOCAL_DNS_SAN: local(names("dns")),
  LOCAL_IP_SAN: local(names("ip")),
};

const OF_DOWNSTREAM: Readonly<Record<string, Read>> = {
  PEER_EMAIL_SAN: peer(names("email")),
  PEER_OTHERNAME_SAN: peer(names("other")),
  PEER_SERIAL: peer(serial),
  PEER_FINGERPRINT_256: peer(fingerprint("sha256")),
  PEER_FINGERPRINT_1: peer(fingerprint("sha1")),
  PEER_CHAIN_SERIALS: chain(serial),
  PEER_CHAIN_FINGERPRINTS_256: chain(fingerprint("sha256")),
  PEER_CHAIN_FINGERPRINTS_1: chain(fingerprint("sha1")),
  PEER_ISSUER_SERIAL: issuer(serial),
  PEER_ISSUER_FINGERPRINT_256: issuer(fingerprint("sha256")),
  LOCAL_SUBJECT: local(({ subject }) => subject),
  LOCAL_EMAIL_SAN: local(names("email")),
  LOCAL_OTHERNAME_SAN: local(names("other")),
};

/** Commands without argument. */
export const TLS_OPERATORS: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(Object.entries(BOTH).map(([name, read]) => [`DOWNSTREAM_${name}`, text(DOWNSTREAM, read)])),
  ...Object.fromEntries(
    Object.entries(OF_DOWNSTREAM).map(([name, read]) => [`DOWNSTREAM_${name}`, text(DOWNSTREAM, read)]),
  ),
  ...Object.fromEntries(Object.entries(BOTH).map(([name, read]) => [`UPSTREAM_${name}`, text(UPSTREAM, read)])),
  UPSTREAM_SERVER_NAME: text(UPSTREAM, (tls) => tls.serverName),
  DOWNSTREAM_HANDSHAKE_DURATION: new NumberOperator(({ connection }) => connection?.tls?.handshakeMs),
};

/** When a peer's certificate begins or ends to be good, as `%START_TIME(…)%` would show it. */
export function certificateTime(side: "downstream" | "upstream", end: "validFrom" | "validTo") {
  const of = side === "downstream" ? DOWNSTREAM : UPSTREAM;
  return (format: string): Operator => {
    const time = compileTimeFormat(format, false);
    return new TextOperator((stream) => {
      const certificate = of(stream)?.peer;
      return certificate === null || certificate === undefined ? undefined : time.format(certificate[end]);
    });
  };
}
