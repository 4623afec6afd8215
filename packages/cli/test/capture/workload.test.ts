/** Captured workloads of one machine: their networks, and who removes what is left of them. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { relay } from "../../src/capture/relay.ts";
import { workloadNetwork } from "../../src/capture/workload-network.ts";
import { WorkloadRegistry } from "../../src/capture/workload-registry.ts";
import { CliError } from "../../src/errors.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "tulle-registry-"));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

describe("the network of a workload", () => {
  test("has addresses of its own", () => {
    assert.deepEqual(workloadNetwork(0).addresses, ["10.213.0.2", "fd74:756c:6c65:0::2"]);
    assert.deepEqual(workloadNetwork(63).hostAddresses, ["10.213.0.253", "fd74:756c:6c65:3f::1"]);
    assert.deepEqual(workloadNetwork(64).addresses, ["10.213.1.2", "fd74:756c:6c65:40::2"]);
    assert.deepEqual(workloadNetwork(16_383).addresses, ["10.213.255.254", "fd74:756c:6c65:3fff::2"]);
    assert.throws(() => workloadNetwork(16_384), CliError);
  });

  test("has a name that an interface can have, and no two share anything", () => {
    const all = Array.from({ length: 16_384 }, (_, index) => workloadNetwork(index));
    assert.ok(all.every(({ hostInterface }) => hostInterface.length <= 15));
    const addresses = all.flatMap((network) => [...network.addresses, ...network.hostAddresses]);
    assert.equal(new Set(addresses).size, addresses.length);
  });
});

describe("the workloads of a machine", { skip: process.platform === "linux" ? false : "needs /proc" }, () => {
  test("have the lowest numbers that are free", (t) => {
    const registry = new WorkloadRegistry(folder(t));
    assert.deepEqual([registry.reserve(), registry.reserve()], [0, 1]);
    registry.release(0);
    assert.equal(registry.reserve(), 0);
    assert.deepEqual(registry.orphans(), []);
  });

  test("are orphans when their process is gone, or its number is another's now", (t) => {
    const path = folder(t);
    const registry = new WorkloadRegistry(path);
    writeFileSync(join(path, "3.json"), JSON.stringify({ pid: 4_194_305, started: "1" }));
    writeFileSync(join(path, "4.json"), JSON.stringify({ pid: process.pid, started: "1" }));
    writeFileSync(join(path, "5.json"), "");
    registry.reserve();
    assert.deepEqual(
      registry.orphans().toSorted((a, b) => a - b),
      [3, 4, 5],
    );
    assert.equal(registry.isEmpty, false);
  });

  test("are changed by one process at a time; a lock of one that is gone holds nobody up", (t) => {
    const path = folder(t);
    const registry = new WorkloadRegistry(path);
    writeFileSync(join(path, "lock"), JSON.stringify({ pid: 4_194_305, started: "1" }));
    assert.equal(
      registry.locked(() => readdirSync(path).includes("lock")),
      true,
    );
    assert.deepEqual(readdirSync(path), []);
    assert.throws(() =>
      registry.locked(() => {
        throw new Error("no");
      }),
    );
    assert.deepEqual(readdirSync(path), []);
  });
});

test("a relay passes bytes on both ways, and ends with either side", async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("data", (bytes: Buffer) => socket.write(bytes.toString().toUpperCase()));
    socket.on("end", () => socket.end("bye"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const path = join(folder(t), "relay.sock");
  const way = await relay({ path }, { host: "127.0.0.1", port: (server.address() as { port: number }).port });
  t.after(() => way.close());
  const client = connect({ path, allowHalfOpen: true });
  let received = "";
  client.on("data", (bytes: Buffer) => (received += bytes.toString()));
  client.end("hello");
  await once(client, "end");
  assert.equal(received, "HELLObye");
});
