/** What requests and logs are told of a client's certificate: x-forwarded-client-cert, access log operators. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { get, got, secure } from "../harness/steps.ts";
import { mutualTls, serverTls, trusting } from "../harness/tls-config.ts";

const ONCE = [get("/", "Connection: close"), got(1)];
const SAYING = [get("/", "x-forwarded-client-cert: By=x;Hash=y", "Connection: close"), got(1)];
const TWICE = [get("/", "x-forwarded-client-cert: By=1", "x-forwarded-client-cert: By=2", "Connection: close"), got(1)];
const ALL = { subject: true, cert: true, chain: true, dns: true, uri: true };
const OPTIONAL = serverTls({ validation_context: trusting("ca") });

const MODES = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"] as const;

const modes: readonly ContractCase[] = MODES.flatMap((forward_client_cert_details) => {
  const row = (name: string, fields: Partial<ContractCase>): ContractCase => ({
    name: `${forward_client_cert_details}: ${name}`,
    feature: "Client certificates: forward_client_cert_details",
    manager: { forward_client_cert_details },
    transportSocket: OPTIONAL,
    client: [],
    ...fields,
  });
  return [
    row("a client that says nothing of others", { client: [secure({ identity: "client" }), ...ONCE] }),
    row("a client that says something of others", { client: [secure({ identity: "client" }), ...SAYING] }),
    row("a client that says something twice", { client: [secure({ identity: "client" }), ...TWICE] }),
    row("a client without a certificate", { client: [secure(), ...SAYING] }),
    {
      name: `${forward_client_cert_details}: a plain connection`,
      feature: "Client certificates: forward_client_cert_details",
      manager: { forward_client_cert_details },
      client: SAYING,
    },
  ];
});

const DETAILS: readonly (readonly [string, JsonObject, string])[] = [
  ["nothing more", {}, "client"],
  ["the subject", { subject: true }, "client"],
  ["a subject that is empty", { subject: true }, "workload"],
  ["URIs", { uri: true }, "client"],
  ["no URI", { uri: true }, "client-plain"],
  ["DNS names", { dns: true }, "client"],
  ["no DNS name", { dns: true }, "workload"],
  ["the certificate", { cert: true }, "client"],
  ["the chain", { chain: true }, "client-chain"],
  ["all", ALL, "client"],
  ["what Istio wants", { subject: true, dns: true, uri: true }, "workload"],
];

const details: readonly ContractCase[] = DETAILS.map(([name, set_current_client_cert_details, identity]) => ({
  name: `details: ${name}`,
  feature: "Client certificates: set_current_client_cert_details",
  manager: { forward_client_cert_details: "APPEND_FORWARD", set_current_client_cert_details },
  transportSocket: mutualTls(),
  client: [secure({ identity }), ...ONCE],
}));

const OPERATORS = [
  ["subjects", "%DOWNSTREAM_PEER_SUBJECT%|%DOWNSTREAM_LOCAL_SUBJECT%|%DOWNSTREAM_PEER_ISSUER%"],
  [
    "names",
    "%DOWNSTREAM_PEER_URI_SAN%|%DOWNSTREAM_PEER_DNS_SAN%|%DOWNSTREAM_PEER_IP_SAN%|%DOWNSTREAM_PEER_EMAIL_SAN%|%DOWNSTREAM_PEER_OTHERNAME_SAN%",
  ],
  [
    "names of ours",
    "%DOWNSTREAM_LOCAL_URI_SAN%|%DOWNSTREAM_LOCAL_DNS_SAN%|%DOWNSTREAM_LOCAL_IP_SAN%|%DOWNSTREAM_LOCAL_EMAIL_SAN%|%DOWNSTREAM_LOCAL_OTHERNAME_SAN%",
  ],
  ["numbers and hashes", "%DOWNSTREAM_PEER_SERIAL%|%DOWNSTREAM_PEER_FINGERPRINT_256%|%DOWNSTREAM_PEER_FINGERPRINT_1%"],
  [
    "the chain",
    "%DOWNSTREAM_PEER_CHAIN_SERIALS%|%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1%|%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256%",
  ],
  ["the issuer's certificate", "%DOWNSTREAM_PEER_ISSUER_SERIAL%|%DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256%"],
  ["the certificate", "%DOWNSTREAM_PEER_CERT%"],
  [
    "when it is good",
    "%DOWNSTREAM_PEER_CERT_V_START%|%DOWNSTREAM_PEER_CERT_V_END%|%DOWNSTREAM_PEER_CERT_V_START(%Y/%m)%|%DOWNSTREAM_PEER_CERT_V_END(%s)%",
  ],
  [
    "the connection",
    "%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|%DOWNSTREAM_TLS_SESSION_ID%|%REQUESTED_SERVER_NAME%|%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
  ],
] as const;

const logs: readonly ContractCase[] = OPERATORS.flatMap(([name, accessLog]) =>
  ["client", "workload", "client-chain"].map((identity) => ({
    name: `log: ${name}, of ${identity}`,
    feature: "Client certificates: access log operators",
    transportSocket: mutualTls(),
    client: [secure({ identity, serverName: "server.test" }), ...ONCE],
    accessLog,
  })),
);

const none: readonly ContractCase[] = [
  {
    name: "log: of a client without a certificate",
    feature: "Client certificates: access log operators",
    transportSocket: OPTIONAL,
    client: [secure({ maxVersion: "TLSv1.2" }), ...ONCE],
    accessLog: OPERATORS.filter(([name]) => name !== "the connection")
      .map(([, format]) => format)
      .join("|"),
  },
  {
    name: "log: in JSON",
    feature: "Client certificates: access log operators",
    transportSocket: mutualTls(),
    client: [secure({ identity: "client" }), ...ONCE],
    manager: {
      access_log: [
        {
          name: "file",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path: "{log}",
            log_format: {
              json_format: {
                uri: "%DOWNSTREAM_PEER_URI_SAN%",
                other: "%DOWNSTREAM_PEER_OTHERNAME_SAN%",
                version: "%DOWNSTREAM_TLS_VERSION%",
              },
            },
          },
        },
      ],
    },
  },
  {
    name: "header: what a client has shown may be written to headers",
    feature: "Client certificates: header formats",
    transportSocket: mutualTls(),
    routeConfig: {
      request_headers_to_add: [
        { header: { key: "x-peer", value: "%DOWNSTREAM_PEER_URI_SAN%" } },
        { header: { key: "x-hash", value: "%DOWNSTREAM_PEER_FINGERPRINT_256%" } },
        { header: { key: "x-version", value: "%DOWNSTREAM_TLS_VERSION%" } },
      ],
    },
    client: [secure({ identity: "client" }), ...ONCE],
  },
  {
    name: "header: the same, on a plain connection",
    feature: "Client certificates: header formats",
    routeConfig: { request_headers_to_add: [{ header: { key: "x-peer", value: "%DOWNSTREAM_PEER_URI_SAN%" } }] },
    client: ONCE,
  },
];

export const CASES: readonly ContractCase[] = [...modes, ...details, ...logs, ...none];
