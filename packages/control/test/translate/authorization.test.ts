/** What AuthorizationPolicies become; that it decides as it should is for the contract suite (test/contract/cases/istio-authorization.ts). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toJson } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { PolicySchema } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { TYPE } from "@tulle/xds";
import { authorizationOf } from "../../src/model/authorization.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/model/mesh-settings.ts";
import { authorizationNetworkFilters } from "../../src/translate/security/authorization.ts";
import { translateRule } from "../../src/translate/security/authorization-rule.ts";
import { inAllTrustDomains, withAliases } from "../../src/translate/security/trust-domains.ts";
import { storedObjects, TestMesh, workload } from "../support/mesh.ts";

function policy(name: string, spec: string, metadata = ""): string {
  return `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: default${metadata} }
spec: ${spec}`;
}

/** The first rule of a policy, read for HTTP or for bare connections. */
function ruleOf(
  spec: string,
  options: { tcp?: boolean; trustDomains?: readonly string[] } = {},
): JsonObject | undefined {
  const policies = storedObjects(policy("p", spec)).flatMap((stored) => authorizationOf(stored) ?? []);
  const { spec: read, action } = policies[0]!;
  const translated = translateRule(read.rules![0]!, {
    namespace: "default",
    tcp: options.tcp ?? false,
    port: (port) => [port],
    trustDomains: options.trustDomains ?? ["cluster.local"],
    strict: action === "ALLOW",
  });
  return (
    translated && (toJson(PolicySchema, create(PolicySchema, translated), { useProtoFieldName: true }) as JsonObject)
  );
}

function principalsOf(source: string, trustDomains?: readonly string[]): unknown {
  const rule = ruleOf(
    `{ rules: [{ from: [{ source: { ${source} } }] }] }`,
    trustDomains === undefined ? {} : { trustDomains },
  );
  const [first] = rule!["principals"] as JsonObject[];
  return ((first!["and_ids"] as JsonObject)["ids"] as unknown[]).at(0);
}

const named = (matcher: JsonObject): JsonObject => ({ authenticated: { principal_name: matcher } });
const anyOf = (...ids: JsonObject[]): JsonObject => ({ or_ids: { ids } });
const regex = (text: string): JsonObject => ({ safe_regex: { regex: text } });

test("identities are matched as SPIFFE names", () => {
  assert.deepEqual(
    principalsOf('principals: ["td/ns/a/sa/b", "td/ns/*", "*/sa/b", "*"]'),
    anyOf(
      named({ exact: "spiffe://td/ns/a/sa/b" }),
      named({ prefix: "spiffe://td/ns/" }),
      named(regex("spiffe://.*/sa/b")),
      named(regex(".+")),
    ),
  );
  assert.deepEqual(
    principalsOf('namespaces: ["a.b", "prod-*"]'),
    anyOf(named(regex(".*/ns/a\\.b/.*")), named(regex(".*/ns/prod-.*/.*"))),
  );
  assert.deepEqual(
    principalsOf('serviceAccounts: ["shop/cart", "cart"]'),
    anyOf(
      named(regex("spiffe://.+/ns/shop/(.+/|)sa/cart(/.+)?")),
      named(regex("spiffe://.+/ns/default/(.+/|)sa/cart(/.+)?")),
    ),
  );
  assert.deepEqual(
    principalsOf('trustDomains: ["a", "*.b", "*"]'),
    anyOf(named({ prefix: "spiffe://a/" }), named(regex("spiffe://[^/]*\\.b/.*")), named({ prefix: "spiffe://" })),
  );
});

test("what is said of the mesh's trust domain holds for its aliases", () => {
  const own = ["new", "old"];
  assert.deepEqual(inAllTrustDomains(["old/ns/a/sa/b"], own), ["new/ns/a/sa/b", "old/ns/a/sa/b"]);
  assert.deepEqual(inAllTrustDomains(["cluster.local/ns/a/sa/b"], own), ["new/ns/a/sa/b", "old/ns/a/sa/b"]);
  assert.deepEqual(inAllTrustDomains(["other/ns/a/sa/b", "*/ns/a/sa/b", "sa/b", "*"], own), [
    "other/ns/a/sa/b",
    "*/ns/a/sa/b",
    "sa/b",
    "*",
  ]);
  assert.deepEqual(inAllTrustDomains(["*-td/ns/a/sa/b"], ["a-td", "b-td", "c"]), ["*-td/ns/a/sa/b", "c/ns/a/sa/b"]);
  assert.deepEqual(withAliases(["old", "x", "new"], own), ["new", "old", "x"]);
  assert.deepEqual(
    principalsOf('principals: ["old/ns/a/sa/b"]', own),
    anyOf(named({ exact: "spiffe://new/ns/a/sa/b" }), named({ exact: "spiffe://old/ns/a/sa/b" })),
  );
});

