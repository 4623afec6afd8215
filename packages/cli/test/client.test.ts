import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ControlPlaneClient } from "../src/control-plane/client.ts";

describe("a control plane that does not answer in time", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-client-"));
  const servers = [createServer(), createServer()];
  after(() => {
    for (const server of servers) server.close().closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  async function client(overSocket: boolean): Promise<ControlPlaneClient> {
    const server = servers[overSocket ? 1 : 0]!;
    const socket = join(folder, "socket");
    await new Promise<void>((resolve) => {
      if (overSocket) server.listen(socket, resolve);
      else server.listen(0, "127.0.0.1", resolve);
    });
    const port = overSocket ? 1 : (server.address() as AddressInfo).port;
    const located = { address: { host: "127.0.0.1", port }, from: "--http" };
    return new ControlPlaneClient(located, overSocket ? socket : undefined, { read: 50, change: 100 });
  }

  for (const overSocket of [false, true]) {
    test(`${overSocket ? "at its socket" : "over TCP"}: is not one that is not there, and may have done what it was asked to`, async () => {
      const slow = await client(overSocket);
      await assert.rejects(slow.version(), {
        message: "the control plane has not answered GET /version within 0.05 s",
        hints: [],
      });
      await assert.rejects(slow.apply("", { namespace: "default", dryRun: false }), {
        message: "the control plane has not answered POST /api/v1/apply?namespace=default within 0.1 s",
        hints: ["It may still do what it was asked to: tulle get tells what is in force."],
      });
    });
  }
});
