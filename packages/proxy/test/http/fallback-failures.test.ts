import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteAction } from "../../src/plan/route-plan.ts";
import { endpoint, limits, retryPolicy } from "../support/plans.ts";
import { type BackendConnection, GET, type ProxyOptions, until } from "../support/proxy.ts";
import { type Mesh, RESET, answering, body, header, mesh, respond } from "./fallback-support.ts";

describe("fallback: which failures", () => {
  const cases: readonly {
    readonly failure: string;
    readonly flag: string;
    readonly details: RegExp;
    readonly options?: ProxyOptions;
    readonly action?: Partial<RouteAction>;
    readonly prepare?: (mesh: Mesh) => void;
  }[] = [
    {
      failure: "CIRCUIT_BREAKER_OPEN",
      flag: "UO",
      details: /^upstream_reset_before_response_started\{overflow\}/,
      options: { cluster: limits({ maxRequests: 0 }) },
    },
    {
      failure: "NO_HEALTHY_UPSTREAM",
      flag: "UH",
      details: /^no_healthy_upstream/,
      prepare: ({ proxy }) => proxy.plane.setEndpoints("b", []),
    },
    {
      failure: "TIMEOUT",
      flag: "UT",
      details: /^response_timeout/,
      action: { timeoutMs: 50 },
      prepare: ({ proxy }) => (proxy.backend.onData = () => {}),
    },
    {
      failure: "RESET",
      flag: "UC",
      details: /^upstream_reset_before_response_started\{connection_termination\}/,
      prepare: ({ proxy }) => (proxy.backend.onData = RESET),
    },
    {
      failure: "CONNECT_FAILURE",
      flag: "UF",
      details: /^upstream_reset_before_response_started\{remote_connection_failure/,
      prepare: ({ proxy }) => proxy.plane.setEndpoints("b", [endpoint(1)]),
    },
    {
      failure: "NO_CLUSTER",
      flag: "NC",
      details: /^cluster_not_found/,
      prepare: ({ proxy }) => proxy.plane.removeCluster("b"),
    },
  ];
  for (const { failure, flag, details, options, action, prepare } of cases) {
    it(`${failure} is answered, and shows as what it is`, async (t) => {
      const mesh_ = await mesh(t, [respond([failure])], options, action);
      prepare?.(mesh_);
      const answer = await mesh_.ask(GET);
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      assert.equal(body(answer), "instead");
      const [text, flags] = (header(answer, "x-details") ?? "").split(" ");
      assert.match(text, details);
      assert.match(text, /\|fallback\{default\/reviews\}$/);
      assert.equal(flags, flag);
      assert.equal(mesh_.proxy.counter("fallback.default/reviews.responded"), 1);
    });

    it(`${failure} is answered as usual by a rule for other failures`, async (t) => {
      const others = cases.map((each) => each.failure).filter((each) => each !== failure);
      const mesh_ = await mesh(t, [respond([...others, "RETRIES_EXHAUSTED"])], options, action);
      prepare?.(mesh_);
      const answer = await mesh_.ask(GET);
      assert.match(answer, /^HTTP\/1\.1 50[34] /);
      assert.equal(mesh_.proxy.counter("fallback.default/reviews.responded"), 0);
      assert.equal(mesh_.proxy.counter("fallback.default/reviews.unanswered"), 0);
    });
  }

  it("while a breaker is open under load, every client gets it; one that got through gets its answer", async (t) => {
    const { proxy } = await mesh(t, [respond(["CIRCUIT_BREAKER_OPEN"])], { cluster: limits({ maxRequests: 1 }) });
    let admitted: BackendConnection | null = null;
    proxy.backend.onData = (connection) => (admitted = connection);
    const first = await proxy.client(t);
    first.send(GET);
    await until(() => admitted !== null);
    const [clients, each] = [40, 10];
    const crowd = await Promise.all(Array.from({ length: clients }, () => proxy.client(t)));
    await Promise.all(
      crowd.map(async (client) => {
        for (let i = 1; i <= each; i++) {
          client.send(GET);
          await until(() => client.statuses.length === i && client.received.endsWith("instead"));
        }
      }),
    );
    for (const { statuses, received } of crowd) {
      assert.deepEqual(
        statuses,
        Array.from({ length: each }, () => 200),
      );
      const details = received.match(/(?<=x-details: )[^\r]*/g) ?? [];
      assert.equal(details.length, each);
      for (const line of details) {
        assert.equal(line, "upstream_reset_before_response_started{overflow}|fallback{default/reviews} UO");
      }
    }
    assert.equal(proxy.counter("fallback.default/reviews.responded"), clients * each);
    assert.equal(proxy.counter("fallback.default/reviews.unanswered"), 0);
    assert.equal(proxy.gauge("cluster.b.circuit_breakers.default.rq_open"), 1);
    assert.equal(proxy.counter("cluster.b.upstream_rq_503"), clients * each);
    assert.equal(first.received, "");
    admitted!.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nreal");
    await until(() => first.received.endsWith("real"));
    // The breaker is closed again.
    proxy.backend.onData = answering(200, "real");
    await until(() => proxy.gauge("cluster.b.circuit_breakers.default.rq_open") === 0);
    crowd[0].send(GET);
    await until(() => crowd[0].received.endsWith("real"));
    assert.equal(proxy.counter("fallback.default/reviews.responded"), clients * each);
  });

  it("statuses are looked at whoever gives them, the upstream or the proxy", async (t) => {
    const rule = {
      statuses: [
        { start: 500, end: 600 },
        { start: 429, end: 430 },
      ],
      respond: { text_format: "instead" },
    };
    const { ask, proxy } = await mesh(t, [rule]);
    for (const status of [500, 599, 429]) {
      proxy.backend.onData = answering(status, "bad");
      const answer = await ask(GET);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), "the status of the failure, where no other is given");
      assert.equal(body(answer), "instead");
      assert.equal(header(answer, "x-details"), "via_upstream|fallback{default/reviews} -");
    }
    for (const status of [428, 430, 404, 200]) {
      proxy.backend.onData = answering(status, "fine");
      assert.equal(body(await ask(GET)), "fine");
    }
    proxy.plane.setEndpoints("b", []);
    assert.equal(body(await ask(GET)), "instead");
  });

  it("what a client does wrong is no failure", async (t) => {
    const { client } = await mesh(t, [{ statuses: [{ start: 400, end: 600 }], respond: { text_format: "instead" } }]);
    client.send("GET / HTTP/1.1\r\n\r\n");
    await until(() => client.ended);
    assert.match(client.received, /^HTTP\/1\.1 400 /);
    assert.doesNotMatch(client.received, /instead/);
  });

  it("retries come first", async (t) => {
    const { ask, proxy } = await mesh(
      t,
      [respond(["RETRIES_EXHAUSTED"])],
      {},
      { retryPolicy: retryPolicy({ retryOn: 1, numRetries: 2 }) },
    );
    let asked = 0;
    proxy.backend.onData = (connection, chunk) => answering(asked++ === 1 ? 200 : 503, "seen")(connection, chunk);
    assert.equal(body(await ask(GET)), "seen", "the second attempt is good");
    assert.equal(asked, 2);
    asked = 10;
    assert.equal(body(await ask(GET)), "instead");
    assert.equal(asked, 13);
  });
});
