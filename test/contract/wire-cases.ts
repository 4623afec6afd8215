/**
 * Bytes that a client may send, for a stock Envoy and Tulle behind the same bootstrap file (wire.test.ts). What the client sees and what
 * the backend sees must be the same. Where Tulle is deliberately stricter, `stricter` says why; such a case must then be refused and
 * nothing of it may reach the backend.
 */
export interface WireCase {
  readonly name: string;
  /** Sent one after another, each in a segment of its own. */
  readonly send: readonly string[];
  /** Set where Tulle refuses what Envoy lets pass: the reason. */
  readonly stricter?: string;
  /** Half-close after sending. */
  readonly finish?: boolean;
}

const HOST = "Host: a.test\r\n";

function get(headers = "", path = "/"): string {
  return `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`;
}

function post(headers: string, body: string): string {
  return `POST / HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
}

function one(name: string, bytes: string, stricter?: string): WireCase {
  return stricter === undefined ? { name, send: [bytes] } : { name, send: [bytes], stricter };
}

function repeat(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join("");
}

const AMBIGUOUS_FRAMING = "RFC 9112 §6.3: a message whose length two parties can read differently must be refused";
const BARE_LF = "RFC 9112 §2.2 allows a lone LF, but a proxy that forwards to parsers which do not is a smuggling gap";
const TWO_HOSTS = "RFC 9112 §3.2: more than one Host must be answered with 400";
const BARE_CR =
  "RFC 9112 §2.2: a bare CR must be refused or replaced before forwarding; deleting it changes what was said";

export const WIRE_CASES: readonly WireCase[] = [
  // Ordinary requests
  one("GET", get()),
  one("GET with a query", get("", "/a/b?c=d&e=%20")),
  one("mixed-case names and odd white space", get("X-One:1\r\nx-TWO:   2  \r\nX-Three:\t3\t\r\n")),
  one("empty value", get("x-empty:\r\nx-other: 1\r\n")),
  one("repeated headers keep their order", get("x-a: 1\r\nx-b: 2\r\nx-a: 3\r\n")),
  one("repeated cookie lines", get("cookie: a=1\r\ncookie: b=2\r\n")),
  one("obs-text bytes in a value", get("x-a: caf\xe9\r\n")),
  one("Host not first", `GET / HTTP/1.1\r\nx-a: 1\r\nHost: a.test\r\nx-b: 2\r\n\r\n`),
  one("HEAD", `HEAD / HTTP/1.1\r\n${HOST}\r\n`),
  one("OPTIONS *", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  one("DELETE with a body", `DELETE / HTTP/1.1\r\n${HOST}content-length: 3\r\n\r\nabc`),
  one("POST with content-length", post("content-length: 5\r\n", "hello")),
  one("POST chunked", post("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")),
  one("POST chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n")),
  one("POST with a zero length", post("content-length: 0\r\n", "")),
  one("POST without a length", post("", "")),
  one("chunk extension", post("transfer-encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n")),
  one("chunked with trailers", post("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n")),
  one("leading zeros in a length", post("content-length: 0005\r\n", "hello")),
  one("leading zeros in a chunk size", post("transfer-encoding: chunked\r\n", "0005\r\nhello\r\n0\r\n\r\n")),
  { name: "every byte on its own", send: post("content-length: 5\r\nx-a: 1\r\n", "hello").split("") },
  { name: "head and body apart", send: [post("content-length: 5\r\n", ""), "hel", "lo"] },
  { name: "two requests pipelined", send: [get("x-n: 1\r\n") + get("x-n: 2\r\n")] },
  { name: "three requests, one after another", send: [get(), post("content-length: 2\r\n", "ok"), get()] },
  one("leading CRLF before the request line", `\r\n${get()}`),
  one("connection: close", get("connection: close\r\n")),
  one("connection: keep-alive", get("connection: keep-alive\r\nkeep-alive: timeout=5\r\n")),
  one("header nominated by Connection", get("connection: x-a\r\nx-a: 1\r\nx-b: 2\r\n")),
  one("te: trailers", get("te: trailers, gzip\r\n")),
  one("te: gzip", get("te: gzip\r\n")),
  one("proxy-connection", get("proxy-connection: keep-alive\r\n")),
  one("expect: 100-continue", post("expect: 100-continue\r\ncontent-length: 5\r\n", "hello")),
  one("x-forwarded-for passes", get("x-forwarded-for: 1.2.3.4\r\n")),
  one("x-forwarded-proto https passes", get("x-forwarded-proto: https\r\n")),
  one("x-forwarded-proto nonsense", get("x-forwarded-proto: gopher\r\n")),
  one("x-request-id passes", get("x-request-id: 4b7d3c2a-5e6f-4a1b-8c9d-0e1f2a3b4c5d\r\n")),
  one("x-envoy control headers", get("x-envoy-max-retries: 5\r\nx-envoy-retry-on: 5xx\r\nx-envoy-internal: true\r\n")),
  one("absolute form", `GET http://b.test/x?y HTTP/1.1\r\n${HOST}\r\n`),
  one("absolute form without a path", `GET http://b.test HTTP/1.1\r\n${HOST}\r\n`),
  one("referer with userinfo", get("referer: http://user:pw@a.test/\r\n")),
  one("a dot segment", get("", "/a/../b/./c")),
  one("an encoded dot segment", get("", "/a/%2e%2e/b")),
  one("a backslash", get("", "/a\\b")),
  one("two slashes", get("", "//a///b")),
  one("an encoded slash", get("", "/a%2Fb")),
  one("a path of 8 KB", get("", `/${"a".repeat(8192)}`)),
  one("many headers, within the limit", get(repeat(90, (i) => `x-h${i}: ${i}\r\n`))),
  one("a header of 30 KB", get(`x-big: ${"b".repeat(30_000)}\r\n`)),
  // Local answers
  one("no route", `GET / HTTP/1.1\r\nHost: nowhere.test\r\n\r\n`),
  one("no route, HEAD", `HEAD / HTTP/1.1\r\nHost: nowhere.test\r\n\r\n`),
  one("redirect", get("", "/redirect?x=1")),
  one("direct response", get("", "/direct")),
  one("no such cluster", get("", "/nocluster")),
  one("nothing listens", get("", "/refused")),
  one("no endpoint", get("", "/empty")),
  one("no route for gRPC", `POST / HTTP/1.1\r\nHost: nowhere.test\r\ncontent-type: application/grpc\r\n\r\n`),
  one("prefix rewrite", get("", "/rewrite/x?y")),
  one("host rewrite", get("", "/rehost")),
  one("header operations", get("x-remove: 1\r\nx-set: old\r\nx-add: old\r\n", "/headers")),
  one("weighted to one", get("", "/weighted")),
  // Methods and versions
  one("an unknown method", `FROB / HTTP/1.1\r\n${HOST}\r\n`),
  one("a lower-case method", `get / HTTP/1.1\r\n${HOST}\r\n`),
  one("PROPFIND", `PROPFIND / HTTP/1.1\r\n${HOST}\r\n`),
  one("CONNECT", `CONNECT a.test:443 HTTP/1.1\r\n${HOST}\r\n`),
  one("HTTP/1.0", `GET / HTTP/1.0\r\n${HOST}\r\n`),
  one("HTTP/2.0 in a request line", `GET / HTTP/2.0\r\n${HOST}\r\n`),
  one("HTTP/1.2", `GET / HTTP/1.2\r\n${HOST}\r\n`),
  one("HTTP/0.9", `GET /\r\n\r\n`),
  one("a malformed version", `GET / HTTQ/1.1\r\n${HOST}\r\n`),
  one("upgrade without configuration", get("connection: upgrade\r\nupgrade: websocket\r\n")),
  one(
    "upgrade to h2c",
    get("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"),
  ),
  // Refused
  one("no Host", `GET / HTTP/1.1\r\nx-a: 1\r\n\r\n`),
  one("an empty Host", `GET / HTTP/1.1\r\nHost:\r\n\r\n`),
  one("a Host with a slash", `GET / HTTP/1.1\r\nHost: a/b\r\n\r\n`),
  one("a Host with a space", `GET / HTTP/1.1\r\nHost: a b\r\n\r\n`),
  one("two Hosts", `GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n`, TWO_HOSTS),
  one("Host nominated by Connection", get("connection: host\r\n")),
  one("x-forwarded-for nominated by Connection", get("connection: x-forwarded-for\r\nx-forwarded-for: 1.1.1.1\r\n")),
  one("space before the colon", get("x-a : 1\r\n")),
  one("an empty name", get(": 1\r\n")),
  one("a line without a colon", get("x-a\r\n")),
  one("NUL in a value", get("x-a: 1\x002\r\n")),
  one("NUL in a name", get("x-\x00a: 1\r\n")),
  one("a control character in a value", get("x-a: 1\x012\r\n")),
  one("DEL in a value", get("x-a: 1\x7f2\r\n")),
  one("a bare CR in a value", get("x-a: 1\r2\r\n"), BARE_CR),
  one("obs-fold", get("x-a: 1\r\n 2\r\n")),
  one("bare LF line ends", `GET / HTTP/1.1\nHost: a.test\n\n`, BARE_LF),
  one("bare LF after a header", `GET / HTTP/1.1\r\n${HOST}x-a: 1\n\r\n`, BARE_LF),
  one(
    "two spaces in the request line",
    `GET  / HTTP/1.1\r\n${HOST}\r\n`,
    "RFC 9112 §3: exactly one SP; lenient splitting lets two parsers see two targets",
  ),
  one(
    "a tab in the request line",
    `GET\t/ HTTP/1.1\r\n${HOST}\r\n`,
    "RFC 9112 §3: exactly one SP; lenient splitting lets two parsers see two targets",
  ),
  one("a space in the target", `GET /a b HTTP/1.1\r\n${HOST}\r\n`),
  one("a fragment in the target", get("", "/a#b")),
  one("a control character in the target", get("", "/a\x01b")),
  one("a leading space", ` GET / HTTP/1.1\r\n${HOST}\r\n`),
  one("101 headers", get(repeat(100, (i) => `x-h${i}: ${i}\r\n`))),
  one("headers of 70 KB", get(repeat(7, (i) => `x-h${i}: ${"c".repeat(10_000)}\r\n`))),
  // Smuggling shapes
  one("CL.TE", post("content-length: 6\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\nG")),
  one("TE.CL", post("transfer-encoding: chunked\r\ncontent-length: 3\r\n", "1\r\na\r\n0\r\n\r\n")),
  one("two equal lengths", post("content-length: 5\r\ncontent-length: 5\r\n", "hello")),
  one("two different lengths", post("content-length: 5\r\ncontent-length: 6\r\n", "hello")),
  one("a list of lengths", post("content-length: 5, 5\r\n", "hello")),
  one("a length with a plus", post("content-length: +5\r\n", "hello")),
  one("a negative length", post("content-length: -5\r\n", "hello")),
  one("a hexadecimal length", post("content-length: 0x5\r\n", "hello")),
  one("an empty length", post("content-length:\r\n", "")),
  one("a length with a space inside", post("content-length: 1 2\r\n", "hello")),
  one("a length of 2^64", post("content-length: 18446744073709551616\r\n", "hello")),
  one("TE identity", post("transfer-encoding: identity\r\n", "")),
  one("TE gzip, chunked", post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n")),
  one("TE chunked, identity", post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n")),
  one("TE xchunked", post("transfer-encoding: xchunked\r\n", "0\r\n\r\n")),
  one("TE with VT", post("transfer-encoding: \x0bchunked\r\n", "0\r\n\r\n")),
  one("TE twice", post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")),
  one("TE, space before the colon", post("transfer-encoding : chunked\r\n", "0\r\n\r\n")),
  one("TE folded", post("transfer-encoding:\r\n chunked\r\n", "0\r\n\r\n")),
  one("a chunk size with a plus", post("transfer-encoding: chunked\r\n", "+5\r\nhello\r\n0\r\n\r\n")),
  one("a chunk size with 0x", post("transfer-encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n")),
  one("a chunk size of 17 digits", post("transfer-encoding: chunked\r\n", "10000000000000000\r\nhello\r\n0\r\n\r\n")),
  one("an empty chunk size", post("transfer-encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n")),
  one("a chunk size line ended by LF", post("transfer-encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n")),
  one(
    "bytes after the chunk data",
    post("transfer-encoding: chunked\r\n", "5\r\nhello!\r\n0\r\n\r\n"),
    AMBIGUOUS_FRAMING,
  ),
  one("content-length nominated by Connection", post("connection: content-length\r\ncontent-length: 5\r\n", "hello")),
  one(
    "transfer-encoding nominated by Connection",
    post("connection: transfer-encoding\r\ntransfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
  ),
  { name: "a request that ends in the head", send: ["GET / HTTP/1.1\r\nHost: a.te"], finish: true },
  { name: "a request that ends in the body", send: [post("content-length: 9\r\n", "hello")], finish: true },
  { name: "garbage", send: ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] },
  {
    name: "a smuggled request after a refused one",
    send: [post("content-length: 6\r\ntransfer-encoding: chunked\r\n", `0\r\n\r\n${get()}`)],
  },
];
