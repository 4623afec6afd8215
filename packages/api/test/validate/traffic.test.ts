import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/diagnose.ts";

const policyFaults = (policy: string): string[] =>
  faultsOf("DestinationRule", `  host: a\n  trafficPolicy: ${policy}\n`).map((line) =>
    line.replace("spec.trafficPolicy", "policy"),
  );

test("subset names are DNS labels and unique", () => {
  assert.deepEqual(faultsOf("DestinationRule", "  host: a\n  subsets: [{name: v1}, {name: v1}, {name: V_2}, {}]\n"), [
    "spec.subsets[2].name: is \"V_2\", expected a DNS label (letters, digits and '-', at most 63 characters)",
    "spec.subsets[3].name: is missing, expected a DNS label (letters, digits and '-', at most 63 characters)",
  ]);
  assert.deepEqual(faultsOf("DestinationRule", "  host: a\n  subsets: [{name: v1}, {name: v1}]\n"), [
    'spec.subsets[1].name: subset "v1" exists already, expected each name once',
  ]);
});

test("a host is a name, not an address", () => {
  assert.match(
    faultsOf("DestinationRule", "  host: 10.0.0.1\n")[0]!,
    /^spec\.host: is "10\.0\.0\.1", expected a DNS name/,
  );
  assert.deepEqual(faultsOf("DestinationRule", '  host: "*.example.com"\n'), []);
});

test("load balancing is one policy, and Maglev tables are prime", () => {
  assert.deepEqual(policyFaults("{loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}}"), [
    "policy.loadBalancer.consistentHash: is set together with simple, expected only one of simple, consistentHash, backendUtilization",
  ]);
  assert.deepEqual(policyFaults("{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 1000}}}}"), [
    "policy.loadBalancer.consistentHash.maglev.tableSize: is 1000, expected a prime number below 5000011",
  ]);
});

test("locality weights add up to 100 and failover needs outlier detection", () => {
  assert.deepEqual(
    policyFaults(
      "{loadBalancer: {localityLbSetting: {distribute: [{from: eu/*/a, to: {eu: 70, us: 20}}], failover: [{from: eu, to: eu}]}}}",
    ),
    [
      "warning: policy.loadBalancer.localityLbSetting: fails over only if outlierDetection is set as well",
      'policy.loadBalancer.localityLbSetting.distribute[0].from: is "eu/*/a", expected region/zone/sub-zone',
      "policy.loadBalancer.localityLbSetting.distribute[0].to: the weights add up to 90, expected 100",
      "policy.loadBalancer.localityLbSetting.failover: is set together with distribute, expected only one of distribute, failover, failoverPriority",
      'policy.loadBalancer.localityLbSetting.failover[0].to: is "eu", as from, expected another region',
    ],
  );
});

test("an empty policy and settings that contradict are refused", () => {
  assert.deepEqual(policyFaults("{}"), ["policy: is empty, expected at least one setting"]);
  assert.deepEqual(policyFaults("{connectionPool: {}}"), ["policy.connectionPool: is empty, expected tcp or http"]);
  assert.deepEqual(policyFaults("{connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}"), [
    "policy.connectionPool.http.useClientProtocol: is set together with h2UpgradePolicy: UPGRADE, expected only one of them",
  ]);
  assert.deepEqual(policyFaults("{outlierDetection: {consecutiveLocalOriginFailures: 3}}"), [
    "policy.outlierDetection.consecutiveLocalOriginFailures: has no effect without splitExternalLocalOriginErrors, expected splitExternalLocalOriginErrors: true",
  ]);
});

test("each port has settings once", () => {
  const settings = "loadBalancer: {simple: RANDOM}";
  assert.deepEqual(
    policyFaults(
      `{portLevelSettings: [{port: {number: 80}, ${settings}}, {port: {number: 80}, ${settings}}, {${settings}}]}`,
    ),
    [
      "policy.portLevelSettings[1].port.number: port 80 has settings already, expected each port once",
      "policy.portLevelSettings[2].port: is missing, expected an object with a number",
    ],
  );
});

test("client TLS has the files that its mode needs", () => {
  assert.deepEqual(policyFaults("{tls: {mode: MUTUAL, clientCertificate: /c}}"), [
    "policy.tls.privateKey: is missing, expected a file, as mode is MUTUAL",
  ]);
  assert.deepEqual(policyFaults("{tls: {mode: ISTIO_MUTUAL, privateKey: /k}}"), [
    "policy.tls.privateKey: is set in mode ISTIO_MUTUAL, expected nothing: the mesh's own certificates are used",
  ]);
});

test("a rule with workloadSelector stays in its namespace", () => {
  assert.deepEqual(
    faultsOf("DestinationRule", "  host: a\n  workloadSelector: {matchLabels: {a: b}}\n  exportTo: [other]\n"),
    [
      'spec.exportTo[0]: reaches beyond the namespace, but workloadSelector makes the rule private, expected "." or no exportTo',
    ],
  );
});

const server = (fields: string): string[] =>
  faultsOf("Gateway", `  servers: [{${fields}}]\n`).map((line) => line.replace("spec.servers[0]", "server"));

