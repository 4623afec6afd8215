/** The compressor filter: which responses are compressed. What then comes is checked in packages/proxy/test/http/compressor.test.ts. */
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { answer, chunked, get, got, head, header, inTurn, post, request, toCluster, typed } from "../harness/steps.ts";

const ACCEPT = "Compressor: accept-encoding";
const RULES = "Compressor: which responses";
const HEADERS = "Compressor: headers";
const REQUESTS = "Compressor: requests";
const LEVELS = "Compressor: routes";
const NAME = "envoy.filters.http.compressor";
const BODY = "x".repeat(200);

const GZIP = { name: "lib", typed_config: typed("extensions.compression.gzip.compressor.v3.Gzip") };
const BROTLI = { name: "brlib", typed_config: typed("extensions.compression.brotli.compressor.v3.Brotli") };

function compressor(fields: JsonObject = {}, library: JsonObject = GZIP, name = NAME): JsonObject {
  return { name, typed_config: typed("extensions.filters.http.compressor.v3.Compressor", { compressor_library: library, ...fields }) }; // prettier-ignore
}

const of = (fields: JsonObject): JsonObject => ({ response_direction_config: fields });
const common = (fields: JsonObject): JsonObject => of({ common_config: fields });
const html = (...lines: readonly string[]): string => answer(200, BODY, "content-type: text/html", ...lines);
const accepting = (value: string): string => get("/", `accept-encoding: ${value}`);

function counted(library = "lib.gzip", response = ""): readonly string[] {
  const prefix = `http.in.compressor.${library}.`;
  return [
    ...["compressed", "not_compressed", "content_length_too_small", "total_uncompressed_bytes"].map(
      (name) => `${prefix}${response}${name}`,
    ),
    ...["no_accept_header", "not_compressed_etag", "header_identity", "header_compressor_used", "header_wildcard", "header_compressor_overshadowed", "header_not_valid", "request.not_compressed"].map((name) => prefix + name), // prettier-ignore
  ];
}

/** Each answer to a request that accepts gzip. */
function answers(
  name: string,
  feature: string,
  fields: JsonObject,
  list: readonly string[],
  parts: Partial<ContractCase> = {},
): ContractCase {
  return {
    name,
    feature,
    filters: [compressor(fields)],
    upstreams: { a: { answers: list } },
    client: inTurn(...list.map(() => accepting("gzip"))),
    // What compressors make of the same bytes differs.
    mask: [[/^\{chunked\}.*$/s, "{chunked} {compressed}"]],
    stats: counted("lib.gzip", fields["response_direction_config"] === undefined ? "" : "response."),
    ...parts,
  };
}

/** One answer to requests with these values of accept-encoding. */
function accepts(
  name: string,
  filters: readonly JsonObject[],
  values: readonly string[],
  stats = counted(),
): ContractCase {
  return {
    ...answers(name, ACCEPT, {}, [html()]),
    filters,
    client: inTurn(...values.map(accepting)),
    stats,
  };
}

const ON: JsonObject = { request_direction_config: {} };
const OF_REQUESTS = ["compressed", "not_compressed", "content_length_too_small", "total_uncompressed_bytes"].map(
  (name) => `http.in.compressor.lib.gzip.request.${name}`,
);
const posted = (...lines: readonly string[]): string => post(BODY, ...lines);

/** Requests that may be compressed. */
function sends(name: string, fields: JsonObject, requests: readonly string[]): ContractCase {
  return { ...answers(name, REQUESTS, fields, []), upstreams: {}, client: inTurn(...requests), stats: OF_REQUESTS };
}

const TYPES = ["text/html", "text/plain", "text/css", "application/javascript", "application/x-javascript", "text/javascript", "text/x-javascript", "text/ecmascript", "text/js", "text/jscript", "text/x-js", "application/ecmascript", "application/x-json", "application/xml", "application/json", "image/svg+xml", "text/xml", "application/xhtml+xml", "application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text", "application/grpc-web-text+proto", "application/grpc", "application/manifest+json", "application/vnd.api+json", "font/woff", "image/png", "application/octet-stream", "text/event-stream", "TEXT/HTML", "text/html; charset=x", " text/html ;x"]; // prettier-ignore
const BOTH = [compressor({}, BROTLI, "br"), compressor({}, GZIP, "gz")];

