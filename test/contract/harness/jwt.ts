/** The words of cases about the JWT filter. */
import { jwk, jwks, token } from "../../support/tokens.ts";
import type { ContractCase, Json, JsonObject } from "./case.ts";
import { inTurn, typed } from "./steps.ts";

export const JWT_FILTER = "envoy.filters.http.jwt_authn";
const TYPE = "extensions.filters.http.jwt_authn.v3.JwtAuthentication";
export const ISSUER = "https://issuer.test";
export const LOG =
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%";
export const STATS = ["allowed", "denied", "cors_preflight_bypassed", "jwt_cache_hit", "jwt_cache_miss"].map(
  (name) => `http.in.jwt_authn.${name}`,
);

const LOCAL = { local_jwks: { inline_string: jwks(jwk("rsa"), jwk("oct", { alg: "HS256" })) } } as const;

export function provider(fields: JsonObject = {}): JsonObject {
  return { issuer: ISSUER, ...LOCAL, ...fields };
}

export function filter(fields: JsonObject): JsonObject {
  return { name: JWT_FILTER, typed_config: typed(TYPE, fields) };
}

/** One provider `p`, which every request needs. */
export function needs(fields: JsonObject = {}, more: JsonObject = {}): readonly JsonObject[] {
  return [
    filter({
      providers: { p: provider(fields) },
      rules: [{ match: { prefix: "/" }, requires: { provider_name: "p" } }],
      ...more,
    }),
  ];
}

/** Several providers, and one requirement for every request. */
export function requires(requirement: Json, providers: JsonObject, more: JsonObject = {}): readonly JsonObject[] {
  return [filter({ providers, rules: [{ match: { prefix: "/" }, requires: requirement }], ...more })];
}

export const bearer = (text: string): string => `authorization: Bearer ${text}`;
export const named = (provider_name: string): JsonObject => ({ provider_name });
export const GOOD = token();

/** Requests one after another to a filter with one provider. */
export function tokens(
  name: string,
  feature: string,
  requests: readonly string[],
  fields: JsonObject = {},
  more: Partial<ContractCase> = {},
): ContractCase {
  return { name, feature, filters: needs(fields), client: inTurn(...requests), accessLog: LOG, stats: STATS, ...more };
}

const two = (...children: readonly Json[]): JsonObject => ({ requirements: children });
export const any = (...children: readonly Json[]): JsonObject => ({ requires_any: two(...children) });
export const all = (...children: readonly Json[]): JsonObject => ({ requires_all: two(...children) });

/** Two providers that look at headers of their own. */
export const PAIR: JsonObject = {
  p: provider({ from_headers: [{ name: "x-p" }] }),
  q: provider({ issuer: "https://other.test", from_headers: [{ name: "x-q" }] }),
};
export const P = `x-p: ${GOOD}`;
export const Q = `x-q: ${token({ iss: "https://other.test" })}`;
export const BAD_P = `x-p: ${token({}, { key: "rsa2" })}`;
export const BAD_Q = `x-q: ${token({ iss: "https://other.test" }, { key: "rsa2" })}`;
export const EXPIRED_P = `x-p: ${token({ exp: 1 })}`;
export const STRANGE_P = `x-p: ${token({ iss: "https://third.test" })}`;
export const STRANGE_Q = `x-q: ${token({ iss: "https://third.test" })}`;
