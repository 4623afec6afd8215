/** The rules of the hot path that a reader cannot see: one shape for all exchanges, one write for each message. */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import type { Exchange } from "../../src/http/exchange.ts";
import { ExchangePool } from "../../src/http/runtime.ts";
import { RetryOn } from "../../src/plan/retry-conditions.ts";
import { GET, OK, startProxy, until } from "../support/proxy.ts";
import { retryPolicy } from "../support/plans.ts";

setFlagsFromString("--allow-natives-syntax");
const haveSameMap = runInThisContext("(a, b) => %HaveSameMap(a, b)") as (a: object, b: object) => boolean;

test("all exchanges have one shape, whatever has become of them", async (t) => {
  const seen = releasedExchanges(t);
  const answers = [OK, "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n", OK];
  const proxy = await startProxy(t, {
    action: { retryPolicy: retryPolicy({ retryOn: RetryOn.serverErrors }), upgrades: new Map([["websocket", true]]) },
  });
  proxy.backend.onData = (connection, chunk) => {
    const text = chunk.toString("latin1");
    if (text.includes("upgrade: websocket")) {
      connection.socket.end("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nbye");
    } else if (text.startsWith("GET /gone")) connection.socket.destroy();
    else connection.socket.write(answers.shift() ?? OK);
  };
  const client = await proxy.client(t);
  const requests = [
    GET,
    GET,
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /gone HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  ];
  for (const [i, request] of requests.entries()) {
    client.send(request);
    await until(() => client.statuses.length === i + 1);
  }
  const other = await proxy.client(t);
  other.send("NONSENSE\r\n\r\n");
  await until(() => other.statuses.length === 1);
  // Several at once, so that there are several exchanges to compare.
  const crowd = await Promise.all([1, 2, 3, 4].map(() => proxy.client(t)));
  for (const each of crowd) each.send(GET);
  await until(() => crowd.every((each) => each.statuses.length === 1));

  const exchanges = [...seen];
  assert.ok(exchanges.length > 1);
  const [first] = exchanges;
  for (const each of exchanges) {
    assert.ok(haveSameMap(first, each), "Exchange");
    assert.ok(haveSameMap(first.router, each.router), "Router");
    assert.ok(haveSameMap(first.request, each.request), "RequestHead");
    assert.ok(haveSameMap(first.response, each.response), "ResponseHead");
    assert.ok(haveSameMap(first.request.headers, each.response.headers), "HeaderBlock");
    assert.ok(haveSameMap(first.timers, each.timers), "ExchangeTimers");
  }
});

test("a message leaves in one write", async (t) => {
  const proxy = await startProxy(t);
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => client.statuses.length === 1);
  const counted = countWrites(t);
  const requests = [GET, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", GET];
  for (const [i, request] of requests.entries()) {
    client.send(request);
    await until(() => client.statuses.length === i + 2);
  }
  // The client's, the proxy's to the upstream, the upstream's, the proxy's to the client.
  assert.equal(counted(), 4 * requests.length);
});

test("the answers to pipelined requests leave as they come, each in one write", async (t) => {
  const proxy = await startProxy(t);
  const client = await proxy.client(t);
  client.send(GET);
  await until(() => client.statuses.length === 1);
  const counted = countWrites(t);
  client.send(GET + GET + GET);
  await until(() => client.statuses.length === 4);
  assert.equal(counted(), 1 + 3 * 3);
});

function releasedExchanges(t: TestContext): ReadonlySet<Exchange> {
  const seen = new Set<Exchange>();
  const release = Reflect.get(ExchangePool.prototype, "release") as (exchange: Exchange) => void;
  t.mock.method(ExchangePool.prototype, "release", function (this: ExchangePool, exchange: Exchange) {
    seen.add(exchange);
    release.call(this, exchange);
  });
  return seen;
}

/** Gives how many times any socket of this process has been written to since. */
function countWrites(t: TestContext): () => number {
  const write = t.mock.method(Socket.prototype, "write");
  return () => write.mock.callCount();
}
