import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/diagnose.ts";

const rule = (fields: string): string[] =>
  faultsOf("HTTPRoute", `  {rules: [{${fields}}]}\n`).map((line) => line.replace("spec.rules[0]", "rule"));

test("path matches are absolute and normal, or RE2", () => {
  const path = (type: string, value: string): string[] => rule(`matches: [{path: {type: ${type}, value: "${value}"}}]`);
  assert.deepEqual(path("PathPrefix", "a"), ['rule.matches[0].path.value: is "a", expected an absolute path']);
  assert.deepEqual(path("Exact", "/a/../b"), [
    'rule.matches[0].path.value: is "/a/../b", expected a path without //, /., /.., %2f and #',
  ]);
  assert.match(
    path("RegularExpression", "/(a")[0]!,
    /^rule\.matches\[0\]\.path\.value: is "\/\(a" \(missing closing \)/,
  );
  assert.deepEqual(path("Exact", "/a b"), [
    'rule.matches[0].path.value: is "/a b", expected a path of URL characters, others %-encoded',
  ]);
  assert.deepEqual(path("PathPrefix", "/.well-known/a..b"), []);
});

test("header and query names are matched once each", () => {
  assert.deepEqual(rule("matches: [{headers: [{name: a, value: b}, {name: A, value: c}]}]"), [
    "rule.matches[0].headers[1].name: a is listed twice, expected each name once",
  ]);
});

test("a filter has the settings of its type", () => {
  assert.deepEqual(rule("filters: [{type: RequestRedirect, urlRewrite: {hostname: a}}]"), [
    "rule.filters[0].requestRedirect: is missing, expected settings, as type is RequestRedirect",
    "rule.filters[0].urlRewrite: is set with type RequestRedirect, expected requestRedirect",
  ]);
  const modify = "{type: RequestHeaderModifier, requestHeaderModifier: {}}";
  assert.deepEqual(rule(`filters: [${modify}, ${modify}]`), [
    "rule.filters[1].type: filter RequestHeaderModifier stands here already, expected each type once",
  ]);
});

test("a redirect excludes backends and rewrites", () => {
  const redirect = "{type: RequestRedirect, requestRedirect: {statusCode: 304}}";
  assert.deepEqual(
    rule(`filters: [${redirect}, {type: URLRewrite, urlRewrite: {hostname: a}}], backendRefs: [{name: a, port: 80}]`),
    [
      "rule.filters[0].requestRedirect.statusCode: is 304, expected one of 301, 302, 303, 307, 308",
      "rule.filters[1].type: is URLRewrite beside RequestRedirect, expected only one of RequestRedirect, URLRewrite",
      "rule.backendRefs: is set together with a RequestRedirect filter, expected no backendRefs",
    ],
  );
});

test("replacing a prefix needs one prefix match", () => {
  const filter = "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}";
  assert.deepEqual(rule(`matches: [{path: {type: Exact, value: /a}}], filters: [${filter}]`), [
    "rule.filters[0].urlRewrite.path.type: is ReplacePrefixMatch, expected exactly one match, with a path of type PathPrefix",
  ]);
  assert.deepEqual(rule(`matches: [{path: {value: /a}}], filters: [${filter}]`), []);
});

test("Service backends have a port, weights at most a million", () => {
  assert.deepEqual(rule("backendRefs: [{name: a}, {name: b, port: 80, weight: 1000001}]"), [
    "rule.backendRefs[0].port: is missing, expected the Service's port",
    "rule.backendRefs[1].weight: is 1000001, expected an integer from 0 to 1000000",
  ]);
});

test("timeouts are Gateway API durations, the backend's within the request's", () => {
  assert.deepEqual(rule("timeouts: {request: 1.5s}"), [
    'rule.timeouts.request: is "1.5s", expected a duration such as "10s" or "1h30m" (units h, m, s, ms)',
  ]);
  assert.deepEqual(rule("timeouts: {request: 1s, backendRequest: 2s}"), [
    "rule.timeouts.backendRequest: is longer than timeouts.request, expected at most 1s",
  ]);
});

test("a parent is named once", () => {
  assert.deepEqual(faultsOf("HTTPRoute", "  {parentRefs: [{name: a}, {name: a, kind: Gateway}]}\n"), [
    "spec.parentRefs[0]: names a parent that is named again, expected a sectionName or port in each",
    "spec.parentRefs[1]: names a parent that is named again, expected a sectionName or port in each",
  ]);
  assert.deepEqual(
    faultsOf("HTTPRoute", "  {parentRefs: [{name: a, port: 80}, {name: a, port: 80}, {name: a, port: 81}]}\n"),
    ["spec.parentRefs[1]: names a parent a second time, expected another sectionName or port"],
  );
});

