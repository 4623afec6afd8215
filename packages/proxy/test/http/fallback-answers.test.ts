import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { clusterPlan, endpoint, limits } from "../support/plans.ts";
import { GET, until } from "../support/proxy.ts";
import { LAST_GOOD, RESET, answering, body, header, mesh, respond } from "./fallback-support.ts";

describe("fallback: answers", () => {
  it("bodies and headers tell of the request and of the failure", async (t) => {
    const { ask, proxy } = await mesh(t, [
      {
        statuses: [{ start: 500, end: 501 }],
        respond: {
          status: 203,
          text_format: "%REQ(x-user)% %PATH% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESP(x-why)% 100%%",
          response_headers_to_add: [
            { header: { key: "content-type", value: "text/html" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
            { header: { key: "x-was", value: "%RESPONSE_CODE%" } },
          ],
        },
      },
      respond(["NO_HEALTHY_UPSTREAM"], {
        json_format: { code: "%RESPONSE_CODE%", what: "%LOCAL_REPLY_BODY%", n: [1] },
      }),
    ]);
    proxy.backend.onData = answering(500, "bad", "x-why: because");
    const answer = await ask("GET /a?b HTTP/1.1\r\nHost: h\r\nx-user: bob\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 203 /);
    assert.equal(body(answer), "bob /a?b 500 via_upstream because 100%");
    assert.equal(header(answer, "content-type"), "text/html");
    assert.equal(header(answer, "x-was"), "500");
    assert.equal(header(answer, "x-why"), undefined);
    proxy.plane.setEndpoints("b", []);
    assert.equal(body(await ask(GET)), '{"code":503,"n":[1],"what":"no healthy upstream"}\n');
  });

  it("no value of a header ends its line", async (t) => {
    const { ask, proxy } = await mesh(t, [
      respond(["NO_HEALTHY_UPSTREAM"], {
        response_headers_to_add: [{ header: { key: "x-q", value: "%QUERY_PARAM(q)%" } }],
      }),
    ]);
    proxy.plane.setEndpoints("b", []);
    const answer = await ask("GET /?q=a%0d%0ax-evil:%201 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert.equal(header(answer, "x-evil"), undefined);
  });

  it("gRPC clients get a status that they understand", async (t) => {
    const { ask, proxy } = await mesh(t, [respond(["NO_HEALTHY_UPSTREAM"], { status: 404, text_format: "nobody" })]);
    proxy.plane.setEndpoints("b", []);
    const answer = await ask(
      "POST /a.B/C HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.equal(header(answer, "grpc-status"), "12");
    assert.equal(header(answer, "grpc-message"), "nobody");
  });

  it("the first rule that has something to give answers", async (t) => {
    const { ask, proxy } = await mesh(t, [
      { failures: ["NO_HEALTHY_UPSTREAM"], last_good: LAST_GOOD },
      { failures: ["NO_HEALTHY_UPSTREAM"], redirect: { cluster: "nobody" } },
      respond(["TIMEOUT"], { text_format: "late" }),
      respond(["NO_HEALTHY_UPSTREAM"], { text_format: "third" }),
      respond(["NO_HEALTHY_UPSTREAM"], { text_format: "fourth" }),
    ]);
    proxy.plane.setEndpoints("b", []);
    assert.equal(body(await ask(GET)), "third");
  });
});

describe("fallback: another destination", () => {
  const elsewhere = (failures: readonly string[], fields: JsonObject = {}): JsonObject => ({
    failures: [...failures],
    statuses: [{ start: 500, end: 600 }],
    redirect: { cluster: "other", ...fields },
  });

  it("gets the request as it was sent to the first one, body and trailers included", async (t) => {
    const { ask, proxy, other } = await mesh(t, [elsewhere(["RESET"])], { manager: { enableTrailers: true } });
    proxy.backend.onData = (connection) => {
      if (connection.received.includes("0\r\n\r\n")) RESET(connection);
    };
    other.onData = (connection, chunk) => {
      if (connection.received.includes("0\r\n\r\n")) answering(201, "from other", "x-other: 1")(connection, chunk);
    };
    const answer = await ask(
      "POST /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: r\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 201 /);
    assert.equal(header(answer, "x-other"), "1");
    assert.equal(
      header(answer, "x-details"),
      "upstream_reset_before_response_started{connection_termination}|fallback{default/reviews} UC",
    );
    const [first, second] = [proxy.backend.received, other.received];
    assert.equal(second.slice(0, second.indexOf("\r\n\r\n")), first.slice(0, first.indexOf("\r\n\r\n")));
    assert.match(second, /hi[^]*you[^]*0\r\n\r\n$/);
    assert.equal(proxy.counter("fallback.default/reviews.redirected"), 1);
    assert.equal(proxy.counter("cluster.other.upstream_rq_201"), 1);
  });

  it("is asked when an upstream's answer is a bad one, too", async (t) => {
    const { ask, proxy } = await mesh(t, [elsewhere([])]);
    proxy.backend.onData = answering(500, "bad");
    assert.equal(body(await ask(GET)), "hi");
    assert.equal(body(await ask(GET)), "hi", "and again");
    assert.equal(proxy.counter("cluster.b.upstream_rq_500"), 2);
  });

  it("takes the rest of a body that is still coming", async (t) => {
    const { client, proxy, other } = await mesh(t, [elsewhere(["NO_HEALTHY_UPSTREAM"])]);
    proxy.plane.setEndpoints("b", []);
    other.onData = (connection, chunk) => {
      if (connection.received.endsWith("hello")) answering(200, "whole")(connection, chunk);
    };
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    await until(() => other.received.endsWith("he"));
    client.send("llo");
    await until(() => client.received.endsWith("whole"));
  });

  it("its own failure is answered as usual, and says what led there", async (t) => {
    const { ask, proxy, other } = await mesh(t, [elsewhere(["NO_HEALTHY_UPSTREAM", "RESET"]), respond(["RESET"])]);
    proxy.plane.setEndpoints("b", []);
    other.onData = RESET;
    const answer = await ask(GET);
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.equal(
      header(answer, "x-details"),
      "no_healthy_upstream|fallback{default/reviews}|upstream_reset_before_response_started{connection_termination} UH,UC",
    );
    other.onData = answering(500, "bad too");
    assert.equal(body(await ask(GET)), "bad too");
    assert.equal(other.requests, 2, "nobody goes round in circles");
  });

  it("has its own time, or the route's anew", async (t) => {
    const clock = new FakeClock();
    const { client, proxy, other } = await mesh(
      t,
      [elsewhere(["TIMEOUT"], { timeout: "3s" })],
      { clock },
      { timeoutMs: 1_000 },
    );
    proxy.backend.onData = other.onData = () => {};
    client.send(GET);
    await until(() => proxy.backend.requests === 1);
    clock.advance(1_020);
    await until(() => other.requests === 1);
    assert.match(other.received, /x-envoy-expected-rq-timeout-ms: 3000\r\n/);
    clock.advance(2_900);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(client.received, "");
    clock.advance(200);
    await until(() => client.statuses[0] === 504);
    assert.match(client.received, /x-details: response_timeout\|fallback\{default\/reviews\}\|response_timeout UT/);
  });

  it("is not asked where the body was too long to keep", async (t) => {
    const long = "x".repeat(3_000);
    const { client, proxy, other } = await mesh(t, [elsewhere(["RESET"]), respond(["RESET"])], {
      listener: { bufferLimitBytes: 1_000 },
    });
    proxy.backend.onData = (connection) => {
      if (connection.received.endsWith("x".repeat(3_000))) RESET(connection);
    };
    client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${long.length}\r\n\r\n${long}`);
    await until(() => client.received.endsWith("instead"));
    assert.equal(other.requests, 0);
    assert.equal(proxy.counter("cluster.b.retry_or_shadow_abandoned"), 0, "nothing was going to be retried");
  });

  it("a failure inside another one leaves the proxy whole", async (t) => {
    const { ask, proxy } = await mesh(t, [elsewhere(["CONNECT_FAILURE", "CIRCUIT_BREAKER_OPEN"])], {
      cluster: limits({ maxRequests: 0 }),
    });
    proxy.plane.setCluster(clusterPlan("other", limits({ maxRequests: 0 })));
    proxy.plane.setEndpoints("other", [endpoint(1)]);
    for (let i = 0; i < 3; i++) assert.match(await ask(GET), /^HTTP\/1\.1 503 /);
    assert.equal(proxy.gauge("http.test.downstream_rq_active"), 0);
    assert.equal(proxy.gauge("cluster.b.upstream_rq_active"), 0);
    assert.equal(proxy.gauge("cluster.other.upstream_rq_active"), 0);
  });
});
