import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { managerOf } from "../support/plans.ts";
import { GET, OK, startProxy, until } from "../support/proxy.ts";

describe("an exchange", () => {
  it("forwards a request with Envoy's headers, and its response", async (t) => {
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    client.send("GET /a?b=1 HTTP/1.1\r\nAccept: */*\r\nHost: h\r\nConnection: keep-alive\r\nX-Request-Id: r\r\n\r\n");
    await until(() => client.received.endsWith("hi"));
    assert.equal(
      proxy.backend.received,
      "GET /a?b=1 HTTP/1.1\r\nhost: h\r\naccept: */*\r\nx-request-id: r\r\nx-forwarded-proto: http\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n\r\n",
    );
    assert.match(
      client.received,
      /^HTTP\/1\.1 200 OK\r\ncontent-length: 2\r\nx-envoy-upstream-service-time: \d+\r\ndate: [^\r]+ GMT\r\nserver: envoy\r\n\r\nhi$/,
    );
  });

  it("uses one upstream connection for requests one after the other, pipelined ones included", async (t) => {
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    for (let i = 1; i <= 3; i++) {
      client.send(GET);
      await until(() => client.statuses.length === i);
    }
    client.send(GET + GET + GET);
    await until(() => client.statuses.length === 6);
    assert.equal(proxy.backend.connections.length, 1);
    assert.equal(proxy.counter("cluster.b.upstream_rq_total"), 6);
    assert.equal(proxy.counter("http.test.downstream_rq_2xx"), 6);
  });

  it("carries nothing of one request into the next", async (t) => {
    const proxy = await startProxy(t);
    const secret = await proxy.client(t);
    secret.send(
      "POST /secret?token=s3cret HTTP/1.1\r\nHost: private\r\nAuthorization: s3cret\r\nX-Odd:  s3cret\r\nCookie: s3cret\r\nContent-Length: 6\r\n\r\ns3cret",
    );
    proxy.backend.onData = (connection, chunk) => {
      if (chunk.includes("s3cret"))
        connection.socket.write(
          "HTTP/1.1 201 Created\r\nset-cookie: s3cret\r\netag: s3cret\r\ncontent-length: 6\r\n\r\ns3cret",
        );
      else connection.socket.write(OK);
    };
    await until(() => secret.received.endsWith("s3cret"));
    const before = proxy.backend.received.length;
    const other = await proxy.client(t);
    other.send(GET);
    await until(() => other.received.endsWith("hi"));
    assert.equal(other.received.includes("s3cret"), false);
    assert.equal(proxy.backend.received.slice(before).includes("s3cret"), false);
    assert.match(
      proxy.backend.received.slice(before),
      /^GET \/ HTTP\/1\.1\r\nhost: h\r\nx-forwarded-proto: http\r\nx-request-id: [0-9a-f-]{36}\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n\r\n$/,
    );
  });

  it("starts each pooled exchange with the fields of a new one", async (t) => {
    const { Exchange } = await import("../../src/http/exchange.ts");
    const proxy = await startProxy(t);
    const client = await proxy.client(t);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    await until(() => client.statuses.length === 1);
    const { exchanges } = (proxy.plane as unknown as { http: { exchanges: { acquire(): object } } }).http;
    const used = exchanges.acquire() as Record<string, unknown>;
    const fresh = new Exchange((proxy.plane as unknown as { http: never }).http) as unknown as Record<string, unknown>;
    assert.deepEqual(Object.keys(used), Object.keys(fresh), "one shape");
    for (const [key, value] of Object.entries(fresh)) {
      if (value === null || typeof value !== "object") {
        assert.equal(used[key], key === "details" ? used[key] : value, key);
      } else if (Array.isArray(value)) assert.deepEqual(used[key], value, key);
    }
  });

  it("answers the client before it has sent its body, and closes", async (t) => {
    const clock = new FakeClock();
    const proxy = await startProxy(t, { clock });
    const client = await proxy.client(t);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello");
    await until(() => client.received.endsWith("hi"));
    assert.match(client.received, /\r\nconnection: close\r\n/);
    assert.equal(client.received.includes("x-envoy-upstream-service-time"), false, "nothing to measure from");
    await until(() => proxy.backend.connections[0].ended, undefined);
    client.send("x".repeat(45) + GET);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(client.ended, false, "the close waits");
    clock.advance(1_100);
    await until(() => client.ended);
    assert.equal(proxy.backend.requests, 1);
    assert.deepEqual(client.statuses, [200]);
  });

  it("answers Expect: 100-continue itself", async (t) => {
    const proxy = await startProxy(t);
    proxy.backend.onData = (connection) => {
      if (connection.received.endsWith("hello")) connection.socket.write(OK);
    };
    const client = await proxy.client(t);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await until(() => client.received === "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    await until(() => client.received.endsWith("hi"));
    assert.equal(proxy.backend.received.includes("\r\nexpect:"), false);
  });

  it("gives up upstream when the client goes", async (t) => {
    const proxy = await startProxy(t);
    proxy.backend.onData = () => {};
    const client = await proxy.client(t);
    client.send(GET);
    await until(() => proxy.backend.requests === 1);
    client.socket.end();
    await until(() => proxy.backend.connections[0].ended);
    await until(() => proxy.gauge("http.test.downstream_rq_active") === 0);
    assert.equal(proxy.gauge("cluster.b.upstream_rq_active"), 0);
  });

  it("resets a connection on an internal error, and serves the others", async (t) => {
    const proxy = await startProxy(t);
    const [listener] = proxy.plane.listeners();
    const healthy = await proxy.client(t);
    const plan = managerOf(listener.plan);
    const table = plan.routes.current;
    plan.routes.current = {
      name: "broken",
      takesAll: true,
      ignoresPathParameters: false,
      route(request, random) {
        if (request.path === "/bug") throw new Error("a bug, on purpose");
        return table?.route(request, random) ?? null;
      },
    };
    const client = await proxy.client(t);
    client.send("GET /bug HTTP/1.1\r\nHost: h\r\n\r\n");
    await until(() => client.ended);
    assert.equal(proxy.counter("proxy_bug_total"), 1);
    healthy.send(GET);
    await until(() => healthy.received.endsWith("hi"));
    assert.match(proxy.errors.splice(0).join(""), /a bug, on purpose/);
    assert.equal(proxy.gauge("http.test.downstream_rq_active"), 0);
  });
});