export const CASES: readonly ContractCase[] = [
  accepts("values", [compressor()], ["gzip", "deflate", "gzip;q=0", "gzip;q=0.5, br", "*", "identity", "identity, *;q=0", "GZIP", "deflate, gzip;q=1.0, *;q=0.5", "x-gzip", "gzip;q=0.1,identity;q=0.5", "identity;q=0", ";q=1", "*;q=0", "gzip; q=0.000", "br,gzip", "gzip;q=x", "gzip;x=0", "gzip;Q=0.2, identity;q=.1", "gzip;q=0, *", ",", "gzip,,"]), // prettier-ignore
  accepts("of two compressors the one that the client likes better", BOTH, ["gzip, br", "br, gzip", "br;q=0.5, gzip", "br, gzip;q=0.5", "gzip", "br", "*", "gzip;q=0, *", "deflate"], [...counted(), ...counted("brlib.brotli")]), // prettier-ignore
  accepts("choose_first", [compressor({}, BROTLI, "br"), compressor({ choose_first: true }, GZIP, "gz")], ["gzip, br", "br, gzip", "*", "br, gzip;q=0.5"]), // prettier-ignore
  {
    ...answers("none", ACCEPT, {}, [html()]),
    client: inTurn(get(), request("GET", "/", "accept-encoding:")),
  },
  answers(
    "content types",
    RULES,
    {},
    TYPES.map((type) => answer(200, BODY, `content-type: ${type}`)),
  ),
  answers("without a content type", RULES, {}, [answer(200, BODY)]),
  answers("content types of one's own", RULES, common({ content_type: ["image/png"] }), ["image/png", "text/html"].map((type) => answer(200, BODY, `content-type: ${type}`))), // prettier-ignore
  answers("lengths", RULES, {}, [29, 30].map((n) => answer(200, "x".repeat(n), "content-type: text/html")).concat(head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["a"]), answer(200, "", "content-type: text/html"))), // prettier-ignore
  answers("a least length of one's own", RULES, common({ min_content_length: 5 }), [answer(200, "abcd"), answer(200, "abcde")]), // prettier-ignore
  answers("what is encoded, or not to be changed", RULES, {}, [html("content-encoding: br"), html("cache-control: no-transform"), html("cache-control: max-age=1, No-Transform"), html("content-encoding: identity")]), // prettier-ignore
  answers("statuses", RULES, {}, [206, 404, 500].map((status) => answer(status, BODY)).concat(answer(204), answer(304))), // prettier-ignore
  answers("uncompressible_response_codes", RULES, of({ uncompressible_response_codes: [206] }), [answer(206, BODY), answer(200, BODY)]), // prettier-ignore
  { ...answers("HEAD", RULES, {}, [html()]), client: [request("HEAD", "/", "accept-encoding: gzip")] },
  answers("switched off", RULES, common({ enabled: { default_value: false, runtime_key: "k" } }), [html()]),
  answers("etag", HEADERS, {}, [html('etag: "a"'), html('etag: W/"a"')]),
  answers("disable_on_etag_header", HEADERS, of({ disable_on_etag_header: true }), [html('etag: "a"'), html('etag: W/"a"'), html()]), // prettier-ignore
  answers("weaken_etag_on_compress", HEADERS, of({ weaken_etag_on_compress: true }), [html('etag: "a"'), html('etag: W/"a"')]), // prettier-ignore
  answers("vary", HEADERS, {}, [html("vary: x"), html("vary: accept-encoding"), html("vary: *"), html("vary: a, Accept-Encoding"), answer(200, BODY, "content-type: a/b", "vary: x")]), // prettier-ignore
  { ...answers("vary where the client accepts nothing", HEADERS, {}, [html("vary: x", 'etag: "a"')]), client: [get()] },
  answers("remove_accept_encoding_header", HEADERS, of({ remove_accept_encoding_header: true }), [html()]),
  {
    ...answers("the proxy's own answers", RULES, {}, []),
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: BODY } }, response_headers_to_add: [header("x-a", "1")] }], // prettier-ignore
    client: [accepting("gzip"), got(1), get()],
  },
  {
    ...answers("trailers", RULES, {}, []),
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked") + chunked(["abc"], "x-t: 1") },
    client: [accepting("gzip"), got(1)],
    mask: [[/^\{chunked\}.*$/s, "{chunked} {compressed}"]],
  },
  {
    ...answers("routes", LEVELS, common({ enabled: { default_value: false, runtime_key: "k" } }), [html()]),
    routes: [
      { ...toCluster("/off", "a"), typed_per_filter_config: { [NAME]: typed("extensions.filters.http.compressor.v3.CompressorPerRoute", { disabled: true }) } }, // prettier-ignore
      { ...toCluster("/on", "a"), typed_per_filter_config: { [NAME]: typed("extensions.filters.http.compressor.v3.CompressorPerRoute", { overrides: {} }) } }, // prettier-ignore
      { ...toCluster("/remove", "a"), typed_per_filter_config: { [NAME]: typed("extensions.filters.http.compressor.v3.CompressorPerRoute", { overrides: { response_direction_config: { remove_accept_encoding_header: true } } }) } }, // prettier-ignore
      toCluster("/", "a"),
    ],
    client: inTurn(...["/off", "/on", "/remove", "/"].map((path) => get(path, "accept-encoding: gzip"))),
  },
  sends("requests: not unless it says so", {}, [posted()]),
  sends(
    "requests: by their types",
    ON,
    TYPES.map((type) => posted(`content-type: ${type}`)),
  ),
  sends("requests: without a type", ON, [posted()]),
  sends("requests: types of one's own", { request_direction_config: { common_config: { content_type: ["image/png"] } } }, [posted("content-type: image/png"), posted("content-type: text/html")]), // prettier-ignore
  sends("requests: lengths", ON, [post("x".repeat(29)), post("x".repeat(30)), get()]),
  sends("requests: a least length of one's own", { request_direction_config: { common_config: { min_content_length: 100 } } }, [post("x".repeat(99)), post("x".repeat(100))]), // prettier-ignore
  sends("requests: what is encoded, or not to be changed", ON, [posted("content-encoding: br"), posted("cache-control: no-transform"), posted("content-encoding: identity")]), // prettier-ignore
  sends("requests: accept-encoding is for responses", ON, [posted("accept-encoding: identity")]),
  sends("requests: switched off", { request_direction_config: { common_config: { enabled: { default_value: false, runtime_key: "k" } } } }, [posted()]), // prettier-ignore
  {
    ...sends("requests: in chunks", ON, []),
    client: [["POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked", "", ""].join("\r\n"), chunked(["abc", "def"]), got(1)], // prettier-ignore
  },
  {
    ...sends("requests: with trailers", ON, []),
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { http_protocol_options: { enable_trailers: true } } },
    client: [["POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked", "", ""].join("\r\n"), chunked(["abc"], "x-t: 1"), got(1)], // prettier-ignore
  },
  {
    ...sends("requests: those of routes for which it is switched off", ON, []),
    routes: [
      { ...toCluster("/off", "a"), typed_per_filter_config: { [NAME]: typed("extensions.filters.http.compressor.v3.CompressorPerRoute", { disabled: true }) } }, // prettier-ignore
      toCluster("/", "a"),
    ],
    client: inTurn(request("POST", "/off", `content-length: ${BODY.length}`) + BODY, posted()),
  },
  {
    ...sends("requests: retried", ON, []),
    routes: [toCluster("/", "a", { timeout: "0s", retry_policy: { retry_on: "5xx", retry_back_off: { base_interval: "0.001s" } } })], // prettier-ignore
    upstreams: { a: { answers: [answer(503), answer(200)] } },
    client: [posted(), got(1)],
  },
  {
    ...sends("requests and responses", { ...ON, response_direction_config: {} }, [posted("accept-encoding: gzip")]),
    upstreams: { a: html() },
    stats: [...counted("lib.gzip", "response."), ...OF_REQUESTS],
  },
  {
    ...answers("refused: no library", RULES, {}, []),
    filters: [{ name: NAME, typed_config: typed("extensions.filters.http.compressor.v3.Compressor", {}) }],
    client: [get()],
    refused: true,
  },
];
