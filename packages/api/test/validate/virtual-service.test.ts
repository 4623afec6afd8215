import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/diagnose.ts";

const ROUTE = "route: [{destination: {host: a}}]";
const http = (...rules: string[]): string =>
  `  hosts: [a]\n  http:\n${rules.map((rule) => `  - {${rule}}\n`).join("")}`;

/** Faults of one http rule, without the path to it. */
const ruleFaults = (rule: string): string[] =>
  faultsOf("VirtualService", http(rule)).map((line) => line.replace("spec.http[0]", "http[0]"));

test("weights are shares: negative ones and a sum of 0 are refused, other sums are not", () => {
  assert.deepEqual(ruleFaults("route: [{destination: {host: a}, weight: -1}]"), [
    "http[0].route[0].weight: is -1, expected an integer, 0 or more",
  ]);
  assert.deepEqual(ruleFaults("route: [{destination: {host: a}}, {destination: {host: b}, weight: 0}]"), [
    "http[0].route: the weights add up to 0, expected at least one weight above 0",
  ]);
  assert.deepEqual(ruleFaults("route: [{destination: {host: a}, weight: 3}, {destination: {host: b}, weight: 4}]"), []);
  assert.deepEqual(ruleFaults("route: [{destination: {host: a}, weight: 0}]"), []);
});

test("what goes into a head is one line, and header values have Envoy's bounds", () => {
  const fields = [
    ["redirect: {uri: $}", "redirect.uri"],
    ["redirect: {authority: $}", "redirect.authority"],
    ["redirect: {prefixRewrite: $}", "redirect.prefixRewrite"],
    [`${ROUTE}, rewrite: {uri: $}`, "rewrite.uri"],
    [`${ROUTE}, rewrite: {authority: $}`, "rewrite.authority"],
    [`${ROUTE}, rewrite: {uriRegexRewrite: {match: a, rewrite: $}}`, "rewrite.uriRegexRewrite.rewrite"],
  ] as const;
  for (const [rule, field] of fields) {
    for (const value of ['"a\\r\\nb"', '"a\\0"']) {
      assert.deepEqual(ruleFaults(rule.replace("$", value)), [
        `http[0].${field}: is ${JSON.stringify(JSON.parse(value.replace("0", "u0000")))}, expected a text without line ends and NUL`,
      ]);
    }
  }
  const set = (value: string): string[] => ruleFaults(`${ROUTE}, headers: {request: {set: {a: ${value}}}}`);
  assert.match(
    set("a".repeat(16_385)).join(""),
    /^http\[0\]\.headers\.request\.set\.a: is "a{60}…" \(more than 16384 bytes\)/,
  );
  assert.deepEqual(set("a".repeat(16_384)), []);
});

test("a rule does exactly one thing", () => {
  assert.deepEqual(ruleFaults("name: idle"), [
    "http[0]: has no action, expected one of route, redirect, directResponse, delegate",
  ]);
  assert.deepEqual(ruleFaults(`${ROUTE}, redirect: {uri: /}, directResponse: {status: 200}`), [
    "http[0].redirect: is set together with route, expected one of route, redirect, directResponse, delegate",
    "http[0].directResponse: is set together with route, expected one of route, redirect, directResponse, delegate",
  ]);
  assert.deepEqual(ruleFaults("redirect: {uri: /}, rewrite: {uri: /}, fault: {delay: {fixedDelay: 1s}}"), [
    "http[0].rewrite: has no meaning together with redirect",
    "http[0].fault: has no meaning together with redirect",
  ]);
  assert.deepEqual(ruleFaults(`${ROUTE}, mirror: {host: b}, mirrors: [{destination: {host: c}}]`), [
    "http[0].mirrors: is set together with mirror, expected only one of mirror, mirrors",
  ]);
});