test("gateway servers have a known protocol, and TLS settings that fit it", () => {
  assert.deepEqual(server("port: {number: 80, name: a, protocol: SMTP}, hosts: [a]"), [
    'server.port.protocol: is "SMTP", expected one of HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS',
  ]);
  assert.deepEqual(server("port: {number: 443, name: a, protocol: HTTPS}, hosts: [a]"), [
    "server.tls: is missing, expected TLS settings, as the protocol is HTTPS",
  ]);
  assert.deepEqual(server("port: {number: 443, name: a, protocol: HTTPS}, hosts: [a], tls: {mode: SIMPLE}"), [
    "server.tls.credentialName: is missing, expected a certificate, as mode is SIMPLE",
  ]);
  assert.deepEqual(
    server("port: {number: 80, name: a, protocol: HTTP}, hosts: [a], tls: {mode: SIMPLE, credentialName: c}"),
    ["server.tls: configures TLS for protocol HTTP, expected only httpsRedirect, or protocol HTTPS"],
  );
  assert.deepEqual(
    server("port: {number: 443, name: a, protocol: TLS}, hosts: [a], tls: {mode: MUTUAL, serverCertificate: /c}"),
    [
      "server.tls.privateKey: is missing, expected the file of serverCertificate's key",
      "server.tls.caCertificates: is missing, expected the CA of the clients, as mode is MUTUAL",
    ],
  );
  assert.deepEqual(
    server("port: {number: 443, name: a, protocol: TLS}, hosts: [a], tls: {mode: PASSTHROUGH, credentialName: c}"),
    ["warning: server.tls.credentialName: is ignored in mode PASSTHROUGH"],
  );
});

test("gateway hosts are [namespace/]name", () => {
  const port = "port: {number: 80, name: a, protocol: HTTP}";
  assert.deepEqual(server(`${port}, hosts: ["A b", "ns/*.example.com", ./a, "*/*", "a.*"]`), [
    'server.hosts[0]: is "A b", expected a DNS name, optionally with namespace/, ./ or */ in front',
    'server.hosts[4]: is "a.*", expected a DNS name, optionally with namespace/, ./ or */ in front',
  ]);
});

test("gateway ports are numbered, unless they are Unix sockets, and named once", () => {
  assert.deepEqual(server("port: {name: a, protocol: HTTP}, hosts: [a]"), [
    "server.port.number: is 0, expected an integer from 1 to 65535",
  ]);
  assert.deepEqual(server("port: {name: a, protocol: HTTP, number: 80}, bind: unix:///a, hosts: [a]"), [
    "server.port.number: is 80, expected 0, as bind is a Unix socket",
  ]);
  const one = "{port: {number: 80, name: a, protocol: HTTP}, hosts: [a]}";
  assert.deepEqual(faultsOf("Gateway", `  servers: [${one}, ${one.replace("80", "81")}]\n`), [
    'spec.servers[1].port.name: port "a" exists already, expected each port name once',
  ]);
});

test("beside */* other hosts change nothing, unless they exclude", () => {
  const hosts = (list: string): string[] => faultsOf("Sidecar", `  {egress: [{hosts: [${list}]}]}\n`);
  assert.deepEqual(hosts('"*/*", "~shop/*"'), []);
  assert.deepEqual(hosts('"*/*", "~shop/*", "a/*"'), [
    "warning: spec.egress[0].hosts: */* takes everything; the other hosts change nothing",
  ]);
});

test("a Sidecar says something, with hosts of the form namespace/name", () => {
  assert.deepEqual(faultsOf("Sidecar", "  workloadSelector: {labels: {a: b}}\n"), [
    "spec: changes nothing, expected at least one of ingress, egress, inboundConnectionPool, outboundTrafficPolicy",
  ]);
  assert.deepEqual(faultsOf("Sidecar", '  egress: [{hosts: ["*"]}, {port: {number: 80}, hosts: [./*]}]\n'), [
    "spec.egress[0]: has no port but is not the last listener, expected a port, or this listener at the end",
    'spec.egress[0].hosts[0]: is "*", expected namespace/host, such as ./*, istio-system/* or */*',
  ]);
  assert.deepEqual(
    faultsOf("Sidecar", "  ingress: [{port: {number: 80}, defaultEndpoint: 10.0.0.1:80}, {port: {number: 80}}]\n"),
    [
      'spec.ingress[0].defaultEndpoint: is "10.0.0.1:80", expected 127.0.0.1:port, 0.0.0.0:port, [::1]:port, [::]:port or unix:///path',
      "spec.ingress[1].port: 80 has a listener already, expected each port or socket once",
    ],
  );
});

test("cookies and server names are what proxies take", () => {
  const rule = (policy: string): string[] =>
    faultsOf("DestinationRule", `  {host: a, trafficPolicy: {${policy}}}\n`).map((line) =>
      line.replace(/^.*\.(\w+): is .*(, expected)/, "$1$2"),
    );
  const cookie = (fields: string): string[] => rule(`loadBalancer: {consistentHash: {httpCookie: {${fields}}}}`);
  assert.deepEqual(cookie("name: a, path: /, ttl: 1s, attributes: [{name: SameSite, value: Lax}, {name: Secure}]"), []);
  const text = "expected a text without line ends, NUL and ';'";
  assert.deepEqual(cookie('name: a, path: "/\\r\\nb: c"'), [`path, ${text}`]);
  assert.deepEqual(cookie('name: a, path: "/; b"'), [`path, ${text}`]);
  assert.deepEqual(cookie('name: a, attributes: [{name: b, value: "\\n"}]'), [`value, ${text}`]);
  assert.deepEqual(cookie('name: a, attributes: [{name: "b=c"}]'), [
    "name, expected the name of a cookie, or of one of its attributes",
  ]);
  assert.deepEqual(cookie('name: "a\\n"'), ["name, expected the name of a cookie, or of one of its attributes"]);
  const sni = "sni, expected a server name of at most 255 bytes, without NUL";
  assert.deepEqual(rule('tls: {mode: SIMPLE, sni: "a\\0"}'), [sni]);
  assert.deepEqual(rule(`tls: {mode: SIMPLE, sni: ${"a".repeat(256)}}`), [sni]);
});
