/**
 * Requests on whose end two parsers could disagree. Each is refused with the status that Envoy 1.40 gives it, or, where we
 * are stricter, with 400; docs/compatibility-notes/http1-strictness.md says why. CVE numbers name the parser that fell for it.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { type Target, assertRefused, assertServes, startTarget } from "./support/target.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
const post = (headers: string, body = ""): string => `POST /a HTTP/1.1\r\nHost: h\r\n${headers}\r\n${body}`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);

const REFUSED: readonly (readonly [name: string, bytes: string, status: number])[] = [
  ["CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  ["TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", `5c\r\n${SMUGGLED}`), 400],
  ["TE.TE: xchunked (CVE-2022-32213)", post("Transfer-Encoding: xchunked\r\n", `0\r\n\r\n${SMUGGLED}`), 501],
  ["TE.TE: chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", `0\r\n\r\n${SMUGGLED}`), 501],
  ["TE.TE: two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", `0\r\n\r\n${SMUGGLED}`), 501],
  ["TE.TE: VT before chunked", post("Transfer-Encoding: \x0bchunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  [
    "TE.TE: a list over two lines (CVE-2022-32215)",
    post("Transfer-Encoding: chunked\r\n , identity\r\n", `0\r\n\r\n${SMUGGLED}`),
    501,
  ],
  ["TE with a space before the colon", post("Transfer-Encoding : chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  ["CL with a space before the colon (CVE-2024-27982)", post("Content-Length : 5\r\n", SMUGGLED), 400],
  ["two lengths", post("Content-Length: 5\r\nContent-Length: 40\r\n", SMUGGLED), 400],
  ["two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", `hello${SMUGGLED}`), 400],
  ["list of lengths", post("Content-Length: 5, 5\r\n", `hello${SMUGGLED}`), 400],
  ["empty length (CVE-2023-40225)", post("Content-Length:\r\n", SMUGGLED), 400],
  ["+5", post("Content-Length: +5\r\n", `hello${SMUGGLED}`), 400],
  ["0x5", post("Content-Length: 0x5\r\n", `hello${SMUGGLED}`), 400],
  ["length of 2^64 + 5 (CVE-2021-40346)", post("Content-Length: 18446744073709551621\r\n", `hello${SMUGGLED}`), 400],
  ["empty name (CVE-2023-25725)", post(": x\r\nContent-Length: 5\r\n", `hello${SMUGGLED}`), 400],
  ["CR in a value (CVE-2023-30589)", post("X: a\rContent-Length: 5\r\n", SMUGGLED), 400],
  ["lines ended by LF (CVE-2022-32214)", `POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello${SMUGGLED}`, 400],
  ["LF inside a value (CVE-2022-35256)", post("X: a\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  ["NUL in a value", post("X: a\0b\r\n"), 400],
  ["first line folded", `POST / HTTP/1.1\r\n Content-Length: 5\r\nHost: h\r\n\r\n${SMUGGLED}`, 400],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["chunk size with 0x", chunked(`0x5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`), 400],
  ["chunk size of 17 digits", chunked(`10000000000000005\r\nhello\r\n0\r\n\r\n${SMUGGLED}`), 400],
  ["LF after the chunk size", chunked(`5\nhello\r\n0\r\n\r\n${SMUGGLED}`), 400],
  ["LF in a chunk extension", chunked(`5;\nx\r\nhello\r\n0\r\n\r\n${SMUGGLED}`), 400],
  ["CR in a chunk extension", chunked(`5;\rx\r\nhello\r\n0\r\n\r\n${SMUGGLED}`), 400],
  ["bytes after a chunk's data", chunked(`5\r\nhelloXX\r\n0\r\n\r\n${SMUGGLED}`), 400],
  ["LF after a chunk's data", chunked(`5\r\nhello\n0\r\n\r\n${SMUGGLED}`), 400],
  ["something after the last chunk", chunked(`0\r\nX\r\n\r\n${SMUGGLED}`), 400],
  ["request line with tabs", "GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["space in the target", "GET / HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["HTTP/0.9", "GET /\r\n\r\n", 426],
  ["HTTP/1.0 with chunks", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 426],
  ["Connection names a forwarding header", post("Connection: x-forwarded-for\r\n"), 400],
  ["Connection names Host", post("Connection: host\r\n"), 400],
];

describe("request smuggling: what is ambiguous is refused, and reaches nobody", () => {
  let target: Target;
  before(async () => {
    target = await startTarget();
  });
  after(() => target.close());

  for (const [name, bytes, status] of REFUSED) it(name, () => assertRefused(target, bytes, status));

  it("an upgrade that is not configured is refused, and what follows is not parsed (CVE-2026-73548)", () =>
    assertRefused(
      target,
      `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
      403,
    ));

  for (const protocol of ["websocket", "x"]) {
    it(`what follows an upgrade to ${protocol} that the upstream refuses reaches nobody (CVE-2026-73548)`, async (t) => {
      const target = await startTarget({ upgrade_configs: [{ upgrade_type: protocol }] });
      t.after(() => target.close());
      const upgrade = `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
      const { text, end } = await exchange(target.port, [upgrade + SMUGGLED, SMUGGLED], { idleMs: 1_500 });
      assert.deepEqual(
        responsesIn(text).map(({ status }) => status),
        [200],
      );
      assert.notEqual(end, "open", "nothing more is read from this client");
      assert.doesNotMatch(target.backend.takeBytes(), /smuggled/);
      // Whoever comes next does not get what was meant for somebody else.
      await assertServes(target);
    });

    it(`what follows an upgrade to ${protocol} waits until the upstream has agreed (CVE-2026-73548)`, async (t) => {
      // It takes its time, and never answers.
      const target = await startTarget({ upgrade_configs: [{ upgrade_type: protocol }] }, () => "");
      t.after(() => target.close());
      const upgrade = `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
      const exchanged = exchange(target.port, [upgrade + SMUGGLED, SMUGGLED], { limitMs: 400 });
      let seen = "";
      for (let turns = 0; turns < 3_000 && !seen.includes("\r\n\r\n"); turns++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        seen += target.backend.takeBytes();
      }
      assert.equal((await exchanged).text, "");
      seen += target.backend.takeBytes();
      assert.match(seen, /^GET \/ HTTP\/1\.1\r\n/);
      assert.doesNotMatch(seen, /smuggled/);
    });
  }

  it("the HTTP/2 preface begins HTTP/2: what follows it is no request of HTTP/1", async () => {
    target.backend.takeBytes();
    const { text } = await exchange(target.port, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`, { idleMs: 60 });
    assert.equal(responsesIn(text).length, 0);
    assert.equal(target.backend.takeBytes(), "", "the backend saw nothing");
    await assertServes(target);
  });
});

describe("request smuggling: what is clear arrives with one meaning", () => {
  let target: Target;
  before(async () => {
    target = await startTarget();
  });
  after(() => target.close());

  it("h2c upgrade headers do not pass (h2c smuggling)", async () => {
    target.backend.takeBytes();
    await exchange(target.port, post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"));
    const [seen] = target.backend.take();
    assert.doesNotMatch(seen?.head ?? "upgrade", /upgrade|h2c|http2-settings|connection/i);
  });

  it("Connection: content-length does not set the body free", async () => {
    target.backend.takeBytes();
    const body = SMUGGLED;
    const bytes = post(`Connection: content-length\r\nContent-Length: ${body.length}\r\n`, body);
    const { text } = await exchange(target.port, bytes);
    assert.equal(responsesIn(text).length, 1);
    const [seen, ...more] = target.backend.take();
    assert.equal(more.length, 0);
    assert.equal(seen?.body, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  });

  it("an obs-fold leaves as one line", async () => {
    target.backend.takeBytes();
    await exchange(target.port, post("X: a\r\n Transfer-Encoding: chunked\r\n"));
    assert.match(target.backend.take()[0]?.head ?? "", /\r\nx: a Transfer-Encoding: chunked\r\n/);
  });

  it("every chunk is framed anew: extensions and trailers do not pass", async () => {
    target.backend.takeBytes();
    await exchange(target.port, chunked("005;a=b\r\nhello\r\n0;c\r\nContent-Length: 9\r\n\r\n"));
    assert.equal(target.backend.take()[0]?.body, "5\r\nhello\r\n0\r\n\r\n");
  });

  it("pipelined requests are answered in order, one by one", async () => {
    target.backend.takeBytes();
    const requests = Array.from({ length: 20 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: h\r\n\r\n`).join("");
    const { text } = await exchange(target.port, requests);
    assert.equal(responsesIn(text).length, 20);
    assert.deepEqual(
      target.backend.take().map((request) => request.head.split(" ")[1]),
      Array.from({ length: 20 }, (_, i) => `/${i}`),
    );
    await assertServes(target);
  });
});
