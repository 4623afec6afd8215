/** Messages that end too early, of clients and of upstreams. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { type Target, assertServes, startTarget } from "./support/target.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

describe("a request that ends too early", () => {
  let target: Target;
  before(async () => {
    target = await startTarget();
  });
  after(() => target.close());

  const CUT: Readonly<Record<string, string>> = {
    "in the request line": "GET /secr",
    "in a header": "GET / HTTP/1.1\r\nHost: h\r\nX-Cut: o",
    "before the empty line": "GET / HTTP/1.1\r\nHost: h\r\n",
  };
  for (const [name, bytes] of Object.entries(CUT)) {
    it(`${name}: no answer, and the backend sees nothing`, async () => {
      target.backend.takeBytes();
      const { text, end } = await exchange(target.port, bytes, { finish: true });
      assert.equal(text, "");
      assert.equal(end, "closed");
      assert.equal(target.backend.takeBytes(), "");
      await assertServes(target);
    });
  }

  it("in the body: the upstream request is broken off, never completed", async () => {
    target.backend.takeBytes();
    const { text } = await exchange(target.port, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello", {
      finish: true,
    });
    assert.equal(text, "");
    assert.equal(target.backend.take().length, 0, "no complete request");
    await assertServes(target);
  });

  it("in a chunk: the last chunk is not made up", async () => {
    target.backend.takeBytes();
    const head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    await exchange(target.port, [head, "5\r\nhel"], { finish: true });
    const bytes = target.backend.takeBytes();
    assert.equal(bytes.includes("0\r\n\r\n"), false);
    await assertServes(target);
  });
});

describe("a response that is malformed or ends too early", () => {
  const BROKEN: readonly (readonly [name: string, answer: string, status: number])[] = [
    ["garbage", "garbage\r\n\r\n", 502],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi", 502],
    ["length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 502],
    ["204 with a body", "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nhi", 502],
    ["101 headers", `HTTP/1.1 200 OK\r\n${"x: a\r\n".repeat(101)}content-length: 0\r\n\r\n`, 502],
    ["a head of 100 KB", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(100_000)}\r\n\r\n`, 502],
    ["response splitting by CR", "HTTP/1.1 200 OK\r\nx: a\rset-cookie: b\r\ncontent-length: 0\r\n\r\n", 502],
  ];

  for (const [name, answer, status] of BROKEN) {
    it(`${name}: ${status}`, async (t) => {
      const broken = await startTarget({}, { answer });
      t.after(() => broken.close());
      const { text } = await exchange(broken.port, GET);
      assert.equal(responsesIn(text)[0]?.status, status);
      assert.match(text, /reset reason: protocol error$/);
    });
  }

  it("cut in the body: the client can tell", async (t) => {
    const broken = await startTarget({}, { answer: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi", end: true });
    t.after(() => broken.close());
    const { text, end } = await exchange(broken.port, GET, { idleMs: 2_000 });
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*hi$/);
    assert.notEqual(end, "open", "the connection ends before the ten bytes");
  });

  it("cut in a chunk: the last chunk is not made up", async (t) => {
    const broken = await startTarget(
      {},
      { answer: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", end: true },
    );
    t.after(() => broken.close());
    const { text, end } = await exchange(broken.port, GET, { idleMs: 2_000 });
    assert.equal(text.endsWith("0\r\n\r\n"), false);
    assert.notEqual(end, "open");
  });

  it("bytes after a response are not the answer to the next request", async (t) => {
    const poison = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
    const broken = await startTarget({}, { answer: `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi${poison}` });
    t.after(() => broken.close());
    for (let i = 0; i < 3; i++) {
      const { text } = await exchange(broken.port, GET);
      assert.equal(responsesIn(text)[0]?.body, "hi");
      assert.equal(text.includes("poison"), false);
    }
  });
});
