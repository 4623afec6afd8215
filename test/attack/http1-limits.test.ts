/** Too much of anything: 431 or 400, in bounded memory, and nothing of it upstream. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { type Target, assertRefused, assertServes, startTarget } from "./support/target.ts";

const KIB = 1024;
const get = (headers: string, target = "/"): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;
const chunked = (body: string): string => `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;

describe("limits", () => {
  let target: Target;
  before(async () => {
    target = await startTarget();
  });
  after(() => target.close());

  it("101 headers (CVE-2019-15226)", () => assertRefused(target, get("X: a\r\n".repeat(100)), 431));
  it("a head of more than 60 KiB (CVE-2018-12121)", () =>
    assertRefused(target, get(`X: ${"a".repeat(60 * KIB)}\r\n`), 431));
  it("a target of more than 60 KiB", () => assertRefused(target, get("", `/${"a".repeat(60 * KIB)}`), 431));
  it("a target without end", () => assertRefused(target, `GET /${"a".repeat(200 * KIB)}`, 431));
  it("a header without end, in small pieces", () =>
    assertRefused(
      target,
      ["GET / HTTP/1.1\r\nHost: h\r\nX: ", ...Array.from({ length: 80 }, () => "a".repeat(KIB))],
      431,
    ));
  it("trailers of more than 60 KiB", () =>
    assertRefused(target, chunked(`0\r\nX: ${"a".repeat(70 * KIB)}\r\n\r\n`), 431));
  it("a chunk extension of more than 16 KiB (CVE-2024-22019)", () =>
    assertRefused(target, chunked(`5;${"a".repeat(17 * KIB)}\r\nhello\r\n0\r\n\r\n`), 400));
  it("leading zeros without end", () => assertRefused(target, chunked(`${"0".repeat(17 * KIB)}5\r\nhello\r\n`), 400));
  it("200 tokens in Connection", () => assertRefused(target, get(`Connection: ${"a,".repeat(200)}\r\n`), 400));

  it("100 headers and nearly 60 KiB pass", async () => {
    target.backend.takeBytes();
    const { text } = await exchange(target.port, get("X: a\r\n".repeat(98) + `Y: ${"b".repeat(58 * KIB)}\r\n`));
    assert.equal(responsesIn(text)[0]?.status, 200);
    assert.equal(target.backend.take()[0]?.head.split("\r\nx: a").length, 99);
  });

  it("a head that arrives byte by byte costs time in proportion to its size (CVE-2019-15226)", async () => {
    const head = get(`X: ${"a".repeat(8 * KIB)}\r\n`);
    const started = process.cpuUsage();
    const { text } = await exchange(target.port, head.split(""), { limitMs: 120_000, idleMs: 500 });
    const spent = process.cpuUsage(started);
    assert.equal(responsesIn(text)[0]?.status, 200);
    // 8,000 reads of one byte, which a scan from the start at each of them would make 34 million steps.
    assert.ok((spent.user + spent.system) / 1e6 < 5, `${(spent.user + spent.system) / 1e6} s of CPU`);
  });

  it("a flood of pipelined requests waits outside", async () => {
    target.backend.takeBytes();
    const socket = connect({ port: target.port, host: "127.0.0.1" });
    socket.on("error", () => {});
    // Nobody reads the answers: the proxy must stop reading requests.
    socket.pause();
    const request = get("");
    const before = process.memoryUsage().rss;
    const block = request.repeat(Math.floor((256 * KIB) / request.length));
    for (let i = 0; i < 64; i++) {
      const accepted = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 300);
        socket.write(block, () => {
          clearTimeout(timer);
          resolve(true);
        });
      });
      if (!accepted) break;
    }
    assert.ok(process.memoryUsage().rss - before < 200 * KIB * KIB);
    socket.destroy();
    // What was on its way arrives first.
    for (let silence = 0; silence < 10; silence++) {
      if (target.backend.takeBytes() !== "") silence = 0;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await assertServes(target);
  });
});
