import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { type SecureVersion, connect } from "node:tls";
import { Worker } from "node:worker_threads";
import type { JsonObject } from "@bufbuild/protobuf";
import { downstreamTls, tlsCertificate } from "../support/tls.ts";
import { GET } from "../support/proxy.ts";

/** @param letter of the key; undefined: none */
async function start(t: TestContext, letter: string | undefined): Promise<number> {
  const keys: JsonObject =
    letter === undefined ? {} : { session_ticket_keys: { keys: [{ inline_string: letter.repeat(80) }] } };
  const downstream = downstreamTls({ tls_certificates: [tlsCertificate("server")] }, keys);
  const route = { match: { prefix: "/" }, direct_response: { status: 200 } };
  const manager = { route_config: { virtual_hosts: [{ name: "v", domains: ["*"], routes: [route] }] } };
  const workerData = { backend: 9, downstream, manager };
  const worker = new Worker(new URL("../support/tls-proxy-worker.ts", import.meta.url), { workerData });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  return port;
}

interface Connected {
  readonly session: Buffer | undefined;
  readonly reused: boolean;
}

async function call(port: number, maxVersion: SecureVersion, session?: Buffer): Promise<Connected> {
  const given = session === undefined ? {} : { session };
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion, ...given });
  let newest: Buffer | undefined;
  socket.on("session", (each) => {
    newest = each;
  });
  await once(socket, "secureConnect");
  const reused = socket.isSessionReused();
  socket.write(GET);
  await once(socket, "data");
  socket.destroy();
  return { session: newest, reused };
}

test("session_ticket_keys: a session goes on at every proxy that has the key, and at no other", async (t) => {
  const [one, same, other, none] = await Promise.all(["a", "a", "b", undefined].map((each) => start(t, each)));
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const { session, reused } = await call(one, version);
    assert.equal(reused, false);
    assert.ok(session !== undefined);
    const goesOn = async (port: number): Promise<boolean> => (await call(port, version, session)).reused;
    assert.deepEqual(await Promise.all([one, same, other, none].map(goesOn)), [true, true, false, false], version);
  }
});
