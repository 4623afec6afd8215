/** TLS at gateways with certificates from Secrets, and to destinations as DestinationRules say. Certificates: test/support/certificates. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContractCase, Step } from "../harness/case.ts";
import { echo } from "../harness/istio.ts";
import { answer, apply, ended, get, got, secure } from "../harness/steps.ts";
import { CERTIFICATES } from "../harness/tls.ts";
import type { TlsUpstreamEnd } from "../harness/tls.ts";

const base64 = (file: string): string => readFileSync(join(CERTIFICATES, file)).toString("base64");

function secret(name: string, identity: string, ca = "", namespace = "default"): string {
  const trusted = ca === "" ? "" : `, ca.crt: ${base64(`${ca}.pem`)}`;
  return `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
data: { tls.crt: ${base64(`${identity}.pem`)}, tls.key: ${base64(`${identity}.key`)}${trusted} }`;
}

/** Whom to trust, and whom no more, in a Secret of its own. */
function authorities(name: string, ca: string, crl = ""): string {
  const revoked = crl === "" ? "" : `, ca.crl: ${base64(crl)}`;
  return `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: default }
data: { ca.crt: ${base64(`${ca}.pem`)}${revoked} }`;
}

function server(hosts: string, tls: string, name = "https"): string {
  return `{ port: { number: 8443, name: ${name}, protocol: HTTPS }, hosts: [${hosts}], tls: { ${tls} } }`;
}

