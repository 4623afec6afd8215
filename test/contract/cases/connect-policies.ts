/** CONNECT, which has no path in HTTP/1, before what decides about requests. */
import { jwk, jwks, token } from "../../support/tokens.ts";
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, elapse, ended, get, got, request, seen, send, typed } from "../harness/steps.ts";

const FEATURE = "Upgrades: CONNECT and what decides about requests";
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %REQ(:PATH)%";

const CONNECT = request("CONNECT", "b.test:443", "Host: b.test:443");
const TUNNEL: JsonObject = {
  match: { connect_matcher: {} },
  route: { cluster: "a", upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }] },
};
const REST: JsonObject = { match: { prefix: "/" }, route: { cluster: "a" } };

function extAuthz(http_service: JsonObject = {}, fields: JsonObject = {}): JsonObject {
  const server_uri = { uri: "http://authz.test:9000", cluster: "authz", timeout: "5s" };
  return {
    name: "envoy.filters.http.ext_authz",
    typed_config: typed("extensions.filters.http.ext_authz.v3.ExtAuthz", {
      http_service: { server_uri, ...http_service },
      ...fields,
    }),
  };
}

function rbac(action: string, permission: JsonObject): JsonObject {
  const policies = { p: { permissions: [permission], principals: [{ any: true }] } };
  return {
    name: "envoy.filters.http.rbac",
    typed_config: typed("extensions.filters.http.rbac.v3.RBAC", { rules: { action, policies } }),
  };
}

function jwt(match: JsonObject): JsonObject {
  return {
    name: "envoy.filters.http.jwt_authn",
    typed_config: typed("extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
      providers: { p: { issuer: "https://issuer.test", local_jwks: { inline_string: jwks(jwk("rsa")) } } },
      rules: [{ match, requires: { provider_name: "p" } }],
    }),
  };
}

function decides(name: string, filters: readonly JsonObject[], more: Partial<ContractCase> = {}): ContractCase {
  return {
    name,
    feature: FEATURE,
    routes: [TUNNEL, REST],
    manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
    filters,
    clusters: { a: {}, authz: {} },
    upstreams: { authz: answer(403, "no") },
    client: [CONNECT, got(1), ended()],
    accessLog: LOG,
    ...more,
  };
}

const ALLOWS: Partial<ContractCase> = {
  upstreams: { authz: answer(200, "yes") },
  client: [CONNECT, got("200 OK"), "hello", seen("a", "hello")],
};
/** Envoy sends a CONNECT to the server and takes whatever it answers for a failure. */
const REFUSAL_COUNTS = {
  waived: "a server that refuses a CONNECT has refused it: no failure that failure_mode_allow would let through",
} as const;
const path = (matcher: JsonObject): JsonObject => ({ url_path: { path: matcher } });

export const CASES: readonly ContractCase[] = [
  decides("ext_authz denies", [extAuthz()], REFUSAL_COUNTS),
  decides("ext_authz denies, asked with a prefix", [extAuthz({ path_prefix: "/check" })], REFUSAL_COUNTS),
  decides("ext_authz denies, asked at a path", [extAuthz({ path_override: "/fixed" })], REFUSAL_COUNTS),
  decides("ext_authz allows", [extAuthz()], { upstreams: { authz: answer(200, "yes") } }),
  decides("ext_authz allows, asked with a prefix", [extAuthz({ path_prefix: "/check" })], {
    upstreams: { authz: answer(200, "yes") },
  }),
  decides("ext_authz that fails open", [extAuthz({}, { failure_mode_allow: true })], {
    ...REFUSAL_COUNTS,
    // One of them ends it.
    client: [CONNECT, got(1), elapse(300)],
  }),
  decides("ext_authz with a server that is gone", [extAuthz()], {
    upstreams: { authz: { answers: [] } },
    clusters: { a: {} },
  }),
  decides("RBAC: a denied prefix is not that of CONNECT", [rbac("DENY", path({ prefix: "/" }))], ALLOWS),
  decides("RBAC: an allowed prefix is not that of CONNECT", [rbac("ALLOW", path({ prefix: "/" }))], {
    client: [CONNECT, got(1), ended(), send("d", get()), got(1, "d")],
  }),
  decides("RBAC: the empty pattern", [rbac("DENY", path({ safe_regex: { regex: ".*" } }))], ALLOWS),
  decides("RBAC: the header :path", [rbac("DENY", { header: { name: ":path", present_match: true } })], ALLOWS),
  decides("RBAC: no header :path", [
    rbac("DENY", { header: { name: ":path", present_match: true, invert_match: true } }),
  ]),
  decides("RBAC: the method", [rbac("DENY", { header: { name: ":method", string_match: { exact: "CONNECT" } } })]),
  decides(
    "RBAC: a template",
    [
      rbac("DENY", {
        uri_template: {
          name: "t",
          typed_config: typed("extensions.path.match.uri_template.v3.UriTemplateMatchConfig", { path_template: "/**" }),
        },
      }),
    ],
    ALLOWS,
  ),
  decides("tokens: a prefix is not that of CONNECT", [jwt({ prefix: "/" })], ALLOWS),
  decides("tokens: connect_matcher", [jwt({ connect_matcher: {} })]),
  decides("tokens: connect_matcher, and one that is good", [jwt({ connect_matcher: {} })], {
    client: [
      request("CONNECT", "b.test:443", "Host: b.test:443", `authorization: Bearer ${token()}`),
      got("200 OK"),
      "hello",
      seen("a", "hello"),
    ],
  }),
  decides("tokens: a pattern", [jwt({ safe_regex: { regex: ".*" } })], ALLOWS),
];
