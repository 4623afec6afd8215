/** What the differential fuzzer (test/fuzz) found to be different, and is not any more. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, ended, get, got, head, header, inTurn, post, request, toCluster, typed } from "../harness/steps.ts";

const LOG =
  "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %ROUTE_NAME% %UPSTREAM_CLUSTER% %REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH)%";
const RBAC = "envoy.filters.http.rbac";
const DENY_ALL = { name: RBAC, typed_config: typed("extensions.filters.http.rbac.v3.RBAC", { rules: {} }) };
const ADDS = { response_headers_to_add: [header("x-added", "1")] };
const OF_URL = "HTTP/1.1 requests: absolute form";
const REFUSED_FIRST = "HTTP/1.1 requests: which fault is told first";

/** GETs that only the target tells apart. */
function targets(feature: string, list: readonly string[], parts: Partial<ContractCase> = {}): ContractCase[] {
  return list.map((line) => ({
    name: `${feature}: ${line}`,
    feature,
    client: [
      head(`${line.includes(" ") ? line : `GET ${line}`} HTTP/1.1`, "Host: a.test", "connection: close"),
      ended(),
    ],
    accessLog: LOG,
    ...parts,
  }));
}

function faults(rows: Readonly<Record<string, string>>, parts: Partial<ContractCase> = {}): ContractCase[] {
  return Object.entries(rows).map(([name, bytes]) => ({
    name: `${REFUSED_FIRST}: ${name}`,
    feature: REFUSED_FIRST,
    client: [bytes, ended()],
    accessLog: LOG,
    ...parts,
  }));
}

function virtualHost(route: JsonObject, more: JsonObject = {}): Partial<ContractCase> {
  return { virtualHost: more, routes: [{ match: { prefix: "/" }, ...route }], accessLog: LOG };
}

const REFERERS = ["a=b; c=d", "a:80", "http:", "http://a:99999/", "http://a_b/", "/a b", '"q"', "/caf\xe9", "?x:y", "a/b:c", "//a", "?x", "", "h-1://a", "http://a/x\"y", "http://[::1]/", "/?a=http://b/", "http://a/caf\xe9", "http://"]; // prettier-ignore

