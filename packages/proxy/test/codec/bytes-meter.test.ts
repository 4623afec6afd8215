import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientHarness, ServerHarness } from "../support/codec-harness.ts";

/** What Envoy 1.40 logs for the same bytes as `%DOWNSTREAM_WIRE_BYTES_RECEIVED%` and its siblings. */
describe("the bytes of a stream", () => {
  it("are those from the request line to the end of the body, framing included", () => {
    const head = "POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\nhost: h.com\r\n\r\n";
    const [seen] = new ServerHarness().feed(head, "5\r\n12345\r\n0\r\n", "\r\n").requests;
    assert.equal(seen.bytes.wireReceived, head.length + 10 + 3 + 2);
  });

  it("include a chunked body's trailers", () => {
    const text = "POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\nhost: h.com\r\n\r\n0\r\nx: y\r\n\r\n";
    const [seen] = new ServerHarness().feed(text).requests;
    assert.equal(seen.bytes.wireReceived, text.length);
  });

  it("end where a pipelined request begins", () => {
    const get = "GET /a HTTP/1.1\r\nhost: h.com\r\n\r\n";
    const post = "POST /a HTTP/1.1\r\ncontent-length: 5\r\nhost: h.com\r\n\r\n12345";
    const { requests } = new ServerHarness().feed(post + get + post);
    assert.deepEqual(
      requests.map(({ bytes }) => bytes.wireReceived),
      [post.length, get.length, post.length],
    );
  });

  it("are all that has come where the request is malformed", () => {
    const text = "GET / HTTP/1.1\r\nbad header\r\nhost: h.com\r\n\r\n";
    const [seen] = new ServerHarness().feed(text).requests;
    assert.equal(seen.bytes.wireReceived, text.length);
  });

  it("tell the response's header lines from its start line", () => {
    const server = new ServerHarness().feed("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    const { bytes } = server.requests[0];
    assert.equal(server.sink.text, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert.deepEqual([bytes.wireSent, bytes.headerSent], [38, 19]);
  });

  it("are counted for the upstream side alike", () => {
    const client = new ClientHarness("POST");
    const response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    const { bytes } = client.feed(response.slice(0, 50), response.slice(50)).seen;
    assert.equal(bytes.wireReceived, response.length);
    assert.equal(client.sink.text, "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
    assert.deepEqual([bytes.wireSent, bytes.headerSent], [47, 28]);
  });

  it("are only the body's where a response ends with its connection", () => {
    const client = new ClientHarness();
    client.feed("HTTP/1.1 200 OK\r\n\r\n", "hello").codec.receiveEnd();
    assert.equal(client.seen.bytes.wireReceived, 24);
  });
});
