/** The decompressor filter: bodies of requests and of responses go on without their compression. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { ContractCase, JsonObject } from "../harness/case.ts";
import { RESET, answer, chunked, ended, get, got, head, inTurn, post, toCluster, typed } from "../harness/steps.ts";

const REQUESTS = "Decompressor: requests";
const RESPONSES = "Decompressor: responses";
const ACCEPT = "Decompressor: accept-encoding";
const BROKEN = "Decompressor: what is not compressed so";
const NAME = "envoy.filters.http.decompressor";

const GZIP = { name: "lib", typed_config: typed("extensions.compression.gzip.decompressor.v3.Gzip") };
const BROTLI = { name: "brlib", typed_config: typed("extensions.compression.brotli.decompressor.v3.Brotli") };

function decompressor(fields: JsonObject = {}, library: JsonObject = GZIP, name = NAME): JsonObject {
  return { name, typed_config: typed("extensions.filters.http.decompressor.v3.Decompressor", { decompressor_library: library, ...fields }) }; // prettier-ignore
}

const TEXT = "hello, hello, hello! ".repeat(10);
const latin1 = (bytes: Buffer): string => bytes.toString("latin1");
const PACKED = latin1(gzipSync(TEXT));
const BR = latin1(brotliCompressSync(TEXT));
/** Not much smaller in the end: what grows too much is cut off. */
const NUMBERS = Array.from({ length: 4_000 }, (_, i) => i * 7919).join(" ");
const BIG = latin1(gzipSync(NUMBERS));
const BOMB = latin1(gzipSync("0123456789".repeat(20_000)));
const DIGITS: readonly (readonly [RegExp, string])[] = [[/(?:0123456789)+/g, "{digits}"]];

const off = (direction: string): JsonObject => ({
  [`${direction}_direction_config`]: { common_config: { enabled: { default_value: false, runtime_key: "x" } } },
});

function counted(library = "lib.gzip"): readonly string[] {
  return ["request", "response"].flatMap((direction) =>
    ["decompressed", "not_decompressed", "total_uncompressed_bytes", "total_compressed_bytes"].map(
      (name) => `http.in.decompressor.${library}.${direction}.${name}`,
    ),
  );
}

function row(name: string, feature: string, parts: Partial<ContractCase>): ContractCase {
  return { name, feature, filters: [decompressor()], stats: counted(), client: [get(), got(1)], ...parts };
}

const sent = (...lines: readonly string[]): string => post(PACKED, ...lines);
const packed = (...lines: readonly string[]): string => answer(200, PACKED, ...lines);

const inChunks = (body: string, ...lines: readonly string[]): readonly string[] => [
  ["POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked", ...lines, "", ""].join("\r\n"),
  chunked([body.slice(0, 20), body.slice(20)]),
];

