import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { array, assert as check, boolean, constantFrom, oneof, property, string } from "fast-check";
import { BytesMeter } from "../../src/codec/bytes-meter.ts";
import { Http1ClientCodec } from "../../src/codec/http1/client-codec.ts";
import { RequestHead, ResponseHead } from "../../src/codec/messages.ts";
import { ClientHarness, ServerHarness, TextSink } from "../support/codec-harness.ts";

/** Pieces of HTTP/1.1, right and wrong, that random requests are put together from. */
const fragments = [
  "GET", "POST", "HEAD", "CONNECT", " ", "  ", "\t", "/", "/a?b", "*", "http://h/p", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n\r\n", "\n", "\r", ":",
  ": ", "Host: h\r\n", "Host: h", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
  "Connection: x, te\r\n", "Expect: 100-continue\r\n", "Upgrade: websocket\r\n", "X: y\r\n", " folded\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "0\r\n",
  "ffffffff\r\n", ";ext", "\0", "\x7f", "\xff", "\x0b", "hello", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 204 No\r\n", "HTTP/1.1 100 C\r\n\r\n",
]; // prettier-ignore

const soup = array(
  oneof(
    { weight: 5, arbitrary: constantFrom(...fragments) },
    string({ maxLength: 6, unit: "binary" }).map((s) => Buffer.from(s).toString("latin1")),
  ),
  { maxLength: 24 },
);

const RUNS = 3_000;

/** What a forwarded head may consist of: nothing that another parser could take for a line end or a terminator. */
const FORWARDED = /^[A-Z]+ [\x21-\x7e]* HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9a-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/;

describe("random input", () => {
  it("never throws in the server codec, and is the same in one piece and byte by byte", () => {
    check(
      property(soup, (pieces) => {
        const bytes = pieces.join("");
        const whole = new ServerHarness().feed(bytes);
        const cut = new ServerHarness().feed(...bytes.split(""));
        const complete = (server: ServerHarness): unknown => server.requests.filter((seen) => seen.complete);
        assert.deepEqual(complete(cut), complete(whole));
      }),
      { numRuns: RUNS },
    );
  });

  it("never lets a forbidden byte through to an upstream", () => {
    check(
      property(soup, (pieces) => {
        const server = new ServerHarness().feed(pieces.join(""));
        for (const seen of server.requests) {
          if (!seen.complete) continue;
          const head = new RequestHead();
          head.method = seen.method;
          head.path = seen.path;
          head.authority = seen.authority;
          const sink = new TextSink();
          const upstream = new Http1ClientCodec(
            {
              onCloseNotify: () => {},
              onExchangeEnd: () => {},
              onBroken: () => {},
              pauseReading: () => {},
              resumeReading: () => {},
            },
            sink,
            { maxResponseHeadersBytes: 61_440, maxResponseHeadersCount: 100, enableTrailers: false, headerCase: null },
          );
          for (const line of seen.headers.split("\r\n").slice(0, -1)) {
            const colon = line.indexOf(": ");
            head.headers.appendNamed(line.slice(0, colon), line.slice(colon + 2));
          }
          upstream
            .start(
              {
                response: new ResponseHead(),
                keepsHalfOpen: false,
                upstreamBytes: new BytesMeter(),
                onInterimResponse: () => {},
                onResponseHead: () => {},
                onResponseData: () => {},
                onResponseTrailers: () => {},
                onResponseReset: () => {},
                onUpstreamAboveWatermark: () => {},
                onUpstreamBelowWatermark: () => {},
              },
              false,
            )
            .encodeHead(head, true);
          assert.match(sink.text, FORWARDED);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("never throws in the client codec, and is the same in one piece and byte by byte", () => {
    check(
      property(soup, boolean(), (pieces, valid) => {
        const bytes = (valid ? "HTTP/1.1 200 OK\r\n" : "") + pieces.join("");
        const whole = new ClientHarness().feed(bytes);
        const cut = new ClientHarness().feed(...bytes.split(""));
        assert.deepEqual([cut.seen.complete, cut.seen.status], [whole.seen.complete, whole.seen.status]);
        // What is read together with a response counts as its own, whatever it is.
        const { bytes: _, ...expected } = whole.seen;
        if (whole.seen.complete) assert.deepEqual({ ...cut.seen, bytes: undefined }, { ...expected, bytes: undefined });
      }),
      { numRuns: RUNS },
    );
  });
});
