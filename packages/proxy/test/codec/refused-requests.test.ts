import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ServerHarness } from "../support/codec-harness.ts";
import { REFUSED_REQUESTS } from "./refused-requests.ts";

describe("the server codec refuses", () => {
  for (const { name, bytes, status } of REFUSED_REQUESTS) {
    it(`${status}: ${name}`, () => {
      const server = new ServerHarness().feed(bytes);
      assert.equal(server.requests.length, 1, "one request and nothing after it");
      const [seen] = server.requests;
      assert.equal(seen.error?.status, status);
      assert.equal(seen.complete, false);
      assert.equal(server.closed, true, "the connection ends");
    });
  }
});

describe("a refusal does not depend on how the bytes arrive", () => {
  for (const { name, bytes, status } of REFUSED_REQUESTS) {
    if (bytes.length > 2_000) continue;
    it(name, () => {
      const server = new ServerHarness().feed(...bytes.split(""));
      assert.equal(server.requests[0].error?.status, status);
      assert.equal(server.requests.length, 1);
      assert.equal(server.requests[0].complete, false);
    });
  }
});

describe("after a refusal", () => {
  it("nothing that follows is taken for a request", () => {
    const server = new ServerHarness().feed("BAD\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    server.feed("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    assert.equal(server.requests.length, 1);
  });

  it("options turn refusals into acceptance", () => {
    const old = new ServerHarness({ acceptHttp10: true, defaultHostForHttp10: "d" }).feed("GET / HTTP/1.0\r\n\r\n");
    assert.equal(old.requests[0].authority, "d");
    assert.match(old.sink.text, /^HTTP\/1\.0 200 OK\r\nconnection: close\r\n/);
    const both = new ServerHarness({ allowChunkedLength: true }).feed(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
    assert.equal(both.requests[0].body, "hi");
    assert.equal(both.requests[0].headers.includes("content-length"), false);
    const reject = new ServerHarness({ headersWithUnderscores: "reject" }).feed(
      "GET / HTTP/1.1\r\nHost: h\r\na_b: c\r\n\r\n",
    );
    assert.equal(reject.requests[0].error?.details, "http1.unexpected_underscore");
    const drop = new ServerHarness({ headersWithUnderscores: "drop" }).feed(
      "GET / HTTP/1.1\r\nHost: h\r\na_b: c\r\nd: e\r\n\r\n",
    );
    assert.equal(drop.requests[0].headers, "d: e\r\n");
  });

  it("Transfer-Encoding in HTTP/1.0 is refused even where HTTP/1.0 is accepted", () => {
    const server = new ServerHarness({ acceptHttp10: true }).feed(
      "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert.equal(server.requests[0].error?.status, 400);
  });
});
