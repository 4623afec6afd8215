/** TLS to upstreams: whom a cluster trusts, what it shows, what requests and logs are told when that fails. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, endpoint, get, got, post, toCluster, typed } from "../harness/steps.ts";
import { certificate, clientTls, matchName, sslStats, trusting } from "../harness/tls-config.ts";
import type { TlsUpstreamEnd } from "../harness/tls.ts";

const stats = [
  ...sslStats("cluster.a."),
  "cluster.a.upstream_cx_total",
  "cluster.a.upstream_cx_connect_fail",
  "cluster.a.upstream_rq_total",
];
const FAILURE = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%";
const ONCE = [get("/", "Connection: close"), got(1)];

const speaking = (tls: TlsUpstreamEnd) => ({ a: { answers: [answer(200, "a")], tls } });

const TRUSTS = clientTls({ validation_context: trusting("ca") });
const trustsNamed = (validation: JsonObject) => clientTls({ validation_context: trusting("ca", validation) });

/** [name, transport socket, upstream, feature] */
type Row = readonly [name: string, transportSocket: JsonObject, upstream: TlsUpstreamEnd];

const SERVER: TlsUpstreamEnd = { identity: "server" };

const ACCEPTED: readonly Row[] = [
  ["one of the authority", TRUSTS, SERVER],
  ["any, where nobody is told whom to trust", clientTls(), { identity: "server-self" }],
  [
    "an untrusted one that is accepted",
    trustsNamed({ trust_chain_verification: "ACCEPT_UNTRUSTED" }),
    { identity: "server-untrusted" },
  ],
  ["the right URI", trustsNamed(matchName("URI", { exact: "spiffe://cluster.local/ns/default/sa/server" })), SERVER],
  ["the right DNS name", trustsNamed(matchName("DNS", { exact: "server.test" })), SERVER],
  ["a wildcard", trustsNamed(matchName("DNS", { exact: "x.wild.test" })), SERVER],
  ["the right IP address", trustsNamed(matchName("IP_ADDRESS", { exact: "127.0.0.1" })), SERVER],
  [
    "one of several names",
    trustsNamed({
      match_typed_subject_alt_names: [
        { san_type: "DNS", matcher: { exact: "no.test" } },
        { san_type: "DNS", matcher: { exact: "server.test" } },
      ],
    }),
    SERVER,
  ],
  ["a chain", TRUSTS, { identity: "client-chain" }],
  ["an RSA key", TRUSTS, { identity: "server-rsa" }],
  ["not revoked", trustsNamed({ crl: { filename: "{certs}/ca.crl" } }), SERVER],
];

const REFUSED: readonly Row[] = [
  ["expired", TRUSTS, { identity: "server-expired" }],
  ["not valid yet", TRUSTS, { identity: "server-future" }],
  ["of another authority", TRUSTS, { identity: "server-untrusted" }],
  ["self-made", TRUSTS, { identity: "server-self" }],
  ["revoked", trustsNamed({ crl: { filename: "{certs}/ca.crl" } }), { identity: "client-revoked" }],
  ["with a revocation list that is out of date", trustsNamed({ crl: { filename: "{certs}/ca-stale.crl" } }), SERVER],
  [
    "of another identity",
    trustsNamed(matchName("URI", { exact: "spiffe://cluster.local/ns/default/sa/server" })),
    { identity: "server-other" },
  ],
  [
    "of another trust domain",
    trustsNamed(matchName("URI", { prefix: "spiffe://cluster.local/" })),
    { identity: "client-other-domain" },
  ],
  ["of another host", trustsNamed(matchName("DNS", { exact: "server.test" })), { identity: "server-other" }],
  ["a wildcard for more than one label", trustsNamed(matchName("DNS", { exact: "y.x.wild.test" })), SERVER],
  ["without names", trustsNamed(matchName("DNS", { exact: "plain" })), { identity: "client-plain" }],
  ["pinned otherwise, by hash", trustsNamed({ verify_certificate_hash: ["00".repeat(32)] }), SERVER],
  [
    "pinned otherwise, by key",
    trustsNamed({ verify_certificate_spki: ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] }),
    SERVER,
  ],
];

