/** Clients that hold on to what they have: timers end them, and the others do not notice. */
import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { exchange, responsesIn } from "../support/raw-client.ts";
import { type Target, assertServes, startTarget } from "./support/target.ts";

const COUNT = 200;

/** Opens connections that send `bytes` and then nothing. */
async function hold(port: number, bytes: string, count = COUNT): Promise<{ sockets: Socket[]; received: string[] }> {
  const received: string[] = Array.from({ length: count }, () => "");
  const sockets = await Promise.all(
    received.map(async (_, i) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        received[i] += chunk.toString("latin1");
      });
      await once(socket, "connect");
      if (bytes !== "") socket.write(bytes, "latin1");
      return socket;
    }),
  );
  return { sockets, received };
}

async function allClosed(sockets: readonly Socket[], ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (!sockets.every((socket) => socket.closed || socket.readableEnded)) {
    assert.ok(performance.now() < deadline, "not all were closed in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("slow clients", () => {
  let target: Target;
  before(async () => {
    target = await startTarget({
      request_headers_timeout: "0.4s",
      stream_idle_timeout: "0.6s",
      common_http_protocol_options: { idle_timeout: "0.5s" },
    });
  });
  after(() => target.close());

  it("slowloris: half a head: 408, and the backend sees nothing", async () => {
    target.backend.takeBytes();
    const { sockets, received } = await hold(target.port, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    await allClosed(sockets, 30_000);
    for (const text of received) assert.equal(responsesIn(text)[0]?.status, 408);
    assert.equal(target.backend.takeBytes(), "");
    await assertServes(target);
  });

  it("slowloris: a byte now and then does not put the head's time-out off", async () => {
    const segments = ["GET / HTTP/1.1\r\n"];
    const socket = connect({ port: target.port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.write(segments[0]!);
    const drip = setInterval(() => socket.write("a"), 50);
    await once(socket, "close");
    clearInterval(drip);
    assert.equal(responsesIn(text)[0]?.status, 408);
  });

  it("slow body: half of it: 408", async () => {
    const { sockets, received } = await hold(
      target.port,
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello",
      50,
    );
    await allClosed(sockets, 30_000);
    for (const text of received) assert.ok([200, 408].includes(responsesIn(text)[0]?.status ?? 0));
    await assertServes(target);
  });

  it("connect and hold: connections that never send anything are closed", async () => {
    const { sockets, received } = await hold(target.port, "");
    await allClosed(sockets, 30_000);
    assert.ok(received.every((text) => text === ""));
    await assertServes(target);
  });

  it("connect and hold: an idle connection costs little memory", async () => {
    const count = 1_500;
    const before = process.memoryUsage().rss;
    const { sockets } = await hold(target.port, "", count);
    // Both ends of each are in this process.
    const each = (process.memoryUsage().rss - before) / count / 1024;
    assert.ok(each < 60, `${each.toFixed(1)} KiB for each`);
    await allClosed(sockets, 30_000);
    await assertServes(target);
  });

  it("slow read: an answer that nobody takes is not read from the upstream, and is given up", async (t) => {
    const slow = await startTarget(
      { stream_idle_timeout: "0.6s", delayed_close_timeout: "0.1s" },
      { answer: `HTTP/1.1 200 OK\r\ncontent-length: 400000000\r\n\r\n${"a".repeat(40_000_000)}` },
      { admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } } },
    );
    t.after(() => slow.close());
    const { sockets } = await hold(slow.port, "", 4);
    const before = process.memoryUsage().rss;
    for (const socket of sockets) {
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    const active = async (): Promise<number> => {
      const path = `http://${slow.proxy.adminAddress}/stats?filter=downstream_rq_active`;
      const response = await fetch(path, { headers: { connection: "close" } });
      return Number(/http\.attack\.downstream_rq_active: (\d+)/.exec(await response.text())?.[1]);
    };
    let most = 0;
    const deadline = performance.now() + 60_000;
    for (let seen = 0; ;) {
      most = Math.max(most, process.memoryUsage().rss - before);
      const now = await active();
      if (seen > 0 && now === 0) break;
      seen = Math.max(seen, now);
      assert.ok(performance.now() < deadline, "they were not given up");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // What the upstream's sockets hold is in this process, too: 4 times 40 MB, all of which a proxy without back-pressure would hold again.
    assert.ok(most < 250 * 1024 * 1024, `${Math.round(most / 1024 / 1024)} MiB`);
    for (const socket of sockets) socket.destroy();
  });

  it("half-close: a client that will send no more holds nothing", async (t) => {
    // No time-out of its own would end them.
    const patient = await startTarget();
    t.after(() => patient.close());
    for (const bytes of ["", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhi"]) {
      const { end } = await exchange(patient.port, bytes, { finish: true, idleMs: 30_000, limitMs: 30_000 });
      assert.notEqual(end, "open");
    }
    await assertServes(patient);
  });

  it("others are served meanwhile", async (t) => {
    const patient = await startTarget();
    t.after(() => patient.close());
    const { sockets } = await hold(patient.port, "GET / HTTP/1.1\r\nHo");
    await assertServes(patient);
    assert.ok(sockets.every((socket) => !socket.closed && !socket.readableEnded));
    for (const socket of sockets) socket.destroy();
  });
});
