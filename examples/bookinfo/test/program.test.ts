/** The services as programs: environment, HTTP_PROXY, signals. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { serveWith } from "./support.ts";

interface Program {
  child: ChildProcessByStdio<null, Readable, Readable>;
  origin: string;
}

async function run(t: TestContext, service: string, env: Record<string, string> = {}): Promise<Program> {
  const file = join(import.meta.dirname, "..", "src", `${service}.ts`);
  const child = spawn(process.execPath, [file], { env: { PORT: "0", ...env }, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, origin: line.slice(line.indexOf("http://")) };
}

test("calls go through HTTP_PROXY in absolute form, over connections that are kept", async (t) => {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = await serveWith(t, (incoming, response) => {
    targets.push(`${incoming.method} ${incoming.url} host=${incoming.headers.host}`);
    sockets.add(incoming.socket);
    response.end("{}");
  });
  const { origin } = await run(t, "reviews", { SERVICE_VERSION: "v2", HTTP_PROXY: proxy, SERVICES_DOMAIN: "default" });
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${origin}/reviews/0`)).status, 200);
  const target = "GET http://ratings.default:9080/ratings/0 host=ratings.default:9080";
  assert.deepEqual(targets, [target, target, target]);
  assert.equal(sockets.size, 1);
});

test("a kept connection that the other side closes as it is used again costs no request", async (t) => {
  const seen = new Map<Socket, number>();
  const ratings = await serveWith(t, (incoming, response) => {
    const count = (seen.get(incoming.socket) ?? 0) + 1;
    seen.set(incoming.socket, count);
    if (count === 2) incoming.socket.resetAndDestroy();
    else response.end('{"ratings":{"Reviewer1":1,"Reviewer2":1}}');
  });
  const { hostname, port } = new URL(ratings);
  const env = { SERVICE_VERSION: "v2", RATINGS_HOSTNAME: hostname, RATINGS_SERVICE_PORT: port };
  const { origin } = await run(t, "reviews", env);
  for (let i = 0; i < 3; i++) {
    const body = await (await fetch(`${origin}/reviews/0`)).text();
    assert.match(body, /"stars":1/, `request ${i}`);
  }
  assert.ok(seen.size >= 2, "the second request met a closed connection");
});

test("an idle connection is the proxy's to close: the server names no time after which it would", async (t) => {
  const { origin } = await run(t, "details");
  const { headers } = await fetch(`${origin}/health`);
  assert.deepEqual([headers.get("connection"), headers.get("keep-alive")], ["keep-alive", null]);
});

test("on SIGTERM the open request is finished, then the program ends with 0", async (t) => {
  const held = Promise.withResolvers<ServerResponse>();
  const ratings = await serveWith(t, (_, response) => held.resolve(response));
  const { hostname, port } = new URL(ratings);
  const env = { SERVICE_VERSION: "v2", RATINGS_HOSTNAME: hostname, RATINGS_SERVICE_PORT: port };
  const { child, origin } = await run(t, "reviews", env);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request(`${origin}/reviews/0`, resolve).once("error", reject).end();
  });
  const response = await held.promise;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  response.end("{}");
  const answer = await answered;
  answer.resume();
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(await exited, [0, null]);
});

test("on SIGTERM a connection on which nothing was asked keeps nobody waiting", { timeout: 40_000 }, async (t) => {
  const { child, origin } = await run(t, "details");
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  await once(socket, "connect");
  // Answered on another connection: the server has taken the first one as well.
  await fetch(`${origin}/health`);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("an unknown version is refused with the known ones", async (t) => {
  const file = join(import.meta.dirname, "..", "src", "reviews.ts");
  const child = spawn(process.execPath, [file, "v9"], { env: { PORT: "0" }, stdio: ["ignore", "ignore", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => void (errors += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 2);
  assert.match(errors, /v9 is not one of v1, v2, v3/);
});