const certificates: readonly ContractCase[] = [
  ...ACCEPTED.map(([name, transport_socket, tls]): ContractCase => ({
    name: `a server's certificate: ${name}`,
    feature: "TLS to upstreams: certificates that are accepted",
    clusters: { a: { transport_socket } },
    upstreams: speaking(tls),
    client: ONCE,
    stats,
    accessLog:
      "%UPSTREAM_TLS_VERSION% %UPSTREAM_TLS_CIPHER% %UPSTREAM_PEER_SUBJECT% %UPSTREAM_PEER_ISSUER% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_PEER_DNS_SAN%",
  })),
  ...REFUSED.map(([name, transport_socket, tls]): ContractCase => ({
    name: `a server's certificate: ${name}`,
    feature: "TLS to upstreams: certificates that are refused",
    clusters: { a: { transport_socket } },
    upstreams: speaking(tls),
    client: ONCE,
    stats,
    accessLog: FAILURE,
  })),
];

const MUTUAL = clientTls({ tls_certificates: [certificate("client")], validation_context: trusting("ca") });

const handshakes: readonly ContractCase[] = [
  {
    name: "a client's certificate is shown to who asks for it",
    feature: "TLS to upstreams: tls_certificates",
    clusters: { a: { transport_socket: MUTUAL } },
    upstreams: speaking({ ...SERVER, asksFor: "ca" }),
    client: ONCE,
    stats,
    accessLog: "%UPSTREAM_LOCAL_URI_SAN% %UPSTREAM_LOCAL_DNS_SAN% %UPSTREAM_LOCAL_IP_SAN%",
  },
  {
    name: "a client without the certificate that is asked for",
    feature: "TLS to upstreams: failures",
    clusters: { a: { transport_socket: TRUSTS } },
    upstreams: speaking({ ...SERVER, asksFor: "ca" }),
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
  {
    name: "an upstream that speaks no TLS",
    feature: "TLS to upstreams: failures",
    clusters: { a: { transport_socket: TRUSTS } },
    upstreams: { a: { answers: [answer(200, "a")], greeting: "HTTP/1.1 400 Bad Request\r\n\r\n" } },
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
  {
    name: "an upstream that refuses connections",
    feature: "TLS to upstreams: failures",
    clusters: { a: { transport_socket: TRUSTS } },
    upstreams: { a: { refused: true } },
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
  {
    name: "an upstream that closes before it says anything",
    feature: "TLS to upstreams: failures",
    clusters: { a: { transport_socket: TRUSTS } },
    upstreams: { a: { answers: [answer(200, "a")], greeting: [{ do: "finish" }] } },
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
  {
    name: "an upstream that says nothing",
    feature: "TLS to upstreams: failures",
    clusters: { a: { transport_socket: TRUSTS, connect_timeout: "0.2s" } },
    upstreams: { a: { answers: [answer(200, "a")], deafUntil: "never" } },
    client: ONCE,
    stats: [...stats, "cluster.a.upstream_cx_connect_timeout"],
    accessLog: FAILURE,
  },
  {
    name: "TLS 1.3 is not spoken unless it is configured",
    feature: "TLS to upstreams: tls_params",
    clusters: { a: { transport_socket: TRUSTS } },
    upstreams: speaking({ ...SERVER, minVersion: "TLSv1.3" }),
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
  {
    name: "TLS 1.3 where it is configured",
    feature: "TLS to upstreams: tls_params",
    clusters: {
      a: {
        transport_socket: clientTls({
          validation_context: trusting("ca"),
          tls_params: { tls_maximum_protocol_version: "TLSv1_3" },
        }),
      },
    },
    upstreams: speaking(SERVER),
    client: ONCE,
    stats: [...stats, "cluster.a.ssl.versions.TLSv1.3"],
  },
  {
    name: "no cipher in common",
    feature: "TLS to upstreams: tls_params",
    clusters: {
      a: { transport_socket: clientTls({ tls_params: { cipher_suites: ["ECDHE-ECDSA-AES256-GCM-SHA384"] } }) },
    },
    upstreams: speaking({ ...SERVER, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" }),
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
  {
    name: "when certificates expire",
    feature: "TLS to upstreams: expiration_unix_time_seconds",
    clusters: {
      a: {
        transport_socket: clientTls({ tls_certificates: [certificate("client")], validation_context: trusting("ca") }),
      },
    },
    upstreams: speaking(SERVER),
    client: ONCE,
    stats: ["cert", "ca_cert"].map(
      (kind) => `cluster.a.ssl.certificate.unnamed_${kind}_e3b0c442.expiration_unix_time_seconds`,
    ),
  },
  {
    name: "the SNI",
    feature: "TLS to upstreams: sni",
    clusters: { a: { transport_socket: clientTls({}, { sni: "server.test" }) } },
    upstreams: speaking(SERVER),
    client: ONCE,
    accessLog: "%UPSTREAM_SERVER_NAME%",
  },
  {
    name: "ALPN is http/1.1 by default",
    feature: "TLS to upstreams: alpn_protocols",
    clusters: { a: { transport_socket: clientTls() } },
    upstreams: speaking({ ...SERVER, alpn: ["foo", "http/1.1"] }),
    client: ONCE,
  },
  {
    name: "ALPN as it is configured",
    feature: "TLS to upstreams: alpn_protocols",
    clusters: { a: { transport_socket: clientTls({ alpn_protocols: ["foo"] }) } },
    upstreams: speaking({ ...SERVER, alpn: ["foo", "http/1.1"] }),
    client: ONCE,
  },
  {
    name: "a connection serves many requests",
    feature: "TLS to upstreams: connections",
    clusters: { a: { transport_socket: MUTUAL } },
    upstreams: speaking(SERVER),
    client: [get("/1"), got(1), get("/2"), got(2), post("body"), got(3)],
    stats,
  },
  {
    name: "a session is resumed",
    feature: "TLS to upstreams: session resumption",
    clusters: { a: { transport_socket: MUTUAL, max_requests_per_connection: 1 } },
    upstreams: speaking({ ...SERVER, asksFor: "ca", maxVersion: "TLSv1.2" }),
    client: [get("/1"), got(1), get("/2"), got(2), get("/3"), got(3)],
    stats,
  },
  {
    name: "no session is resumed without keys",
    feature: "TLS to upstreams: session resumption",
    clusters: { a: { transport_socket: clientTls({}, { max_session_keys: 0 }), max_requests_per_connection: 1 } },
    upstreams: speaking(SERVER),
    client: [get("/1"), got(1), get("/2"), got(2)],
    stats,
  },
  {
    name: "x-forwarded-proto says what the client speaks, not the upstream",
    feature: "TLS to upstreams: connections",
    clusters: { a: { transport_socket: clientTls() } },
    upstreams: speaking(SERVER),
    client: ONCE,
  },
  {
    name: "a health check speaks TLS, too",
    feature: "TLS to upstreams: health checks",
    clusters: {
      a: {
        transport_socket: TRUSTS,
        health_checks: [
          {
            timeout: "1s",
            interval: "60s",
            unhealthy_threshold: 1,
            healthy_threshold: 1,
            http_health_check: { path: "/health" },
          },
        ],
      },
    },
    upstreams: speaking(SERVER),
    client: [{ do: "stat", name: "cluster.a.health_check.success", value: 1 }, ...ONCE],
    stats: ["cluster.a.health_check.success", "cluster.a.membership_healthy"],
  },
];

const byMode = (mode: string, fields: JsonObject = {}): JsonObject => ({
  transport_socket_matches: [
    { name: "mtls", match: { tlsMode: "istio" }, transport_socket: MUTUAL },
    {
      name: "plain",
      match: {},
      transport_socket: {
        name: "envoy.transport_sockets.raw_buffer",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer" },
      },
    },
  ],
  endpoints: [
    endpoint(
      "a",
      mode === "" ? {} : { metadata: { filter_metadata: { "envoy.transport_socket_match": { tlsMode: mode } } } },
    ),
  ],
  ...fields,
});

const MATCH_STATS = ["mtls", "plain"].map((name) => `cluster.a.${name}.total_match_count`);

const matches: readonly ContractCase[] = [
  {
    name: "an endpoint whose metadata match speaks TLS",
    feature: "TLS to upstreams: transport_socket_matches",
    clusters: { a: byMode("istio") },
    upstreams: speaking(SERVER),
    client: ONCE,
    stats: MATCH_STATS,
  },
  {
    name: "one without metadata is plain",
    feature: "TLS to upstreams: transport_socket_matches",
    clusters: { a: byMode("") },
    client: ONCE,
    stats: MATCH_STATS,
  },
  {
    name: "one with other metadata is plain",
    feature: "TLS to upstreams: transport_socket_matches",
    clusters: { a: byMode("disabled") },
    client: ONCE,
    stats: MATCH_STATS,
  },
  {
    name: "what matches none has the cluster's own",
    feature: "TLS to upstreams: transport_socket_matches",
    clusters: {
      a: {
        transport_socket: MUTUAL,
        transport_socket_matches: [{ name: "none", match: { a: "b" }, transport_socket: TRUSTS }],
      },
    },
    upstreams: speaking({ ...SERVER, asksFor: "ca" }),
    client: ONCE,
    stats: ["cluster.a.default.total_match_count"],
  },
];

const refusedConfigurations: readonly ContractCase[] = (
  [
    ["two certificates", clientTls({ tls_certificates: [certificate("client"), certificate("workload")] })],
    ["names without an authority", clientTls({ validation_context: matchName("DNS", { exact: "a.test" }) })],
    ["an SNI with NUL", clientTls({}, { sni: "a\0b" })],
    ["an SNI that is too long", clientTls({}, { sni: "a".repeat(256) })],
    ["names to be verified, and nothing to verify them with", clientTls({}, { auto_sni_san_validation: true })],
  ] as const
).map(([name, transport_socket]) => ({
  name: `refused: ${name}`,
  feature: "TLS to upstreams: configurations that are refused",
  clusters: { a: { transport_socket } },
  client: [],
  refused: true as const,
}));

const autoSni: readonly ContractCase[] = [
  {
    name: "the host's name is the SNI",
    feature: "TLS to upstreams: auto_host_sni, auto_sni_san_validation",
    clusters: {
      a: {
        transport_socket: clientTls(
          { validation_context: trusting("ca") },
          { auto_host_sni: true, auto_sni_san_validation: true },
        ),
        endpoints: [named("a", "server.test")],
      },
    },
    upstreams: speaking(SERVER),
    client: ONCE,
    stats,
  },
  {
    name: "the host's name is not one of the certificate's",
    feature: "TLS to upstreams: auto_host_sni, auto_sni_san_validation",
    clusters: {
      a: {
        transport_socket: clientTls(
          { validation_context: trusting("ca") },
          { auto_host_sni: true, auto_sni_san_validation: true },
        ),
        endpoints: [named("a", "wrong.test")],
      },
    },
    upstreams: speaking(SERVER),
    client: ONCE,
    stats,
    accessLog: FAILURE,
  },
];

const AUTO = (auto: JsonObject, more: JsonObject = {}): JsonObject => ({
  transport_socket: clientTls({ validation_context: trusting("ca") }, more),
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "extensions.upstreams.http.v3.HttpProtocolOptions",
      {
        upstream_http_protocol_options: auto,
        explicit_http_config: { http_protocol_options: {} },
      },
    ),
  },
});
const BOTH = { auto_sni: true, auto_san_validation: true };

const byRequest: readonly ContractCase[] = (
  [
    ["the request's host is the SNI", AUTO({ auto_sni: true }), ["Host: server.test"], {}],
    ["its port is left out", AUTO({ auto_sni: true }), ["Host: server.test:1234"], {}],
    ["an address is no SNI", AUTO({ auto_sni: true }), ["Host: 127.0.0.1"], {}],
    [
      "it stands before the configured one",
      AUTO({ auto_sni: true }, { sni: "configured.test" }),
      ["Host: server.test"],
      {},
    ],
    ["it must be a name of the certificate", AUTO(BOTH), ["Host: server.test"], {}],
    ["it is not", AUTO(BOTH), ["Host: wrong.test"], {}],
    ["an address that is in the certificate", AUTO(BOTH), ["Host: 127.0.0.1"], {}],
    [
      "another header says it",
      AUTO({ ...BOTH, override_auto_sni_header: "x-host" }),
      ["Host: wrong.test", "x-host: server.test"],
      {},
    ],
    ["that header is not there", AUTO({ ...BOTH, override_auto_sni_header: "x-host" }), ["Host: server.test"], {}],
    [
      "a host that the route rewrites",
      AUTO({ auto_sni: true }),
      ["Host: wrong.test"],
      { host_rewrite_literal: "server.test" },
    ],
  ] as const
).map(([name, cluster, lines, action]) => ({
  name: `by the request: ${name}`,
  feature: "TLS to upstreams: auto_sni, auto_san_validation",
  clusters: { a: cluster },
  routes: [toCluster("/", "a", action)],
  upstreams: speaking(SERVER),
  client: [get("/", ...lines, "Connection: close"), got(1)],
  stats,
  accessLog: FAILURE,
}));

const severalHosts: ContractCase = {
  name: "by the request: requests for other hosts go by other connections",
  feature: "TLS to upstreams: auto_sni, auto_san_validation",
  clusters: { a: AUTO({ auto_sni: true }) },
  upstreams: speaking(SERVER),
  client: [
    get("/1", "Host: one.test"),
    got(1),
    get("/2", "Host: two.test"),
    got(2),
    get("/3", "Host: one.test"),
    got(3),
  ],
  stats,
};

function named(upstream: string, hostname: string): JsonObject {
  const address = { socket_address: { address: "127.0.0.1", port_value: `{port ${upstream}}` } };
  return { endpoint: { hostname, address } };
}

export const CASES: readonly ContractCase[] = [
  ...certificates,
  ...handshakes,
  ...matches,
  ...refusedConfigurations,
  ...autoSni,
  ...byRequest,
  severalHosts,
];