export const CASES: readonly ContractCase[] = [
  ...targets(OF_URL, ["http://a@@b/", "http://a@b@c/", "http://u@b.test:81/x", "http://b:x/", "http://b:99999/", "http://[::1/", "http://a_b/", "http://a%20/", "http://a,b/", "http://[::1%25a]:80/", "http://a:/", "1http://a/", "http:/a", "a:80", "?x", "http://B.Test/", "CONNECT a:99999", "CONNECT :80", "OPTIONS *a", "&r=\xe9"]), // prettier-ignore
  ...targets(OF_URL + ", not allowed", ["http://b/a", "http://", "*", "a.test:80", "ftp://b/"], {
    manager: { http_protocol_options: { allow_absolute_url: false } },
  }),
  ...["HTTPS://b.test/", "http://b.test/"].map((url) => ({
    name: `${url} from an edge client`,
    feature: OF_URL,
    manager: { use_remote_address: true },
    client: [head(`GET ${url} HTTP/1.1`, "Host: a.test", "connection: close"), ended()],
    accessLog: LOG,
  })),
  ...faults({
    "a URL that is none, of an old version": head("GET ftp:// HTTP/1.0"),
    "framing of an old version": head("GET / HTTP/1.0", "content-length: 1", "transfer-encoding: chunked"),
    "an encoding of an old version": head("GET / HTTP/1.0", "transfer-encoding: x"),
    "an old version with a Host that is none": head("GET / HTTP/1.0", "host: a b"),
    "a HEAD of an old version": head("HEAD / HTTP/1.0"),
    "a target that is none, and a Host that is none": head("GET a:80 HTTP/1.1", "host: a\\"),
    "a Host that is none, and a URL in its place": head(
      "GET http://b.test/ HTTP/1.1",
      "host: a b",
      "connection: close",
    ),
    "a target that is none, without a version": "GET ?\r\n\r\n",
  }),
  ...faults(
    { "an underscore, and an old version": head("GET / HTTP/1.0", "x_y: 1") },
    { manager: { common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" } } },
  ),
  ...REFERERS.map((referer): ContractCase => ({
    name: `referer: ${referer}`,
    feature: "Request headers: referer",
    client: [get("/", `referer: ${referer}`)],
  })),
  {
    name: "what is empty leaves no comma where lines of one name are joined",
    feature: "Request headers: repeated lines",
    routes: [toCluster("/", "a", {}, { request_headers_to_add: [header("accept", "", undefined, { keep_empty_value: true })] })], // prettier-ignore
    client: inTurn(
      get("/", "content-type: a", "content-type: "),
      get("/", "content-type: ", "content-type: b"),
      get("/", "accept: a"),
      get("/", "content-type: a", "content-type: ", "content-type: b"),
    ),
  },
  ...[{}, { xff_num_trusted_hops: 1 }, { use_remote_address: true, xff_num_trusted_hops: 1 }].map((fields) => ({
    name: `append_x_forwarded_port with ${JSON.stringify(fields)}`,
    feature: "Request headers: x-forwarded-port",
    manager: { append_x_forwarded_port: true, ...fields },
    client: inTurn(get(), get("/", "x-forwarded-port: 7"), get("/", "x-forwarded-proto: https")),
    mask: [[/^x-forwarded-port: \d{4,}$/, "x-forwarded-port: {port}"] as const],
  })),
  {
    name: "an empty te, an empty content-type of a QUERY",
    feature: "Request headers: empty ones",
    client: [get("/", "te: "), got(1), request("QUERY", "/", "content-type: ", "connection: close"), ended()],
  },
  {
    name: "te where Connection names it, and where it does not",
    feature: "Request headers: te",
    client: inTurn(
      ...["te: TRAILERS", "te: gzip, TRAILERS", "te: gzip", "te: ", "te: trailers;q=1"].flatMap((te) => [
        get("/", "connection: te", te),
        get("/", te),
      ]),
    ),
  },
  {
    name: "via, where there is an empty one, and among what edge clients get",
    feature: "Request headers: via",
    manager: { use_remote_address: true, add_user_agent: true, via: "v" },
    upstreams: { a: answer(200, "", "via: ") },
    client: inTurn(get(), get("/", "via: "), get("/", "via: x")),
  },
  {
    name: "an external address that is none",
    feature: "Request headers: x-envoy-external-address",
    manager: { use_remote_address: true, xff_num_trusted_hops: 1 },
    client: inTurn(
      ...["a", "1.2.3.4", "::0001", "1.2.3.4:80", "a, 5.6.7.8"].map((each) => get("/", `x-forwarded-for: ${each}`)),
    ),
  },
  {
    name: "an empty Host is no original host",
    feature: "Rewrites: original host and path",
    ...virtualHost({ route: { cluster: "a", host_rewrite_literal: "r.test" } }),
    client: [get("/", "host: ")],
  },
  {
    name: "suppress_envoy_headers leaves no original host and path",
    feature: "Rewrites: original host and path",
    router: { suppress_envoy_headers: true },
    ...virtualHost({
      route: { cluster: "a", prefix_rewrite: "/z", host_rewrite_literal: "r.test", append_x_forwarded_host: true },
    }),
    client: [get("/a")],
  },
  ...Object.entries<JsonObject>({
    prefix_rewrite: { prefix_rewrite: "/y/" },
    regex_rewrite: { regex_rewrite: { pattern: { regex: "^/(.*)" }, substitution: "/z\\1" } },
    path_redirect: { path_redirect: "/w" },
  }).map(([name, fields]) => ({
    name: `a redirect by ${name} in the log`,
    feature: "Redirects: what logs tell of the path",
    ...virtualHost({ redirect: fields, response_headers_to_add: [header("x-path", "%REQ(:PATH)%")] }),
    client: [get("/a?b")],
  })),
  ...Object.entries<JsonObject>({
    redirect: { redirect: { path_redirect: "/r" } },
    "direct response": { direct_response: { status: 200 } },
    cluster: { route: { cluster: "a" } },
  }).map(([name, action]) => ({
    name: `a filter's answer where the route is a ${name}`,
    feature: "Local replies: headers of routes",
    filters: [DENY_ALL],
    ...virtualHost({ ...action, ...ADDS }, { include_attempt_count_in_response: true, ...ADDS }),
    client: [get()],
  })),
  {
    name: "a route's content-type does not describe an answer without a body",
    feature: "Local replies: headers of routes",
    ...virtualHost({ route: { cluster: "missing" }, response_headers_to_add: [header("content-type", "x/y")] }),
    client: [get()],
  },
  ...[
    { text_format_source: { inline_string: "%LOCAL_REPLY_BODY%!" } },
    { text_format_source: { inline_string: "%LOCAL_REPLY_BODY%" }, content_type: "a/b" },
    { json_format: { a: "b" } },
  ].map((body_format, i) => ({
    name: `a route's content-type and a body format: ${i}`,
    feature: "Local replies: headers of routes",
    manager: { local_reply_config: { body_format } },
    ...virtualHost({
      direct_response: { status: 500, body: { inline_string: "x" } },
      response_headers_to_add: [header("content-type", "x/y")],
    }),
    client: [get()],
  })),
  ...Object.entries<JsonObject>({
    "a redirect": { redirect: {} },
    "no cluster": { route: { cluster: "missing" } },
    "an answer": { route: { cluster: "a" }, ...ADDS },
  }).map(([name, action]) => ({
    name: `include_attempt_count_in_response: ${name}`,
    feature: "Retries: attempt counts",
    ...virtualHost(action, { include_attempt_count_in_response: true }),
    client: [get()],
  })),
  {
    name: "a refused request gets the headers of a route that it would have taken",
    feature: "Local replies: headers of routes",
    ...virtualHost({ route: { cluster: "a" } }, ADDS),
    client: [head("GET / HTTP/1.1", "x-forwarded-proto: http"), ended()],
  },
  {
    name: "without a Host there is no route among several virtual hosts",
    feature: "Local replies: headers of routes",
    virtualHosts: [["a.test"], ["*"]].map((domains, i) => ({
      name: `v${i}`,
      domains,
      routes: [toCluster("/", "a")],
      ...ADDS,
    })),
    accessLog: LOG,
    client: [head("GET / HTTP/1.1", "x-forwarded-proto: http"), ended()],
  },
  {
    name: "the path that is told of a path that cannot be normalised",
    feature: "Paths: what logs tell",
    manager: { normalize_path: true },
    accessLog: LOG,
    client: [get("/..;x/%00/.;y?/..;z", "connection: close"), ended()],
  },
  ...(["REJECT_REQUEST", "UNESCAPE_AND_REDIRECT"] as const).map((action) => ({
    name: `the path that is told of a refused request: ${action}`,
    feature: "Paths: what logs tell",
    manager: { path_with_escaped_slashes_action: action },
    accessLog: LOG,
    client: [get("/a%2Fb%5c?c=%2F", "connection: close"), ended()],
  })),
  ...(
    [
      ["OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"],
      ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT"],
      ["OVERWRITE_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT"],
      ["ADD_IF_ABSENT", "ADD_IF_ABSENT"],
    ] as const
  ).map(([first, second]) => ({
    name: `${first}, then ${second} of the same header`,
    feature: "Header mutations: values and conditions see what was there before",
    ...virtualHost({
      route: { cluster: "a" },
      request_headers_to_add: [header("x-q", "1", first), header("x-q", "2", second)],
      response_headers_to_add: [header("x-p", "1 %REQ(x-q)%", first), header("x-p", "2 %RESP(x-p)%", second)],
    }),
    client: inTurn(get(), get("/", "x-q: 0")),
  })),
  {
    name: "a URI template matches stars in paths",
    feature: "RBAC: URI templates",
    filters: ["/a/*", "/b/{x=**}/c"].map((path_template, i) => ({
      name: `${RBAC}${i}`,
      typed_config: typed("extensions.filters.http.rbac.v3.RBAC", {
        rules: {
          action: "DENY",
          policies: {
            p: {
              permissions: [
                {
                  uri_template: {
                    name: "t",
                    typed_config: typed("extensions.path.match.uri_template.v3.UriTemplateMatchConfig", {
                      path_template,
                    }),
                  },
                },
              ],
              principals: [{ any: true }],
            },
          },
        },
      }),
    })),
    client: inTurn(get("/a/*"), get("/a/b*"), get("/b/*/c"), get("/b/x/*y/c"), get("/c/*")),
  },
  {
    name: "an empty match is not replaced where another one ends",
    feature: "Rewrites: regex_rewrite",
    ...virtualHost({ route: { cluster: "a", regex_rewrite: { pattern: { regex: "b*" }, substitution: "/x" } } }),
    client: inTurn(get("/1/ab/b/%25"), get("/b"), get("/"), get("/bbb?b")),
  },
  {
    name: "a route's proxy-connection does not pass, its keep-alive does",
    feature: "Response headers: of the connection",
    virtualHost: { response_headers_to_add: [header("proxy-connection", "1"), header("keep-alive", "1")] },
    routes: [toCluster("/a", "a"), toCluster("/b", "missing"), { match: { prefix: "/" }, redirect: {} }],
    client: inTurn(get("/a"), get("/b"), get("/c")),
  },
  {
    name: "a configuration's text is compared byte by byte",
    feature: "Header matching: bytes beyond ASCII",
    routes: [
      ...[{ exact: "é" }, { prefix: "É", ignore_case: true }, { safe_regex: { regex: "xé+" } }, { suffix: "ü" }].map(
        (matcher, i) => ({
          match: { prefix: "/", headers: [{ name: "x-a", string_match: matcher }] },
          direct_response: { status: 200 + i },
        }),
      ),
      { match: { prefix: "/" }, redirect: { path_redirect: "/é", host_redirect: "r.test" } },
    ],
    client: inTurn(...["\xc3\xa9", "\xe9", "\xc3\x89x", "\xc3\xa9x", "x\xc3\xa9\xa9", "x\xc3\xa9\xc3\xa9", "\xc3\xbc", "\xfc"].map((value) => get("/", `x-a: ${value}`))), // prettier-ignore
  },
  {
    name: "an upgrade to something other than WebSocket, refused: the body passes",
    feature: "Upgrades: refused by the upstream",
    manager: { upgrade_configs: [{ upgrade_type: "x" }] },
    accessLog: LOG,
    client: [get("/", "connection: upgrade", "upgrade: x"), ended()],
  },
  {
    name: "what the Connection of an upgrade names stays",
    feature: "Upgrades: refused by the upstream",
    manager: { upgrade_configs: [{ upgrade_type: "x" }] },
    client: [get("/", "connection: x-a, Upgrade, host", "upgrade: x", "x-a: 1"), ended()],
  },
  {
    name: "a handshake of WebSocket that fails, in the log",
    feature: "Upgrades: refused by the upstream",
    manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
    accessLog: LOG,
    client: [get("/", "connection: upgrade", "upgrade: websocket"), ended()],
  },
  ...[102, 103, 199].map((status) => ({
    name: `proxy_100_continue: ${status}`,
    feature: "HTTP/1.1 messages: proxy_100_continue",
    manager: { proxy_100_continue: true, always_set_request_id_in_response: true },
    upstreams: {
      a: head(`HTTP/1.1 ${status} X`, "link: a") + head("HTTP/1.1 103 X", "link: b") + answer(200, "ok"),
    },
    client: [post("hello")],
  })),
  {
    name: "a HEAD that is refused by the codec has a body",
    feature: REFUSED_FIRST,
    client: [request("HEAD", "a:80"), ended()],
  },
];