function gateway(...servers: readonly string[]): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { istio: gw }, servers: [${servers.join(", ")}] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec: { hosts: ["*"], gateways: [edge], http: [{ route: [{ destination: { host: echo, subset: v1 } }] }] }`;
}

interface GatewayRow {
  readonly name: string;
  readonly feature: string;
  readonly yaml: string;
  readonly client: readonly Step[];
  readonly more?: Partial<ContractCase>;
}

function atGateway({ name, feature, yaml, client, more = {} }: GatewayRow): ContractCase {
  return {
    name,
    feature: `Gateway: ${feature}`,
    istio: {
      ...echo("", yaml),
      proxy: { type: "router", labels: { istio: "gw" }, outbound: {}, gateway: { l: 8443 } },
    },
    client,
    ...more,
  };
}

const ONCE: readonly Step[] = [get("/", "Host: server.test"), got(1)];
const REFUSED: readonly Step[] = [get("/", "Host: server.test"), ended()];
const SIMPLE = gateway(server('"*"', "mode: SIMPLE, credentialName: cred"));
const MUTUAL = gateway(server('"*"', "mode: MUTUAL, credentialName: cred"));
const OPTIONAL = gateway(server('"*"', "mode: OPTIONAL_MUTUAL, credentialName: cred"));

const GATEWAYS: readonly GatewayRow[] = [
  {
    name: "SIMPLE: the Secret's certificate",
    feature: "tls SIMPLE",
    yaml: SIMPLE + secret("cred", "server"),
    client: [secure({ serverName: "server.test" }), ...ONCE],
    more: { expect: { answers: ["200 v1"] } },
  },
  {
    name: "SIMPLE: what clients say of themselves is not passed on",
    feature: "tls SIMPLE",
    yaml: SIMPLE + secret("cred", "server"),
    client: [secure(), get("/", "Host: server.test", "x-forwarded-client-cert: By=x"), got(1)],
    more: { expect: { answers: ["200 v1"], notSent: ["x-forwarded-client-cert"] } },
  },
  {
    name: "a Secret that changes",
    feature: "tls SIMPLE",
    yaml: SIMPLE + secret("cred", "server"),
    client: [secure({}, "a"), apply(secret("cred", "server-other").trim()), secure({}, "b")],
  },
  {
    name: "MUTUAL: clients that the Secret's authority vouches for",
    feature: "tls MUTUAL",
    yaml: MUTUAL + secret("cred", "server", "ca"),
    client: [secure({ identity: "client" }), ...ONCE],
    more: { expect: { answers: ["200 v1"], sent: [/x-forwarded-client-cert: By=spiffe:.*;Hash=/] } },
  },
  {
    name: "MUTUAL: no certificate",
    feature: "tls MUTUAL",
    yaml: MUTUAL + secret("cred", "server", "ca"),
    client: [secure(), ...REFUSED],
  },
  {
    name: "MUTUAL: somebody else's authority",
    feature: "tls MUTUAL",
    yaml: MUTUAL + secret("cred", "server", "ca"),
    client: [secure({ identity: "client-untrusted" }), ...REFUSED],
  },
  {
    name: "MUTUAL: an expired certificate",
    feature: "tls MUTUAL",
    yaml: MUTUAL + secret("cred", "server", "ca"),
    client: [secure({ identity: "client-expired" }), ...REFUSED],
  },
  {
    name: "MUTUAL: subjectAltNames",
    feature: "tls MUTUAL",
    yaml:
      gateway(server('"*"', "mode: MUTUAL, credentialName: cred, subjectAltNames: [other.test]")) +
      secret("cred", "server", "ca"),
    client: [secure({ identity: "client" }), ...REFUSED],
  },
  ...(
    [
      ["a revoked certificate", "", "client-revoked", false],
      ["one that is not revoked", "", "client", true],
      [
        "verifyCertificateHash",
        'verifyCertificateHash: ["95d97b467f43c521bf0bf1c004e2cdb9f7cedc68d3a3345b0d8a770bb83e625a"]',
        "client",
        true,
      ],
      ["verifyCertificateHash of another", `verifyCertificateHash: ["${"00".repeat(32)}"]`, "client", false],
      [
        "verifyCertificateSpki",
        'verifyCertificateSpki: ["TaAaoIx8I35K8snU5uBgPqFSMBDgEcRE4+roDoiRADY="]',
        "client",
        true,
      ],
      [
        "verifyCertificateSpki of another",
        'verifyCertificateSpki: ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]',
        "client",
        false,
      ],
      ["insecureSkipVerify", "insecureSkipVerify: true", "client-untrusted", true],
    ] as const
  ).map(([name, more, identity, works]): GatewayRow => ({
    name: `MUTUAL: caCertCredentialName: ${name}`,
    feature: "tls MUTUAL",
    yaml:
      gateway(
        server(
          '"*"',
          `mode: MUTUAL, credentialName: cred, caCertCredentialName: trusted${more === "" ? "" : `, ${more}`}`,
        ),
      ) +
      secret("cred", "server") +
      authorities("trusted-cacert", "ca", "ca.crl"),
    client: [secure({ identity }), ...(works ? ONCE : REFUSED)],
    ...(works ? { more: { expect: { answers: ["200 v1"] } } } : {}),
  })),
  {
    name: "OPTIONAL_MUTUAL: a certificate that is wrong is not as good as none",
    feature: "tls OPTIONAL_MUTUAL",
    yaml: OPTIONAL + secret("cred", "server", "ca"),
    client: [secure({ identity: "client-expired" }), ...REFUSED],
  },
  {
    name: "OPTIONAL_MUTUAL: with a certificate and without",
    feature: "tls OPTIONAL_MUTUAL",
    yaml: OPTIONAL + secret("cred", "server", "ca"),
    client: [
      secure({ identity: "client" }),
      ...ONCE,
      secure({}, "d"),
      { do: "send", on: "d", bytes: get("/", "Host: server.test") },
      got(1, "d"),
    ],
    more: { expect: { answers: ["200 v1", "200 v1"] } },
  },
  {
    name: "servers by the name that is asked for; a name that nobody has",
    feature: "hosts of HTTPS servers",
    yaml:
      gateway(
        server("server.test", "mode: SIMPLE, credentialName: cred"),
        server("other.test", "mode: SIMPLE, credentialName: other", "other"),
      ) +
      secret("cred", "server") +
      secret("other", "server-other"),
    client: [
      secure({ serverName: "server.test" }, "a"),
      secure({ serverName: "other.test" }, "b"),
      secure({ serverName: "nobody.test" }, "d"),
      ended("d"),
    ],
  },
  {
    name: "minProtocolVersion",
    feature: "tls minProtocolVersion",
    yaml:
      gateway(server('"*"', "mode: SIMPLE, credentialName: cred, minProtocolVersion: TLSV1_3")) +
      secret("cred", "server"),
    client: [secure({ maxVersion: "TLSv1.2" }, "a"), ended("a"), secure({ maxVersion: "TLSv1.3" }, "b")],
  },
  {
    name: "cipherSuites",
    feature: "tls cipherSuites",
    yaml:
      gateway(
        server(
          '"*"',
          "mode: SIMPLE, credentialName: cred, cipherSuites: [ECDHE-ECDSA-AES128-GCM-SHA256], maxProtocolVersion: TLSV1_2",
        ),
      ) + secret("cred", "server"),
    client: [secure()],
  },
  {
    name: "certificates in files at the gateway",
    feature: "tls SIMPLE",
    yaml: gateway(
      server(
        '"*"',
        `mode: SIMPLE, serverCertificate: "${CERTIFICATES}/server.pem", privateKey: "${CERTIFICATES}/server.key"`,
      ),
    ),
    client: [secure(), ...ONCE],
    more: { expect: { answers: ["200 v1"] } },
  },
];

interface DestinationRow {
  readonly name: string;
  readonly tls: string;
  readonly upstream: TlsUpstreamEnd;
  readonly status: number;
}

const CA = `caCertificates: "${CERTIFICATES}/ca.pem"`;
const CRL = `caCrl: "${CERTIFICATES}/ca.crl"`;
const NAMED = "sni: server.test, subjectAltNames: [server.test]";

function toTls({ name, tls, upstream, status }: DestinationRow): ContractCase {
  const rule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, creationTimestamp: "2020-01-01T00:00:00Z" }
spec: { host: echo, trafficPolicy: { tls: { ${tls} } } }`;
  const parts = echo("");
  return {
    name,
    feature: "DestinationRule: trafficPolicy.tls",
    istio: {
      yaml:
        parts.yaml.replace(/\n---\napiVersion: networking\.istio\.io\/v1\nkind: DestinationRule[\s\S]*$/, "") + rule,
      workloads: { v1: { labels: { app: "echo", version: "v1" } } },
    },
    client: [get("/", "Host: echo"), got(1)],
    expect: { answers: [`${status}`] },
    upstreams: { v1: { answers: [answer(200, "v1")], tls: upstream } },
    stats: [
      "cluster.outbound|80||echo.default.svc.cluster.local.ssl.handshake",
      "cluster.outbound|80||echo.default.svc.cluster.local.ssl.fail_verify_san",
      "cluster.outbound|80||echo.default.svc.cluster.local.ssl.fail_verify_error",
    ],
    mask: [[/TLS_error.*/, "{TLS error}"]],
  };
}

