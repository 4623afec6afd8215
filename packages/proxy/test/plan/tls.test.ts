import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { dnsNameMatches } from "../../src/plan/dns-name.ts";
import { downstreamTls, pem, tlsCertificate, trusting, upstreamTls } from "../support/tls.ts";
import { HCM, ROUTER_FILTER, cluster, listener } from "./support.ts";

function serverListener(transport_socket: JsonObject): JsonObject {
  const manager = {
    "@type": HCM,
    stat_prefix: "in",
    route_config: { virtual_hosts: [{ name: "v", domains: ["*"], routes: [] }] },
    http_filters: [ROUTER_FILTER],
  };
  return {
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }], transport_socket }],
  };
}

const SERVER = { tls_certificates: [tlsCertificate("server")] };

test("defaults of a server", () => {
  const plan = listener(serverListener(downstreamTls(SERVER))).chains[0].transportSocket;
  assert.ok(plan !== null);
  const { certificates, validation, ...rest } = plan;
  assert.equal(validation, null);
  assert.equal(certificates[0].current?.certificates[0].serial, "2001");
  assert.deepEqual(rest, {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers:
      "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:" +
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:" +
      "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
    curves: "X25519MLKEM768:X25519:P-256",
    signatureAlgorithms: "",
    alpn: [],
    secrets: [],
    requireClientCertificate: false,
    handshakeTimeoutMs: 0,
    withoutTickets: false,
    ticketKeys: null,
    sessionTimeoutS: 0,
    prefersClientCiphers: false,
    scansAllCertificates: false,
  });
});

test("a client speaks TLS 1.2 unless it is told to speak more", () => {
  assert.equal(cluster({ name: "c", transport_socket: upstreamTls({}) }).transportSocket?.maxVersion, "TLSv1.2");
  const params = { tls_maximum_protocol_version: "TLSv1_3" };
  const plan = cluster({ name: "c", transport_socket: upstreamTls({ tls_params: params }, { sni: "a.test" }) });
  assert.equal(plan.transportSocket?.maxVersion, "TLSv1.3");
  assert.equal(plan.transportSocket?.sni, "a.test");
  assert.equal(plan.transportSocket?.maxSessionKeys, 1);
});

test("clients are offered the protocols that are configured", () => {
  const offered = listener(serverListener(downstreamTls({ ...SERVER, alpn_protocols: ["h2", "http/1.1"] })));
  assert.deepEqual(offered.chains[0].transportSocket?.alpn, ["h2", "http/1.1"]);
});

const REFUSED: readonly (readonly [what: string, common: JsonObject, more: JsonObject, message: RegExp])[] = [
  ["no certificate", {}, {}, /DownstreamTlsContext\): No TLS certificates found for server context$/],
  [
    "a certificate that is none",
    { tls_certificates: [{ ...tlsCertificate("server"), certificate_chain: { inline_string: "x" } }] },
    {},
    /tls_certificates\[0\]: Failed to load certificate chain from <inline>/,
  ],
  [
    "another's key",
    { tls_certificates: [{ ...tlsCertificate("server"), private_key: { inline_string: pem("client.key") } }] },
    {},
    /tls_certificates\[0\]: Failed to load private key from <inline>, Cause: .*KEY_VALUES_MISMATCH/,
  ],
  [
    "names without an authority",
    {
      ...SERVER,
      validation_context: {
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "a.test" } }],
      },
    },
    {},
    /validation_context: SAN-based verification of peer certificates without trusted CA is insecure and not allowed$/,
  ],
  [
    "an authority that is none",
    { ...SERVER, validation_context: { trusted_ca: { inline_string: "x" } } },
    {},
    /validation_context: Failed to load trusted CA certificates from <inline>$/,
  ],
  [
    "expired certificates that are good enough",
    { ...SERVER, validation_context: trusting("ca", { allow_expired_certificate: true }) },
    {},
    /allow_expired_certificate: true is not supported/,
  ],
  [
    "revocation of leaves only",
    { ...SERVER, validation_context: trusting("ca", { only_verify_leaf_cert_crl: true }) },
    {},
    /only_verify_leaf_cert_crl: true is not supported/,
  ],
  [
    "how long a chain may be",
    { ...SERVER, validation_context: trusting("ca", { max_verify_depth: 1 }) },
    {},
    /max_verify_depth: is not supported$/,
  ],
  [
    "other validators",
    { ...SERVER, validation_context: trusting("ca", { custom_validator_config: { name: "spiffe" } }) },
    {},
    /custom_validator_config: is not supported$/,
  ],
  [
    "certificate providers",
    { ...SERVER, tls_certificate_provider_instance: { instance_name: "i" } },
    {},
    /tls_certificate_provider_instance: is not supported$/,
  ],
  [
    "ciphers that nobody knows",
    { ...SERVER, tls_params: { cipher_suites: ["ECDHE-RSA-AES128-GCM-SHA256", "FOO"] } },
    {},
    /cipher_suites: Failed to initialize cipher suites ECDHE-RSA-AES128-GCM-SHA256:FOO\. .*individually: FOO$/,
  ],
  ["curves", { ...SERVER, tls_params: { ecdh_curves: ["X"] } }, {}, /ecdh_curves: Failed to initialize ECDH curves X$/],
  [
    "TLS 1.1",
    { ...SERVER, tls_params: { tls_minimum_protocol_version: "TLSv1_1" } },
    {},
    /tls_minimum_protocol_version: TLSv1_1 is not supported/,
  ],
  [
    "keys for tickets",
    SERVER,
    { session_ticket_keys: { keys: [{ inline_string: "x" }] } },
    /session_ticket_keys.keys\[0\]: Incorrect TLS session ticket key length\. Length 1, expected length 80\.$/,
  ],
  ["stapling", SERVER, { ocsp_staple_policy: "MUST_STAPLE" }, /ocsp_staple_policy: MUST_STAPLE is not supported/],
  [
    "a secret that nobody has",
    { tls_certificate_sds_secret_configs: [{ name: "s" }] },
    {},
    /tls_certificate_sds_secret_configs\[0\]: Unknown static secret: s$/,
  ],
];

for (const [what, common, more, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(() => listener(serverListener(downstreamTls(common, more))), message);
  });
}

test("a server's transport socket has no place in a cluster", () => {
  assert.throws(
    () => cluster({ name: "c", transport_socket: downstreamTls(SERVER) }),
    /^.*transport_socket\.typed_config.*has no place here/,
  );
});

test("a wildcard stands for one label, or for a part of one", () => {
  for (const [host, pattern, matches] of [
    ["a.test", "a.test", true],
    ["A.test", "a.TEST", true],
    ["x.a.test", "*.a.test", true],
    ["y.x.a.test", "*.a.test", false],
    ["a.test", "*.a.test", false],
    ["foo.a.test", "f*o.a.test", true],
    ["foo.a.test", "f*.a.test", true],
    ["foo.a.test", "f*o*.a.test", false],
    ["foo.a.test", "foo.*.test", false],
    ["xn--a.a.test", "xn--*.a.test", false],
    ["test", "*", false],
  ] as const) {
    assert.equal(dnsNameMatches(host, pattern), matches, `${host} ${pattern}`);
  }
});
