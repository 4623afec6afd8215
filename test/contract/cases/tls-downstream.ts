/** TLS from clients: handshakes, versions, ALPN, whom a filter chain lets in, sessions. */
import type { ContractCase, JsonObject, Step } from "../harness/case.ts";
import { connect, elapse, ended, get, got, secure, stat, toCluster, typed } from "../harness/steps.ts";
import { certificate, matchName, mutualTls, serverTls, sslStats, trusting } from "../harness/tls-config.ts";

const listener = { stat_prefix: "L" };
const stats = [
  ...sslStats("listener.L."),
  "listener.L.downstream_cx_total",
  "http.in.downstream_cx_ssl_total",
  "http.in.downstream_cx_http1_total",
  "http.in.downstream_rq_total",
];

const CLOSING = get("/", "Connection: close");

/** A client that is let in. */
const letIn = (tls: Parameters<typeof secure>[0]): readonly Step[] => [secure(tls), CLOSING, got(1), ended()];
/** And one that is not. */
const keptOut = (tls: Parameters<typeof secure>[0]): readonly Step[] => [secure(tls), CLOSING, ended()];

const plain: readonly ContractCase[] = [
  {
    name: "a request over TLS",
    feature: "TLS from clients: transport_sockets.tls",
    transportSocket: serverTls(),
    listener,
    client: letIn({}),
    stats: [...stats, "listener.L.ssl.versions.TLSv1.3", "listener.L.ssl.ciphers.TLS_AES_256_GCM_SHA384"],
  },
  {
    name: "several requests on a connection",
    feature: "TLS from clients: transport_sockets.tls",
    transportSocket: serverTls(),
    listener,
    client: [secure(), get("/1"), got(1), get("/2"), got(2), get("/3", "Connection: close"), got(3), ended()],
    stats,
  },
  {
    name: "the raw transport socket by its name",
    feature: "TLS from clients: transport_sockets.raw_buffer",
    transportSocket: {
      name: "envoy.transport_sockets.raw_buffer",
      typed_config: typed("extensions.transport_sockets.raw_buffer.v3.RawBuffer"),
    },
    listener,
    client: [CLOSING, got(1), ended()],
  },
  {
    name: "a client that speaks no TLS",
    feature: "TLS from clients: failures",
    transportSocket: serverTls(),
    listener,
    client: [CLOSING, ended()],
    stats,
  },
  {
    name: "an RSA certificate",
    feature: "TLS from clients: tls_certificates",
    transportSocket: serverTls({ tls_certificates: [certificate("server-rsa")] }),
    listener,
    client: letIn({ maxVersion: "TLSv1.2" }),
    stats: [...stats, "listener.L.ssl.ciphers.ECDHE-RSA-AES128-GCM-SHA256"],
  },
  {
    name: "an encrypted key",
    feature: "TLS from clients: tls_certificates",
    transportSocket: serverTls({
      tls_certificates: [
        {
          certificate_chain: { filename: "{certs}/client.pem" },
          private_key: { filename: "{certs}/client-encrypted.key" },
          password: { inline_string: "secret" },
        },
      ],
    }),
    listener,
    client: letIn({}),
  },
  {
    name: "the chain goes with the certificate",
    feature: "TLS from clients: tls_certificates",
    transportSocket: serverTls({ tls_certificates: [certificate("client-chain")] }),
    listener,
    client: letIn({}),
  },
  {
    name: "x-forwarded-proto says https",
    feature: "TLS from clients: request headers",
    transportSocket: serverTls(),
    client: letIn({}),
    accessLog: "%REQUEST_HEADER(X-FORWARDED-PROTO)% %REQUEST_HEADER(:SCHEME)%",
  },
  {
    name: "x-forwarded-proto of a client that is trusted says what it says",
    feature: "TLS from clients: request headers",
    transportSocket: serverTls(),
    client: [secure(), get("/", "x-forwarded-proto: http", "Connection: close"), got(1), ended()],
    accessLog: "%REQUEST_HEADER(X-FORWARDED-PROTO)% %REQUEST_HEADER(:SCHEME)%",
  },
  {
    name: "x-forwarded-proto of a client at the edge is written anew",
    feature: "TLS from clients: request headers",
    transportSocket: serverTls(),
    manager: { use_remote_address: true },
    client: [secure(), get("/", "x-forwarded-proto: http", "Connection: close"), got(1), ended()],
    accessLog: "%REQUEST_HEADER(X-FORWARDED-PROTO)% %REQUEST_HEADER(:SCHEME)%",
  },
  {
    name: "require_tls lets requests over TLS through",
    feature: "TLS from clients: require_tls",
    transportSocket: serverTls(),
    virtualHost: { require_tls: "ALL" },
    client: letIn({}),
  },
];