const DESTINATIONS: readonly DestinationRow[] = [
  { name: "SIMPLE", tls: `mode: SIMPLE, ${CA}, ${NAMED}`, upstream: { identity: "server" }, status: 200 },
  {
    name: "SIMPLE: a SPIFFE name",
    tls: `mode: SIMPLE, ${CA}, subjectAltNames: ["spiffe://cluster.local/ns/default/sa/server"]`,
    upstream: { identity: "server" },
    status: 200,
  },
  {
    name: "SIMPLE: insecureSkipVerify",
    tls: "mode: SIMPLE, insecureSkipVerify: true",
    upstream: { identity: "server-self" },
    status: 200,
  },
  {
    name: "SIMPLE: the name of somebody else",
    tls: `mode: SIMPLE, ${CA}, sni: server.test, subjectAltNames: [other.test]`,
    upstream: { identity: "server" },
    status: 503,
  },
  {
    name: "SIMPLE: the name is the service's host unless the rule says another",
    tls: `mode: SIMPLE, ${CA}`,
    upstream: { identity: "server" },
    status: 503,
  },
  {
    name: "SIMPLE: somebody else's authority",
    tls: `mode: SIMPLE, ${CA}, ${NAMED}`,
    upstream: { identity: "server-self" },
    status: 503,
  },
  {
    name: "SIMPLE: an expired certificate",
    tls: `mode: SIMPLE, ${CA}, ${NAMED}`,
    upstream: { identity: "server-expired" },
    status: 503,
  },
  {
    name: "SIMPLE: a server that wants a certificate",
    tls: `mode: SIMPLE, ${CA}, ${NAMED}`,
    upstream: { identity: "server", asksFor: "ca" },
    status: 503,
  },
  {
    name: "SIMPLE: caCrl: revoked",
    tls: `mode: SIMPLE, ${CA}, ${CRL}, subjectAltNames: [client.test]`,
    upstream: { identity: "client-revoked" },
    status: 503,
  },
  {
    name: "SIMPLE: caCrl: not revoked",
    tls: `mode: SIMPLE, ${CA}, ${CRL}, ${NAMED}`,
    upstream: { identity: "server" },
    status: 200,
  },
  {
    name: "SIMPLE: TLS 1.3",
    tls: `mode: SIMPLE, ${CA}, ${NAMED}`,
    upstream: { identity: "server", minVersion: "TLSv1.3" },
    status: 200,
  },
  {
    name: "SIMPLE: a server that speaks no TLS 1.2",
    tls: `mode: SIMPLE, ${CA}, ${NAMED}`,
    upstream: { identity: "server", minVersion: "TLSv1.1", maxVersion: "TLSv1.1" },
    status: 503,
  },
  {
    name: "MUTUAL: a certificate that the server does not take",
    tls: `mode: MUTUAL, ${CA}, ${NAMED}, clientCertificate: "${CERTIFICATES}/client-untrusted.pem", privateKey: "${CERTIFICATES}/client-untrusted.key"`,
    upstream: { identity: "server", asksFor: "ca" },
    status: 503,
  },
  {
    name: "MUTUAL with files",
    tls: `mode: MUTUAL, ${CA}, ${NAMED}, clientCertificate: "${CERTIFICATES}/client.pem", privateKey: "${CERTIFICATES}/client.key"`,
    upstream: { identity: "server", asksFor: "ca" },
    status: 200,
  },
];

export const CASES: readonly ContractCase[] = [...GATEWAYS.map(atGateway), ...DESTINATIONS.map(toTls)];
