/**
 * Peers whose certificate is none to be believed, in every direction: clients and servers, HTTP and TCP, TLS 1.2 and 1.3. Names are wanted as
 * a mesh wants them. What the mesh's own configuration refuses is test/e2e/wrong-certificates.test.ts.
 */
import type { ContractCase, Step } from "../harness/case.ts";
import { chain, fileLog, tcpProxy } from "../harness/filters.ts";
import { answer, ended, get, got, secure, toCluster } from "../harness/steps.ts";
import { certificate, clientTls, matchName, mutualTls, sslStats, trusting } from "../harness/tls-config.ts";

const WRONG = [
  ["expired", "expired"],
  ["not valid yet", "future"],
  ["of another authority", "untrusted"],
  ["self-made", "self"],
  ["of another trust domain", "other-domain"],
  ["revoked", "revoked"],
] as const;
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

const CRL = { crl: { filename: "{certs}/ca.crl" } };
/** Any workload of the mesh. */
const OF_MESH = { ...matchName("URI", { prefix: "spiffe://cluster.local/" }), ...CRL };
const SERVER = mutualTls(OF_MESH);
const CLIENT = clientTls({
  tls_certificates: [certificate("client")],
  validation_context: trusting("ca", OF_MESH),
  tls_params: { tls_maximum_protocol_version: "TLSv1_3" },
});
const LOG =
  "%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %DOWNSTREAM_TRANSPORT_FAILURE_REASON% %DOWNSTREAM_PEER_URI_SAN%";
const clientStats = [...sslStats("listener.L."), "listener.L.downstream_cx_total", "cluster.a.upstream_cx_total"];
const serverStats = [...sslStats("cluster.a."), "cluster.a.upstream_cx_total", "cluster.a.upstream_cx_connect_fail"];

const tcpListener = (transportSocket?: typeof SERVER) => ({
  stat_prefix: "L",
  filter_chains: [
    {
      ...chain({}, [tcpProxy("a", { access_log: [fileLog(LOG)] })]),
      ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
    },
  ],
});

const PROTOCOLS = {
  HTTP: { listener: { stat_prefix: "L" }, transportSocket: SERVER, accessLog: LOG },
  TCP: { listener: tcpListener(SERVER) },
} as const;

/** [name, identity that is shown; none: no certificate, refused] */
const CLIENTS = [
  ...WRONG.map(([name, kind]) => [name, `client-${kind}`, true] as const),
  ["none", undefined, true],
  ["a good one", "client", false],
] as const;

const clients: readonly ContractCase[] = Object.entries(PROTOCOLS).flatMap(([protocol, parts]) =>
  CLIENTS.flatMap(([name, identity, refused]) =>
    VERSIONS.map((maxVersion): ContractCase => {
      const hello = secure({ maxVersion, ...(identity === undefined ? {} : { identity }) });
      const steps: readonly Step[] = refused ? [ended()] : [got(1), ended()];
      return {
        name: `${protocol}, ${maxVersion}, a client's certificate: ${name}`,
        feature: "Wrong certificates: clients",
        ...parts,
        upstreams: { a: { answers: [[answer(200, "a"), { do: "close" }]] } },
        client: [hello, get("/", "Connection: close"), ...steps],
        stats: clientStats,
      };
    }),
  ),
);

/** Of a handshake that has failed little is known, and what ends with it is logged all the same. */
const HANDSHAKE =
  "%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_TLS_SESSION_ID%|%REQUESTED_SERVER_NAME%|%DOWNSTREAM_PEER_SUBJECT%|%BYTES_RECEIVED%";
const failed: readonly ContractCase[] = (["client-untrusted", undefined] as const).flatMap((identity) =>
  VERSIONS.map((maxVersion): ContractCase => ({
    name: `what is logged of a handshake that fails: ${maxVersion}, ${identity ?? "no certificate"}`,
    feature: "Wrong certificates: clients",
    listener: {
      stat_prefix: "L",
      filter_chains: [
        { ...chain({}, [tcpProxy("a", { access_log: [fileLog(HANDSHAKE)] })]), transport_socket: SERVER },
      ],
    },
    upstreams: { a: { answers: [[answer(200, "a"), { do: "close" }]] } },
    client: [
      secure({ maxVersion, serverName: "server.test", ...(identity === undefined ? {} : { identity }) }),
      get("/", "Connection: close"),
      ended(),
    ],
    stats: ["listener.L.downstream_cx_active", "listener.L.downstream_cx_destroy"],
    ...(maxVersion === "TLSv1.2" && identity === undefined
      ? { waived: "OpenSSL, through Node, does not tell the cipher of a TLS 1.2 handshake that is not over." }
      : {}),
  })),
);

const SERVERS = [
  ...WRONG.map(
    ([name, kind]) =>
      [name, kind === "other-domain" || kind === "revoked" ? `client-${kind}` : `server-${kind}`, true] as const,
  ),
  ["a good one", "server", false],
] as const;

const servers: readonly ContractCase[] = (["HTTP", "TCP"] as const).flatMap((protocol) =>
  SERVERS.flatMap(([name, identity, refused]) =>
    VERSIONS.map((maxVersion): ContractCase => ({
      name: `${protocol}, ${maxVersion}, a server's certificate: ${name}`,
      feature: "Wrong certificates: servers",
      ...(protocol === "HTTP" ? { accessLog: LOG } : { listener: tcpListener() }),
      clusters: { a: { transport_socket: CLIENT } },
      upstreams: {
        a: { answers: [[answer(200, "a"), { do: "close" }]], tls: { identity, maxVersion, asksFor: "ca" } },
      },
      client:
        protocol === "HTTP"
          ? [get("/", "Connection: close"), got(1)]
          : [{ do: "connect", on: "c", listener: "l" }, get(), ...(refused ? [] : [got(1)]), ended()],
      stats: serverStats,
    })),
  ),
);

/** A destination that is refused is tried again, and refused again. */
const retried: readonly ContractCase[] = SERVERS.map(([name, identity]) => ({
  name: `tried again, a server's certificate: ${name}`,
  feature: "Wrong certificates: servers",
  accessLog: `${LOG} %UPSTREAM_REQUEST_ATTEMPT_COUNT%`,
  routes: [toCluster("/", "a", { retry_policy: { retry_on: "connect-failure,refused-stream", num_retries: 2 } })],
  clusters: { a: { transport_socket: CLIENT } },
  upstreams: { a: { answers: [answer(200, "a")], tls: { identity, asksFor: "ca" } } },
  client: [get("/", "Connection: close"), got(1)],
  stats: serverStats,
}));

export const CASES: readonly ContractCase[] = [...clients, ...failed, ...servers, ...retried];