test("a token's principal is its issuer and its subject", () => {
  const token = (issuer: JsonObject, subject: JsonObject): JsonObject => ({
    and_ids: {
      ids: [["iss", issuer] as const, ["sub", subject] as const].map(([key, string_match]) => ({
        metadata: {
          filter: "envoy.filters.http.jwt_authn",
          path: [{ key: "payload" }, { key }],
          value: { string_match },
        },
      })),
    },
  });
  const some = regex(".+");
  const rows: readonly (readonly [string, JsonObject, JsonObject])[] = [
    ["https://a/b/c", { exact: "https://a/b" }, { exact: "c" }],
    ["*", some, some],
    ["*/c", some, { exact: "c" }],
    ["*.test/c", { suffix: ".test" }, { exact: "c" }],
    ["a/*", { exact: "a" }, some],
    ["a/c*", { exact: "a" }, { prefix: "c" }],
    ["a*", { prefix: "a" }, some],
    ["*c", some, { suffix: "c" }],
    ["a", { exact: "a" }, { exact: "" }],
  ];
  for (const [text, issuer, subject] of rows) {
    assert.deepEqual(principalsOf(`requestPrincipals: ["${text}"]`), token(issuer, subject), text);
  }
});

test("on bare connections a rule that allows by requests allows nothing, and one that denies asks the rest", () => {
  const rule = 'rules: [{ to: [{ operation: { methods: ["GET"], ports: ["80"] } }] }]';
  assert.equal(ruleOf(`{ ${rule} }`, { tcp: true }), undefined);
  assert.deepEqual(ruleOf(`{ action: DENY, ${rule} }`, { tcp: true })!["permissions"], [
    { and_rules: { rules: [{ or_rules: { rules: [{ destination_port: 80 }] } }] } },
  ]);
  assert.deepEqual(
    ruleOf('{ action: DENY, rules: [{ when: [{ key: "request.headers[a]", values: ["b"] }] }] }', { tcp: true }),
    {
      permissions: [{ and_rules: { rules: [{ any: true }] } }],
      principals: [{ and_ids: { ids: [{ any: true }] } }],
    },
  );
});

test("bare connections have network filters; policies of which nothing is left still deny", () => {
  const policies = storedObjects(policy("a", '{ rules: [{ to: [{ operation: { methods: ["GET"] } }] }] }')).flatMap(
    (stored) => authorizationOf(stored) ?? [],
  );
  const [filter, ...more] = authorizationNetworkFilters({
    policies,
    trustDomains: DEFAULT_MESH_SETTINGS.trustDomains,
    port: (port) => [port],
    authorizers: () => ({ problem: "there are none" }),
  });
  assert.deepEqual([filter?.name, more.length], ["envoy.filters.network.rbac", 0]);
});

const AUTHORIZER = `
---
apiVersion: v1
kind: Service
metadata: { name: authz, namespace: shop }
spec: { selector: { app: authz }, ports: [{ name: http, port: 9000 }, { name: grpc, port: 9001 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
    - name: web
      envoyExtAuthzHttp:
        service: shop/authz.shop.svc.cluster.local
        port: 9000
        timeout: 2s
        pathPrefix: /check
        statusOnError: "503"
        failOpen: true
        includeRequestHeadersInCheck: [cookie, x-*]
        includeAdditionalHeadersInCheck: { b: "2", a: "1" }
        headersToUpstreamOnAllow: ["*-user"]
        headersToDownstreamOnDeny: [www-authenticate]
        includeRequestBodyInCheck: { maxRequestBytes: 4096, allowPartialMessage: true }
    - name: rpc
      envoyExtAuthzGrpc: { service: authz.shop.svc.cluster.local, port: 9001 }`;

function inboundFilters(yaml: string): JsonObject[] {
  const mesh = new TestMesh(yaml, [workload("app")]);
  const inbound = [{ port: 8080, address: "127.0.0.1", bind_port: 18080, app_port: 8080, app_address: "127.0.0.1" }];
  const listener = mesh.proxy({ tulle: { inbound } }).json(TYPE.listener, "127.0.0.1_18080");
  const [chain] = listener["filter_chains"] as JsonObject[];
  const [manager] = chain!["filters"] as JsonObject[];
  return ((manager!["typed_config"] as JsonObject)["http_filters"] as JsonObject[]).map((filter) => filter);
}

