/** TLS with what is not of the mesh: at gateways, and to destinations whose DestinationRule asks for it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, to, virtualService } from "../support/mesh.ts";

function gateway(servers: string, name = "edge", created = "2026-01-01T00:00:00Z"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}, creationTimestamp: "${created}" }
spec: { selector: { istio: gw }, servers: [${servers}] }`;
}

function server(hosts: string, tls: string, name = "https"): string {
  return `{ port: { number: 443, name: ${name}, protocol: HTTPS }, hosts: [${hosts}], tls: { ${tls} } }`;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function secret(name: string, data: Readonly<Record<string, string>>, namespace = "default"): string {
  const entries = Object.entries(data).map(([key, value]) => `${key}: ${base64(value)}`);
  return `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
data: { ${entries.join(", ")} }`;
}

const pem = (name: string): string =>
  readFileSync(new URL(`../../../../test/support/certificates/${name}`, import.meta.url), "utf8");
const GOOD = { "tls.crt": pem("client.pem"), "tls.key": pem("client.key") };
const PAIR = { "tls.crt": "CERT", "tls.key": "KEY" };

function edge(yaml: string, namespace = "default") {
  return new TestMesh(service("reviews") + yaml).proxy({
    type: "router",
    labels: { istio: "gw" },
    namespace,
    tulle: {},
  });
}

function chainsOf(proxy: ReturnType<typeof edge>): JsonObject[] {
  return proxy.json(TYPE.listener, "0.0.0.0_443")["filter_chains"] as JsonObject[];
}

function contextOf(chain: JsonObject | undefined): JsonObject {
  return (chain!["transport_socket"] as JsonObject)["typed_config"] as JsonObject;
}

test("each HTTPS server has a chain for the names that it is asked for by, and routes of its own", () => {
  const proxy = edge(
    gateway(
      `${server("a.test, ./b.test", "mode: SIMPLE, credentialName: x")}, ${server('"*"', "mode: SIMPLE, credentialName: y", "rest")}`,
    ) + virtualService("v", { hosts: "a.test", http: to("v1"), more: "gateways: [edge]" }),
  );
  const chains = chainsOf(proxy);
  assert.deepEqual(
    chains.map((chain) => chain["filter_chain_match"]),
    [{ server_names: ["a.test", "b.test"], transport_protocol: "tls" }, { transport_protocol: "tls" }],
  );
  assert.deepEqual(Object.keys(proxy.virtualHosts("https.443.https.edge.default")), ["a.test:443", "blackhole:443"]);
  assert.deepEqual(Object.keys(proxy.virtualHosts("https.443.rest.edge.default")), ["a.test:443", "blackhole:443"]);
});

test("a name is the first server's that has it", () => {
  const chains = chainsOf(
    edge(
      gateway(server("a.test", "mode: SIMPLE, credentialName: x")) +
        gateway(server("a.test, c.test", "mode: SIMPLE, credentialName: y"), "later", "2026-02-01T00:00:00Z"),
    ),
  );
  assert.deepEqual(
    chains.map((chain) => (chain["filter_chain_match"] as JsonObject)["server_names"]),
    [["a.test"], ["c.test"]],
  );
});

test("certificates come from Secrets; clients are asked as the mode says", () => {
  const of = (tls: string): JsonObject => contextOf(chainsOf(edge(gateway(server('"*"', tls))))[0]);
  const simple = of("mode: SIMPLE, credentialName: x, minProtocolVersion: TLSV1_3, cipherSuites: [A]");
  const ads = { ads: {}, resource_api_version: "V3" };
  const common = simple["common_tls_context"] as JsonObject;
  assert.deepEqual(common["tls_certificate_sds_secret_configs"], [{ name: "kubernetes://x", sds_config: ads }]);
  assert.deepEqual(common["tls_params"], {
    tls_minimum_protocol_version: "TLSv1_3",
    tls_maximum_protocol_version: "TLSv1_3",
    cipher_suites: ["A"],
  });
  assert.equal(simple["require_client_certificate"], false);
  const mutual = of("mode: MUTUAL, credentialName: x, subjectAltNames: [spiffe://a/b, c.test]");
  assert.equal(mutual["require_client_certificate"], true);
  assert.deepEqual((mutual["common_tls_context"] as JsonObject)["combined_validation_context"], {
    default_validation_context: {
      match_typed_subject_alt_names: [
        { san_type: "URI", matcher: { exact: "spiffe://a/b" } },
        { san_type: "DNS", matcher: { exact: "c.test" } },
      ],
    },
    validation_context_sds_secret_config: { name: "kubernetes://x-cacert", sds_config: ads },
  });
  const optional = of("mode: OPTIONAL_MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /ca, caCrl: /crl");
  assert.equal(optional["require_client_certificate"], false);
  assert.deepEqual((optional["common_tls_context"] as JsonObject)["validation_context"], {
    trusted_ca: { filename: "/ca" },
    crl: { filename: "/crl" },
  });
});

test("a gateway without a certificate of the mesh cannot open an ISTIO_MUTUAL server", () => {
  assert.deepEqual(edge(gateway(server('"*"', "mode: ISTIO_MUTUAL"))).names(TYPE.listener), []);
});

test("Secrets go to the gateways of their namespace whose rules name them, and to nobody else", () => {
  const yaml =
    gateway(server('"*"', "mode: MUTUAL, credentialName: x")) +
    secret("x", { ...PAIR, "ca.crt": "CA" }) +
    secret("other", PAIR) +
    secret("x", PAIR, "elsewhere");
  const proxy = edge(yaml);
  assert.deepEqual(proxy.names(TYPE.secret), ["kubernetes://x", "kubernetes://x-cacert"]);
  const { tls_certificate: pair } = proxy.json(TYPE.secret, "kubernetes://x");
  assert.deepEqual(pair, {
    certificate_chain: { inline_bytes: base64("CERT") },
    private_key: { inline_bytes: base64("KEY") },
  });
  assert.deepEqual(edge(yaml, "third").names(TYPE.secret), []);
  const sidecar = new TestMesh(service("reviews") + yaml).proxy({ labels: { istio: "gw" } });
  assert.deepEqual(sidecar.names(TYPE.secret), []);
});

test("whom to trust may be in a Secret of its own", () => {
  const yaml =
    gateway(server('"*"', "mode: MUTUAL, credentialName: x")) +
    secret("x", PAIR) +
    secret("x-cacert", { cacert: "CA" });
  assert.deepEqual(edge(yaml).json(TYPE.secret, "kubernetes://x-cacert")["validation_context"], {
    trusted_ca: { inline_bytes: base64("CA") },
  });
});

function clusterOf(tls: string, more = "", options: Parameters<TestMesh["proxy"]>[0] = {}, yaml = ""): JsonObject {
  const rule = destinationRule("r", `{ host: reviews, ${more} trafficPolicy: { tls: { ${tls} } } }`);
  const mesh = new TestMesh(service("reviews") + rule + secret("c", { ...PAIR, "ca.crt": "CA" }) + yaml);
  return mesh.proxy(options).json(TYPE.cluster, "outbound|9080||reviews.default.svc.cluster.local");
}

const HOST = "reviews.default.svc.cluster.local";

test("SIMPLE: the server is who it is called, and somebody vouches for it whom everybody trusts", () => {
  const context = contextOf(clusterOf("mode: SIMPLE"));
  assert.equal(context["sni"], HOST);
  assert.deepEqual((context["common_tls_context"] as JsonObject)["validation_context"], {
    trusted_ca: { filename: "/etc/ssl/certs/ca-certificates.crt" },
    match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: HOST } }],
  });
  const own = contextOf(
    clusterOf("mode: SIMPLE, sni: x.test, caCertificates: /ca, caCrl: /crl, subjectAltNames: [y.test]"),
  );
  assert.equal(own["sni"], "x.test");
  assert.deepEqual((own["common_tls_context"] as JsonObject)["validation_context"], {
    trusted_ca: { filename: "/ca" },
    crl: { filename: "/crl" },
    match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "y.test" } }],
  });
  const anybody = contextOf(clusterOf("mode: SIMPLE, insecureSkipVerify: true"));
  assert.equal((anybody["common_tls_context"] as JsonObject)["validation_context"], undefined);
});

test("MUTUAL: with files, or with a Secret where the client may have it", () => {
  const files = contextOf(clusterOf("mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca"));
  assert.deepEqual((files["common_tls_context"] as JsonObject)["tls_certificates"], [
    { certificate_chain: { filename: "/c" }, private_key: { filename: "/k" } },
  ]);
  const names = (options: Parameters<TestMesh["proxy"]>[0], more = ""): unknown => {
    const common = contextOf(clusterOf("mode: MUTUAL, credentialName: c", more, options))[
      "common_tls_context"
    ] as JsonObject;
    return (common["tls_certificate_sds_secret_configs"] as JsonObject[] | undefined)?.map(({ name }) => name);
  };
  assert.deepEqual(names({ type: "router" }), ["kubernetes://c"]);
  assert.deepEqual(names({}), undefined);
  const selected = "workloadSelector: { matchLabels: { app: a } },";
  assert.deepEqual(names({ labels: { app: "a" } }, selected), ["kubernetes://c"]);
});

test("a ServiceEntry's names are its servers'", () => {
  const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: e }
spec: { hosts: [e.test], subjectAltNames: [spiffe://e], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 10.0.0.1 }] }`;
  const mesh = new TestMesh(entry + destinationRule("r", "{ host: e.test, trafficPolicy: { tls: { mode: SIMPLE } } }"));
  const context = contextOf(mesh.proxy().json(TYPE.cluster, "outbound|80||e.test"));
  const { validation_context: validation } = context["common_tls_context"] as JsonObject;
  assert.deepEqual((validation as JsonObject)["match_typed_subject_alt_names"], [
    { san_type: "URI", matcher: { exact: "spiffe://e" } },
  ]);
});

test("a Gateway tells which Secret is missing", () => {
  const yaml = gateway(server("a.test", "mode: SIMPLE, credentialName: x"));
  const told = (more: string): string[] =>
    new TestMesh(yaml + more).status("Gateway", "edge").map(({ type, message }) => `${type}: ${message}`);
  assert.deepEqual(told("").slice(1), ["Invalid: there is no Secret x: until there is one, connections fail"]);
  assert.deepEqual(told(secret("x", GOOD)).slice(1), []);
  assert.deepEqual(
    new TestMesh(yaml + secret("x", GOOD)).status("Secret", "x").map(({ message }) => message),
    ["gateways of its namespace get it if their rules name it"],
  );
});

test("a Secret and a Gateway tell that what the Secret holds cannot be served", () => {
  const yaml = gateway(server("a.test", "mode: SIMPLE, credentialName: x"));
  const cases: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [PAIR, "its certificate is none"],
    [{ ...GOOD, "tls.key": "KEY" }, "its key is none"],
    [{ ...GOOD, "tls.key": pem("server.key") }, "its key is not that of its certificate"],
    [{ ...GOOD, "ca.crt": "CA" }, "its CA certificates are none"],
    [{ ...GOOD, "tls.crt": GOOD["tls.crt"].replace(/\n.{8}/, "\nAAAAAAAA") }, "its certificate is none"],
  ];
  for (const [data, fault] of cases) {
    const mesh = new TestMesh(yaml + secret("x", data));
    const [found] = mesh.status("Secret", "x");
    assert.deepEqual([found?.type, found?.message], ["Invalid", `${fault}: proxies refuse it, and keep what they had`]);
    const messages = mesh.status("Gateway", "edge").map(({ message }) => message);
    assert.equal(messages[1], `Secret default/x: ${fault}, so connections fail`);
  }
});

test("plaintext to those who take none is told, and so are credentials that nobody gets", () => {
  const rule = destinationRule("r", "{ host: reviews, trafficPolicy: { tls: { mode: SIMPLE, credentialName: c } } }");
  const found = new TestMesh(service("reviews") + rule)
    .status("DestinationRule", "r")
    .map(({ type, message }) => `${type}: ${message}`);
  assert.deepEqual(found.slice(1), [
    "Ignored: by sidecars: only gateways, and workloads that workloadSelector selects, get Secrets",
  ]);
});

test("tlsDefaults of the mesh hold where nothing else is said, and not in the mesh", () => {
  const defaults = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{ tlsDefaults: { cipherSuites: [A, B], ecdhCurves: [P-384] }, meshMTLS: { ecdhCurves: [P-256] } }" }`;
  const parameters = (context: JsonObject): JsonObject =>
    (context["common_tls_context"] as JsonObject)["tls_params"] as JsonObject;
  const chosen = (context: JsonObject): unknown => {
    const { cipher_suites: ciphers, ecdh_curves: curves } = parameters(context);
    return { ciphers, curves };
  };
  const at = (tls: string): unknown => chosen(contextOf(chainsOf(edge(defaults + gateway(server('"*"', tls))))[0]));
  assert.deepEqual(at("mode: SIMPLE, credentialName: x"), { ciphers: ["A", "B"], curves: ["P-384"] });
  assert.deepEqual(at("mode: SIMPLE, credentialName: x, cipherSuites: [C], ecdhCurves: [P-521]"), {
    ciphers: ["C"],
    curves: ["P-521"],
  });
  assert.deepEqual(chosen(contextOf(clusterOf("mode: SIMPLE", "", {}, defaults))), {
    ciphers: ["A", "B"],
    curves: ["P-384"],
  });
  const listener = new TestMesh(defaults)
    .proxy({
      labels: { app: "x" },
      tulle: {
        inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 19080, app_address: "127.0.0.1", app_port: 1 }],
      },
      secrets: "agent",
    })
    .json(TYPE.listener, "127.0.0.1_19080");
  const [chain] = listener["filter_chains"] as JsonObject[];
  assert.deepEqual(parameters(contextOf(chain))["ecdh_curves"], ["P-256"]);
});
