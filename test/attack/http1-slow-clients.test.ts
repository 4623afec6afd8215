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
      delayed_close_timeout: "0.1s",
      common_http_protocol_options: { idle_timeout: "0.5s" },
    });
  });
  after(() => target.close());

  it("half a head (slowloris): 408, and the backend sees nothing", async () => {
    target.backend.takeBytes();
    const { sockets, received } = await hold(target.port, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    await allClosed(sockets, 5_000);
    for (const text of received) assert.equal(responsesIn(text)[0]?.status, 408);
    assert.equal(target.backend.takeBytes(), "");
    await assertServes(target);
  });

  it("a byte now and then does not put the head's time-out off", async () => {
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

  it("half a body: 408", async () => {
    const { sockets, received } = await hold(
      target.port,
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello",
      50,
    );
    await allClosed(sockets, 5_000);
    for (const text of received) assert.ok([200, 408].includes(responsesIn(text)[0]?.status ?? 0));
    await assertServes(target);
  });

  it("connections that never send anything are closed", async () => {
    const { sockets, received } = await hold(target.port, "");
    await allClosed(sockets, 5_000);
    assert.ok(received.every((text) => text === ""));
    await assertServes(target);
  });

  it("others are served meanwhile", async () => {
    const { sockets } = await hold(target.port, "GET / HTTP/1.1\r\nHo");
    const started = performance.now();
    const { text } = await exchange(target.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", {
      until: (seen) => seen.endsWith("b"),
    });
    assert.equal(responsesIn(text)[0]?.status, 200);
    assert.ok(performance.now() - started < 1_000);
    for (const socket of sockets) socket.destroy();
  });
});
