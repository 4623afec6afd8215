import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { claimPort, isFree, reservePorts } from "../src/process/ports.ts";

test("reservations that overlap in time never share a port", async () => {
  const reservations = await Promise.all(Array.from({ length: 8 }, () => reservePorts(8, "127.0.0.1")));
  const ports = reservations.flatMap(({ ports }) => ports);
  for (const { release } of reservations) release();
  assert.equal(ports.length, 64);
  assert.equal(new Set(ports).size, 64);
});

test("a reserved port can be listened on", async () => {
  const reserved = await reservePorts(1, "127.0.0.1");
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(reserved.ports[0], "127.0.0.1", resolve);
  });
  reserved.release();
  assert.equal(await isFree(reserved.ports[0]!, "127.0.0.1"), false);
  server.close();
});

test("a port that somebody listens on is not free", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  assert.equal(await isFree(port, "127.0.0.1"), false);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await isFree(port, "127.0.0.1"), true);
});

test("a port that was claimed is free for its listener, and for nobody else's claim until it is released", async () => {
  const {
    ports: [port = 0],
    release,
  } = await reservePorts(1, "127.0.0.1");
  release();
  const first = await claimPort(port, "127.0.0.1");
  assert.equal(await claimPort(port, "127.0.0.1"), undefined);
  assert.equal(await isFree(port, "127.0.0.1"), true);
  first!();
  const second = await claimPort(port, "127.0.0.1");
  assert.notEqual(second, undefined);
  second!();
});
