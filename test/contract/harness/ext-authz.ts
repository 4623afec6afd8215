/** Cases of the ext_authz filter over HTTP: requests in turn, and what the server says to them. */
import type { ContractCase, JsonObject, Upstream } from "./case.ts";
import { answer, inTurn, typed } from "./steps.ts";

const NAME = "envoy.filters.http.ext_authz";
const TYPE = "extensions.filters.http.ext_authz.v3.ExtAuthz";
const LOG = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%";
const COUNTERS = ["ok", "denied", "error", "disabled", "failure_mode_allowed", "timeout", "invalid"];
export const STATS = [
  ...COUNTERS.map((name) => `http.in.ext_authz.${name}`),
  ...["ok", "denied", "error", "failure_mode_allowed"].map((name) => `cluster.a.ext_authz.${name}`),
];

export const ASKED = "External authorization: what is asked";
export const ALLOWED = "External authorization: what is allowed";
export const DENIED = "External authorization: what is denied";
export const FAILED = "External authorization: failures";
export const BODIES = "External authorization: bodies";
export const ROUTES = "External authorization: routes";

export const SERVER = { server_uri: { uri: "http://authz.test:9000", cluster: "authz", timeout: "5s" } } as const;

export function filter(service: JsonObject, fields: JsonObject = {}): JsonObject {
  return { name: NAME, typed_config: typed(TYPE, { http_service: { ...SERVER, ...service }, ...fields }) };
}

/** Requests in turn, and what the server says to them. */
export function asks(
  name: string,
  feature: string,
  authz: Upstream,
  requests: readonly string[],
  service: JsonObject = {},
  fields: JsonObject = {},
  more: Partial<ContractCase> = {},
): ContractCase {
  return {
    name,
    feature,
    filters: [filter(service, fields)],
    clusters: { a: {}, authz: {} },
    upstreams: { authz },
    client: inTurn(...requests),
    accessLog: LOG,
    stats: STATS,
    ...more,
  };
}

export const exact = (...names: readonly string[]): JsonObject => ({
  patterns: names.map((each) => ({ exact: each, ignore_case: true })),
});
export const prefix = (...names: readonly string[]): JsonObject => ({
  patterns: names.map((each) => ({ prefix: each })),
});
export const OK = answer(200, "yes");
export const NO = answer(403, "no");
export const request_ = (fields: JsonObject): JsonObject => ({ authorization_request: fields });
export const response = (fields: JsonObject): JsonObject => ({ authorization_response: fields });

export function perRoute(fields: JsonObject): JsonObject {
  return {
    typed_per_filter_config: { [NAME]: typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", fields) },
  };
}

export const percent = (numerator: number): JsonObject => ({ default_value: { numerator, denominator: "HUNDRED" } });
