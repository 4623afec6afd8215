import assert from "node:assert/strict";
import { test } from "node:test";
import { TEST_KEYS } from "../../../../test/support/test-keys.ts";
import { diagnose, faultsOf } from "../support/diagnose.ts";

const policy = (fields: string): string[] => faultsOf("AuthorizationPolicy", `  {${fields}}\n`);

test("port-level mTLS needs a selector", () => {
  assert.deepEqual(faultsOf("PeerAuthentication", "  {portLevelMtls: {80: {mode: STRICT}}}\n"), [
    "spec.portLevelMtls: is set without selector, expected a selector with matchLabels",
  ]);
  assert.deepEqual(
    faultsOf("PeerAuthentication", "  {selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}\n"),
    ['spec.portLevelMtls.0: "0" as a key, expected a port number from 1 to 65535'],
  );
  assert.deepEqual(faultsOf("PeerAuthentication", "  {selector: {}}\n"), [
    "warning: spec.selector: selects by no labels, so it applies to the whole namespace",
  ]);
});

test("a JWT rule has an issuer and one source of keys", () => {
  assert.deepEqual(faultsOf("RequestAuthentication", '  {jwtRules: [{jwksUri: ftp://a, jwks: "{}"}]}\n'), [
    "spec.jwtRules[0].issuer: is missing, expected the issuer of the tokens",
    'spec.jwtRules[0].jwksUri: is "ftp://a", expected an http:// or https:// URL',
    "spec.jwtRules[0].jwks: is set together with jwksUri, expected only one of jwksUri, jwks",
  ]);
});

test("a key set has a key that proxies can use: with none they would refuse the listener", () => {
  const fault = (jwks: string): string =>
    faultsOf("RequestAuthentication", `  {jwtRules: [{issuer: a, jwks: '${jwks}'}]}\n`).join("; ");
  const set = (...keys: readonly object[]): string => fault(JSON.stringify({ keys }));
  const { rsa, p256, p384, p521, ed, oct } = TEST_KEYS;
  for (const key of [rsa, p256, p384, p521, ed, oct]) assert.equal(set({ kty: "none" }, key), "", JSON.stringify(key));
  assert.match(fault("{}"), /^spec\.jwtRules\[0\]\.jwks: is no JSON Web Key Set, expected /);
  assert.match(fault(JSON.stringify(rsa)), /is no JSON Web Key Set/, "a key is no set");
  assert.match(fault("{"), /is no JSON Web Key Set/);
  assert.match(set(), /has no key,/);
  const useless: readonly object[] = [
    { ...rsa, kty: "rsa" },
    { ...rsa, n: 1 },
    { ...rsa, n: "AQAB" },
    { ...rsa, e: "AQ" },
    { ...rsa, alg: "ES256" },
    { ...p256, x: p384.x },
    { ...p256, crv: "P-384" },
    { ...p256, alg: "ES384" },
    { ...ed, crv: "X25519" },
    { ...oct, k: "" },
    { ...oct, alg: "RS256" },
  ];
  for (const key of useless) assert.match(set(key), /has no key that proxies can use/, JSON.stringify(key));
});

test("actions that never apply are refused", () => {
  assert.deepEqual(policy("action: DENY"), [
    "spec.rules: is missing, so DENY never applies, expected rules; an empty one ({}) matches every request",
  ]);
  assert.deepEqual(policy("action: ALLOW"), []);
  assert.deepEqual(policy("action: CUSTOM, rules: [{}]"), [
    "spec.provider: is missing, expected the name of an extension provider",
  ]);
  assert.deepEqual(policy("provider: {name: a}"), ["spec.provider: is set for action ALLOW, expected action CUSTOM"]);
});

test("sources and operations say something", () => {
  assert.deepEqual(policy("rules: [{from: [], to: [{operation: {}}]}, {from: [{source: {principals: []}}]}]"), [
    "spec.rules[0].from: is empty, expected at least one item, or no from",
    "spec.rules[0].to[0].operation: is empty, expected at least one attribute",
    "spec.rules[1].from[0].source: is empty, expected at least one attribute",
  ]);
});

test("addresses, ports and accounts of a rule are well formed", () => {
  assert.deepEqual(
    policy(
      'rules: [{from: [{source: {ipBlocks: [10.0.0.0/33], serviceAccounts: ["a/*"]}}], to: [{operation: {ports: ["http"]}}]}]',
    ),
    [
      'spec.rules[0].from[0].source.ipBlocks[0]: is "10.0.0.0/33", expected an IP address or a CIDR block',
      'spec.rules[0].from[0].source.serviceAccounts[0]: is "a/*", expected namespace/account or account, without wildcard',
      'spec.rules[0].to[0].operation.ports[0]: is "http", expected a port number from 1 to 65535',
    ],
  );
});