test("external authorizers are asked about what a policy before them says", () => {
  const custom = (name: string, provider: string, path: string): string =>
    policy(
      name,
      `{ action: CUSTOM, provider: { name: ${provider} }, rules: [{ to: [{ operation: { paths: ["${path}"] } }] }] }`,
    );
  const filters = inboundFilters(AUTHORIZER + custom("w", "web", "/w") + custom("r", "rpc", "/r") + policy("d", "{}"));
  assert.deepEqual(
    filters.slice(0, 5).map(({ name }) => name),
    [
      "envoy.filters.http.rbac",
      "envoy.filters.http.ext_authz",
      "envoy.filters.http.rbac",
      "envoy.filters.http.ext_authz",
      "envoy.filters.http.rbac",
    ],
  );
  const configs = filters.map((filter) => filter["typed_config"] as JsonObject);
  assert.deepEqual(Object.keys((configs[0]!["shadow_rules"] as JsonObject)["policies"] as JsonObject), [
    "istio-ext-authz-rpc-ns[default]-policy[r]-rule[0]",
  ]);
  assert.equal(configs[0]!["shadow_rules_stat_prefix"], "istio_ext_authz_");
  const enabled = (provider: string): JsonObject => ({
    filter: "envoy.filters.http.rbac",
    path: [{ key: "istio_ext_authz_shadow_effective_policy_id" }],
    value: { string_match: { prefix: `istio-ext-authz-${provider}-ns[` } },
  });
  const withoutType = ({ "@type": _type, ...rest }: JsonObject): JsonObject => rest;
  assert.deepEqual(withoutType(configs[1]!), {
    grpc_service: {
      envoy_grpc: {
        cluster_name: "outbound|9001||authz.shop.svc.cluster.local",
        authority: "authz.shop.svc.cluster.local",
      },
      timeout: "600s",
    },
    transport_api_version: "V3",
    filter_enabled_metadata: enabled("rpc"),
  });
  assert.deepEqual(withoutType(configs[3]!), {
    http_service: {
      server_uri: {
        uri: "http://authz.shop.svc.cluster.local",
        cluster: "outbound|9000||authz.shop.svc.cluster.local",
        timeout: "2s",
      },
      path_prefix: "/check",
      authorization_request: {
        headers_to_add: [
          { key: "a", value: "1" },
          { key: "b", value: "2" },
        ],
      },
      authorization_response: {
        allowed_upstream_headers: { patterns: [{ suffix: "-user", ignore_case: true }] },
        allowed_client_headers: { patterns: [{ exact: "www-authenticate", ignore_case: true }] },
      },
    },
    failure_mode_allow: true,
    with_request_body: { max_request_bytes: 4096, allow_partial_message: true },
    status_on_error: { code: "ServiceUnavailable" },
    transport_api_version: "V3",
    filter_enabled_metadata: enabled("web"),
    allowed_headers: {
      patterns: [
        { exact: "cookie", ignore_case: true },
        { prefix: "x-", ignore_case: true },
      ],
    },
  });
});

test("policies name the workload's port, wherever its proxy is bound", () => {
  const ports = (text: string): unknown => {
    const [rbac] = inboundFilters(policy("p", `{ rules: [{ to: [{ operation: { ports: ["${text}"] } }] }] }`));
    const { policies } = (rbac!["typed_config"] as JsonObject)["rules"] as { policies: Record<string, JsonObject> };
    const [permission] = policies["ns[default]-policy[p]-rule[0]"]!["permissions"] as JsonObject[];
    return ((permission!["and_rules"] as JsonObject)["rules"] as JsonObject[])[0]!["or_rules"];
  };
  assert.deepEqual(ports("8080"), { rules: [{ destination_port: 18080 }] });
  assert.deepEqual(ports("80"), { rules: [{ destination_port: 80 }] });
  assert.deepEqual(ports("18080"), { rules: [{ not_rule: { any: true } }] });
});

test("what a policy does is told, and what it cannot do", () => {
  const app = workload("app", { labels: { app: "app" } });
  const status = (spec: string, yaml = "", workloads = [app]): unknown =>
    new TestMesh(policy("p", spec) + yaml, workloads)
      .status("AuthorizationPolicy", "p")
      .map(({ type, message }) => `${type}: ${message}`);
  assert.deepEqual(status("{}"), ["InForce: allows nothing to workloads of default"]);
  assert.deepEqual(status("{ selector: { matchLabels: { app: other } }, rules: [{}] }"), [
    "Ignored: there are no workloads of default with app=other",
  ]);
  assert.deepEqual(
    status(
      '{ selector: { matchLabels: { app: app } }, action: DENY, rules: [{ to: [{ operation: { ports: ["1"] } }] }] }',
    ),
    ["InForce: denies requests to workloads of default with app=app that match its rule"],
  );
  assert.deepEqual(status("{ action: CUSTOM, provider: { name: none }, rules: [{}] }"), [
    "InForce: asks none about requests to workloads of default that match its rule",
    "Invalid: MeshConfig has no extension provider none: what the policy is for is denied",
  ]);
  const redis = { ...app, inbound: app.inbound.map((port) => ({ ...port, port: 6379, protocol: "tcp" })) };
  assert.deepEqual(status('{ rules: [{ to: [{ operation: { methods: ["GET"] } }] }] }', "", [redis]), [
    "InForce: allows requests to workloads of default that match its rule; what no policy allows is denied",
    "Ignored: port 6379 of app is not HTTP: the rule allows nothing there",
  ]);
});
