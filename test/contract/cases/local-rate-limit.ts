/** The local rate limit filter, as configured by itself and by routes. Buckets here fill so slowly that no case sees it, but where it says so. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import {
  answer,
  elapse,
  ended,
  get,
  got,
  header,
  inTurn,
  post,
  request,
  send,
  toCluster,
  typed,
} from "../harness/steps.ts";

const BUCKETS = "Local rate limit: buckets";
const ANSWERS = "Local rate limit: answers";
const DESCRIPTORS = "Local rate limit: descriptors";
const ACTIONS = "Local rate limit: actions";
const LEVELS = "Local rate limit: of routes and virtual hosts";
const NAME = "envoy.filters.http.local_ratelimit";
const TYPE = "extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

const percent = (numerator: number): JsonObject => ({ default_value: { numerator, denominator: "HUNDRED" } });
const ON = { filter_enabled: percent(100), filter_enforced: percent(100) } as const;
const HEADERS = { enable_x_ratelimit_headers: "DRAFT_VERSION_03" } as const;
const PREFIX = { stat_prefix: "lr" } as const;

/** So many at first, then all of them again in that time. */
function bucket(tokens: number, interval = "3600s", perFill = tokens): JsonObject {
  return { token_bucket: { max_tokens: tokens, tokens_per_fill: perFill, fill_interval: interval } };
}

function limit(fields: JsonObject): readonly JsonObject[] {
  return [{ name: NAME, typed_config: typed(TYPE, { ...PREFIX, ...ON, ...fields }) }];
}

function ofRoute(fields: JsonObject): JsonObject {
  return { typed_per_filter_config: { [NAME]: typed(TYPE, fields) } };
}

function counted(prefix = "lr"): readonly string[] {
  return ["enabled", "enforced", "ok", "rate_limited", "shadow_mode"].map(
    (name) => `${prefix}.http_local_rate_limit.${name}`,
  );
}

type Entry = readonly [key: string, value: string];

function descriptor(entries: readonly Entry[], tokens: JsonObject, more: JsonObject = {}): JsonObject {
  return { entries: entries.map(([key, value]) => ({ key, value })), ...tokens, ...more };
}

const OVERRIDE: JsonObject = { limit: { dynamic_metadata: { metadata_key: { key: "m", path: [{ key: "a" }] } } } };
const by = (...actions: readonly JsonObject[]): JsonObject => ({ actions });
const byKey = (value: string, key = "k"): JsonObject => by(generic(value, key));
const generic = (value: string, key = "k"): JsonObject => ({
  generic_key: { descriptor_value: value, descriptor_key: key },
});
const ofHeader = (name: string, key: string): JsonObject => ({
  request_headers: { header_name: name, descriptor_key: key },
});

const three = inTurn(get(), get(), get());
const SECONDS: readonly (readonly [RegExp, string])[] = [[/^(x-ratelimit-reset|retry-after): (?!0$)\d+$/, "$1: {s}"]];

/** Whether the actions make these entries shows in the limit that answers tell: 7 if they do. */
function described(
  name: string,
  actions: readonly JsonObject[],
  entries: readonly Entry[],
  requests: readonly string[],
  parts: Partial<ContractCase> = {},
): ContractCase {
  return {
    name,
    feature: ACTIONS,
    filters: limit({
      ...bucket(1000),
      ...HEADERS,
      descriptors: [descriptor(entries, bucket(7))],
      rate_limits: [by(...actions)],
    }),
    client: inTurn(...requests),
    mask: SECONDS,
    ...parts,
  };
}

/** Limits of a route (v: 70) and of its virtual host (w: 8). */
function levels(name: string, fields: JsonObject): ContractCase {
  return {
    name,
    feature: LEVELS,
    filters: limit({
      ...bucket(1000),
      ...HEADERS,
      descriptors: [descriptor([["k", "v"]], bucket(70)), descriptor([["k", "w"]], bucket(8))],
      ...fields,
    }),
    virtualHost: { rate_limits: [byKey("w")] },
    routes: [
      toCluster("/route", "a", { rate_limits: [byKey("v")] }),
      toCluster("/both", "a", { rate_limits: [byKey("v")], include_vh_rate_limits: true }),
      { match: { prefix: "/direct" }, direct_response: { status: 200 } },
      toCluster("/", "a"),
    ],
    client: inTurn(get("/route"), get("/both"), get("/direct"), get("/"), get("/route")),
    mask: SECONDS,
  };
}

