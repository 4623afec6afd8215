/** What RequestAuthentications become. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { IssuerKeys } from "../../src/model/issuers.ts";
import type { ObjectStatus } from "../../src/status/object-status.ts";
import { service, TestMesh } from "../support/mesh.ts";

function authentication(name: string, spec: string, namespace = "default"): string {
  return `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`;
}

const TULLE = {
  inbound: [{ port: 8080, address: "127.0.0.1", bind_port: 18080, app_port: 8080, app_address: "127.0.0.1" }],
};
const NAME = "envoy.filters.http.jwt_authn";

/** The filter's configuration at the workload `app`; undefined if it has none. */
function filterOf(mesh: string | TestMesh): { config: JsonObject | undefined; clusters: string[] } {
  const proxy = (typeof mesh === "string" ? new TestMesh(mesh) : mesh).proxy({ labels: { app: "app" }, tulle: TULLE });
  const [chain] = proxy.json(TYPE.listener, "127.0.0.1_18080")["filter_chains"] as JsonObject[];
  const [manager] = chain!["filters"] as JsonObject[];
  const filters = (manager!["typed_config"] as JsonObject)["http_filters"] as JsonObject[];
  const config = filters.find(({ name }) => name === NAME)?.["typed_config"] as JsonObject | undefined;
  return { config, clusters: proxy.names(TYPE.cluster) };
}

function providersOf(mesh: string | TestMesh): Record<string, JsonObject> {
  return filterOf(mesh).config!["providers"] as Record<string, JsonObject>;
}

const KEY_SET = '{"keys":[{"kty":"oct","k":"AAAA"}]}';
const KEYS = `jwks: '${KEY_SET}'`;

test("a provider is what a rule says", () => {
  const rule = `{ issuer: a, audiences: [x], ${KEYS}, fromHeaders: [{ name: x-jwt, prefix: "T " }], fromParams: [t], fromCookies: [c],
    outputPayloadToHeader: x-payload, outputClaimToHeaders: [{ header: x-sub, claim: sub }], forwardOriginalToken: true, spaceDelimitedClaims: [roles] }`;
  assert.deepEqual(providersOf(authentication("a", `{ jwtRules: [${rule}] }`)), {
    "origins-0": {
      issuer: "a",
      audiences: ["x"],
      local_jwks: { inline_string: KEY_SET },
      forward: true,
      from_headers: [{ name: "x-jwt", value_prefix: "T " }],
      from_params: ["t"],
      from_cookies: ["c"],
      forward_payload_header: "x-payload",
      payload_in_metadata: "payload",
      normalize_payload_in_metadata: { space_delimited_claims: ["permission", "roles", "scope"] },
      claim_to_headers: [{ header_name: "x-sub", claim_name: "sub" }],
    },
  });
});

test("a token must be valid where there is one", () => {
  const { config } = filterOf(authentication("a", `{ jwtRules: [{ issuer: a, ${KEYS} }] }`));
  assert.deepEqual(config!["rules"], [
    {
      match: { prefix: "/" },
      requires: { requires_any: { requirements: [{ provider_name: "origins-0" }, { allow_missing: {} }] } },
    },
  ]);
  assert.equal(config!["bypass_cors_preflight"], true);
});

test("of several issuers one valid token is enough, in order of their names", () => {
  const both =
    authentication("b", `{ jwtRules: [{ issuer: b, ${KEYS} }] }`) +
    authentication("a", `{ jwtRules: [{ issuer: a, ${KEYS} }] }`, "istio-system");
  assert.deepEqual(
    Object.values(providersOf(both)).map(({ issuer }) => issuer),
    ["a", "b"],
  );
  const orMissing = (provider_name: string): JsonObject => ({
    requires_any: { requirements: [{ provider_name }, { allow_missing: {} }] },
  });
  const [rule] = filterOf(both).config!["rules"] as JsonObject[];
  assert.deepEqual(rule!["requires"], {
    requires_any: {
      requirements: [
        { provider_name: "origins-0" },
        { provider_name: "origins-1" },
        { requires_all: { requirements: [orMissing("origins-0"), orMissing("origins-1")] } },
      ],
    },
  });
});

test("keys come from a service of the mesh, or from a server of the web that is told how to reach", () => {
  const rules = (uri: string): string =>
    authentication("a", `{ jwtRules: [{ issuer: a, jwksUri: "${uri}", timeout: 2s }] }`);
  const of = (uri: string, more = ""): readonly [unknown, string[]] => {
    const { config, clusters } = filterOf(rules(uri) + more);
    const { remote_jwks: remote } = (config!["providers"] as Record<string, JsonObject>)["origins-0"]!;
    return [
      ((remote as JsonObject)["http_uri"] as JsonObject)["cluster"],
      clusters.filter((name) => name.startsWith("jwks")),
    ];
  };
  assert.deepEqual(of("http://keys.default.svc.cluster.local:9080/keys", service("keys")), [
    "outbound|9080||keys.default.svc.cluster.local",
    [],
  ]);
  assert.deepEqual(of("https://issuer.example/keys"), ["jwks|443||issuer.example", ["jwks|443||issuer.example"]]);
  assert.deepEqual(of("http://10.0.0.1:8000/keys"), ["jwks|8000||10.0.0.1", ["jwks|8000||10.0.0.1"]]);
});

test("where an issuer says that its keys are, there they are fetched; until then no token passes, and that is told", () => {
  const yaml = authentication("a", '{ jwtRules: [{ issuer: "https://a.test" }] }');
  const of = (said?: IssuerKeys): readonly [JsonObject, string] => {
    const mesh = new TestMesh(yaml, [], new Map(said === undefined ? [] : [["https://a.test", said]]));
    const [, { type, field, message }] = mesh.status("RequestAuthentication", "a") as [ObjectStatus, ObjectStatus];
    return [providersOf(mesh)["origins-0"]!, `${type} ${field}: ${message}`];
  };
  const at = "spec.jwtRules[0].issuer";
  const [unknown, asking] = of();
  assert.match(JSON.stringify(unknown["local_jwks"]), /P-256/);
  assert.equal(
    asking,
    `NotYetApplied ${at}: https://a.test is being asked where its keys are; until then no token passes`,
  );
  const [refused, failing] = of({ jwksUri: undefined, problem: "refused" });
  assert.match(JSON.stringify(refused["local_jwks"]), /P-256/);
  assert.equal(failing, `Invalid ${at}: where the keys are is not known, so no token passes: refused`);
  const [found, told] = of({ jwksUri: "https://keys.test/k", problem: undefined });
  assert.deepEqual((found["remote_jwks"] as JsonObject)["http_uri"], {
    uri: "https://keys.test/k",
    cluster: "jwks|443||keys.test",
    timeout: "5s",
  });
  assert.equal(told, `InForce ${at}: the keys are at https://keys.test/k, as it says`);
  const [, stale] = of({ jwksUri: "https://keys.test/k", problem: "gone" });
  assert.match(stale, /as it says; it does not say so again: gone$/);
});

test("who is not selected verifies nothing", () => {
  assert.equal(
    filterOf(authentication("a", `{ selector: { matchLabels: { app: b } }, jwtRules: [{ issuer: a, ${KEYS} }] }`))
      .config,
    undefined,
  );
});
