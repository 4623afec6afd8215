import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { GET, OK, type ProxyOptions, startProxy, until } from "../support/proxy.ts";

const POST = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel";
const HALF = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi";

/** What the client gets when `request` meets an upstream that answers `answer` and time passes. */
async function timeOut(
  t: Parameters<typeof startProxy>[0],
  options: ProxyOptions,
  request: string,
  ms: number,
  answer = "",
): Promise<{
  received: string;
  ended: boolean;
  counter: (name: string) => number;
  clock: FakeClock;
  closed: () => boolean;
}> {
  const clock = new FakeClock();
  const proxy = await startProxy(t, { ...options, clock });
  proxy.backend.onData = (connection) => {
    if (answer !== "") connection.socket.write(answer);
  };
  const client = await proxy.client(t);
  client.send(request);
  if (request.includes("\r\n\r\n")) await until(() => proxy.backend.requests === 1);
  else await until(() => proxy.gauge("http.test.downstream_rq_active") === 1);
  if (answer !== "") await until(() => client.received.endsWith("hi"));
  clock.advance(ms - 20);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const before = client.received;
  assert.equal(before, answer === "" ? "" : before, "nothing yet");
  clock.advance(60);
  if (answer === "") await until(() => client.received !== "");
  else clock.advance(1_100);
  if (answer !== "") await until(() => client.ended);
  return {
    received: client.received,
    ended: client.ended,
    counter: (name) => proxy.counter(name),
    clock,
    closed: () => client.ended,
  };
}

describe("timeouts", () => {
  it("route timeout before the response: 504, upstream is reset", async (t) => {
    const seen = await timeOut(t, { action: { timeoutMs: 2_000 } }, GET, 2_000);
    assert.match(seen.received, /^HTTP\/1\.1 504 Gateway Timeout\r\n[^]*upstream request timeout$/);
    assert.equal(seen.counter("cluster.b.upstream_rq_timeout"), 1);
  });

  it("route timeout after the response has begun: the response is cut", async (t) => {
    const seen = await timeOut(t, { action: { timeoutMs: 2_000 } }, GET, 2_000, HALF);
    assert.match(seen.received, /^HTTP\/1\.1 200 OK\r\n[^]*hi$/);
  });

  it("the route timeout starts when the request is complete", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, action: { timeoutMs: 1_000 } });
    proxy.backend.onData = () => {};
    const client = await proxy.client(t);
    client.send(POST);
    await until(() => proxy.backend.requests === 1);
    clock.advance(10_000);
    client.send("lo");
    await until(() => proxy.backend.received.endsWith("hello"));
    assert.equal(client.received, "");
    clock.advance(1_020);
    await until(() => client.statuses[0] === 504);
  });

  it("stream idle timeout with the request complete: 504", async (t) => {
    const seen = await timeOut(t, { action: { timeoutMs: 0, idleTimeoutMs: 500 } }, GET, 500);
    assert.match(seen.received, /^HTTP\/1\.1 504 [^]*stream timeout$/);
    assert.equal(seen.counter("http.test.downstream_rq_idle_timeout"), 1);
  });

  it("stream idle timeout with the request incomplete: 408 and close", async (t) => {
    const seen = await timeOut(t, { action: { timeoutMs: 0, idleTimeoutMs: 500 } }, POST, 500);
    assert.match(seen.received, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*connection: close\r\n\r\nstream timeout$/);
    seen.clock.advance(1_100);
    await until(seen.closed);
  });

  it("activity puts the stream idle timeout off", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, manager: { streamIdleTimeoutMs: 500 }, action: { timeoutMs: 0 } });
    proxy.backend.onData = (connection) => void connection.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.received.endsWith("\r\n\r\n"));
    for (const letter of "abcde") {
      clock.advance(400);
      proxy.backend.connections[0].socket.write(letter);
      await until(() => client.received.endsWith(letter));
    }
    assert.match(client.received, /abcde$/);
    assert.equal(proxy.counter("http.test.downstream_rq_idle_timeout"), 0);
  });

  it("request headers timeout: 408", async (t) => {
    const seen = await timeOut(t, { manager: { requestHeadersTimeoutMs: 300 } }, "GET / HTTP/1.1\r\nHo", 300);
    assert.match(seen.received, /^HTTP\/1\.1 408 [^]*request header timeout$/);
  });

  it("request timeout: 408", async (t) => {
    const seen = await timeOut(t, { manager: { requestTimeoutMs: 300 } }, POST, 300);
    assert.match(seen.received, /^HTTP\/1\.1 408 [^]*request timeout$/);
  });

  it("max stream duration: 504", async (t) => {
    const seen = await timeOut(t, { manager: { maxStreamDurationMs: 700 } }, GET, 700);
    assert.match(seen.received, /^HTTP\/1\.1 504 /);
    assert.equal(seen.counter("http.test.downstream_rq_max_duration_reached"), 1);
  });

  it("a connection without requests closes after the idle timeout", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, manager: { idleTimeoutMs: 5_000 } });
    const client = await proxy.client(t);
    await until(() => proxy.gauge("http.test.downstream_cx_active") === 1);
    clock.advance(4_900);
    assert.equal(client.ended, false);
    clock.advance(200);
    await until(() => client.ended);
  });

  it("an idle keep-alive connection drains, then closes", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, manager: { idleTimeoutMs: 1_000, drainTimeoutMs: 2_000 } });
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    clock.advance(1_100);
    client.send(GET);
    await until(() => client.statuses.length === 2);
    assert.match(client.received, /connection: close\r\n\r\nhi$/);
    await until(() => client.ended);
  });

  it("leaves no timer armed when all is over", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock, manager: { requestTimeoutMs: 1_000, maxStreamDurationMs: 1_000 } });
    const client = await proxy.client(t);
    client.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    await until(() => client.ended);
    await until(() => proxy.gauge("http.test.downstream_cx_active") === 0);
    const { timers } = (proxy.plane as unknown as { net: { timers: { size: number } } }).net;
    // The pooled upstream connection's idle timer.
    assert.equal(timers.size, 1);
    assert.equal(client.received.endsWith(OK.slice(-2)), true);
  });
});