function refused(name: string, fields: JsonObject, parts: Partial<ContractCase> = {}): ContractCase {
  return {
    name: `refused: ${name}`,
    feature: BUCKETS,
    filters: limit(fields),
    refused: true,
    client: [get()],
    ...parts,
  };
}

/** A case with limits that the filter brings itself. */
function limited(
  name: string,
  feature: string,
  fields: JsonObject,
  client: ContractCase["client"],
  parts: Partial<ContractCase> = {},
): ContractCase {
  return { name, feature, filters: limit(fields), client, stats: counted(), mask: SECONDS, ...parts };
}

const byUser = by(ofHeader("x-user", "user"));
const user = (name: string): string => get("/", `x-user: ${name}`);
const users = (...names: readonly string[]): ContractCase["client"] => inTurn(...names.map(user));

export const CASES: readonly ContractCase[] = [
  {
    name: "off by default",
    feature: BUCKETS,
    filters: [{ name: NAME, typed_config: typed(TYPE, { ...PREFIX, ...bucket(1) }) }],
    client: three,
    stats: counted(),
  },
  limited("all requests take of one bucket", BUCKETS, bucket(2), [
    ...three,
    post("x", "host: a"),
    got(4),
    ended(),
    send("d", get("/", "content-type: application/grpc")),
    got(1, "d"),
    send("d", request("HEAD", "/")),
    got(2, "d"),
  ], { accessLog: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%" }), // prettier-ignore
  limited("enabled for none", BUCKETS, { ...bucket(1), filter_enabled: percent(0) }, three),
  limited("not enforced: counted, and told to the upstream", BUCKETS, {
    ...bucket(1),
    filter_enforced: percent(0),
    request_headers_to_add_when_not_enforced: [header("x-a", "1"), header("x-b", "%REQ(:path)%", "OVERWRITE_IF_EXISTS_OR_ADD"), header("x-c", "1", "OVERWRITE_IF_EXISTS")],
    response_headers_to_add: [header("x-response", "1")],
  }, inTurn(get(), get("/", "x-a: 0", "x-b: 0"))), // prettier-ignore
  limited("no bucket", BUCKETS, HEADERS, three),
  limited("an empty bucket", BUCKETS, { token_bucket: { max_tokens: 0, fill_interval: "1s" }, ...HEADERS, enable_retry_after_header: true }, [get()]), // prettier-ignore
  limited("tokens come back", BUCKETS, bucket(1, "0.7s"), [...inTurn(get(), get()), elapse(800), get(), got(3), get()]),
  limited("one per interval if it is not said how many", BUCKETS, { token_bucket: { max_tokens: 2, fill_interval: "3600s" }, ...HEADERS }, three), // prettier-ignore
  limited("a bucket for each connection", BUCKETS, { ...bucket(1), local_rate_limit_per_downstream_connection: true }, [
    ...inTurn(get("/1"), get("/2")),
    send("d", get("/3")),
    got(1, "d"),
    send("d", get("/4")),
  ]),
  limited("requests without a route, too", BUCKETS, bucket(1), inTurn(get(), get()), { routes: [toCluster("/x", "a")] }), // prettier-ignore
  refused("an interval below 50 ms", bucket(1, "0.04s")),
  refused("no stat_prefix", { stat_prefix: "", ...bucket(1) }),
  refused("a status that there is not", { ...bucket(1), status: { code: 600 } }),
  refused("one descriptor twice", { ...bucket(1), descriptors: [descriptor([["a", "b"]], bucket(1)), descriptor([["a", "b"]], bucket(1))] }), // prettier-ignore
  refused("a descriptor whose bucket fills too fast", { ...bucket(1), descriptors: [descriptor([["a", "b"]], bucket(1, "0.04s"))] }), // prettier-ignore
  refused("a descriptor without a bucket", { ...bucket(1), descriptors: [descriptor([["a", "b"]], {})] }),
  refused("a descriptor without entries", { ...bucket(1), descriptors: [descriptor([], bucket(1))] }),
  refused("a stage of limits that have none", { ...bucket(1), rate_limits: [{ stage: 1, ...byKey("v") }], descriptors: [descriptor([["a", "b"]], bucket(1))] }), // prettier-ignore
  refused("no bucket for a route", bucket(1), { routes: [{ ...toCluster("/", "a"), ...ofRoute({ ...PREFIX, ...ON }) }] }), // prettier-ignore

  limited("for gRPC clients: RESOURCE_EXHAUSTED", ANSWERS, { ...bucket(1), rate_limited_as_resource_exhausted: true }, inTurn(get(), get("/", "content-type: application/grpc"), get())), // prettier-ignore
  limited("a status and headers of its own, over the route's", ANSWERS, {
    ...bucket(1),
    status: { code: 503 },
    response_headers_to_add: [header("x-a", "1"), header("x-b", "2", "OVERWRITE_IF_EXISTS_OR_ADD"), header("content-type", "application/json", "OVERWRITE_IF_EXISTS_OR_ADD"), header("x-path", "%REQ(:path)% %RESPONSE_CODE%")],
  }, inTurn(get(), get("/p"), get("/", "content-type: application/grpc")), { routes: [toCluster("/", "a", {}, { response_headers_to_add: [header("x-a", "route"), header("x-b", "route")] })] }), // prettier-ignore
  limited("a status that is no error is 429", ANSWERS, { ...bucket(1), status: { code: 302 } }, inTurn(get(), get())),
  limited("400 closes the connection", ANSWERS, { ...bucket(1), status: { code: 400 } }, inTurn(get(), get())),
  limited("x-ratelimit headers", ANSWERS, { ...bucket(2), ...HEADERS }, three),
  limited("x-ratelimit headers where it is not enforced", ANSWERS, { ...bucket(1), ...HEADERS, filter_enforced: percent(0) }, three), // prettier-ignore
  limited("x-ratelimit headers beside the upstream's", ANSWERS, { ...bucket(2), ...HEADERS }, [get()], { upstreams: { a: answer(200, "", "x-ratelimit-limit: 99") } }), // prettier-ignore
  limited("x-ratelimit headers of direct responses", ANSWERS, { ...bucket(1), ...HEADERS }, inTurn(get(), get()), { routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] }), // prettier-ignore
  limited("retry-after", ANSWERS, { ...bucket(1), enable_retry_after_header: true }, inTurn(get(), get())),
  limited("retry-after of 429 alone", ANSWERS, { ...bucket(1), enable_retry_after_header: true, status: { code: 503 } }, inTurn(get(), get())), // prettier-ignore
  limited("retry-after, x-ratelimit and own headers", ANSWERS, { ...bucket(1), enable_retry_after_header: true, ...HEADERS, response_headers_to_add: [header("x-a", "1"), header("retry-after", "own")] }, inTurn(get(), get())), // prettier-ignore

  limited("a bucket of its own for what matches", DESCRIPTORS, {
    ...bucket(10),
    ...HEADERS,
    descriptors: [descriptor([["user", "bob"]], bucket(1)), descriptor([["user", "al"], ["path", "/x"]], bucket(1))],
    rate_limits: [byUser, by(ofHeader("x-user", "user"), ofHeader(":path", "path"))],
  }, inTurn(user("bob"), user("bob"), user("al"), get("/x", "x-user: al"), get("/x", "x-user: al"), get())), // prettier-ignore
  limited("what matches takes of the default bucket, too", DESCRIPTORS, { ...bucket(2), ...HEADERS, descriptors: [descriptor([["user", "bob"]], bucket(5))], rate_limits: [byUser] }, [...users("bob", "bob", "bob"), get()]), // prettier-ignore
  limited("unless it is not to", DESCRIPTORS, { ...bucket(2), ...HEADERS, always_consume_default_token_bucket: false, descriptors: [descriptor([["user", "bob"]], bucket(5))], rate_limits: [byUser] }, inTurn(user("bob"), user("bob"), user("bob"), get(), get(), get())), // prettier-ignore
  limited("no default bucket", DESCRIPTORS, { ...HEADERS, descriptors: [descriptor([["user", "bob"]], bucket(1))], rate_limits: [byUser] }, inTurn(user("bob"), user("bob"), get())), // prettier-ignore
  limited("of several that match the slowest first", DESCRIPTORS, {
    ...bucket(100),
    ...HEADERS,
    descriptors: [descriptor([["a", "1"]], bucket(3)), descriptor([["b", "1"]], bucket(2))],
    rate_limits: [by(ofHeader("x-a", "a")), by(ofHeader("x-b", "b"))],
  }, inTurn(...["x-a: 1,x-b: 1", "x-a: 1,x-b: 1", "x-a: 1,x-b: 1", "x-a: 1", "x-a: 1", "x-b: 1"].map((lines) => get("/", ...lines.split(","))))), // prettier-ignore
  limited("equally slow ones in the order of the limits", DESCRIPTORS, { ...bucket(1000), ...HEADERS, descriptors: [descriptor([["k", "w"]], bucket(9, "3600s", 1)), descriptor([["k", "v"]], bucket(7, "7200s", 2))], rate_limits: [byKey("v"), byKey("w")] }, inTurn(get(), get())), // prettier-ignore
  limited("shadow_mode counts", DESCRIPTORS, { ...bucket(100), ...HEADERS, request_headers_to_add_when_not_enforced: [header("x-over", "1")], descriptors: [descriptor([["user", "a"]], bucket(1), { shadow_mode: true })], rate_limits: [byUser] }, users("a", "a", "a")), // prettier-ignore
  limited("shadow_mode beside one that is meant", DESCRIPTORS, { ...bucket(100), ...HEADERS, descriptors: [descriptor([["a", "1"]], bucket(1), { shadow_mode: true }), descriptor([["b", "1"]], bucket(2))], rate_limits: [byKey("1", "a"), byKey("1", "b")] }, three), // prettier-ignore
  limited("an empty value is any, each with a bucket", DESCRIPTORS, { ...bucket(100), ...HEADERS, descriptors: [descriptor([["user", ""]], bucket(1))], rate_limits: [byUser] }, [...users("a", "a", "b", "b"), get()]), // prettier-ignore
  limited("those used least recently are forgotten", DESCRIPTORS, { ...bucket(100), max_dynamic_descriptors: 2, descriptors: [descriptor([["user", ""]], bucket(1))], rate_limits: [byUser] }, users("a", "b", "a", "c", "b", "a", "c")), // prettier-ignore
  limited("what is named goes before what is any", DESCRIPTORS, { ...bucket(100), ...HEADERS, descriptors: [descriptor([["user", ""]], bucket(1)), descriptor([["user", "vip"]], bucket(3))], rate_limits: [byUser] }, users("vip", "vip", "x", "x")), // prettier-ignore
  limited("some entries named, some any", DESCRIPTORS, { ...bucket(100), ...HEADERS, descriptors: [descriptor([["plan", "free"], ["user", ""]], bucket(1))], rate_limits: [by(ofHeader("x-plan", "plan"), ofHeader("x-user", "user"))] }, inTurn(...["free a", "free a", "free b", "paid a", "paid a"].map((each) => get("/", `x-plan: ${each.split(" ")[0]}`, `x-user: ${each.split(" ")[1]}`)))), // prettier-ignore
  limited("the same limit twice takes twice", DESCRIPTORS, { ...bucket(1000), ...HEADERS, descriptors: [descriptor([["k", "v"]], bucket(7))], rate_limits: [byKey("v"), byKey("v")] }, inTurn(get(), get())), // prettier-ignore
  limited("hits_addend: so many tokens", DESCRIPTORS, { ...bucket(1000), ...HEADERS, descriptors: [descriptor([["k", "v"]], bucket(7))], rate_limits: [{ ...byKey("v"), hits_addend: { number: 3 } }] }, three), // prettier-ignore
  ...["%REQ(x-hits)%", "%REQUEST_HEADER(x-hits):2%", "%BYTES_RECEIVED%"].map(
    (format) =>
    limited(`hits_addend: ${format}`, DESCRIPTORS, { ...bucket(1000), ...HEADERS, descriptors: [descriptor([["k", "v"]], bucket(70))], rate_limits: [{ ...byKey("v"), hits_addend: { format } }] }, inTurn(get(), get("/", "x-hits: 3"), get("/", "x-hits: 2.9"), get("/", "x-hits: 0"), get("/", "x-hits: -1"), get("/", "x-hits: x"), get("/", "x-hits: 1e1"), get("/", "x-hits: 2000000000"))), // prettier-ignore
  ),
  refused("limit in the filter's own limits", { ...bucket(10), rate_limits: [{ ...byKey("v"), ...OVERRIDE }] }),
  { ...levels("limit is for rate limit services", {}), routes: [toCluster("/", "a", { rate_limits: [{ ...byKey("v"), ...OVERRIDE }] })] }, // prettier-ignore
  refused("dynamic_metadata, which is deprecated", { ...bucket(10), rate_limits: [by({ dynamic_metadata: { descriptor_key: "k", metadata_key: { key: "m", path: [{ key: "a" }] } } })] }), // prettier-ignore
  refused("hits_addend without a command", {
    ...bucket(10),
    rate_limits: [{ ...byKey("v"), hits_addend: { format: "3" } }],
  }),
  refused("hits_addend with two commands", { ...bucket(10), rate_limits: [{ ...byKey("v"), hits_addend: { format: "%REQ(a)%%REQ(b)%" } }] }), // prettier-ignore
  refused("hits_addend with both", { ...bucket(10), rate_limits: [{ ...byKey("v"), hits_addend: { number: 1, format: "%REQ(a)%" } }] }), // prettier-ignore
  limited("more entries than the descriptor has, or others before", DESCRIPTORS, { ...bucket(1000), ...HEADERS, descriptors: [descriptor([["a", "1"]], bucket(7)), descriptor([["b", "2"], ["a", "1"]], bucket(7))], rate_limits: [by(generic("1", "a"), generic("2", "b"))] }, [get()]), // prettier-ignore

  described("generic_key", [generic("v")], [["k", "v"]], [get()]),
  described("generic_key without a key", [{ generic_key: { descriptor_value: "v" } }], [["generic_key", "v"]], [get()]),
  described("generic_key is literal", [generic("%REQ(x-a)%")], [["k", "v"]], [get("/", "x-a: v")]),
  described("request_headers", [ofHeader("X-A", "k")], [["k", "u"]], [get("/", "x-a: u"), get("/", "x-a: v"), get(), get("/", "x-a: u", "x-a: v")]), // prettier-ignore
  described("request_headers: pseudo-headers", [ofHeader(":method", "m"), ofHeader(":authority", "a"), ofHeader(":scheme", "s")], [["m", "GET"], ["a", "a.test"], ["s", "http"]], [get(), request("PUT", "/", "content-length: 0")]), // prettier-ignore
  described("request_headers: empty", [ofHeader("x-a", "k")], [["k", ""]], [get("/", "x-a:"), get()]),
  described("request_headers: skip_if_absent", [{ request_headers: { header_name: "x-a", descriptor_key: "k", skip_if_absent: true } }, generic("v", "z")], [["z", "v"]], [get(), get("/", "x-a: 1")]), // prettier-ignore
  described("query_parameters", [{ query_parameters: { query_parameter_name: "q", descriptor_key: "k" } }], [["k", "v"]], ["/?q=v", "/?q=w", "/", "/?x=1&q=v&q=w", "/?q=%76", "/?q="].map((path) => get(path))), // prettier-ignore
  described("query_parameters: skip_if_absent", [{ query_parameters: { query_parameter_name: "q", descriptor_key: "k", skip_if_absent: true } }, generic("v", "z")], [["z", "v"]], [get("/?q=v"), get(), get("/?q=")]), // prettier-ignore
  described("header_value_match", [{ header_value_match: { descriptor_value: "yes", headers: [{ name: "x-a", string_match: { exact: "1" } }] } }], [["header_match", "yes"]], [get("/", "x-a: 1"), get("/", "x-a: 2"), get()]), // prettier-ignore
  described("header_value_match: expect_match false", [{ header_value_match: { descriptor_value: "yes", expect_match: false, descriptor_key: "k", headers: [{ name: "x-a", string_match: { exact: "1" } }] } }], [["k", "yes"]], [get("/", "x-a: 1"), get("/", "x-a: 2"), get()]), // prettier-ignore
  described("query_parameter_value_match", [{ query_parameter_value_match: { descriptor_value: "yes", query_parameters: [{ name: "q", string_match: { exact: "1" } }, { name: "r" }] } }], [["query_match", "yes"]], [get("/?q=1&r"), get("/?q=1"), get("/?r&q=2")]), // prettier-ignore
  described("query_parameter_value_match: expect_match false", [{ query_parameter_value_match: { descriptor_value: "yes", expect_match: false, descriptor_key: "k", query_parameters: [{ name: "q", string_match: { exact: "1" } }] } }], [["k", "yes"]], [get("/?q=1&r"), get("/?q=2")]), // prettier-ignore
  described("remote_address", [{ remote_address: {} }], [["remote_address", "127.0.0.1"]], [get(), get("/", "x-forwarded-for: 10.0.0.1")]), // prettier-ignore
  described("remote_address: as trusted proxies tell it", [{ remote_address: {} }], [["remote_address", "10.0.0.1"]], [get(), get("/", "x-forwarded-for: 10.0.0.1")]), // prettier-ignore
  described("masked_remote_address", [{ masked_remote_address: { v4_prefix_mask_len: 16 } }], [["masked_remote_address", "10.9.0.0/16"]], [get(), get("/", "x-forwarded-for: 10.9.3.1")]), // prettier-ignore
  described("masked_remote_address: IPv6", [{ masked_remote_address: { v6_prefix_mask_len: 33 } }], [["masked_remote_address", "2001:db8:8000::/33"]], [get(), get("/", "x-forwarded-for: 2001:db8:9000::5")]), // prettier-ignore
  described("masked_remote_address: the whole", [{ masked_remote_address: {} }], [["masked_remote_address", "127.0.0.1/32"]], [get()]), // prettier-ignore
  described("destination_cluster", [{ destination_cluster: {} }], [["destination_cluster", "b"]], [get("/w"), get("/d"), get()], { clusters: { a: {}, b: {} }, routes: [{ match: { prefix: "/w" }, route: { weighted_clusters: { clusters: [{ name: "b", weight: 1 }] } } }, { match: { prefix: "/d" }, direct_response: { status: 200 } }, toCluster("/", "a")] }), // prettier-ignore
  described("source_cluster", [{ source_cluster: {} }], [["source_cluster", "edge"]], [get()], { bootstrap: { node: { id: "n", cluster: "edge" } } }), // prettier-ignore
  described("metadata of the route", [{ metadata: { descriptor_key: "k", source: "ROUTE_ENTRY", metadata_key: { key: "m", path: [{ key: "a" }, { key: "b" }] } } }], [["k", "v"]], [get("/m"), get()], { routes: [{ ...toCluster("/m", "a"), metadata: { filter_metadata: { m: { a: { b: "v" } } } } }, { ...toCluster("/", "a"), metadata: { filter_metadata: { m: { a: { b: 1 } } } } }] }), // prettier-ignore
  described("metadata: a default", [{ metadata: { descriptor_key: "k", default_value: "v", metadata_key: { key: "m", path: [{ key: "a" }] } } }], [["k", "v"]], [get()]), // prettier-ignore
  described("metadata: none", [{ metadata: { descriptor_key: "k", metadata_key: { key: "m", path: [{ key: "a" }] } } }, generic("v", "z")], [["z", "v"]], [get()]), // prettier-ignore
  described("metadata: skip_if_absent", [{ metadata: { descriptor_key: "k", skip_if_absent: true, metadata_key: { key: "m", path: [{ key: "a" }] } } }, generic("v", "z")], [["z", "v"]], [get()]), // prettier-ignore

  levels("a route's limits are in place of its virtual host's, unless it includes them", {}),
  ...["INCLUDE", "IGNORE", "OVERRIDE"].map((option) => levels(`vh_rate_limits ${option}`, { vh_rate_limits: option })),
  levels("limits of the filter's own are in place of both", { rate_limits: [byKey("v")] }),
  {
    name: "limits of a stage",
    feature: LEVELS,
    filters: limit({ ...bucket(1000), ...HEADERS, stage: 1, descriptors: [descriptor([["k", "v"]], bucket(70)), descriptor([["k", "w"]], bucket(8))] }), // prettier-ignore
    routes: [
      toCluster("/", "a", {
        rate_limits: [
          { stage: 0, ...byKey("v") },
          { stage: 1, ...byKey("w") },
        ],
      }),
    ],
    client: [get()],
    mask: SECONDS,
  },
  {
    name: "a route's configuration in place of the filter's",
    feature: LEVELS,
    filters: limit({ ...bucket(1), response_headers_to_add: [header("x-a", "filter")] }),
    routes: [
      { ...toCluster("/own", "a"), ...ofRoute({ stat_prefix: "own", ...bucket(2), ...ON, status: { code: 421 } }) },
      { ...toCluster("/off", "a"), ...ofRoute({ stat_prefix: "off", ...bucket(1) }) },
      toCluster("/", "a"),
    ],
    client: inTurn(...["/own", "/own", "/own", "/off", "/off", "/", "/"].map((path) => get(path))),
    stats: [...counted(), ...counted("own"), ...counted("off")],
  },
  {
    name: "of several levels the most specific one",
    feature: LEVELS,
    filters: [{ name: NAME, typed_config: typed(TYPE, PREFIX) }],
    routeConfig: ofRoute({ stat_prefix: "config", ...bucket(1), ...ON, ...HEADERS }),
    virtualHost: ofRoute({ stat_prefix: "host", ...bucket(2), ...ON, ...HEADERS }),
    clusters: { a: {}, b: {} },
    routes: [
      { ...toCluster("/r", "a"), ...ofRoute({ stat_prefix: "route", ...bucket(3), ...ON, ...HEADERS }) },
      { match: { prefix: "/w" }, route: { weighted_clusters: { clusters: [{ name: "b", weight: 1, ...ofRoute({ stat_prefix: "cluster", ...bucket(4), ...ON, ...HEADERS }) }] } } }, // prettier-ignore
      toCluster("/", "a"),
    ],
    client: inTurn(...["/w", "/r", "/", "/x", "/y"].map((path) => get(path))),
    stats: ["host", "route", "cluster"].map((level) => `${level}.http_local_rate_limit.ok`),
    mask: SECONDS,
  },
  {
    name: "descriptors and options of a route's configuration, limits of its virtual host",
    feature: LEVELS,
    filters: limit({ ...bucket(1000), vh_rate_limits: "IGNORE" }),
    virtualHost: { rate_limits: [byKey("w")] },
    routes: [{ ...toCluster("/", "a"), ...ofRoute({ stat_prefix: "own", ...bucket(50), ...ON, ...HEADERS, descriptors: [descriptor([["k", "w"]], bucket(8))] }) }], // prettier-ignore
    client: inTurn(get(), get()),
    mask: SECONDS,
  },
  {
    name: "routes share what their virtual host says",
    feature: LEVELS,
    filters: [{ name: NAME, typed_config: typed(TYPE, PREFIX) }],
    virtualHost: ofRoute({ stat_prefix: "host", ...bucket(1), ...ON }),
    routes: [toCluster("/a", "a"), toCluster("/", "a")],
    client: inTurn(get("/a"), get("/b")),
  },
];