test("redirects and rewrites must change something, in one way", () => {
  assert.deepEqual(ruleFaults("redirect: {redirectCode: 404}"), [
    "http[0].redirect: changes nothing, expected a uri, prefixRewrite, authority, scheme or port",
    "http[0].redirect.redirectCode: is 404, expected a status from 300 to 399",
  ]);
  assert.deepEqual(
    ruleFaults("redirect: {uri: /, prefixRewrite: /, scheme: ftp, port: 80, derivePort: FROM_REQUEST_PORT}"),
    [
      "http[0].redirect.prefixRewrite: is set together with uri, expected only one of uri, prefixRewrite",
      'http[0].redirect.scheme: is "ftp", expected http or https',
      "http[0].redirect.derivePort: is set together with port, expected only one of port, derivePort",
    ],
  );
  assert.deepEqual(ruleFaults(`${ROUTE}, rewrite: {}`), [
    "http[0].rewrite: changes nothing, expected a uri, uriRegexRewrite or authority",
  ]);
  assert.deepEqual(ruleFaults(`${ROUTE}, rewrite: {uri: /, uriRegexRewrite: {match: /a}}`), [
    "http[0].rewrite.uriRegexRewrite: is set together with uri, expected only one of uri, uriRegexRewrite",
    "http[0].rewrite.uriRegexRewrite: is incomplete, expected both match and rewrite",
  ]);
});

test("the authority is set in one place", () => {
  assert.deepEqual(ruleFaults(`${ROUTE}, rewrite: {authority: b}, headers: {request: {set: {Host: c}}}`), [
    "warning: http[0].headers.request.set.Host: has no effect: the authority is already set by rewrite.authority, expected one place that sets it",
  ]);
});

test("header changes leave pseudo headers alone and values are Envoy formats", () => {
  const faults = ruleFaults(
    `${ROUTE}, headers: {request: {set: {":path": /, x: "50%", y: "%REQ(x-id):10% 100%%"}, remove: [host]}, response: {add: {host: a}}}`,
  );
  assert.deepEqual(faults, [
    'http[0].headers.request.set[":path"]: ":path" cannot be changed, expected a header that is neither Host nor starts with \':\'',
    'http[0].headers.request.set.x: is "50%" (a single \'%\' that starts no command), expected a header value ("%%" for a "%")',
    "http[0].headers.request.remove[0]: \"host\" cannot be removed, expected a header that is neither Host nor starts with ':'",
    "http[0].headers.response.add.host: \"host\" cannot be changed, expected a header that is neither Host nor starts with ':'",
  ]);
});

test("retries need attempts and known conditions", () => {
  assert.deepEqual(ruleFaults(`${ROUTE}, retries: {attempts: 0, retryOn: 5xx}`), [
    "http[0].retries: describes retries, but attempts is 0, expected attempts of 1 or more, or nothing else",
  ]);
  assert.deepEqual(ruleFaults(`${ROUTE}, retries: {attempts: 0}`), []);
  assert.match(
    ruleFaults(`${ROUTE}, retries: {attempts: 1, retryOn: "5xx, 99"}`)[0]!,
    /^http\[0\]\.retries\.retryOn: "99" is no/,
  );
  assert.deepEqual(ruleFaults(`${ROUTE}, retries: {attempts: -1}`), [
    "http[0].retries.attempts: is -1, expected an integer, 0 or more",
  ]);
});

test("faults must inject something that the proxies know", () => {
  assert.deepEqual(ruleFaults(`${ROUTE}, fault: {}`), ["http[0].fault: injects nothing, expected an abort or a delay"]);
  const [status, share] = ruleFaults(`${ROUTE}, fault: {abort: {grpcStatus: NOPE, percentage: {value: 0.00001}}}`);
  assert.match(status!, /^http\[0\]\.fault\.abort\.grpcStatus: is "NOPE", expected one of OK, CANCELLED, /);
  assert.equal(share, "http[0].fault.abort.percentage.value: is 0.00001, expected 0, or a number from 0.0001 to 100");
  assert.deepEqual(ruleFaults(`${ROUTE}, fault: {abort: {percentage: {value: 1}}}`), [
    "warning: http[0].fault.abort: has no effect without httpStatus or grpcStatus",
  ]);
});

test("CORS names methods, origins and whole seconds", () => {
  assert.deepEqual(ruleFaults(`${ROUTE}, corsPolicy: {allowOrigins: [{}], allowMethods: [FETCH], maxAge: 1.5s}`), [
    "http[0].corsPolicy.allowOrigins[0]: is empty, expected an exact, prefix or regex",
    'http[0].corsPolicy.allowMethods[0]: is "FETCH", expected one of GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS, TRACE',
    'http[0].corsPolicy.maxAge: is "1.5s", expected whole seconds',
  ]);
});

