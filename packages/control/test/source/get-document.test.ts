/** What a URL of a user's leads to, and what it does not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, LookupFunction } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { getDocument } from "../../src/source/issuers/get-document.ts";

const pem = (file: string): string =>
  readFileSync(new URL(`../../../../test/support/certificates/${file}`, import.meta.url), "utf8");
const CA = [pem("ca.pem")];
const never = new AbortController().signal;

async function serve(t: TestContext, listener: RequestListener, certificate?: string): Promise<number> {
  const server: Server =
    certificate === undefined
      ? createServer(listener)
      : createTlsServer({ cert: pem(`${certificate}.pem`), key: pem(`${certificate}.key`) }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Names lead where the test says. */
function namesAt(address: string): LookupFunction {
  return (_, { all }, callback) => {
    const family = address.includes(":") ? 6 : 4;
    if (all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

test("the body of an answer", async (t) => {
  const port = await serve(t, (request, response) => response.end(`${request.method} ${request.url}`));
  assert.equal(await getDocument(`http://127.0.0.1:${port}/a?b`, never), "GET /a?b");
});

test("over TLS: from whom the certificate is, and nobody else", async (t) => {
  const listener: RequestListener = (_, response) => response.end("keys");
  const port = await serve(t, listener, "server");
  const at = { authorities: CA, lookup: namesAt("127.0.0.1") };
  assert.equal(await getDocument(`https://server.test:${port}/`, never, at), "keys");
  await assert.rejects(getDocument(`https://other.test:${port}/`, never, at), /does not match certificate/);
  await assert.rejects(getDocument(`https://127.0.0.1:${port}/`, never), /certificate/, "by Node's authorities");
  for (const certificate of ["server-expired", "server-self", "server-untrusted"]) {
    const wrong = await serve(t, listener, certificate);
    await assert.rejects(getDocument(`https://server.test:${wrong}/`, never, at), /cannot be asked: .*certificate/);
  }
});

test("what is no 2xx, or no answer at all, is told", async (t) => {
  const port = await serve(t, (request, response) => {
    if (request.url === "/reset") request.socket.destroy();
    else response.writeHead(404).end("no");
  });
  await assert.rejects(getDocument(`http://127.0.0.1:${port}/`, never), /:\d+\/ answers with status 404$/);
  await assert.rejects(getDocument(`http://127.0.0.1:${port}/reset`, never), /cannot be asked: socket hang up/);
  await assert.rejects(getDocument("testing@secure.istio.io", never), /is no URL of a web server/);
  await assert.rejects(getDocument("file:///etc/passwd", never), /is no URL of a web server/);
});

test("an answer without end, in size or in time", async (t) => {
  const port = await serve(t, (request, response) => {
    if (request.url === "/slow") response.write("a");
    else response.end("a".repeat(300 * 1024));
  });
  await assert.rejects(getDocument(`http://127.0.0.1:${port}/`, never), /answers with more than 262144 bytes/);
  const late = new AbortController();
  const asked = getDocument(`http://127.0.0.1:${port}/slow`, late.signal);
  setImmediate(() => late.abort());
  await assert.rejects(asked, /no answer in time/);
});

test("redirects are followed, but not for ever, and not out of TLS", async (t) => {
  const port = await serve(t, (request, response) => {
    if (request.url === "/end") response.end("end");
    else response.writeHead(302, { location: request.url === "/start" ? "/end" : "/loop" }).end();
  });
  assert.equal(await getDocument(`http://127.0.0.1:${port}/start`, never), "end");
  await assert.rejects(getDocument(`http://127.0.0.1:${port}/loop`, never), /more than 10 redirects/);
  const secure = await serve(
    t,
    (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/end` }).end(),
    "server",
  );
  await assert.rejects(
    getDocument(`https://server.test:${secure}/`, never, { authorities: CA, lookup: namesAt("127.0.0.1") }),
    /leads to http:.*, in plaintext/,
  );
});

for (const address of [
  "169.254.169.254",
  "169.254.0.1",
  "100.100.100.200",
  "fe80::1",
  "fd00:ec2::254",
  "::ffff:169.254.169.254",
]) {
  test(`where machines in clouds ask for their credentials nobody asks: ${address}`, async (t) => {
    const literal = address.includes(":") ? `[${address}]` : address;
    const refused = /of this link or of a cloud's metadata, which is not asked/;
    await assert.rejects(getDocument(`http://${literal}/latest`, never), refused);
    await assert.rejects(getDocument("http://issuer.test/", never, { lookup: namesAt(address) }), refused);
    const port = await serve(t, (_, response) => response.writeHead(307, { location: `http://${literal}/` }).end());
    await assert.rejects(getDocument(`http://127.0.0.1:${port}/`, never), refused);
  });
}