export const CASES: readonly ContractCase[] = [
  row("a request", REQUESTS, { client: [sent("content-encoding: gzip"), got(1)] }),
  row("a request in chunks", REQUESTS, { client: [...inChunks(PACKED, "content-encoding: gzip"), got(1)] }),
  row("requests that are not compressed, or otherwise", REQUESTS, {
    client: inTurn(sent(), sent("content-encoding: br"), sent("content-encoding: identity"), get("/", "content-encoding: gzip")),
  }), // prettier-ignore
  row("names of encodings", REQUESTS, {
    client: inTurn(...["GZIP", "x-gzip", "gzip, br", "br, gzip", "br,gzip", " gzip ", "gzip;q=1", "gzip, gzip"].map((value) => sent(`content-encoding: ${value}`))), // prettier-ignore
  }),
  row("no-transform", REQUESTS, {
    client: inTurn(sent("content-encoding: gzip", "cache-control: no-transform"), sent("content-encoding: gzip", "cache-control: max-age=1, no-transform"), sent("content-encoding: gzip", "cache-control: max-age=1")), // prettier-ignore
  }),
  row("no-transform, ignored", REQUESTS, {
    filters: [decompressor({ request_direction_config: { common_config: { ignore_no_transform_header: true } } })],
    client: inTurn(sent("content-encoding: gzip", "cache-control: no-transform")),
  }),
  row("switched off", REQUESTS, { filters: [decompressor(off("request"))], client: [sent("content-encoding: gzip"), got(1)] }), // prettier-ignore
  row("a large one", REQUESTS, { client: [post(BIG, "content-encoding: gzip"), got(1)] }), // prettier-ignore
  row("with trailers", REQUESTS, {
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed("extensions.upstreams.http.v3.HttpProtocolOptions", { explicit_http_config: { http_protocol_options: { enable_trailers: true } } }) } } }, // prettier-ignore
    client: [
      ["POST / HTTP/1.1", "Host: a.test", "transfer-encoding: chunked", "content-encoding: gzip", "", ""].join("\r\n"),
      chunked([PACKED], "x-t: 1"),
      got(1),
    ],
  }),

  row("a response", RESPONSES, { upstreams: { a: packed("content-encoding: gzip") } }),
  row("a response in chunks", RESPONSES, {
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked", "content-encoding: gzip") + chunked([PACKED.slice(0, 20), PACKED.slice(20)]) }, // prettier-ignore
  }),
  row("responses that are not compressed, or otherwise", RESPONSES, {
    upstreams: { a: { answers: [packed(), packed("content-encoding: br"), packed("content-encoding: gzip", "cache-control: no-transform"), answer(200, "", "content-encoding: gzip"), packed("content-encoding: br, gzip"), packed("content-encoding: gzip, br")] } }, // prettier-ignore
    client: inTurn(get(), get(), get(), get(), get(), get()),
  }),
  row("strong validators stay", RESPONSES, {
    upstreams: { a: packed("content-encoding: gzip", 'etag: "x"', "vary: x") },
  }),
  row("HEAD", RESPONSES, {
    upstreams: { a: head("HTTP/1.1 200 OK", "content-length: 20", "content-encoding: gzip") },
    client: ["HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n", got(1)],
  }),
  row("a response: switched off", RESPONSES, { filters: [decompressor(off("response"))], upstreams: { a: packed("content-encoding: gzip") } }), // prettier-ignore
  row("errors of the upstream too", RESPONSES, { upstreams: { a: answer(500, PACKED, "content-encoding: gzip") } }),
  row("a response: a large one", RESPONSES, { upstreams: { a: answer(200, BIG, "content-encoding: gzip") } }), // prettier-ignore
  row("a response: with trailers", RESPONSES, {
    manager: { http_protocol_options: { enable_trailers: true } },
    clusters: { a: { typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed("extensions.upstreams.http.v3.HttpProtocolOptions", { explicit_http_config: { http_protocol_options: { enable_trailers: true } } }) } } }, // prettier-ignore
    upstreams: { a: head("HTTP/1.1 200 OK", "transfer-encoding: chunked", "content-encoding: gzip") + chunked([PACKED], "x-t: 1") }, // prettier-ignore
  }),
  row("trailers are made where they are allowed", RESPONSES, {
    manager: { http_protocol_options: { enable_trailers: true } },
    upstreams: { a: packed("content-encoding: gzip") },
  }),
  row("an upstream that breaks off", RESPONSES, {
    upstreams: { a: { answers: [[head("HTTP/1.1 200 OK", "content-length: 900", "content-encoding: gzip") + PACKED, RESET]] } }, // prettier-ignore
    client: [get(), ended()],
  }),
  row("local replies are not compressed", RESPONSES, { routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "x" } } }] }), // prettier-ignore
  row("brotli", RESPONSES, {
    filters: [decompressor({}, BROTLI)],
    upstreams: { a: answer(200, BR, "content-encoding: br") },
    stats: counted("brlib.brotli"),
  }),
  row("one after another", RESPONSES, {
    filters: [decompressor({}, BROTLI, "one"), decompressor({}, GZIP, "two")],
    upstreams: { a: answer(200, latin1(gzipSync(brotliCompressSync(TEXT))), "content-encoding: gzip, br") },
    stats: [...counted(), ...counted("brlib.brotli")],
  }),
  row("one after another, the outer first", RESPONSES, {
    filters: [decompressor({}, BROTLI, "one"), decompressor({}, GZIP, "two")],
    upstreams: { a: answer(200, latin1(gzipSync(brotliCompressSync(TEXT))), "content-encoding: br, gzip") },
    stats: [...counted(), ...counted("brlib.brotli")],
  }),

  row("is said for the client", ACCEPT, { client: inTurn(get(), get("/", "accept-encoding: br"), get("/", "accept-encoding: gzip"), get("/", "accept-encoding: gzip;q=0"), get("/", "accept-encoding: gzip;q=0.5, br"), get("/", "accept-encoding: *"), get("/", "accept-encoding: identity"), get("/", "accept-encoding:"), get("/", "accept-encoding: br", "accept-encoding: x"), get("/", "accept-encoding: GZIP"), get("/", "accept-encoding: xgzip")) }), // prettier-ignore
  row("is not said where responses stay as they are", ACCEPT, { filters: [decompressor(off("response"))] }),
  row("is not said if it is not to be", ACCEPT, { filters: [decompressor({ request_direction_config: { advertise_accept_encoding: false } })] }), // prettier-ignore
  row("is said though requests stay as they are", ACCEPT, { filters: [decompressor(off("request"))] }),
  row("of two", ACCEPT, { filters: [decompressor({}, BROTLI, "one"), decompressor({}, GZIP, "two")], client: inTurn(get(), get("/", "accept-encoding: deflate")) }), // prettier-ignore

  row("a response that is not gzip", BROKEN, { upstreams: { a: answer(200, TEXT, "content-encoding: gzip") } }),
  row("a response that is zlib", BROKEN, {
    upstreams: { a: answer(200, latin1(deflateSync(TEXT)), "content-encoding: gzip") },
  }),
  row("a response that ends too early", BROKEN, { upstreams: { a: answer(200, PACKED.slice(0, 30), "content-encoding: gzip") } }), // prettier-ignore
  row("a response with more behind it", BROKEN, {
    upstreams: { a: answer(200, `${PACKED}more`, "content-encoding: gzip") },
  }),
  row("two in one response", BROKEN, { upstreams: { a: answer(200, PACKED + PACKED, "content-encoding: gzip") } }),
  row("a request that is not gzip", BROKEN, { client: [post(TEXT, "content-encoding: gzip"), got(1)] }),
  row("a response that grows too much", BROKEN, {
    filters: [decompressor({}, { name: "lib", typed_config: typed("extensions.compression.gzip.decompressor.v3.Gzip", { max_inflate_ratio: 2 }) })], // prettier-ignore
    upstreams: { a: answer(200, BOMB, "content-encoding: gzip") },
    mask: DIGITS,
  }),
  row("a response that grows more than a hundredfold", BROKEN, {
    upstreams: { a: answer(200, BOMB, "content-encoding: gzip") },
    mask: DIGITS,
  }),
  row("refused: no library", REQUESTS, { filters: [{ name: NAME, typed_config: typed("extensions.filters.http.decompressor.v3.Decompressor") }], refused: true }), // prettier-ignore
  row("refused: window bits", REQUESTS, { filters: [decompressor({}, { name: "lib", typed_config: typed("extensions.compression.gzip.decompressor.v3.Gzip", { window_bits: 8 }) })], refused: true }), // prettier-ignore
  row("disabled for a route", REQUESTS, {
    routes: [
      toCluster("/", "a", {}, { typed_per_filter_config: { [NAME]: typed("config.route.v3.FilterConfig", { disabled: true, config: {} }) } }), // prettier-ignore
    ],
    upstreams: { a: packed("content-encoding: gzip") },
  }),
];
