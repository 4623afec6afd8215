/** The header mutation filter, configured for itself and by routes. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { REFUSED } from "../harness/case.ts";
import {
  answer,
  chunked,
  endpoint,
  get,
  head,
  header,
  inTurn,
  post,
  request,
  toCluster,
  typed,
} from "../harness/steps.ts";

const ACTIONS = "Header mutation: actions";
const FORMATS = "Header mutation: formats";
const LEVELS = "Header mutation: levels";
const QUERY = "Header mutation: query parameters";
const TRAILERS = "Header mutation: trailers";

const NAME = "mutate";

function mutations(fields: JsonObject, more: JsonObject = {}): readonly JsonObject[] {
  const config = typed("extensions.filters.http.header_mutation.v3.HeaderMutation", { mutations: fields, ...more });
  return [{ name: NAME, typed_config: config }];
}

function ofRoute(fields: JsonObject): JsonObject {
  const config = typed("extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute", { mutations: fields });
  return { typed_per_filter_config: { [NAME]: config } };
}

function add(key: string, value: string, action?: string, more: JsonObject = {}): JsonObject {
  return { append: header(key, value, action, more) };
}

const remove = (name: string): JsonObject => ({ remove: name });
const removeMatching = (matcher: JsonObject): JsonObject => ({ remove_on_match: { key_matcher: matcher } });
const OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD";
const EXISTING = "OVERWRITE_IF_EXISTS";
const ABSENT = "ADD_IF_ABSENT";
const UP = answer(200, "hi", "x-r: 1", "x-r: 2", "server: up", "content-type: a/b", "vary: x");

function query(key: string, value: string, action?: string): JsonObject {
  return { append: { record: { key, value }, ...(action === undefined ? {} : { action }) } };
}

/** The filter adds `own`; every level adds its name. */
function levels(name: string, more: JsonObject): ContractCase {
  const at = (level: string): JsonObject =>
    ofRoute({
      request_mutations: [add("x-a", level), add("x-last", level, OVERWRITE)],
      response_mutations: [add("x-b", level), add("x-last", level, OVERWRITE)],
      query_parameter_mutations: [query("level", level)],
    });
  return {
    name,
    feature: LEVELS,
    filters: mutations({ request_mutations: [add("x-a", "filter")], response_mutations: [add("x-b", "filter")] }, more),
    routeConfig: at("config"),
    virtualHost: at("host"),
    clusters: { a: {}, b: {} },
    routes: [
      toCluster("/none", "a"),
      { ...toCluster("/route", "a"), ...at("route") },
      {
        match: { prefix: "/" },
        ...at("route"),
        route: { weighted_clusters: { clusters: [{ name: "b", weight: 1, ...at("cluster") }] } },
      },
    ],
    client: inTurn(get("/"), get("/route"), get("/none")),
  };
}

function refused(name: string, fields: JsonObject): ContractCase {
  return { name: `refused: ${name}`, feature: ACTIONS, filters: mutations(fields), refused: true, client: [get()] };
}

function indispensable(name: string, fields: JsonObject): ContractCase {
  return {
    name: `what there is no message without cannot be removed: ${name}`,
    feature: "Header mutation: pseudo-headers",
    filters: mutations(fields),
    client: [get("/a", "x-t: 1")],
    accessLog: "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%",
    waived:
      "refused with its path: Envoy takes it, and answers every request with an error or sends one that is no HTTP",
  };
}

