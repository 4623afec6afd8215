/** What a client sends costs the proxy no more memory than a fair multiple of it. Envoy's promise (its threat model): less than 100 times. */
import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import { once } from "node:events";
import { describe, it } from "node:test";
import { startTarget } from "./support/target.ts";

const KIB = 1024;
const SENT = 10 * KIB;
/** 10 KiB must not cost 1 MiB: with this many at a time, what the test itself holds does not count. */
const COUNT = 150;
const MOST_BYTES = 1024 * KIB;

function filled(begin: string, piece: string, end = ""): string {
  return begin + piece.repeat(Math.floor((SENT - begin.length - end.length) / piece.length)) + end;
}

const HEAD = "GET / HTTP/1.1\r\nHost: h\r\n";
/** None of them ends: the proxy has to hold on to what it has. */
const REQUESTS: Readonly<Record<string, string>> = {
  "a header line without end": filled(`${HEAD}X: `, "a"),
  "a target without end": filled("GET /", "a/../"),
  "98 header lines": filled(HEAD, `X: ${"a".repeat(96)}\r\n`),
  "folded lines": filled(`${HEAD}X: a\r\n`, " a\r\n"),
  "a chunk extension without end": filled(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;`, "a"),
  "chunks of one byte": filled(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`, "1\r\na\r\n"),
  "trailers without end": filled(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n`, "a: b\r\n"),
  cookies: filled(HEAD, `cookie: ${"a=b; ".repeat(30)}\r\n`),
  "empty lines": filled("", "\r\n"),
  "pipelined requests": filled("", `${HEAD}\r\n`),
  "tokens in Connection": filled(`${HEAD}Connection: `, "a,"),
};

/** Waits until the proxy has been idle for a while. */
async function quiet(): Promise<void> {
  let last = process.cpuUsage();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const used = process.cpuUsage(last);
    if ((used.user + used.system) / 1000 < 20) return;
    last = process.cpuUsage();
  }
}

describe("10 KiB cost less than 1 MiB of memory (amplification of less than ×100)", () => {
  for (const [name, bytes] of Object.entries(REQUESTS)) {
    it(name, async (t) => {
      const target = await startTarget({ normalize_path: true, merge_slashes: true });
      t.after(() => target.close());
      const sockets: Socket[] = [];
      const [memory, cpu] = [process.memoryUsage().rss, process.cpuUsage()];
      for (let i = 0; i < COUNT; i++) {
        const socket = connect({ port: target.port, host: "127.0.0.1", noDelay: true });
        socket.on("error", () => {});
        socket.resume();
        sockets.push(socket);
        await once(socket, "connect");
        await new Promise<void>((resolve) => socket.write(bytes, "latin1", () => resolve()));
      }
      await quiet();
      const spent = process.cpuUsage(cpu);
      const each = (process.memoryUsage().rss - memory) / COUNT;
      for (const socket of sockets) socket.destroy();
      assert.ok(each < MOST_BYTES, `${Math.round(each / KIB)} KiB each`);
      // Time is shown and not asserted: it is this process's, client and backend included, on whatever machine.
      const ms = (spent.user + spent.system) / 1000 / COUNT;
      t.diagnostic(`${Math.round(each / KIB)} KiB and ${ms.toFixed(2)} ms for each`);
    });
  }
});