test("hosts are valid, do not overlap, and a mesh rule cannot take everything", () => {
  const hosts = (list: string, gateways = ""): string[] =>
    faultsOf("VirtualService", `  hosts: [${list}]\n${gateways}  http: [{${ROUTE}}]\n`);
  assert.deepEqual(hosts('"*"'), [
    'spec.hosts[0]: is "*", which would catch all traffic of every sidecar, expected hosts of services, or gateways without mesh',
  ]);
  assert.deepEqual(hosts('"*"', "  gateways: [g]\n"), []);
  assert.deepEqual(hosts('"*.example.com", a.example.com, A.example.com'), [
    'spec.hosts[1]: "a.example.com" overlaps "*.example.com", expected hosts that do not overlap',
    'spec.hosts[2]: "A.example.com" is listed twice, expected hosts that do not overlap',
    'spec.hosts[2]: "A.example.com" overlaps "*.example.com", expected hosts that do not overlap',
  ]);
  assert.deepEqual(hosts('a.b.example.com, "*.example.com", "*.b.example.com"'), [
    'spec.hosts[2]: "*.b.example.com" overlaps "a.b.example.com", expected hosts that do not overlap',
    'spec.hosts[2]: "*.b.example.com" overlaps "*.example.com", expected hosts that do not overlap',
  ]);
  for (const bad of ["a.*.com", "a_b", "-a", '""', "a..b", "a b", `${"a".repeat(64)}.com`]) {
    assert.match(hosts(bad)[0] ?? "", /^spec\.hosts\[0\]: is /, bad);
  }
  for (const good of ["a", "a.b", "A.B", "10.0.0.1", '"fd00::1"', '"*-x.example.com"', "outbound_.80_.v1_.a.b.svc"]) {
    assert.deepEqual(hosts(good), [], good);
  }
});

test("a delegate has http routes only and does not delegate", () => {
  assert.deepEqual(faultsOf("VirtualService", "  gateways: [g]\n  http: [{delegate: {name: b}}]\n"), [
    "spec.gateways: is set without hosts, expected hosts, or (in a delegate) only http",
    "spec.http[0].delegate: a delegate cannot delegate again, expected a route, redirect or directResponse",
  ]);
});

test("gateways are names or namespace/name", () => {
  const gateways = (name: string): string[] =>
    faultsOf("VirtualService", `  hosts: [a.b]\n  gateways: [${name}]\n  http: [{${ROUTE}}]\n`);
  assert.deepEqual(gateways("a/b/c"), ['spec.gateways[0]: is "a/b/c", expected a gateway as name or namespace/name']);
  assert.deepEqual(gateways("gw.edge.svc.cluster.local"), [
    'warning: spec.gateways[0]: "gw.edge.svc.cluster.local" is the old form; write "edge/gw"',
  ]);
  assert.deepEqual(gateways("./gw"), []);
});

test("JWT claims can only be matched on gateways", () => {
  const match = `match: [{headers: {"@request.auth.claims.group": {exact: a}}}]`;
  assert.deepEqual(ruleFaults(`${match}, ${ROUTE}`), [
    'http[0].match[0].headers["@request.auth.claims.group"]: JWT claims are known to gateways only, expected gateways without mesh',
  ]);
});

test("a key that begins as claims do and names none is no header either", () => {
  for (const key of ["@request.auth.claims", "@request.auth.claims.", "@request.auth.claims[a", "@request.auth.sub"]) {
    assert.deepEqual(ruleFaults(`match: [{withoutHeaders: {"${key}": {exact: a}}}], ${ROUTE}`), [
      `http[0].match[0].withoutHeaders["${key}"]: is the name of no header, expected ` +
        "@request.auth.claims.NAME, or @request.auth.claims[NAME], for claims of tokens",
    ]);
  }
});

test("a path prefix may be empty, other prefixes not, and * in withoutHeaders means present", () => {
  assert.deepEqual(ruleFaults(`match: [{uri: {prefix: ""}, withoutHeaders: {x: {regex: "*"}}}], ${ROUTE}`), []);
  assert.deepEqual(ruleFaults(`match: [{method: {prefix: ""}, headers: {x: {regex: "*"}}}], ${ROUTE}`), [
    'http[0].match[0].method.prefix: is "", expected a non-empty string',
    'http[0].match[0].headers.x.regex: is "*" (missing argument to repetition operator: `*`), expected a regular expression in RE2 syntax',
  ]);
});