test("path templates are whole segments, with {**} last of them", () => {
  const path = (pattern: string): string | undefined =>
    policy(`rules: [{to: [{operation: {paths: ["${pattern}"]}}]}]`)[0];
  for (const good of ["/a*", "*", "/a/{*}/b", "/a/{**}", "/a/{*}/{**}/b"]) assert.equal(path(good), undefined, good);
  assert.match(path("/a/{**}/{*}")!, /\(an operator after \{\*\*\}\)/);
  assert.match(path("/a{*}")!, /\(an operator that is not a whole segment\)/);
  assert.match(path("/a/{b}")!, /\(braces that are no \{\*\} or \{\*\*\}\)/);
  assert.match(path("/a/{*}/b*")!, /\(\* beside template operators\)/);
  assert.match(path("a/{*}")!, /\(it does not begin with \/\)/);
  assert.match(path("/a//{*}")!, /\(an empty segment beside template operators\)/);
  assert.match(path("/a b/{*}")!, /\(characters that have to be percent-encoded beside template operators\)/);
  assert.match(path(`/${"a".repeat(260)}/{*}`)!, /\(longer than 256 characters\)/);
  assert.equal(path("/a/{*}/"), undefined);
});

test("conditions have known keys and values of their kind", () => {
  assert.match(
    policy("rules: [{when: [{key: source.mood, values: [a]}]}]")[0]!,
    /^spec\.rules\[0\]\.when\[0\]\.key: is "source\.mood", expected one of source\.ip/,
  );
  assert.deepEqual(policy("rules: [{when: [{key: source.ip}, {key: destination.port, values: [x]}]}]"), [
    "spec.rules[0].when[0]: tests nothing, expected values or notValues",
    'spec.rules[0].when[1].values[0]: is "x", expected a port number from 1 to 65535',
  ]);
});

test("a DENY rule on HTTP attributes only gives a warning, for it denies TCP too", () => {
  const to = (operation: string): string[] => policy(`action: DENY, rules: [{to: [{operation: {${operation}}}]}]`);
  assert.match(to("paths: [/admin]")[0]!, /^warning: spec\.rules\[0\]: denies all TCP traffic too/);
  assert.deepEqual(to('paths: [/admin], ports: ["80"]'), []);
});

test("policies apply to a selector or to targets of their own namespace", () => {
  assert.deepEqual(policy("selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]"), [
    "spec.targetRefs: is set together with selector, expected only one of selector, targetRef, targetRefs",
  ]);
  assert.deepEqual(policy("targetRefs: [{kind: Pod, name: a, namespace: b}]"), [
    "spec.targetRefs[0].kind: is Pod, expected one of Service, networking.istio.io/ServiceEntry, gateway.networking.k8s.io/Gateway, gateway.networking.k8s.io/GatewayClass",
    'spec.targetRefs[0].namespace: is "b", expected no namespace: only the policy\'s own can be meant',
  ]);
  assert.deepEqual(policy("targetRef: {kind: Service, name: a}"), [
    "warning: spec.targetRef: is deprecated; use targetRefs",
  ]);
});

test("the dry-run annotation is true or false", () => {
  const text = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: x, annotations: {istio.io/dry-run: "maybe"}}
spec: {}
`;
  assert.deepEqual(diagnose(text), [
    'f.yaml:3:53: AuthorizationPolicy default/x: metadata.annotations["istio.io/dry-run"]: is "maybe", expected "true" or "false"',
  ]);
});

test("tag overrides have a value exactly when they upsert", () => {
  assert.deepEqual(
    faultsOf(
      "Telemetry",
      "  {metrics: [{overrides: [{tagOverrides: {a: {}, b: {operation: REMOVE, value: x}}}]}], tracing: [{}, {}]}\n",
    ),
    [
      "spec.metrics[0].overrides[0].tagOverrides.a.value: is missing, expected a CEL expression, as operation is UPSERT",
      "spec.metrics[0].overrides[0].tagOverrides.b.value: is set with operation REMOVE, expected no value",
      "warning: spec.tracing[1]: is ignored: only the first item of tracing counts",
    ],
  );
});

test("a Wasm module has a known URL scheme and one digest", () => {
  const digest = "a".repeat(64);
  assert.deepEqual(faultsOf("WasmPlugin", `  {url: "ftp://x", sha256: abc}\n`), [
    "spec.url: has the scheme ftp, expected oci, file, http or https (none means oci)",
    'spec.sha256: is "abc", expected 64 hexadecimal digits',
  ]);
  assert.deepEqual(faultsOf("WasmPlugin", `  {url: "oci://x@sha256:${digest}", sha256: ${"b".repeat(64)}}\n`), [
    `spec.sha256: differs from the digest in url, expected ${digest}`,
  ]);
});

test("an EnvoyFilter's patch fits what it is applied to", () => {
  assert.deepEqual(
    faultsOf(
      "EnvoyFilter",
      "  {configPatches: [{applyTo: CLUSTER, match: {listener: {}}, patch: {operation: REPLACE, value: {}}}, {applyTo: LISTENER}]}\n",
    ).filter((line) => !line.startsWith("warning")),
    [
      "spec.configPatches[0].match.listener: never matches applyTo CLUSTER, expected cluster or waypoint",
      "spec.configPatches[0].patch.operation: is REPLACE for CLUSTER, expected applyTo HTTP_FILTER or NETWORK_FILTER",
      "spec.configPatches[1].patch: has no operation, expected an operation such as MERGE",
    ],
  );
});
