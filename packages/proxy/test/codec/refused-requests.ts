/**
 * What the HTTP/1.1 server codec refuses, with the status it gives. `envoy` is what Envoy 1.40 does with the same bytes
 * where that differs; each such line has its reason in docs/compatibility-notes/http1-strictness.md.
 */
export interface RefusedRequest {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
  readonly envoy?: "accepts" | "waits";
}

const post = (headers: string, body = ""): string => `POST /a HTTP/1.1\r\nHost: h\r\n${headers}\r\n${body}`;
const line = (requestLine: string): string => `${requestLine}\r\nHost: h\r\n\r\n`;
const get = (headers: string): string => `GET / HTTP/1.1\r\n${headers}\r\n`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);

const refuse = (status: number, name: string, bytes: string): RefusedRequest => ({ name, bytes, status });
const stricter = (
  status: number,
  name: string,
  bytes: string,
  envoy: "accepts" | "waits" = "accepts",
): RefusedRequest => ({
  name,
  bytes,
  status,
  envoy,
});

export const REFUSED_REQUESTS: readonly RefusedRequest[] = [
  // Request line
  refuse(400, "method is no token", line("GE(T / HTTP/1.1")),
  refuse(400, "unknown method", line("FOO / HTTP/1.1")),
  refuse(400, "lower-case method", line("get / HTTP/1.1")),
  refuse(400, "space before the method", ` ${line("GET / HTTP/1.1")}`),
  refuse(400, "space in the target", line("GET /a b HTTP/1.1")),
  refuse(400, "control character in the target", line("GET /\x01 HTTP/1.1")),
  refuse(400, "NUL in the target", line("GET /\0 HTTP/1.1")),
  refuse(400, "DEL in the target", line("GET /\x7f HTTP/1.1")),
  refuse(400, "non-ASCII target", line("GET /\xe9 HTTP/1.1")),
  refuse(400, "target without slash", line("GET abc HTTP/1.1")),
  refuse(400, "asterisk with GET", line("GET * HTTP/1.1")),
  refuse(400, "target is a query only", line("GET ?a HTTP/1.1")),
  refuse(400, "other scheme", line("GET ftp://other/p HTTP/1.1")),
  refuse(400, "absolute form without authority", line("GET http:///p HTTP/1.1")),
  refuse(400, "absolute form with a bad authority", line('GET http://a"b/p HTTP/1.1')),
  refuse(400, "CONNECT with a path", "CONNECT /a HTTP/1.1\r\nHost: h:80\r\n\r\n"),
  refuse(400, "CONNECT without port", "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"),
  refuse(426, "HTTP/1.0", line("GET / HTTP/1.0")),
  refuse(426, "HTTP/1.2", line("GET / HTTP/1.2")),
  refuse(426, "HTTP/2.0", line("GET / HTTP/2.0")),
  refuse(426, "HTTP/0.9", "GET /\r\n\r\n"),
  refuse(400, "version is no number", line("GET / HTTP/x.1")),
  refuse(400, "two digits of minor version", line("GET / HTTP/1.11")),
  refuse(400, "other protocol", line("GET / FOO/1.1")),
  refuse(400, "lower-case protocol", line("GET / http/1.1")),
  refuse(400, "a TLS client hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
  stricter(400, "two spaces", line("GET  / HTTP/1.1")),
  stricter(400, "tabs", line("GET\t/\tHTTP/1.1")),
  stricter(400, "trailing space", line("GET / HTTP/1.1 ")),
  stricter(400, "empty line ended by LF", `\n${line("GET / HTTP/1.1")}`),
  // Host
  refuse(400, "space in Host", get("Host: a b\r\n")),
  refuse(400, "slash in Host", get("Host: a/b\r\n")),
  refuse(400, "quote in Host", get('Host: a"b\r\n')),
  refuse(400, "non-ASCII Host", get("Host: \xe9\r\n")),
  stricter(400, "two Hosts", get("Host: a\r\nHost: b\r\n")),
  stricter(400, "two equal Hosts", get("Host: a\r\nHost: a\r\n")),
  // Field lines
  refuse(400, "space before the colon", post("X : a\r\n")),
  refuse(400, "space before the colon of Content-Length", post("Content-Length : 5\r\n", "hello")),
  refuse(400, "empty name", post(": a\r\n")),
  refuse(400, "name is no token", post("X(: a\r\n")),
  refuse(400, "non-ASCII name", post("X\xe9: a\r\n")),
  refuse(400, "no colon", post("Xa\r\n")),
  refuse(400, "first line folded", get(" Host: h\r\n")),
  refuse(400, "NUL in a value", post("X: a\0b\r\n")),
  refuse(400, "control character in a value", post("X: a\x01b\r\n")),
  refuse(400, "DEL in a value", post("X: a\x7fb\r\n")),
  refuse(400, "VT in a value", post("X: a\x0bb\r\n")),
  stricter(400, "CR in a value", post("X: a\rb\r\n")),
  stricter(400, "CR before CRLF", post("X: a\r\r\n")),
  stricter(400, "lines ended by LF", "GET / HTTP/1.1\nHost: h\n\n"),
  stricter(400, "one line ended by LF", post("X: a\nY: b\r\n")),
  stricter(400, "head ended by LF", "GET / HTTP/1.1\r\nHost: h\r\n\n"),
  stricter(400, "CR and something else at the end of the head", "GET / HTTP/1.1\r\nHost: h\r\n\rX", "waits"),
  // Length
  refuse(
    400,
    "Transfer-Encoding and Content-Length",
    post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
  ),
  refuse(
    400,
    "Content-Length and Transfer-Encoding",
    post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ),
  refuse(501, "gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
  refuse(501, "identity", post("Transfer-Encoding: identity\r\n")),
  refuse(
    501,
    "two Transfer-Encodings",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ),
  refuse(501, "empty Transfer-Encoding", post("Transfer-Encoding:\r\n", "0\r\n\r\n")),
  refuse(501, "xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
  refuse(501, "chunked with a comma", post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n")),
  refuse(400, "VT before chunked", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n")),
  refuse(400, "list of lengths", post("Content-Length: 5, 5\r\n", "hello")),
  refuse(400, "two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
  refuse(400, "two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")),
  refuse(400, "+5", post("Content-Length: +5\r\n", "hello")),
  refuse(400, "-5", post("Content-Length: -5\r\n", "hello")),
  refuse(400, "0x5", post("Content-Length: 0x5\r\n", "hello")),
  refuse(400, "5a", post("Content-Length: 5a\r\n", "hello")),
  refuse(400, "5 5", post("Content-Length: 5 5\r\n", "hello")),
  refuse(400, "empty length", post("Content-Length:\r\n", "hello")),
  refuse(400, "2^64", post("Content-Length: 18446744073709551616\r\n", "hello")),
  stricter(400, "2^53", post("Content-Length: 9007199254740992\r\n", "hello")),
  // Chunks
  refuse(400, "no size", chunked("\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "size is no number", chunked("zz\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "negative size", chunked("-5\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "space before the size", chunked(" 5\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "letter after the size", chunked("5x\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "size of 2^64", chunked("10000000000000000\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "LF after the size", chunked("5\nhello\r\n0\r\n\r\n")),
  refuse(400, "LF in an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "CR in an extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")),
  refuse(400, "CR after the data", chunked("5\r\nhello\rX0\r\n\r\n")),
  refuse(400, "something after the last chunk", chunked("0\r\nXX\r\n\r\n")),
  refuse(400, "bad trailer name", chunked("0\r\nX T: a\r\n\r\n")),
  refuse(400, "NUL in a trailer", chunked("0\r\nX: \0\r\n\r\n")),
  refuse(431, "trailers of 70 KB", chunked(`0\r\nX: ${"a".repeat(70_000)}\r\n\r\n`)),
  stricter(431, "101 trailers", chunked(`0\r\n${"X: a\r\n".repeat(101)}\r\n`)),
  stricter(400, "size of 2^64 - 1", chunked("ffffffffffffffff\r\nhello\r\n0\r\n\r\n")),
  stricter(400, "NUL in an extension", chunked("5;a\0b\r\nhello\r\n0\r\n\r\n")),
  stricter(400, "extension of 70 KB", chunked(`5;${"a".repeat(70_000)}\r\nhello\r\n0\r\n\r\n`)),
  stricter(400, "word after the size", chunked("5 x\r\nhello\r\n0\r\n\r\n")),
  stricter(400, "bytes after the data", chunked("5\r\nhello!\r\n0\r\n\r\n")),
  stricter(400, "LF after the data", chunked("5\r\nhello\n0\r\n\r\n")),
  stricter(400, "trailer ended by LF", chunked("0\r\nX: a\n\n")),
  // Connection
  refuse(400, "Connection names x-forwarded-for", post("Connection: x-forwarded-for\r\n")),
  refuse(400, "Connection names x-forwarded-proto", post("Connection: close, X-Forwarded-Proto\r\n")),
  refuse(400, "Connection names x-forwarded-host", post("Connection: x-forwarded-host\r\n")),
  refuse(400, "Connection names a pseudo-header", post("Connection: :path\r\n")),
  refuse(400, "Connection with 200 tokens", post(`Connection: ${"a,".repeat(200)}\r\n`)),
  // Limits
  refuse(431, "101 headers", get(`Host: h\r\n${"X: a\r\n".repeat(100)}`)),
  refuse(431, "head of more than 60 KiB", get(`Host: h\r\nX: ${"a".repeat(60 * 1024)}\r\n`)),
  refuse(431, "target of more than 60 KiB", line(`GET /${"a".repeat(60 * 1024)} HTTP/1.1`)),
  refuse(431, "target without end", `GET /${"a".repeat(200 * 1024)}`),
];
