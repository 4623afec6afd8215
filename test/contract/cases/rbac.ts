/** The RBAC filter. */
import type { ContractCase, Json, JsonObject } from "../harness/case.ts";
import { get, header, inTurn, post, request, toCluster, typed } from "../harness/steps.ts";

const NAME = "envoy.filters.http.rbac";
const ANY = { any: true };
const STATS = ["allowed", "denied", "shadow_allowed", "shadow_denied"].map((name) => `http.in.rbac.${name}`);

function rbac(fields: JsonObject, name = NAME): JsonObject {
  return { name, typed_config: typed("extensions.filters.http.rbac.v3.RBAC", fields) };
}

function policy(permissions: Json, principals: Json = ANY): JsonObject {
  const list = (rules: Json): Json => (Array.isArray(rules) ? rules : [rules]);
  return { permissions: list(permissions), principals: list(principals) };
}

function rules(policies: JsonObject, action = "ALLOW"): JsonObject {
  return { rules: { action, policies } };
}

function perRoute(fields: JsonObject): JsonObject {
  return { typed_per_filter_config: { [NAME]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", fields) } };
}

const named = (name: string, matcher: JsonObject = {}): JsonObject => ({ header: { name, ...matcher } });
const path = (matcher: JsonObject): JsonObject => ({ url_path: { path: matcher } });
const range = (address_prefix: string, prefix_len?: number): JsonObject =>
  prefix_len === undefined ? { address_prefix } : { address_prefix, prefix_len };

/** One policy that allows; each request tells whether it matches. */
function allows(
  name: string,
  permissions: Json,
  requests: readonly string[],
  principals: Json = ANY,
  more: Partial<ContractCase> = {},
): ContractCase {
  return {
    name,
    feature: "RBAC: rules",
    filters: [rbac(rules({ p: policy(permissions, principals) }))],
    client: inTurn(...requests),
    ...more,
  };
}

function template(path_template: string): JsonObject {
  const config = typed("extensions.path.match.uri_template.v3.UriTemplateMatchConfig", { path_template });
  return { uri_template: { name: "t", typed_config: config } };
}

function templated(path_template: string, ...paths: readonly string[]): ContractCase {
  return allows(
    `template ${path_template}`,
    template(path_template),
    paths.map((each) => get(each)),
    ANY,
    {
      feature: "RBAC: URI templates",
    },
  );
}

const XFF = (value: string): string => get("/", `x-forwarded-for: ${value}`);

export const CASES: readonly ContractCase[] = [
  {
    name: "no rules: everything passes, nothing is counted",
    feature: "RBAC: actions",
    filters: [rbac({})],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "empty rules deny everything",
    feature: "RBAC: actions",
    filters: [rbac({ rules: {} })],
    client: inTurn(get(), get("/", "content-type: application/grpc"), request("HEAD", "/")),
    stats: STATS,
  },
  {
    name: "a denied request with a body ends the connection",
    feature: "RBAC: actions",
    filters: [rbac({ rules: {} })],
    client: inTurn(post("hello")),
    stats: STATS,
  },
  {
    name: "ALLOW",
    feature: "RBAC: actions",
    filters: [rbac(rules({ a: policy(named("x-a")), b: policy(named("x-b")) }))],
    client: inTurn(get("/", "x-b: 1"), get("/", "x-c: 1")),
    stats: STATS,
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%",
  },
  {
    name: "DENY",
    feature: "RBAC: actions",
    filters: [rbac(rules({ a: policy(named("x-a")) }, "DENY"))],
    client: inTurn(get("/", "x-a: 1"), get("/", "x-b: 1")),
    stats: STATS,
  },
  {
    name: "LOG allows whatever comes",
    feature: "RBAC: actions",
    filters: [rbac(rules({ a: policy(named("x-a")) }, "LOG"))],
    client: inTurn(get("/", "x-a: 1"), get("/", "x-b: 1")),
    stats: STATS,
  },
  {
    name: "empty DENY and LOG rules allow",
    feature: "RBAC: actions",
    filters: [rbac({ rules: { action: "DENY" } }, "one"), rbac({ rules: { action: "LOG" } }, "two")],
    client: inTurn(get()),
    stats: STATS,
  },
  {
    name: "policies are tried in the order of their names' bytes",
    feature: "RBAC: policies",
    filters: [
      rbac({
        ...rules({ b: policy(ANY), B: policy(ANY), "": policy(named("x-n")) }, "DENY"),
        track_per_rule_stats: true,
      }),
    ],
    client: inTurn(get()),
    stats: ["http.in.rbac.policy.B.denied", "http.in.rbac.policy.b.denied"],
  },
  {
    name: "details name the policy, without white space",
    feature: "RBAC: policies",
    filters: [rbac(rules({ "ns[x]-policy[y] rule\t[0]": policy(ANY) }, "DENY"))],
    client: inTurn(get()),
    accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%",
  },
  {
    name: "stat prefixes, and counters of each policy",
    feature: "RBAC: statistics",
    filters: [
      rbac({
        ...rules({ "my.rule": policy(ANY) }, "DENY"),
        rules_stat_prefix: "rp",
        shadow_rules: { policies: { "sh rule": policy(ANY) } },
        shadow_rules_stat_prefix: "sp.",
        track_per_rule_stats: true,
      }),
    ],
    client: inTurn(get()),
    stats: [
      "http.in.rbac.rp.denied",
      "http.in.rbac.rp.policy.my.rule.denied",
      "http.in.rbac.sp.shadow_allowed",
      "http.in.rbac.sp.policy.sh rule.shadow_allowed",
      "http.in.rbac.denied",
    ],
  },
  {
    name: "shadow rules count and do not deny",
    feature: "RBAC: shadow rules",
    filters: [rbac({ shadow_rules: { action: "DENY", policies: { s: policy(named("x-s")) } } })],
    client: inTurn(get(), get("/", "x-s: 1")),
    stats: STATS,
  },
  {
    name: "rules and shadow rules decide each by itself",
    feature: "RBAC: shadow rules",
    filters: [
      rbac({
        ...rules({ a: policy(named("x-a")) }),
        shadow_rules: { policies: { s: policy(named("x-s")) } },
        track_per_rule_stats: true,
      }),
    ],
    client: inTurn(get(), get("/", "x-a: 1"), get("/", "x-s: 1")),
    stats: [...STATS, "http.in.rbac.policy.a.allowed", "http.in.rbac.policy.s.shadow_allowed"],
  },
  {
    name: "findings are dynamic metadata",
    feature: "RBAC: metadata",
    filters: [
      rbac(
        {
          ...rules({ a: policy(named("x-a")) }, "LOG"),
          rules_stat_prefix: "r_",
          shadow_rules: { policies: { s: policy(named("x-s")) } },
        },
        "anything",
      ),
    ],
    client: inTurn(get(), get("/", "x-a: 1", "x-s: 1")),
    accessLog: `%DYNAMIC_METADATA(${NAME})% %DYNAMIC_METADATA(envoy.common)%`,
  },
  {
    name: "a second filter reads what the first one has found",
    feature: "RBAC: metadata",
    filters: [
      rbac({ shadow_rules: { action: "DENY", policies: { s: policy(named("x-s")) } } }, "one"),
      rbac(
        rules(
          {
            p: policy({
              metadata: {
                filter: NAME,
                path: [{ key: "shadow_engine_result" }],
                value: { string_match: { exact: "denied" } },
              },
            }),
          },
          "DENY",
        ),
        "two",
      ),
    ],
    client: inTurn(get(), get("/", "x-s: 1")),
    stats: STATS,
  },
  allows("metadata that nobody has set", ANY, [get()], {
    metadata: { filter: "f", path: [{ key: "k" }], value: { present_match: true } },
  }),
  allows("metadata that nobody has set, inverted", ANY, [get()], {
    metadata: { filter: "f", path: [{ key: "k" }], value: { present_match: true }, invert: true },
  }),
  {
    name: "a route's rules replace the filter's, without any there are none",
    feature: "RBAC: routes",
    filters: [rbac(rules({ p: policy(ANY) }, "DENY"))],
    routes: [
      toCluster("/none", "a", {}, perRoute({})),
      toCluster("/allow", "a", {}, perRoute({ rbac: rules({ q: policy(ANY) }) })),
      {
        match: { prefix: "/direct" },
        direct_response: { status: 200 },
        ...perRoute({ rbac: { ...rules({ r: policy(ANY) }, "DENY"), track_per_rule_stats: true } }),
      },
      toCluster("/", "a"),
    ],
    client: inTurn(get("/none"), get("/allow"), get("/direct"), get()),
    stats: [...STATS, "http.in.rbac.policy.r.denied"],
  },
  {
    name: "a virtual host's rules do not hold for what finds no route",
    feature: "RBAC: routes",
    filters: [rbac(rules({ p: policy(ANY) }, "DENY"))],
    virtualHost: perRoute({}),
    routes: [toCluster("/x", "a")],
    client: inTurn(get("/x"), get("/y")),
  },
  {
    name: "the route's headers are on a denial",
    feature: "RBAC: routes",
    filters: [rbac({ rules: {} })],
    routes: [toCluster("/", "a", {}, { response_headers_to_add: [header("x-route", "r")] })],
    client: inTurn(get()),
  },
  allows("header: exact, each line by itself", named("x-a", { string_match: { exact: "1" } }), [
    get("/", "x-a: 1"),
    get("/", "x-a: 2"),
    get(),
    get("/", "x-a: 2", "x-a: 1"),
    get("/", "x-a: 1,2"),
  ]),
  allows("header: inverted", named("x-a", { string_match: { exact: "1" }, invert_match: true }), [
    get("/", "x-a: 1"),
    get("/", "x-a: 2"),
    get(),
    get("/", "x-a: 1", "x-a: 2"),
  ]),
  allows("header: absent", named("x-a", { present_match: false }), [get(), get("/", "x-a: 1")]),
  allows(
    "header: missing as empty",
    named("x-a", { string_match: { exact: "" }, treat_missing_header_as_empty: true }),
    [get(), get("/", "x-a: 1")],
  ),
  allows(
    "header: method, authority, scheme",
    [
      {
        and_rules: {
          rules: [
            named(":method", { string_match: { exact: "GET" } }),
            named(":scheme", { string_match: { exact: "http" } }),
            named(":authority", { string_match: { exact: "a.test" } }),
          ],
        },
      },
    ],
    [get(), request("PUT", "/"), get("/", "Host: b.test")],
  ),
  allows("header: the path has its query", named(":path", { string_match: { prefix: "/a?x" } }), [
    get("/a?x=1"),
    get("/a"),
  ]),
  allows("path: exact", path({ exact: "/a" }), [
    get("/a"),
    get("/a?x"),
    get("/A"),
    get("/a/"),
    get("/a;x=1"),
    get("/%61"),
  ]),
  allows("path: prefix, ignoring case", path({ prefix: "/A", ignore_case: true }), [get("/ab"), get("/b")]),
  allows("path: a prefix with a question mark matches no path", path({ prefix: "/a?" }), [get("/a?b"), get("/a")]),
  allows("path: regex", path({ safe_regex: { regex: "/a.*" } }), [get("/ab?c"), get("/b")]),
  allows(
    "path: suffix and contains, without the query",
    [path({ suffix: "z" }), path({ contains: "mid" })],
    [get("/xz?q"), get("/x?z"), get("/amidb"), get("/a?mid")],
  ),
  allows(
    "path: parameters that the route configuration ignores",
    path({ exact: "/a/b" }),
    [get("/a;x=1/b;y"), get("/a/b")],
    ANY,
    {
      routeConfig: { ignore_path_parameters_in_path_matching: true },
    },
  ),
  allows("destination: address", { destination_ip: range("127.0.0.0", 8) }, [get()]),
  allows("destination: without a length the prefix is of length 0", { destination_ip: range("10.0.0.1") }, [get()]),
  allows("destination: another address", { destination_ip: range("10.0.0.0", 8) }, [get()]),
  allows("destination: all of IPv6 is not IPv4", { destination_ip: range("::", 0) }, [get()]),
  allows("destination: port", { destination_port: 1 }, [get()]),
  allows("destination: port range", { destination_port_range: { start: 1, end: 65536 } }, [get()]),
  allows("server name: there is none", { requested_server_name: { exact: "" } }, [get()]),
  allows("server name: of the Host header it knows nothing", { requested_server_name: { suffix: "test" } }, [get()]),
  allows(
    "and, or, not",
    {
      and_rules: {
        rules: [{ or_rules: { rules: [named("x-a"), named("x-b")] } }, { not_rule: named("x-c") }],
      },
    },
    [get("/", "x-a: 1"), get("/", "x-b: 1"), get("/", "x-a: 1", "x-c: 1"), get()],
  ),
  allows("several permissions: one is enough", [named("x-a"), named("x-b")], [get("/", "x-b: 1"), get()]),
  allows("principals: nobody is authenticated on plain connections", ANY, [get()], { authenticated: {} }),
  allows("principals: nor by any name", ANY, [get()], {
    authenticated: { principal_name: { safe_regex: { regex: ".*" } } },
  }),
  allows("principals: all are not authenticated", ANY, [get()], { not_id: { authenticated: {} } }),
  allows(
    "principals: and, or",
    ANY,
    [get("/a", "x-p: 1"), get("/b", "x-p: 1"), get("/b", "x-q: 1"), get()],
    [{ and_ids: { ids: [named("x-p"), path({ exact: "/a" })] } }, { or_ids: { ids: [named("x-q"), named("x-r")] } }],
  ),
  allows("principals: source_ip is the peer's", ANY, [get(), XFF("10.1.1.1")], { source_ip: range("127.0.0.0", 8) }),
  allows("principals: direct_remote_ip is the peer's", ANY, [get(), XFF("10.1.1.1")], {
    direct_remote_ip: range("127.0.0.0", 8),
  }),
  allows(
    "principals: remote_ip is the last of x-forwarded-for",
    ANY,
    [get(), XFF("10.1.1.1"), XFF("10.1.1.1, 127.0.0.9"), XFF("127.0.0.9, 10.1.1.1"), XFF("bogus"), XFF("10.1.1.1:80")],
    { remote_ip: range("10.0.0.0", 8) },
  ),
  allows("principals: remote_ip, IPv6", ANY, [XFF("2001:db8::1"), XFF("2001:db9::1")], {
    remote_ip: range("2001:db8::", 32),
  }),
  templated("/foo/{x}/bar/**", "/foo/1/bar/2/3", "/foo/1/baz", "/foo/1/bar/?q=/", "/foo/1/2/bar/x", "/foo/1/bar"),
  templated("/a/*/c", "/a/b/c", "/a//c", "/a/b/b/c", "/a/b/c/"),
  templated("/a/{b=**}", "/a/", "/a/b", "/a/b/c", "/a"),
  templated("/a/{b=x/*}/c", "/a/x/y/c", "/a/z/y/c"),
  templated("/a/**.m3u8", "/a/b/c.m3u8", "/a/.m3u8", "/a/b.ts"),
  templated("/a.b+c", "/a.b+c", "/aXb+c"),
  templated("/**", "/", "/a/b/", "/a%20b"),
  templated("/", "/", "/a"),
  templated("/a/**/b", "/a/x/y/b", "/a/b"),
  templated("/a{x}b", "/axb", "/ab", "/a/b"),
  templated("/{x}.json", "/x.json", "/.json", "/x/y.json"),
  templated("/{x=a/**/b}", "/a/x/y/b", "/a/b"),
  templated("/*/", "/a/", "/a", "/"),
  templated("/{x=*/**}", "/a/", "/a", "/a/b/c"),
  {
    name: "a policy without principals is refused",
    feature: "RBAC: policies",
    filters: [rbac(rules({ p: { permissions: [ANY] } }))],
    client: [],
    refused: true,
  },
  {
    name: "any: false is refused",
    feature: "RBAC: policies",
    filters: [rbac(rules({ p: policy({ any: false }) }))],
    client: [],
    refused: true,
  },
];