export const CASES: readonly ContractCase[] = [
  {
    name: "each action, on headers that are there and that are not",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [add("x-a", "1"), add("x-b", "1", ABSENT), add("x-c", "1", OVERWRITE), add("x-d", "1", EXISTING), remove("x-e"), add("x-e", "new")], // prettier-ignore
    }),
    client: inTurn(get("/"), get("/", "x-a: 0", "x-b: 0", "x-c: 0", "x-c: 00", "x-d: 0", "x-e: 0", "x-f: 0")),
  },
  {
    name: "in the order of the list",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [add("x-a", "1"), remove("x-a"), add("x-a", "2"), add("x-a", "3", OVERWRITE), add("x-a", "4", ABSENT), add("x-a", "5"), add("x-b", "%REQ(x-a)%")], // prettier-ignore
    }),
    client: inTurn(get("/"), get("/", "x-a: 0", "x-a: 00")),
  },
  {
    name: "headers that Envoy keeps in one line",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [add("accept", "b"), add("User-Agent", "mine", OVERWRITE), add("x-forwarded-proto", "https", OVERWRITE), add("cookie", "c=d")], // prettier-ignore
      response_mutations: [add("vary", "y"), add("content-type", "c/d", OVERWRITE), add("set-cookie", "a=b"), add("server", "mine", OVERWRITE), add("date", "never", ABSENT)], // prettier-ignore
    }),
    upstreams: { a: UP },
    client: [get("/", "accept: a", "user-agent: curl", "cookie: a=b", "x-z: z")],
  },
  {
    name: "of responses",
    feature: ACTIONS,
    filters: mutations({
      response_mutations: [add("x-r", "3"), remove("content-type"), remove("VARY"), add("x-n", "%RESP(x-r)% %RESPONSE_CODE% %REQ(:path)%")], // prettier-ignore
    }),
    upstreams: { a: { answers: [UP, answer(204), answer(503, "no")] } },
    client: inTurn(get("/"), get("/"), request("HEAD", "/")),
  },
  {
    name: "of the proxy's own answers",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [add("x-q", "1")],
      response_mutations: [add("x-n", "%RESPONSE_CODE% %RESPONSE_FLAGS%"), add("content-type", "json", OVERWRITE)],
    }),
    upstreams: { a: REFUSED },
    routes: [
      { match: { prefix: "/d" }, direct_response: { status: 200, body: { inline_string: "x" } } },
      { match: { prefix: "/r" }, redirect: { path_redirect: "/d" } },
      toCluster("/a", "a"),
    ],
    client: inTurn(get("/d"), get("/r"), get("/a"), get("/none")),
  },
  {
    name: "names that match are removed",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [removeMatching({ prefix: "x-z" }), removeMatching({ safe_regex: { regex: "x-[0-9]+" } })],
      response_mutations: [removeMatching({ prefix: "X-R", ignore_case: true }), removeMatching({ exact: "vary" })],
    }),
    upstreams: { a: UP },
    client: [get("/", "x-za: 1", "x-y: 1", "X-Zb: 1", "x-za: 2", "x-12: 3", "x-1b: 4")],
  },
  {
    name: "the length and the framing of messages",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [remove("content-length")],
      response_mutations: [remove("content-length")],
    }),
    upstreams: { a: answer(200, "hi") },
    client: [post("hello")],
  },
  {
    name: "what is about connections",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [add("connection", "x-a"), add("te", "x")],
      response_mutations: [add("connection", "x"), add("keep-alive", "5")],
    }),
    client: [get("/", "x-a: 1")],
  },
  {
    name: "formats, and values that are empty",
    feature: FORMATS,
    filters: mutations({
      request_mutations: [
        add("x-p", "%REQ(:path)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %%"),
        add("x-none", "%REQ(x-none)%"),
        add("x-keep", "%REQ(x-none)%", undefined, { keep_empty_value: true }),
        add("x-empty", ""),
        add("x-empty-kept", "", undefined, { keep_empty_value: true }),
        add("x-a", "%REQ(x-none)%", OVERWRITE),
        add("x-b", "%REQ(x-none)%", OVERWRITE, { keep_empty_value: true }),
        add("x-route", "%ROUTE_NAME% %UPSTREAM_CLUSTER% %METADATA(ROUTE:ns:s)%"),
      ],
      response_mutations: [add("x-up", "%UPSTREAM_CLUSTER% %RESP(x-r)% %RESPONSE_CODE_DETAILS%")],
    }),
    routes: [{ name: "r", ...toCluster("/", "a"), metadata: { filter_metadata: { ns: { s: "str" } } } }],
    upstreams: { a: UP },
    client: [get("/q?1", "x-a: 0", "x-b: 0")],
  },
  {
    name: "the forms that there were before formatters",
    feature: FORMATS,
    filters: mutations({
      request_mutations: [add("x-a", 'a%DYNAMIC_METADATA(["ns", "s"])%'), add("x-b", '%UPSTREAM_METADATA(["ns", "s"])%'), add("x-c", "%PER_REQUEST_STATE(x)%c")], // prettier-ignore
      response_mutations: [add("x-b", '%UPSTREAM_METADATA(["ns", "s"])%')],
    }),
    clusters: { a: { endpoints: [endpoint("a", { metadata: { filter_metadata: { ns: { s: "str" } } } })] } },
    client: [get()],
  },
  {
    name: "formatters of its own",
    feature: FORMATS,
    filters: mutations({
      request_mutations: [add("x-a", "%REQ_WITHOUT_QUERY(:path)%")],
      query_parameter_mutations: [query("p", "%REQ_WITHOUT_QUERY(:path)%")],
      formatters: [{ name: "f", typed_config: typed("extensions.formatter.req_without_query.v3.ReqWithoutQuery") }],
    }),
    client: [get("/p?a=1")],
  },
  indispensable("the path of a request", { request_mutations: [remove(":path")] }),
  indispensable("its host", { request_mutations: [remove("Host")] }),
  indispensable("what matches its method", { request_mutations: [removeMatching({ contains: "t" })] }),
  indispensable("the status of a response", { response_mutations: [remove(":status")] }),
  refused("another path", { request_mutations: [add(":path", "/b", OVERWRITE)] }),
  refused("another host", { request_mutations: [add("Host", "b")] }),
  refused("another status", { response_mutations: [add(":status", "418", OVERWRITE)] }),
  refused("neither added nor removed", { request_mutations: [{}] }),
  refused("no name", { request_mutations: [add("", "x")] }),
  refused("an unknown operator", { request_mutations: [add("x", "%NOPE%")] }),
  refused("both ways to say append", { request_mutations: [{ append: { header: { key: "x", value: "y" }, append: true, append_action: ABSENT } }] }), // prettier-ignore
  refused("no value of a query parameter", { query_parameter_mutations: [{ append: { record: { key: "a" } } }] }),
  refused("a number as one", { query_parameter_mutations: [{ append: { record: { key: "n", value: 5 } } }] }),
  refused("a query parameter as bytes", { query_parameter_mutations: [{ append: { entry: { key: "a", value: "YQ==" } } }] }), // prettier-ignore
  refused("a query parameter added and removed", { query_parameter_mutations: [{ remove: "x", ...query("a", "1") }] }),
  refused("a query parameter neither added nor removed", { query_parameter_mutations: [{}] }),
  refused("a query parameter without a name", { query_parameter_mutations: [query("", "x")] }),
  {
    name: "append: false overwrites",
    feature: ACTIONS,
    filters: mutations({
      request_mutations: [
        { append: { header: { key: "x-a", value: "1" }, append: false } },
        { append: { header: { key: "x-b", value: "1" }, append: true } },
      ],
    }),
    client: [get("/", "x-a: 0", "x-b: 0")],
  },
  levels("every level adds, the most specific first", {}),
  levels("most_specific_header_mutations_wins: the most specific last", { most_specific_header_mutations_wins: true }),
  {
    name: "a filter that is off but where routes have something for it",
    feature: LEVELS,
    filters: [{ ...mutations({ request_mutations: [add("x-a", "filter")] })[0], disabled: true }],
    virtualHost: ofRoute({ request_mutations: [add("x-a", "host")] }),
    routes: [
      {
        ...toCluster("/off", "a"),
        typed_per_filter_config: { [NAME]: typed("config.route.v3.FilterConfig", { disabled: true }) },
      },
      {
        ...toCluster("/on", "a"),
        typed_per_filter_config: { [NAME]: typed("config.route.v3.FilterConfig", { config: {} }) },
      },
      toCluster("/", "a"),
    ],
    client: inTurn(get("/off"), get("/on"), get("/")),
  },
  {
    name: "a route that has nothing else to say",
    feature: LEVELS,
    filters: mutations({ request_mutations: [add("x-a", "filter")] }),
    routes: [{ ...toCluster("/", "a"), ...ofRoute({}) }],
    client: [get()],
  },
  {
    name: "routes have been chosen by then; their own operations come after",
    feature: LEVELS,
    filters: mutations({
      request_mutations: [add("x-go", "b", OVERWRITE)],
      response_mutations: [add("x-b", "%RESP(x-b)% filter", OVERWRITE)],
    }),
    clusters: { a: {}, b: {} },
    routes: [
      { match: { prefix: "/", headers: [{ name: "x-go", string_match: { exact: "b" } }] }, route: { cluster: "b" } },
      toCluster("/", "a", {}, { request_headers_to_add: [header("x-a", "%REQ(x-go)%")], response_headers_to_add: [header("x-b", "route")] }), // prettier-ignore
    ],
    client: [get()],
  },
  {
    name: "a cluster that a header names has been chosen, too",
    feature: LEVELS,
    filters: mutations({ request_mutations: [add("x-cluster", "b", OVERWRITE)] }),
    clusters: { a: {}, b: {} },
    routes: [{ match: { prefix: "/" }, route: { cluster_header: "x-cluster" } }],
    client: inTurn(get("/", "x-cluster: a"), get("/")),
  },
  {
    name: "timeouts and retries are decided after it",
    feature: LEVELS,
    filters: mutations({ request_mutations: [add("x-envoy-max-retries", "1"), add("x-envoy-retry-on", "5xx")] }),
    upstreams: { a: { answers: [answer(503), answer(200)] } },
    client: [get()],
    mask: [[/^(x-envoy-expected-rq-timeout-ms): \d+$/, "$1: {ms}"]],
  },
  {
    name: "each action, on queries",
    feature: QUERY,
    filters: mutations({
      query_parameter_mutations: [query("a", "1"), query("b", "1", ABSENT), query("c", "1", OVERWRITE), query("d", "1", EXISTING), { remove: "e" }], // prettier-ignore
    }),
    client: inTurn(
      ...["/", "/?", "/p?a=0&b=0&c=0&d=0&e=0&f=x&g", "/p?e=1", "/p?c=1&x&c=2", "/?d=1&d=2&z=&=y&&w"].map((path) =>
        get(path),
      ),
    ),
  },
  {
    name: "queries are sorted; values are encoded, names are not",
    feature: QUERY,
    filters: mutations({
      query_parameter_mutations: [query("m%20n", "b&c=d/%%"), query("fmt", "%REQ(:path)%"), query("p", "%%41-._~!*'() é"), query("B", "1")], // prettier-ignore
    }),
    client: inTurn(get("/"), get("/x?z=+&q=%zz&y=%2&x=a=b=c")),
  },
  {
    name: "what nobody changes stays encoded",
    feature: QUERY,
    filters: mutations({ query_parameter_mutations: [query("a", "1"), query("m n", "1")] }),
    client: inTurn(get("/x?z=%41&y=%26&x=%20"), get("/?x=%20HTTP/1.1%0d%0aX-A:%20b")),
    waived:
      "parameters that no mutation names are forwarded as they were written; Envoy decodes them, so that an escaped & divides, and refuses what is then no path",
  },
  {
    name: "a value that is empty",
    feature: QUERY,
    filters: mutations({ query_parameter_mutations: [query("n", "%REQ(x-n)%"), query("e", "")] }),
    client: inTurn(get("/"), get("/?n=1&e=2"), get("/", "x-n: a b")),
  },
  {
    name: "names are compared as they are",
    feature: QUERY,
    filters: mutations({ query_parameter_mutations: [{ remove: "A" }, { remove: "b c" }, { remove: "d%20e" }] }),
    client: [get("/?a=1&A=2&b%20c=3&b+c=5&%41=6")],
  },
  {
    name: "the last parameter goes",
    feature: QUERY,
    filters: mutations({ query_parameter_mutations: [{ remove: "a" }] }),
    client: inTurn(get("/?a=1"), get("/?")),
  },
  {
    name: "nothing to do leaves queries as they are",
    feature: QUERY,
    filters: mutations({ request_mutations: [add("x", "y")] }),
    client: [get("/?b=%20&a=1&&")],
  },
  {
    name: "headers see the path as it was, logs as it is",
    feature: QUERY,
    filters: mutations({
      request_mutations: [add("x-path", "%REQ(:path)%")],
      query_parameter_mutations: [query("a", "1")],
    }),
    client: [get("/p")],
    accessLog: "%REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  },
  {
    name: "trailers of both sides",
    feature: TRAILERS,
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    filters: mutations({
      request_trailers_mutations: [add("x-t", "%REQ(:path)%"), remove("x-c")],
      response_trailers_mutations: [add("x-t", "%RESPONSE_CODE%"), remove("x-up"), add("x-k", "2", OVERWRITE), removeMatching({ prefix: "x-z" })], // prettier-ignore
    }),
    routes: [{ ...toCluster("/", "a"), ...ofRoute({ response_trailers_mutations: [add("x-route", "1")], request_trailers_mutations: [add("x-route", "1")] }) }], // prettier-ignore
    upstreams: {
      a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["b"], "x-up: 1", "x-k: 1", "x-zz: 1"),
    },
    client: [request("POST", "/p", "transfer-encoding: chunked") + chunked(["a"], "x-c: 1", "x-d: 1")],
  },
  {
    name: "where there are no trailers, none are made",
    feature: TRAILERS,
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    filters: mutations({
      request_trailers_mutations: [add("x-t", "1")],
      response_trailers_mutations: [add("x-t", "1")],
    }),
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["b"]) },
    client: inTurn(get("/"), request("POST", "/", "transfer-encoding: chunked") + chunked(["a"])),
  },
];
