import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeGrpcMessage, resetReply } from "../../src/http/local-replies.ts";
import { httpToGrpcStatus } from "../../src/codec/grpc/status.ts";
import { listenerPlan, managerPlan, prefixTable, routePlan } from "../support/plans.ts";
import { connectClient, startProxy, until } from "../support/proxy.ts";

const shape = (received: string): string => received.replace(/date: [^\r]+/, "date: D");

describe("local replies", () => {
  it("have Envoy's headers in Envoy's order", async (t) => {
    const proxy = await startProxy(t);
    const table = prefixTable([
      { prefix: "/direct", route: routePlan({ kind: "direct", status: 201, body: "direct" }) },
      {
        prefix: "/away",
        route: routePlan({
          kind: "redirect",
          status: 302,
          rewritePath: null,
          location: (r) => `http://${r.authority}/new`,
        }),
      },
    ]);
    const { port } = await proxy.plane.setListener(listenerPlan("replies", managerPlan(table)));
    const ask = async (head: string): Promise<string> => {
      const client = await connectClient(t, port);
      client.send(head);
      await until(() => client.received !== "");
      return shape(client.received);
    };
    assert.equal(
      await ask("GET /direct HTTP/1.1\r\nHost: h\r\n\r\n"),
      "HTTP/1.1 201 Created\r\nlocation: http://h/direct\r\ncontent-length: 6\r\ncontent-type: text/plain\r\ndate: D\r\nserver: envoy\r\n\r\ndirect",
    );
    assert.equal(
      await ask("HEAD /direct HTTP/1.1\r\nHost: h\r\n\r\n"),
      "HTTP/1.1 201 Created\r\nlocation: http://h/direct\r\ncontent-length: 6\r\ncontent-type: text/plain\r\ndate: D\r\nserver: envoy\r\n\r\n",
    );
    assert.equal(
      await ask("GET /away HTTP/1.1\r\nHost: h\r\n\r\n"),
      "HTTP/1.1 302 Found\r\nlocation: http://h/new\r\ndate: D\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n",
    );
    assert.equal(
      await ask("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"),
      "HTTP/1.1 404 Not Found\r\ndate: D\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n",
    );
    assert.equal(
      await ask("POST /nowhere HTTP/1.1\r\nHost: h\r\ncontent-type: application/grpc\r\n\r\n"),
      "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 12\r\ndate: D\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n",
    );
    assert.equal(
      await ask("GET / HTTP/1.1\r\n\r\n"),
      "HTTP/1.1 400 Bad Request\r\ndate: D\r\nserver: envoy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    assert.equal(
      await ask("GET /direct HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
      "HTTP/1.1 403 Forbidden\r\ndate: D\r\nserver: envoy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    assert.equal(
      await ask("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"),
      "HTTP/1.1 404 Not Found\r\ndate: D\r\nserver: envoy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    assert.equal(
      await ask("GET / FOO\r\n\r\n"),
      "HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\ncontent-type: text/plain\r\ndate: D\r\nserver: envoy\r\nconnection: close\r\n\r\nBad Request",
    );
  });

  it("name the reason of a reset in body and details", () => {
    const failed = resetReply("remote connection failure", "delayed connect error: Connection refused", false, false);
    assert.equal(
      failed.body,
      "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
    );
    assert.equal(
      failed.details,
      "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
    );
    assert.deepEqual([failed.status, failed.flag], [503, "UF"]);
    assert.deepEqual(
      [resetReply("protocol error", "", false, false).status, resetReply("protocol error", "", false, false).flag],
      [502, "UPE"],
    );
    assert.deepEqual(
      resetReply("overflow", "", false, false).headers.map(({ name }) => name),
      ["x-envoy-overloaded"],
    );
  });

  it("map to gRPC", () => {
    assert.deepEqual(
      [400, 401, 403, 404, 429, 502, 503, 504, 500].map(httpToGrpcStatus),
      [13, 16, 7, 12, 14, 14, 14, 14, 2],
    );
    assert.equal(encodeGrpcMessage("a %\né"), "a %25%0A%E9");
  });
});