const slow: readonly ContractCase[] = [
  {
    name: "a client that does not begin its handshake in time",
    feature: "TLS from clients: transport_socket_connect_timeout",
    listener: { ...listener, ...impatient(serverTls()) },
    client: [connect("c"), ended()],
    stats: [...stats, "listener.L.downstream_cx_transport_socket_connect_timeout"],
  },
  {
    name: "a client that does not end its handshake in time",
    feature: "TLS from clients: transport_socket_connect_timeout",
    listener: { ...listener, ...impatient(serverTls({ alpn_protocols: ["http/1.1"] })) },
    client: ["\x16\x03\x01\x02\x00\x01\x00\x01", ended()],
    stats: [...stats, "listener.L.downstream_cx_transport_socket_connect_timeout"],
  },
  {
    name: "a client that has ended its handshake has time",
    feature: "TLS from clients: transport_socket_connect_timeout",
    listener: { ...listener, ...impatient(serverTls()) },
    client: [secure(), elapse(400), CLOSING, got(1), ended()],
    stats: [...stats, "listener.L.downstream_cx_transport_socket_connect_timeout"],
  },
];

/** A filter chain whose handshakes may take 0.2 s. */
function impatient(transport_socket: JsonObject): JsonObject {
  const manager = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    route_config: { virtual_hosts: [{ name: "v", domains: ["*"], routes: [toCluster("/", "a")] }] },
    http_filters: [{ name: "r", typed_config: typed("extensions.filters.http.router.v3.Router") }],
  });
  return {
    filter_chains: [
      {
        filters: [{ name: "hcm", typed_config: manager }],
        transport_socket,
        transport_socket_connect_timeout: "0.2s",
      },
    ],
  };
}

