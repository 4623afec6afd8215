/** `socket_options`: what the kernel is told. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { Acceptor } from "../../src/net/acceptor.ts";

/** The kernel's timer of a connection: 2 is that of keepalives. (Linux Documentation/networking/proc_net_tcp.rst) */
function timerOf(localPort: number, remotePort: number): number {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .find((each) => each.includes(`:${hex(localPort)} `) && each.includes(`:${hex(remotePort)} 01 `));
  assert.ok(line !== undefined, "no such connection");
  return Number(line.trim().split(/\s+/)[5]!.split(":")[0]);
}

for (const [keepaliveMs, timer] of [
  [10_000, 2],
  [-1, 0],
] as const) {
  test(
    `accepted connections ${keepaliveMs < 0 ? "without" : "with"} TCP keepalive`,
    { skip: process.platform !== "linux" },
    async () => {
      const accepted = Promise.withResolvers<number>();
      const acceptor = new Acceptor(
        (socket) => {
          accepted.resolve(timerOf(socket.localPort!, socket.remotePort!));
          socket.destroy();
        },
        (error) => accepted.reject(error),
        keepaliveMs,
      );
      const { port } = await acceptor.listen("127.0.0.1", 0);
      const client = connect(port, "127.0.0.1");
      await once(client, "connect");
      assert.equal(await accepted.promise, timer);
      client.destroy();
      acceptor.stop();
    },
  );
}
