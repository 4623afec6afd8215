/** Random HTTP filters before the router, and what routes and virtual hosts say to them. */
import type { JsonObject } from "../contract/harness/case.ts";
import { typed } from "../contract/harness/steps.ts";
import type { Choice } from "./choice.ts";
import { configuredPath, headerMatcher, stringMatcher } from "./random-matchers.ts";

const CORS = "envoy.filters.http.cors";
const FAULT = "envoy.filters.http.fault";
const RBAC = "envoy.filters.http.rbac";
const ORIGINS = ["http://a.test", "http://b.test", "null", "a"];

function corsPolicy(choice: Choice): JsonObject {
  const percent = (): JsonObject => ({ default_value: { numerator: choice.one([0, 100]) } });
  return typed("extensions.filters.http.cors.v3.CorsPolicy", {
    allow_origin_string_match: choice.list(2, () => stringMatcher(choice, choice.one(ORIGINS))),
    ...choice.perhaps(50, () => ({ allow_methods: "GET,POST" })),
    ...choice.perhaps(50, () => ({ allow_headers: "x-a" })),
    ...choice.perhaps(50, () => ({ expose_headers: "x-b" })),
    ...choice.perhaps(30, () => ({ max_age: "60" })),
    ...choice.perhaps(40, () => ({ allow_credentials: choice.chance(70) })),
    ...choice.perhaps(15, () => ({ filter_enabled: percent() })),
    ...choice.perhaps(15, () => ({ shadow_enabled: percent() })),
    ...choice.perhaps(20, () => ({ allow_private_network_access: choice.chance(70) })),
    ...choice.perhaps(30, () => ({ forward_not_matching_preflights: choice.chance(50) })),
  });
}

function fault(choice: Choice): JsonObject {
  const percentage = { numerator: 100 };
  return typed("extensions.filters.http.fault.v3.HTTPFault", {
    ...choice.perhaps(90, () => ({
      abort: choice.made<JsonObject>(
        () => ({ http_status: choice.one([200, 404, 418, 503]), percentage }),
        () => ({ grpc_status: choice.one([0, 5, 14]), percentage }),
        () => ({ header_abort: {}, percentage }),
      ),
    })),
    ...choice.perhaps(60, () => ({ headers: [headerMatcher(choice)] })),
    ...choice.perhaps(20, () => ({ upstream_cluster: choice.one(["a", "b"]) })),
  });
}

const TEMPLATES = ["/a/*", "/a/{x}", "/**", "/a/**", "/{x=a/*}/b", "/*/b", "/a/{x}.b", "/{x=**}/b", "/a", "/{x}/{y=**}", "/**/b", "/a{x}"]; // prettier-ignore

function permission(choice: Choice, depth = 2): JsonObject {
  const rules = (): JsonObject[] => [
    permission(choice, depth - 1),
    ...choice.list(1, () => permission(choice, depth - 1)),
  ];
  if (depth > 0 && choice.chance(30)) {
    return choice.made<JsonObject>(
      () => ({ and_rules: { rules: rules() } }),
      () => ({ or_rules: { rules: rules() } }),
      () => ({ not_rule: permission(choice, depth - 1) }),
    );
  }
  return choice.made<JsonObject>(
    () => ({ any: true }),
    () => ({ header: headerMatcher(choice) }),
    () => ({ url_path: { path: stringMatcher(choice, configuredPath(choice)) } }),
    () => ({
      uri_template: {
        name: "t",
        typed_config: typed("extensions.path.match.uri_template.v3.UriTemplateMatchConfig", {
          path_template: choice.one(TEMPLATES),
        }),
      },
    }),
    () => ({ destination_port_range: { start: 1, end: 65536 } }),
    () => ({ requested_server_name: stringMatcher(choice, "a") }),
  );
}

function principal(choice: Choice): JsonObject {
  const range = { address_prefix: choice.one(["127.0.0.0", "10.0.0.0"]), prefix_len: 8 };
  return choice.made<JsonObject>(
    () => ({ any: true }),
    () => ({ header: headerMatcher(choice) }),
    () => ({ remote_ip: range }),
    () => ({ direct_remote_ip: range }),
    () => ({ authenticated: {} }),
    () => ({ not_id: { header: headerMatcher(choice) } }),
  );
}

function rbac(choice: Choice): JsonObject {
  const policy = (): JsonObject => ({
    permissions: [permission(choice), ...choice.list(1, () => permission(choice))],
    principals: [principal(choice)],
  });
  return {
    rules: {
      action: choice.one(["ALLOW", "DENY", "DENY"]),
      policies: { p: policy(), ...choice.perhaps(40, () => ({ o: policy() })) },
    },
  };
}

export function filters(choice: Choice): JsonObject[] {
  const made: JsonObject[] = [];
  const disabled = (): JsonObject => choice.perhaps(5, () => ({ disabled: true }));
  if (choice.chance(60))
    made.push({ name: CORS, typed_config: typed("extensions.filters.http.cors.v3.Cors"), ...disabled() });
  if (choice.chance(50)) made.push({ name: FAULT, typed_config: choice.chance(40) ? fault(choice) : typed("extensions.filters.http.fault.v3.HTTPFault"), ...disabled() }); // prettier-ignore
  if (choice.chance(50)) made.push({ name: RBAC, typed_config: typed("extensions.filters.http.rbac.v3.RBAC", choice.perhaps(40, () => rbac(choice))), ...disabled() }); // prettier-ignore
  return choice.chance(50) ? made : made.reverse();
}

/** `typed_per_filter_config` of a virtual host, a route or a weighted cluster. */
export function perFilter(choice: Choice, percent: number): JsonObject {
  if (!choice.chance(percent)) return {};
  const [name, config] = choice.made<readonly [string, JsonObject]>(
    () => [CORS, corsPolicy(choice)],
    () => [FAULT, fault(choice)],
    () => [
      RBAC,
      typed("extensions.filters.http.rbac.v3.RBACPerRoute", choice.chance(20) ? {} : { rbac: rbac(choice) }),
    ],
    () => [choice.one([CORS, FAULT, RBAC]), typed("config.route.v3.FilterConfig", { disabled: true })],
  );
  return { typed_per_filter_config: { [name]: config } };
}