test("listeners are distinct and have the TLS settings of their protocol", () => {
  const listeners = (...list: string[]): string[] =>
    faultsOf("K8sGateway", `  {gatewayClassName: c, listeners: [${list.join(", ")}]}\n`).map((line) =>
      line.replace("spec.", ""),
    );
  assert.deepEqual(listeners("{name: a, port: 80, protocol: HTTP}", "{name: a, port: 80, protocol: HTTP}"), [
    "listeners[1]: HTTP/80 has a listener already, expected each protocol, port and hostname once",
    'listeners[1].name: listener "a" exists already, expected each name once',
  ]);
  assert.deepEqual(listeners("{name: a, port: 443, protocol: HTTPS}"), [
    "listeners[0].tls: is missing, expected TLS settings, as the protocol is HTTPS",
  ]);
  assert.deepEqual(listeners("{name: a, port: 80, protocol: HTTP, tls: {}}"), [
    "listeners[0].tls: is set for protocol HTTP, expected protocol HTTPS or TLS",
  ]);
  assert.deepEqual(listeners("{name: a, port: 443, protocol: HTTPS, tls: {}}"), [
    "listeners[0].tls.certificateRefs: is missing, expected a certificate, as TLS is terminated",
  ]);
  assert.deepEqual(listeners("{name: a, port: 443, protocol: TCP, hostname: a.b}"), [
    "listeners[0].hostname: is set for protocol TCP, expected no hostname",
  ]);
  assert.match(listeners("{name: a, port: 80, protocol: HTTP, hostname: 10.0.0.1}")[0]!, /hostname: is "10\.0\.0\.1"/);
});

test("mirrors name a port and a fraction of at most 1, CORS lists have * alone", () => {
  assert.deepEqual(
    rule(
      "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a}, fraction: {numerator: 101}}}, {type: CORS, cors: {allowMethods: ['*', GET]}}]",
    ),
    [
      "rule.filters[0].requestMirror.backendRef.port: is missing, expected the Service's port",
      "rule.filters[0].requestMirror.fraction.numerator: is 101, expected at most 100, the denominator",
      "rule.filters[1].cors.allowMethods[0]: * stands beside other values, expected * alone, or none",
    ],
  );
});

test("a permanent session cookie has an end", () => {
  assert.deepEqual(rule("sessionPersistence: {cookieConfig: {lifetimeType: Permanent}}"), [
    "rule.sessionPersistence.absoluteTimeout: is missing, expected a duration, as lifetimeType is Permanent",
  ]);
});

test("a route has at most 128 matches", () => {
  const matches = `matches: [${Array(64).fill("{method: GET}").join(", ")}]`;
  assert.deepEqual(faultsOf("HTTPRoute", `  {rules: [{${matches}}, {${matches}}, {matches: [{}]}]}\n`), [
    "spec.rules: have 129 matches together, expected at most 128",
  ]);
});

test("a gRPC method match names something", () => {
  assert.deepEqual(faultsOf("GRPCRoute", "  {rules: [{matches: [{method: {}}]}]}\n"), [
    "spec.rules[0].matches[0].method: names nothing, expected a service, a method or both",
  ]);
  assert.deepEqual(faultsOf("GRPCRoute", "  {rules: [{matches: [{method: {service: a/b, method: c.d}}]}]}\n"), [
    'spec.rules[0].matches[0].method.service: is "a/b", expected the name of a gRPC service',
    'spec.rules[0].matches[0].method.method: is "c.d", expected the name of a gRPC method',
  ]);
});

test("a backend TLS policy's names have the field of their type", () => {
  const spec =
    "  {targetRefs: [{group: '', kind: Service, name: a}], validation: {hostname: a.b, wellKnownCACertificates: System, subjectAltNames: [{type: URI, hostname: a}]}}\n";
  assert.deepEqual(faultsOf("BackendTLSPolicy", spec), [
    "spec.validation.subjectAltNames[0].uri: is missing, expected a value, as type is URI",
    "spec.validation.subjectAltNames[0].hostname: is set with type URI, expected uri",
  ]);
});

test("Services have ports, with distinct names if there are several", () => {
  assert.deepEqual(faultsOf("Service", "  {ports: [{port: 80}, {port: 80, name: a}]}\n"), [
    "spec.ports[0].name: is missing, expected a name, as there are several ports",
    "spec.ports[1].port: TCP/80 exists already, expected each port once for a protocol",
  ]);
  assert.deepEqual(faultsOf("Service", "  {type: ExternalName}\n"), [
    'spec.externalName: is "", expected a DNS name, as type is ExternalName',
  ]);
  assert.deepEqual(faultsOf("Service", "  {clusterIP: None}\n"), []);
});

test("a Deployment selects its own template", () => {
  assert.deepEqual(
    faultsOf(
      "Deployment",
      "  {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c}]}}}\n",
    ),
    ["spec.template.metadata.labels: are not what spec.selector selects, expected the selector's labels"],
  );
});

test("an Ingress routes something, by path", () => {
  assert.deepEqual(faultsOf("Ingress", "  {}\n"), ["spec: routes nothing, expected rules or a defaultBackend"]);
  assert.deepEqual(
    faultsOf(
      "Ingress",
      "  {rules: [{host: 'a b', http: {paths: [{pathType: Exact, backend: {service: {name: a, port: {number: 1, name: b}}}}]}}]}\n",
    ),
    [
      "spec.rules[0].host: is \"a b\", expected a DNS name, optionally with '*.' in front",
      "spec.rules[0].http.paths[0].path: is missing, expected a path, as pathType is Exact",
      "spec.rules[0].http.paths[0].backend.service.port.name: is set together with number, expected only one of name, number",
    ],
  );
});
