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

test("what the API says of a mistake is told as it is; everything else with what was asked", async (t) => {
  const answers: [status: number, body: string][] = [];
  const server = createServer((_, response) => {
    const [status, body] = answers.shift()!;
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const client = new ControlPlaneClient({ address: { host: "127.0.0.1", port }, from: "--http" });
  const told = async (status: number, body: string, message: string, exitCode: number): Promise<void> => {
    answers.push([status, body]);
    await assert.rejects(client.version(), { message, exitCode });
  };
  await told(400, '{"error":"window must be from 1s to 24h"}', "window must be from 1s to 24h", 2);
  await told(404, '{"error":"there is no x"}', "there is no x", 1);
  await told(503, '{"error":"ask later"}', "ask later", 1);
  await told(500, '{"error":"see the log"}', "the control plane answered GET /version with 500: see the log", 1);
  await told(404, "<html>", "the control plane answered GET /version with 404: <html>", 1);
});
