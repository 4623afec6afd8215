/** Bytes that a client may send: messages, their framing, their limits; what is refused and how. */
import type { ContractCase, Step } from "../harness/case.ts";
import { finish, seen } from "../harness/steps.ts";

const HOST = "Host: a.test\r\n";

function get(headers = "", path = "/"): string {
  return `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`;
}

function post(headers: string, body: string): string {
  return `POST / HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
}

function repeat(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join("");
}

type Row = readonly [name: string, send: string | readonly Step[], waived?: string];

function cases(feature: string, rows: readonly Row[], fields: Partial<ContractCase> = {}): ContractCase[] {
  return rows.map(([name, send, waived]) => ({
    name,
    feature: `HTTP/1.1 requests: ${feature}`,
    client: typeof send === "string" ? [send] : send,
    ...fields,
    ...(waived === undefined ? {} : { waived }),
  }));
}

const AMBIGUOUS_FRAMING = "RFC 9112 §6.3: a message whose length two parties can read differently must be refused";
const BARE_LF = "RFC 9112 §2.2 allows a lone LF, but a proxy that forwards to parsers which do not is a smuggling gap";
const TWO_HOSTS = "RFC 9112 §3.2: more than one Host must be answered with 400";
const BARE_CR =
  "RFC 9112 §2.2: a bare CR must be refused or replaced before forwarding; deleting it changes what was said";
const ONE_SPACE = "RFC 9112 §3: exactly one SP; lenient splitting lets two parsers see two targets";

export const CASES: readonly ContractCase[] = [
  ...cases("header lines", [
    ["GET", get()],
    ["GET with a query", get("", "/a/b?c=d&e=%20")],
    ["mixed-case names and odd white space", get("X-One:1\r\nx-TWO:   2  \r\nX-Three:\t3\t\r\n")],
    ["an empty value", get("x-empty:\r\nx-other: 1\r\n")],
    ["repeated headers keep their order", get("x-a: 1\r\nx-b: 2\r\nx-a: 3\r\n")],
    ["repeated cookie lines", get("cookie: a=1\r\ncookie: b=2\r\n")],
    ["obs-text bytes in a value", get("x-a: caf\xe9\r\n")],
    ["Host not first", `GET / HTTP/1.1\r\nx-a: 1\r\nHost: a.test\r\nx-b: 2\r\n\r\n`],
    ["space before the colon", get("x-a : 1\r\n")],
    ["an empty name", get(": 1\r\n")],
    ["a line without a colon", get("x-a\r\n")],
    ["NUL in a value", get("x-a: 1\x002\r\n")],
    ["NUL in a name", get("x-\x00a: 1\r\n")],
    ["a control character in a value", get("x-a: 1\x012\r\n")],
    ["DEL in a value", get("x-a: 1\x7f2\r\n")],
    ["a bare CR in a value", get("x-a: 1\r2\r\n"), BARE_CR],
    ["obs-fold", get("x-a: 1\r\n 2\r\n")],
    ["bare LF line ends", `GET / HTTP/1.1\nHost: a.test\n\n`, BARE_LF],
    ["bare LF after a header", `GET / HTTP/1.1\r\n${HOST}x-a: 1\n\r\n`, BARE_LF],
  ]),
  ...cases("methods and versions", [
    ["HEAD", `HEAD / HTTP/1.1\r\n${HOST}\r\n`],
    ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
    ["DELETE with a body", `DELETE / HTTP/1.1\r\n${HOST}content-length: 3\r\n\r\nabc`],
    ["an unknown method", `FROB / HTTP/1.1\r\n${HOST}\r\n`],
    ["a lower-case method", `get / HTTP/1.1\r\n${HOST}\r\n`],
    ["PROPFIND", `PROPFIND / HTTP/1.1\r\n${HOST}\r\n`],
    ["CONNECT", `CONNECT a.test:443 HTTP/1.1\r\n${HOST}\r\n`],
    ["HTTP/1.0", `GET / HTTP/1.0\r\n${HOST}\r\n`],
    ["HTTP/2.0 in a request line", `GET / HTTP/2.0\r\n${HOST}\r\n`],
    ["HTTP/1.2", `GET / HTTP/1.2\r\n${HOST}\r\n`],
    ["HTTP/0.9", `GET /\r\n\r\n`],
    ["a malformed version", `GET / HTTQ/1.1\r\n${HOST}\r\n`],
    ["garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ]),
  ...cases("request line", [
    ["leading CRLF before the request line", `\r\n${get()}`],
    ["two spaces in the request line", `GET  / HTTP/1.1\r\n${HOST}\r\n`, ONE_SPACE],
    ["a tab in the request line", `GET\t/ HTTP/1.1\r\n${HOST}\r\n`, ONE_SPACE],
    ["a space in the target", `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
    ["a fragment in the target", get("", "/a#b")],
    ["a control character in the target", get("", "/a\x01b")],
    ["a leading space", ` GET / HTTP/1.1\r\n${HOST}\r\n`],
    ["absolute form", `GET http://b.test/x?y HTTP/1.1\r\n${HOST}\r\n`],
    ["absolute form without a path", `GET http://b.test HTTP/1.1\r\n${HOST}\r\n`],
  ]),
  ...cases("Host", [
    ["no Host", `GET / HTTP/1.1\r\nx-a: 1\r\n\r\n`],
    ["an empty Host", `GET / HTTP/1.1\r\nHost:\r\n\r\n`],
    ["a Host with a slash", `GET / HTTP/1.1\r\nHost: a/b\r\n\r\n`],
    ["a Host with a space", `GET / HTTP/1.1\r\nHost: a b\r\n\r\n`],
    ["two Hosts", `GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n`, TWO_HOSTS],
  ]),
  ...cases("body framing", [
    ["POST with content-length", post("content-length: 5\r\n", "hello")],
    ["POST chunked", post("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")],
    ["POST chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n")],
    ["POST with a zero length", post("content-length: 0\r\n", "")],
    ["POST without a length", post("", "")],
    ["chunk extension", post("transfer-encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n")],
    ["chunked with trailers", post("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n")],
    ["leading zeros in a length", post("content-length: 0005\r\n", "hello")],
    ["leading zeros in a chunk size", post("transfer-encoding: chunked\r\n", "0005\r\nhello\r\n0\r\n\r\n")],
    ["every byte on its own", post("content-length: 5\r\nx-a: 1\r\n", "hello").split("")],
    ["head and body apart", [post("content-length: 5\r\n", ""), "hel", "lo"]],
    ["a request that ends in the head", ["GET / HTTP/1.1\r\nHost: a.te", finish()]],
    ["a request that ends in the body", [post("content-length: 9\r\n", "hello"), seen("a", "hello"), finish()]],
  ]),
  ...cases("pipelining and keep-alive", [
    ["two requests pipelined", get("x-n: 1\r\n") + get("x-n: 2\r\n")],
    ["three requests, one after another", [get(), post("content-length: 2\r\n", "ok"), get()]],
    ["connection: close", get("connection: close\r\n")],
    ["connection: keep-alive", get("connection: keep-alive\r\nkeep-alive: timeout=5\r\n")],
  ]),
  ...cases("hop-by-hop headers", [
    ["a header nominated by Connection", get("connection: x-a\r\nx-a: 1\r\nx-b: 2\r\n")],
    ["Host nominated by Connection", get("connection: host\r\n")],
    ["x-forwarded-for nominated by Connection", get("connection: x-forwarded-for\r\nx-forwarded-for: 1.1.1.1\r\n")],
    ["content-length nominated by Connection", post("connection: content-length\r\ncontent-length: 5\r\n", "hello")],
    [
      "transfer-encoding nominated by Connection",
      post("connection: transfer-encoding\r\ntransfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ],
    ["te: trailers", get("te: trailers, gzip\r\n")],
    ["te: gzip", get("te: gzip\r\n")],
    ["proxy-connection", get("proxy-connection: keep-alive\r\n")],
    ["expect: 100-continue", post("expect: 100-continue\r\ncontent-length: 5\r\n", "hello")],
    ["upgrade without configuration", get("connection: upgrade\r\nupgrade: websocket\r\n")],
    [
      "upgrade to h2c",
      get("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"),
    ],
  ]),
  ...cases("headers that Envoy knows", [
    ["x-forwarded-for passes", get("x-forwarded-for: 1.2.3.4\r\n")],
    ["x-forwarded-proto https passes", get("x-forwarded-proto: https\r\n")],
    ["x-forwarded-proto nonsense", get("x-forwarded-proto: gopher\r\n")],
    ["x-request-id passes", get("x-request-id: 4b7d3c2a-5e6f-4a1b-8c9d-0e1f2a3b4c5d\r\n")],
    ["x-envoy control headers", get("x-envoy-max-retries: 5\r\nx-envoy-retry-on: 5xx\r\nx-envoy-internal: true\r\n")],
    ["referer with userinfo", get("referer: http://user:pw@a.test/\r\n")],
  ]),
  ...cases(
    "path normalisation",
    [
      ["a dot segment", get("", "/a/../b/./c")],
      ["an encoded dot segment", get("", "/a/%2e%2e/b")],
      ["a backslash", get("", "/a\\b")],
      ["two slashes", get("", "//a///b")],
      ["an encoded slash", get("", "/a%2Fb")],
    ],
    { manager: { normalize_path: true } },
  ),
  ...cases("limits", [
    ["a path of 8 KB", get("", `/${"a".repeat(8192)}`)],
    ["many headers, within the limit", get(repeat(90, (i) => `x-h${i}: ${i}\r\n`))],
    ["a header of 30 KB", get(`x-big: ${"b".repeat(30_000)}\r\n`)],
    ["101 headers", get(repeat(100, (i) => `x-h${i}: ${i}\r\n`))],
    ["headers of 70 KB", get(repeat(7, (i) => `x-h${i}: ${"c".repeat(10_000)}\r\n`))],
  ]),
  ...cases("smuggling", [
    ["CL.TE", post("content-length: 6\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\nG")],
    ["TE.CL", post("transfer-encoding: chunked\r\ncontent-length: 3\r\n", "1\r\na\r\n0\r\n\r\n")],
    ["two equal lengths", post("content-length: 5\r\ncontent-length: 5\r\n", "hello")],
    ["two different lengths", post("content-length: 5\r\ncontent-length: 6\r\n", "hello")],
    ["a list of lengths", post("content-length: 5, 5\r\n", "hello")],
    ["a length with a plus", post("content-length: +5\r\n", "hello")],
    ["a negative length", post("content-length: -5\r\n", "hello")],
    ["a hexadecimal length", post("content-length: 0x5\r\n", "hello")],
    ["an empty length", post("content-length:\r\n", "")],
    ["a length with a space inside", post("content-length: 1 2\r\n", "hello")],
    ["a length of 2^64", post("content-length: 18446744073709551616\r\n", "hello")],
    ["a length beside another coding", post("content-length: 5\r\ntransfer-encoding: gzip\r\n", "hello")],
    ["a length that is none beside another coding", post("content-length: x\r\ntransfer-encoding: gzip\r\n", "hello")],
    ["TE identity", post("transfer-encoding: identity\r\n", "")],
    ["TE gzip, chunked", post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n")],
    ["TE chunked, identity", post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n")],
    ["TE xchunked", post("transfer-encoding: xchunked\r\n", "0\r\n\r\n")],
    ["TE with VT", post("transfer-encoding: \x0bchunked\r\n", "0\r\n\r\n")],
    ["TE twice", post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")],
    ["TE, space before the colon", post("transfer-encoding : chunked\r\n", "0\r\n\r\n")],
    ["TE folded", post("transfer-encoding:\r\n chunked\r\n", "0\r\n\r\n")],
    ["a chunk size with a plus", post("transfer-encoding: chunked\r\n", "+5\r\nhello\r\n0\r\n\r\n")],
    ["a chunk size with 0x", post("transfer-encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n")],
    ["a chunk size of 17 digits", post("transfer-encoding: chunked\r\n", "10000000000000000\r\nhello\r\n0\r\n\r\n")],
    ["an empty chunk size", post("transfer-encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n")],
    ["a chunk size line ended by LF", post("transfer-encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n")],
    [
      "bytes after the chunk data",
      post("transfer-encoding: chunked\r\n", "5\r\nhello!\r\n0\r\n\r\n"),
      AMBIGUOUS_FRAMING,
    ],
    [
      "a smuggled request after a refused one",
      post("content-length: 6\r\ntransfer-encoding: chunked\r\n", `0\r\n\r\n${get()}`),
    ],
  ]),
];
