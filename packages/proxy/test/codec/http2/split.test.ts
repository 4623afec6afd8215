import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Http2ClientHarness,
  Http2ServerHarness,
  PREFACE,
  block,
  data,
  frame,
  headers,
  ping,
  request,
  resetStream,
  settings,
  u32,
  windowUpdate,
} from "../../support/http2-harness.ts";

const POST = { ":method": "POST" };
const bytes = block(request([["x-long", "v".repeat(300)]]));

/** All that a client may send. */
const SESSION = [
  PREFACE, settings(3, 100, 4, 20), frame(4, 1, 0), windowUpdate(0, 5_000), ping(), frame(2, 0, 1, `${u32(0)}\x10`),
  headers(1, request([["cookie", "a"], ["cookie", "b"]])), headers(3, request([["content-length", "6"]], POST), false), data(3, "abc"), frame(0, 9, 3, "\x03def\0\0\0"),
  headers(5, request([], POST), false), data(5, "body"), headers(5, [["t", "v"]]), frame(1, 1, 7, bytes.slice(0, 7)), frame(9, 0, 7, bytes.slice(7, 200)), frame(9, 4, 7, bytes.slice(200)),
  headers(9, request([], POST), false), resetStream(9, 8), data(9, "late"), windowUpdate(5, 100), frame(1, 0x2d, 11, `\x02${u32(0)}\x10\x82\x84\x86\x41\x01h\0\0`),
  settings(4, 50_000), frame(0x2a, 0, 0, "unknown"), headers(13, request([["x", "bad\r"]])),
].join(""); // prettier-ignore

function served(feed: (server: Http2ServerHarness) => void) {
  const server = new Http2ServerHarness({ streamErrorOnInvalidMessage: true });
  server.onRequest = (seen) =>
    seen.answer(200, `${seen.request.path} ${"x".repeat(30)}`, [["x-a", "b"]], [["t", seen.body]]);
  feed(server);
  assert.equal(server.broken, null);
  return {
    requests: server.requests.map(({ head, body, trailers, ended, reset }) => [head, body, trailers, ended, reset]),
    frames: server.sink.take(),
  };
}

const ANSWERS = [
  settings(3, 10), frame(4, 1, 0), windowUpdate(0, 1_000), headers(1, [[":status", "103"], ["link", "x"]], false), headers(1, [[":status", "200"], ["content-length", "3"]], false),
  data(1, "ab"), frame(0, 9, 1, "\x01c\0"), headers(3, [[":status", "200"]], false), data(3, "x"), headers(3, [["grpc-status", "0"]]), resetStream(5, 7), ping(),
  frame(7, 0, 0, u32(5) + u32(0)),
].join(""); // prettier-ignore

function asked(feed: (client: Http2ClientHarness) => void) {
  const client = new Http2ClientHarness();
  const seen = [client.request(), client.request({ method: "POST" }, "body"), client.request()].map(
    (each) => each.seen,
  );
  feed(client);
  return { seen: seen.map(({ head, body, trailers, ended, reset, interim }) => [head, body, trailers, ended, reset, interim]), frames: client.sink.take(), events: client.events }; // prettier-ignore
}

describe("wherever reads cut it", () => {
  it("a client's session is the same", () => {
    const whole = served((server) => server.feed(SESSION));
    assert.equal(whole.requests.length, 7);
    for (let at = 1; at < SESSION.length; at++) {
      assert.deepEqual(
        served((server) => server.feed(SESSION.slice(0, at), SESSION.slice(at))),
        whole,
        `cut at ${at}`,
      );
    }
    for (const step of [1, 2, 3, 5, 7, 9, 10, 64]) {
      assert.deepEqual(
        served((server) => server.feedInSteps(SESSION, step)),
        whole,
        `in steps of ${step}`,
      );
    }
  });

  it("a server's session is the same", () => {
    const whole = asked((client) => client.feed(ANSWERS));
    for (let at = 1; at < ANSWERS.length; at++) {
      assert.deepEqual(
        asked((client) => client.feed(ANSWERS.slice(0, at), ANSWERS.slice(at))),
        whole,
        `cut at ${at}`,
      );
    }
    for (const step of [1, 2, 3, 5, 7, 9, 10, 64]) {
      assert.deepEqual(
        asked((client) => client.feedInSteps(ANSWERS, step)),
        whole,
        `in steps of ${step}`,
      );
    }
  });
});
