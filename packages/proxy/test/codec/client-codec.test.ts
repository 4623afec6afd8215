import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientHarness } from "../support/codec-harness.ts";

const ok = (headers: string, body = ""): string => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`;

describe("the client codec refuses", () => {
  const refused: Readonly<Record<string, string>> = {
    garbage: "garbage\r\n\r\n",
    "Content-Length and Transfer-Encoding": ok("content-length: 2\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
    "two lengths": ok("content-length: 2\r\ncontent-length: 2\r\n", "hi"),
    "gzip, chunked": ok("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    "a length that is no number": ok("content-length: abc\r\n", "hi"),
    "204 with a body": "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nhi",
    "204 with chunks": "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "101 that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    "a status below 100": "HTTP/1.1 099 Foo\r\ncontent-length: 0\r\n\r\n",
    "lines ended by LF": "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "NUL in a value": ok("x: a\0b\r\n"),
    "space before the colon": ok("x : a\r\n"),
    "101 headers": ok("x: a\r\n".repeat(101)),
    "a head of 100 KB": ok(`x: ${"a".repeat(100_000)}\r\n`),
    "HTTP/2.0": "HTTP/2.0 200 OK\r\n\r\n",
    "a bad chunk": ok("transfer-encoding: chunked\r\n", "zz\r\n"),
  };
  for (const [name, bytes] of Object.entries(refused)) {
    it(name, () => {
      const client = new ClientHarness().feed(bytes);
      assert.equal(client.seen.reset, "protocol error");
      assert.equal(client.broken, true, "the connection is not used again");
      assert.equal(client.seen.complete, false);
    });
  }
});

describe("a connection is used again", () => {
  it("after a complete response", () => {
    assert.equal(new ClientHarness().feed(ok("content-length: 2\r\n", "hi")).reusable, true);
  });

  it("not after connection: close", () => {
    assert.equal(new ClientHarness().feed(ok("connection: Close\r\ncontent-length: 0\r\n")).reusable, false);
  });

  it("not after HTTP/1.0 without keep-alive", () => {
    assert.equal(new ClientHarness().feed("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").reusable, false);
  });

  it("not when bytes follow that nobody asked for: the response is whole, the connection is gone", () => {
    const client = new ClientHarness().feed(ok("content-length: 2\r\n", "hiEXTRA"));
    assert.equal(client.seen.body, "hi");
    assert.equal(client.seen.complete, true);
    assert.equal(client.seen.reset, "");
    assert.equal(client.reusable, null);
    assert.equal(client.broken, true);
  });

  it("not when bytes come while it is idle", () => {
    const client = new ClientHarness().feed(ok("content-length: 2\r\n", "hi"), "HTTP/1.1 200 OK\r\n\r\n");
    assert.equal(client.broken, true);
  });

  it("not after a body for HEAD", () => {
    const client = new ClientHarness("HEAD").feed(ok("content-length: 2\r\n", "hi"));
    assert.equal(client.seen.complete, true);
    assert.equal(client.seen.body, "");
    assert.equal(client.broken, true);
  });
});

describe("when the upstream closes", () => {
  it("before anything, it is a termination", () => {
    const client = new ClientHarness();
    client.codec.receiveEnd();
    assert.equal(client.seen.reset, "connection termination");
  });

  it("in the head, it is a protocol error", () => {
    const client = new ClientHarness().feed("HTTP/1.1 200 OK\r\nx: ");
    client.codec.receiveEnd();
    assert.equal(client.seen.reset, "protocol error");
  });

  it("in a body of known length, it is a protocol error", () => {
    const client = new ClientHarness().feed(ok("content-length: 10\r\n", "hi"));
    client.codec.receiveEnd();
    assert.equal(client.seen.reset, "protocol error");
  });

  it("in a body without length, it is its end", () => {
    const client = new ClientHarness().feed(ok("", "hello"));
    client.codec.receiveEnd();
    assert.deepEqual([client.seen.body, client.seen.complete, client.seen.reset], ["hello", true, ""]);
    assert.equal(client.reusable, false);
  });
});

describe("informational responses", () => {
  it("are dropped however many there are", () => {
    const client = new ClientHarness().feed(
      "HTTP/1.1 103 E\r\nlink: a\r\n\r\n".repeat(50),
      ok("content-length: 0\r\n"),
    );
    assert.equal(client.seen.status, 200);
    assert.equal(client.seen.headers, "content-length: 0\r\n");
  });
});