const versions: readonly ContractCase[] = (
  [
    ["TLS 1.2 by default", {}, { maxVersion: "TLSv1.2" }, true],
    ["TLS 1.3 by default", {}, { minVersion: "TLSv1.3" }, true],
    [
      "TLS 1.1 not by default",
      {},
      { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
      false,
    ],
    ["at least TLS 1.3", { tls_minimum_protocol_version: "TLSv1_3" }, { maxVersion: "TLSv1.2" }, false],
    ["at most TLS 1.2", { tls_maximum_protocol_version: "TLSv1_2" }, { minVersion: "TLSv1.3" }, false],
    ["at most TLS 1.2, and a client that can that", { tls_maximum_protocol_version: "TLSv1_2" }, {}, true],
  ] as const
).map(([name, tls_params, client, works]) => ({
  name: `versions: ${name}`,
  feature: "TLS from clients: tls_params",
  transportSocket: serverTls({ tls_params }),
  listener,
  client: works ? letIn(client) : keptOut(client),
  stats: [...stats, "listener.L.ssl.versions.TLSv1.2", "listener.L.ssl.versions.TLSv1.3"],
}));

const ciphers: readonly ContractCase[] = (
  [
    ["one of ours", ["ECDHE-ECDSA-AES256-GCM-SHA384"], {}, true],
    ["by our preference", ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"], {}, true],
    ["none in common", ["ECDHE-ECDSA-AES256-GCM-SHA384"], { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, false],
    [
      "Istio's",
      [
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
      ],
      {},
      true,
    ],
  ] as const
).map(([name, cipher_suites, client, works]) => ({
  name: `ciphers: ${name}`,
  feature: "TLS from clients: tls_params",
  transportSocket: serverTls({ tls_params: { cipher_suites } }),
  listener,
  client: works ? letIn({ maxVersion: "TLSv1.2", ...client }) : keptOut({ maxVersion: "TLSv1.2", ...client }),
  stats,
}));

const refusedConfigurations: readonly ContractCase[] = (
  [
    ["no certificate", serverTls({ tls_certificates: [] })],
    [
      "a key that is not the certificate's",
      serverTls({ tls_certificates: [{ ...certificate("server"), private_key: { filename: "{certs}/client.key" } }] }),
    ],
    ["a file that is not there", serverTls({ tls_certificates: [certificate("nobody")] })],
    [
      "a certificate that is none",
      serverTls({ tls_certificates: [{ ...certificate("server"), certificate_chain: { inline_string: "x" } }] }),
    ],
    ["an authority that is none", serverTls({ validation_context: { trusted_ca: { inline_string: "x" } } })],
    ["names without an authority", serverTls({ validation_context: matchName("DNS", { exact: "a.test" }) })],
    ["a cipher that nobody knows", serverTls({ tls_params: { cipher_suites: ["FOO"] } })],
    ["a curve that nobody knows", serverTls({ tls_params: { ecdh_curves: ["FOO"] } })],
    ["a signature algorithm that nobody knows", serverTls({ tls_params: { signature_algorithms: ["FOO"] } })],
    ["a pin that is no hash", serverTls({ validation_context: { verify_certificate_hash: ["00"] } })],
    [
      "a secret that nobody has",
      serverTls({ tls_certificates: [], tls_certificate_sds_secret_configs: [{ name: "s" }] }),
    ],
  ] as const
).map(([name, transportSocket]) => ({
  name: `refused: ${name}`,
  feature: "TLS from clients: configurations that are refused",
  transportSocket: transportSocket as JsonObject,
  client: [],
  refused: true as const,
}));

const alpn: readonly ContractCase[] = (
  [
    ["the one in common", ["http/1.1"], ["foo", "http/1.1"]],
    ["the first of ours", ["a", "http/1.1"], ["http/1.1", "a"]],
    ["a client without", ["http/1.1"], undefined],
    ["a server without", [], ["http/1.1"]],
    ["none in common", ["http/1.1"], ["foo"]],
  ] as const
).map(([name, alpn_protocols, offered]) => ({
  name: `ALPN: ${name}`,
  feature: "TLS from clients: alpn_protocols",
  transportSocket: serverTls({ alpn_protocols }),
  client: letIn(offered === undefined ? {} : { alpn: offered }),
}));

/** [name, validation, client, let in] */
const PEERS: readonly (readonly [string, JsonObject, string | undefined, boolean])[] = [
  ["of the authority", mutualTls(), "client", true],
  ["without a subject", mutualTls(), "workload", true],
  ["of an intermediate authority", mutualTls(), "client-chain", true],
  ["none, and one is required", mutualTls(), undefined, false],
  ["none, and none is required", serverTls({ validation_context: trusting("ca") }), undefined, true],
  ["none, and nobody asks", serverTls(), "client", true],
  ["of another authority", mutualTls(), "client-untrusted", false],
  [
    "of another authority, though none is required",
    serverTls({ validation_context: trusting("ca") }),
    "client-untrusted",
    false,
  ],
  ["expired", mutualTls(), "client-expired", false],
  ["not valid yet", mutualTls(), "client-future", false],
  ["self-made", mutualTls(), "client-self", false],
  [
    "untrusted, and that is accepted",
    mutualTls({ trust_chain_verification: "ACCEPT_UNTRUSTED" }),
    "client-untrusted",
    true,
  ],
  ["revoked", mutualTls({ crl: { filename: "{certs}/ca.crl" } }), "client-revoked", false],
  ["not revoked", mutualTls({ crl: { filename: "{certs}/ca.crl" } }), "client", true],
  [
    "not in a revocation list that is out of date",
    mutualTls({ crl: { filename: "{certs}/ca-stale.crl" } }),
    "client",
    false,
  ],
  [
    "trusted by an authority in the middle",
    serverTls({ validation_context: trusting("intermediate") }, { require_client_certificate: true }),
    "client-chain",
    true,
  ],
  [
    "with the right URI",
    mutualTls(matchName("URI", { exact: "spiffe://cluster.local/ns/default/sa/client" })),
    "client",
    true,
  ],
  [
    "with a URI that begins rightly",
    mutualTls(matchName("URI", { prefix: "spiffe://cluster.local/" })),
    "client",
    true,
  ],
  [
    "with another URI",
    mutualTls(matchName("URI", { exact: "spiffe://cluster.local/ns/default/sa/other" })),
    "client",
    false,
  ],
  [
    "of another trust domain",
    mutualTls(matchName("URI", { prefix: "spiffe://cluster.local/" })),
    "client-other-domain",
    false,
  ],
  ["with the right DNS name", mutualTls(matchName("DNS", { exact: "www.client.test" })), "client", true],
  ["with a DNS name whose case differs", mutualTls(matchName("DNS", { exact: "WWW.client.test" })), "client", true],
  ["with another DNS name", mutualTls(matchName("DNS", { exact: "other.test" })), "client", false],
  ["with the right e-mail address", mutualTls(matchName("EMAIL", { suffix: "@client.test" })), "client", true],
  ["with the right IP address", mutualTls(matchName("IP_ADDRESS", { exact: "127.0.0.2" })), "client", true],
  ["with the right name of the wrong kind", mutualTls(matchName("DNS", { prefix: "spiffe://" })), "client", false],
  [
    "with a name that fits a regular expression",
    mutualTls(matchName("URI", { safe_regex: { regex: "spiffe://[^/]+/ns/[^/]+/sa/client" } })),
    "client",
    true,
  ],
  ["without names, and one is wanted", mutualTls(matchName("DNS", { prefix: "c" })), "client-plain", false],
  ["with a pinned hash that is another's", mutualTls({ verify_certificate_hash: ["00".repeat(32)] }), "client", false],
  [
    "with a pinned key that is another's",
    mutualTls({ verify_certificate_spki: ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] }),
    "client",
    false,
  ],
  ["any, without an authority", serverTls({}, { require_client_certificate: true }), "client-untrusted", true],
];

const WAIVED: Readonly<Record<string, string>> = {
  "any, without an authority":
    "A certificate that is required is asked for; Envoy asks for none, and lets everybody in, as long as there is no validation_context.",
};

const peers: readonly ContractCase[] = PEERS.flatMap(([name, transportSocket, identity, works]) => {
  const tls = identity === undefined ? {} : { identity };
  const versionsOf = works ? (["TLSv1.3"] as const) : (["TLSv1.3", "TLSv1.2"] as const);
  return versionsOf.map((maxVersion) => ({
    name: `a client's certificate: ${name}${maxVersion === "TLSv1.2" ? ", TLS 1.2" : ""}`,
    feature: works
      ? "TLS from clients: certificates that are accepted"
      : "TLS from clients: certificates that are refused",
    transportSocket,
    listener,
    client: works ? letIn({ ...tls, maxVersion }) : keptOut({ ...tls, maxVersion }),
    stats,
    ...(name in WAIVED ? { waived: WAIVED[name]! } : {}),
  }));
});

const sessions: readonly ContractCase[] = [
  ...(["TLSv1.2", "TLSv1.3"] as const).map((maxVersion): ContractCase => ({
    name: `a session is resumed, ${maxVersion}`,
    feature: "TLS from clients: session resumption",
    transportSocket: mutualTls(),
    listener,
    client: [
      secure({ identity: "client", maxVersion }),
      get(),
      got(1),
      stat("listener.L.ssl.handshake", 1),
      secure({ identity: "client", maxVersion, resumes: "c" }, "d"),
      { do: "send", on: "d", bytes: CLOSING },
      got(1, "d"),
    ],
    stats,
    accessLog: "%DOWNSTREAM_PEER_URI_SAN%",
  })),
  {
    name: "no tickets where they are not wanted",
    feature: "TLS from clients: session resumption",
    transportSocket: serverTls(
      {},
      { disable_stateless_session_resumption: true, disable_stateful_session_resumption: true },
    ),
    listener,
    client: [
      secure({ maxVersion: "TLSv1.2" }),
      get(),
      got(1),
      secure({ maxVersion: "TLSv1.2", resumes: "c" }, "d"),
      { do: "send", on: "d", bytes: CLOSING },
      got(1, "d"),
    ],
    stats,
  },
];

const key = (letter: string, length = 80): JsonObject => ({ inline_string: letter.repeat(length) });
const sealedBy = (keys: JsonObject): JsonObject => mutualTlsWith({ session_ticket_keys: keys });
const mutualTlsWith = (more: JsonObject): JsonObject =>
  serverTls({ validation_context: trusting("ca") }, { require_client_certificate: true, ...more });

const ticketKeys: readonly ContractCase[] = [
  ...(
    [
      ["one", sealedBy({ keys: [key("k")] })],
      ["several", sealedBy({ keys: [key("k"), key("l")] })],
    ] as const
  ).flatMap(([name, transportSocket]) =>
    (["TLSv1.2", "TLSv1.3"] as const).map((maxVersion): ContractCase => ({
      name: `ticket keys: ${name}, ${maxVersion}`,
      feature: "TLS from clients: session_ticket_keys",
      transportSocket,
      listener,
      client: [
        secure({ identity: "client", maxVersion }),
        get(),
        got(1),
        stat("listener.L.ssl.handshake", 1),
        secure({ identity: "client", maxVersion, resumes: "c" }, "d"),
        { do: "send", on: "d", bytes: CLOSING },
        got(1, "d"),
      ],
      stats,
    })),
  ),
  ...(
    [
      ["a key that is too short", sealedBy({ keys: [key("k", 79)] })],
      ["a key that is too long", sealedBy({ keys: [key("k", 81)] })],
      ["a second key of OpenSSL's length", sealedBy({ keys: [key("k"), key("l", 48)] })],
      ["no key", sealedBy({ keys: [] })],
      ["a secret that nobody has", mutualTlsWith({ session_ticket_keys_sds_secret_config: { name: "nobody" } })],
    ] as const
  ).map(([name, transportSocket]): ContractCase => ({
    name: `refused: ticket keys: ${name}`,
    feature: "TLS from clients: session_ticket_keys",
    transportSocket,
    client: [],
    refused: true,
  })),
];

const MANY = { tls_certificates: [certificate("server"), certificate("server-other"), certificate("server-rsa")] };

const names: readonly ContractCase[] = (
  [
    ["the first where nothing is asked for", {}],
    ["by name", { serverName: "other.test" }],
    ["by a wildcard", { serverName: "x.wild.test" }],
    ["the first for other names", { serverName: "nobody.test" }],
    [
      "of two for a name the one whose key the client can verify",
      { serverName: "server.test", ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" },
    ],
    ["whatever the case of the name", { serverName: "OTHER.test" }],
  ] as const
).map(([name, client]) => ({
  name: `several certificates: ${name}`,
  feature: "TLS from clients: certificates by SNI",
  transportSocket: serverTls(MANY),
  client: letIn(client),
}));

const expiry: readonly ContractCase[] = (
  [
    ["a certificate and an authority", mutualTls(), { identity: "client" }],
    ["a certificate alone", serverTls(), {}],
  ] as const
).map(([name, transportSocket, client]) => ({
  name: `when they expire: ${name}`,
  feature: "TLS from clients: expiration_unix_time_seconds",
  transportSocket,
  listener,
  client: letIn(client),
  stats: ["cert", "ca_cert"].map(
    (kind) => `listener.L.ssl.certificate.unnamed_${kind}_e3b0c442.expiration_unix_time_seconds`,
  ),
}));

export const CASES: readonly ContractCase[] = [
  ...plain,
  ...slow,
  ...versions,
  ...ciphers,
  ...refusedConfigurations,
  ...alpn,
  ...peers,
  ...sessions,
  ...ticketKeys,
  ...expiry,
  ...names,
];