test("tls and tcp rules need destinations, and SNI hosts lie within the hosts", () => {
  const spec = `  hosts: ["*.example.com"]\n  tls: [{match: [{sniHosts: [a.example.com, a.example.org, 10.0.0.1]}]}]\n  tcp: [{match: [{port: 0}]}]\n`;
  assert.deepEqual(faultsOf("VirtualService", spec), [
    "spec.tls[0]: has no destination, expected a route",
    'spec.tls[0].match[0].sniHosts[1]: "a.example.org" lies outside the hosts, expected a name within *.example.com',
    'warning: spec.tls[0].match[0].sniHosts[2]: "10.0.0.1" is an IP address, which clients do not send as SNI',
    "spec.tcp[0]: has no destination, expected a route",
    "spec.tcp[0].match[0].port: is 0, expected an integer from 1 to 65535",
  ]);
});

test("a VirtualService without routes is an error", () => {
  assert.deepEqual(faultsOf("VirtualService", "  hosts: [a]\n"), [
    "spec: has no routes, expected at least one of http, tls, tcp",
  ]);
});

test("exportTo names each namespace once, * and ~ alone", () => {
  const exportTo = (list: string): string[] =>
    faultsOf("VirtualService", `  hosts: [a]\n  exportTo: [${list}]\n  http: [{${ROUTE}}]\n`);
  assert.deepEqual(exportTo(".,shop"), ['spec.exportTo[1]: "shop" is listed twice, expected each namespace once']);
  assert.deepEqual(exportTo('"*",web'), [
    'spec.exportTo[0]: "*" stands beside other namespaces, expected either "*" or namespaces',
  ]);
  assert.deepEqual(exportTo("Web"), ['spec.exportTo[0]: is "Web", expected a namespace, ".", "*" or "~"']);
});

test("what is done on the way to a destination has no effect without one", () => {
  const fields = "timeout: 1s, retries: {attempts: 1}, mirror: {host: a}, corsPolicy: {allowMethods: [GET]}";
  assert.deepEqual(faultsOf("VirtualService", http(`redirect: {uri: /x}, ${fields}`)), [
    "warning: spec.http[0].timeout: has no effect together with redirect",
    "warning: spec.http[0].retries: has no effect together with redirect",
    "warning: spec.http[0].mirror: has no effect together with redirect",
    "warning: spec.http[0].corsPolicy: has no effect together with redirect",
  ]);
  assert.deepEqual(faultsOf("VirtualService", http(`${ROUTE}, mirrorPercentage: {value: 5}`)), [
    "warning: spec.http[0].mirrorPercentage: has no effect without mirror",
  ]);
});

test("rules that cannot be reached give a warning", () => {
  const rules = http(
    `match: [{uri: {prefix: /a}}], ${ROUTE}`,
    `match: [{uri: {prefix: /ab}}], ${ROUTE}`,
    `match: [{name: n, uri: {prefix: /a}}], ${ROUTE}`,
    ROUTE,
    `match: [{uri: {prefix: /z}}], ${ROUTE}`,
  );
  assert.deepEqual(faultsOf("VirtualService", rules), [
    'warning: spec.http[1].match[0]: has no effect: http[0] takes every path that starts with "/a"',
    "warning: spec.http[2].match[0]: has no effect: http[0] has the same match",
    "warning: spec.http[4]: is never reached: http[3] before it takes everything",
  ]);
});

test("a match of every path without conditions takes everything from later rules; one for some clients does not", () => {
  for (const all of ["{uri: {prefix: /}, name: all}", "{uri: {regex: '.*'}}", "{}"]) {
    assert.deepEqual(
      faultsOf("VirtualService", http(`match: [${all}], ${ROUTE}`, `match: [{uri: {prefix: /x}}], ${ROUTE}`)),
      ["warning: spec.http[1]: is never reached: http[0] before it takes everything"],
    );
  }
  for (const some of ["{uri: {prefix: /}, port: 80}", "{sourceLabels: {app: a}}", "{method: {exact: GET}}"]) {
    assert.deepEqual(faultsOf("VirtualService", http(`match: [${some}], ${ROUTE}`, ROUTE)), []);
  }
});

test("a prefix with other conditions takes nothing from later rules", () => {
  const rules = http(
    `match: [{uri: {prefix: /a}, method: {exact: GET}}], ${ROUTE}`,
    `match: [{uri: {prefix: /ab}}], ${ROUTE}`,
  );
  assert.deepEqual(faultsOf("VirtualService", rules), []);
});
