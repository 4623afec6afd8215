import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientHarness, ServerHarness } from "../support/codec-harness.ts";
import { VALID_REQUESTS, VALID_RESPONSES } from "./request-corpus.ts";

function request(pieces: readonly string[]): unknown {
  const server = new ServerHarness().feed(...pieces);
  return { requests: server.requests, answers: server.sink.text, closed: server.closed, paused: server.paused };
}

function response(pieces: readonly string[]): unknown {
  const client = new ClientHarness().feed(...pieces);
  return { seen: client.seen, reusable: client.reusable, broken: client.broken };
}

describe("a message means the same however the network cuts it", () => {
  for (const [kind, corpus, run] of [
    ["request", VALID_REQUESTS, request],
    ["response", VALID_RESPONSES, response],
  ] as const) {
    for (const [name, bytes] of Object.entries(corpus)) {
      it(`${kind}: ${name}`, () => {
        const whole = run([bytes]);
        for (let at = 1; at < bytes.length; at++) {
          assert.deepEqual(run([bytes.slice(0, at), bytes.slice(at)]), whole, `cut at ${at}`);
        }
        assert.deepEqual(run(bytes.split("")), whole, "byte by byte");
      });
    }
  }

  it("holds for three pieces of a chunked request", () => {
    const bytes = VALID_REQUESTS["chunked with trailers"];
    const whole = request([bytes]);
    for (let a = 1; a < bytes.length; a += 3) {
      for (let b = a + 1; b < bytes.length; b += 2) {
        assert.deepEqual(
          request([bytes.slice(0, a), bytes.slice(a, b), bytes.slice(b)]),
          whole,
          `cut at ${a} and ${b}`,
        );
      }
    }
  });
});

describe("every prefix of a valid request is incomplete, not wrong", () => {
  for (const [name, bytes] of Object.entries(VALID_REQUESTS)) {
    it(name, () => {
      for (let size = 1; size < bytes.length; size++) {
        const server = new ServerHarness().feed(bytes.slice(0, size));
        for (const seen of server.requests) assert.equal(seen.error, null, `${size} bytes`);
      }
    });
  }
});

describe("limits hold however the network cuts it", () => {
  it("a head without end is refused as soon as it is too large, in pieces of any size", () => {
    const bytes = `GET / HTTP/1.1\r\nHost: h\r\nX: ${"a".repeat(5_000)}`;
    for (const size of [1, 7, 100, 999, 5_100]) {
      const server = new ServerHarness({ maxRequestHeadersBytes: 4_096 });
      for (let at = 0; at < bytes.length; at += size) server.feed(bytes.slice(at, at + size));
      assert.equal(server.requests[0].error?.status, 431, `pieces of ${size}`);
      assert.equal(server.requests.length, 1);
    }
  });

  it("a head of exactly the limit passes", () => {
    const start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    const bytes = `${start}${"a".repeat(4_096 - start.length - 4)}\r\n\r\n`;
    for (const pieces of [[bytes], bytes.split(""), [bytes.slice(0, 4_000), bytes.slice(4_000)]]) {
      const server = new ServerHarness({ maxRequestHeadersBytes: 4_096 }).feed(...pieces);
      assert.equal(server.requests[0].complete, true);
    }
    const larger = new ServerHarness({ maxRequestHeadersBytes: 4_095 }).feed(...bytes.split(""));
    assert.equal(larger.requests[0].error?.status, 431);
  });
});
