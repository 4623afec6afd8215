import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { FallbackPolicySchema } from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { checkMessage } from "../../src/plan/check.ts";
import { fallback } from "../../src/plan/filters/fallback.ts";
import type { Extension } from "../../src/plan/schemas.ts";
import { FALLBACK, FALLBACK_POLICY } from "../../src/plan/supported-fields/index.ts";
import { compileTextFormat } from "../../src/plan/format/format.ts";
import type { HeaderMutation, RouteAction, RouteTable } from "../../src/plan/route-plan.ts";
import { Place, type Problem, throwProblems } from "../../src/plan/problems.ts";
import { clusterPlan, endpoint, forwardTo, limits, managerOf, prefixTable, routePlan } from "../support/plans.ts";
import {
  type Backend,
  type BackendConnection,
  type Client,
  GET,
  type Proxy,
  type ProxyOptions,
  startBackend,
  startProxy,
  until,
} from "../support/proxy.ts";

function compile(json: JsonObject): unknown {
  const problems: Problem[] = [];
  const place = new Place("", problems);
  const message = fromJson(FallbackPolicySchema, json);
  checkMessage(FallbackPolicySchema, message, place);
  const extension: Extension = {
    typeUrl: FALLBACK_POLICY,
    typeName: FALLBACK_POLICY,
    schema: FallbackPolicySchema,
    message,
    content: null,
  };
  const plan = fallback.compileRoute?.compile(extension, place);
  throwProblems(problems);
  return plan;
}

const NO_EXTENSIONS: ReadonlySet<string> = new Set();
const DETAILS: HeaderMutation = {
  op: "overwrite",
  name: "x-details",
  value: null,
  format: compileTextFormat("%RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%", { omitEmpty: true, extensions: NO_EXTENSIONS }),
  keepEmpty: false,
  together: 0,
};

interface Mesh {
  readonly proxy: Proxy;
  /** Where cluster `other` is. */
  readonly other: Backend;
  readonly client: Client;
  /** Sends a request and gives its whole answer. */
  readonly ask: (request: string) => Promise<string>;
}

async function mesh(
  t: TestContext,
  rules: readonly JsonObject[],
  options: ProxyOptions = {},
  action: Partial<RouteAction> = {},
): Promise<Mesh> {
  const proxy = await startProxy(t, {
    ...options,
    manager: { filters: [{ name: "tulle.fallback", typeName: FALLBACK, disabled: false, config: null }] },
  });
  const { plane } = proxy;
  const other = await startBackend(t);
  plane.setCluster(clusterPlan("other"));
  plane.setEndpoints("other", [endpoint(other.port)]);
  const config = compile({ name: "default/reviews", rules: [...rules] });
  const filterConfigs = new Map([["tulle.fallback", { typeName: FALLBACK_POLICY, disabled: false, config }]]);
  const route = routePlan(forwardTo(plane.clusterRef("b"), action), { filterConfigs, responseHeaders: [DETAILS] });
  const [listener] = plane.listeners();
  managerOf(listener.plan).routes.current = prefixTable([{ prefix: "/", route }]);
  const client = await proxy.client(t);
  return {
    proxy,
    other,
    client,
    ask: async (request) => {
      const { statuses, received } = client;
      client.send(request);
      const isHead = request.startsWith("HEAD");
      const answer = (): string => client.received.slice(received.length);
      await until(() => client.statuses.length > statuses.length && isWhole(answer(), isHead));
      return answer();
    },
  };
}

function isWhole(answer: string, isHead: boolean): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0 || isHead) return end >= 0;
  const length = /\r\ncontent-length: (\d+)/.exec(answer)?.[1];
  return length === undefined
    ? answer.endsWith("0\r\n\r\n") || end === answer.length - 4
    : answer.length === end + 4 + Number(length);
}

function body(answer: string): string {
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

function header(answer: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: ([^\r]*)`).exec(answer)?.[1];
}

const respond = (failures: readonly string[], fields: JsonObject = { status: 200, text_format: "instead" }) => ({
  failures: [...failures],
  respond: fields,
});

function answering(status: number, text: string, ...lines: readonly string[]): Backend["onData"] {
  return (connection) => {
    const head = [`HTTP/1.1 ${status} X`, `content-length: ${text.length}`, ...lines].join("\r\n");
    connection.socket.write(`${head}\r\n\r\n${text}`);
  };
}

const RESET = (connection: BackendConnection): void => void connection.socket.resetAndDestroy();

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
    const policy = {
      retryOn: 1,
      numRetries: 2,
      perTryTimeoutMs: 0,
      perTryIdleTimeoutMs: 0,
      retriableStatusCodes: [],
      retriableHeaders: [],
      retriableRequestHeaders: [],
      backOffBaseMs: 1,
      backOffMaxMs: 1,
      rateLimited: null,
      previousPrioritiesFrequency: 0,
      avoidPreviousHosts: false,
      hostSelectionMaxAttempts: 1,
    };
    const { ask, proxy } = await mesh(t, [respond(["RETRIES_EXHAUSTED"])], {}, { retryPolicy: policy });
    let asked = 0;
    proxy.backend.onData = (connection, chunk) => answering(asked++ === 1 ? 200 : 503, "seen")(connection, chunk);
    assert.equal(body(await ask(GET)), "seen", "the second attempt is good");
    assert.equal(asked, 2);
    asked = 10;
    assert.equal(body(await ask(GET)), "instead");
    assert.equal(asked, 13);
  });
});

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

const LAST_GOOD = { max_age: "60s", max_entry_bytes: 10_000, max_bytes: 20_000 };

describe("fallback: the last good response", () => {
  const lastGood = (fields: JsonObject = {}): JsonObject => ({
    failures: ["NO_HEALTHY_UPSTREAM"],
    statuses: [{ start: 500, end: 600 }],
    last_good: { ...LAST_GOOD, ...fields },
  });
  const get = (path: string, ...lines: readonly string[]): string =>
    [`GET ${path} HTTP/1.1`, "Host: h", ...lines, "", ""].join("\r\n");

  async function kept(
    t: TestContext,
    response: readonly string[],
    request: readonly string[] = [],
    again: readonly string[] = request,
  ): Promise<boolean> {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    proxy.backend.onData = answering(200, "good", ...response);
    await ask(get("/", ...request));
    proxy.plane.setEndpoints("b", []);
    return body(await ask(get("/", ...again))) === "good";
  }

  it("is given with its age, and says that it is stale", async (t) => {
    const clock = new FakeClock();
    const { ask, proxy } = await mesh(t, [lastGood()], { clock });
    proxy.backend.onData = answering(
      200,
      "first",
      "etag: e",
      "age: 5",
      "cache-control: max-age=10",
      "connection: x",
      "x-two: a",
      "x-two: b",
    );
    await ask(get("/a"));
    proxy.backend.onData = answering(200, "second", "etag: f", "cache-control: max-age=10");
    await ask(get("/b"));
    clock.advance(20_000);
    proxy.plane.setEndpoints("b", []);
    const answer = await ask(get("/a"));
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(body(answer), "first");
    assert.equal(header(answer, "etag"), "e");
    assert.equal(header(answer, "age"), "25");
    assert.equal(header(answer, "cache-status"), "tulle; hit; ttl=-15; detail=last-good");
    assert.match(answer, /x-two: a\r\nx-two: b\r\n/);
    assert.equal(header(answer, "connection"), undefined);
    assert.equal(header(answer, "x-details"), "no_healthy_upstream|fallback{default/reviews} UH,RFCF");
    assert.equal(body(await ask(get("/b"))), "second");
    assert.match(await ask(get("/c")), /^HTTP\/1\.1 503 /, "of another request there is none");
    assert.equal(proxy.counter("fallback.default/reviews.last_good"), 2);
    assert.equal(proxy.counter("fallback.default/reviews.unanswered"), 1);
  });

  it("is the last one", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    for (const text of ["one", "two", "three"]) {
      proxy.backend.onData = answering(200, text);
      await ask(get("/"));
    }
    proxy.backend.onData = answering(500, "bad");
    for (let i = 0; i < 2; i++) assert.equal(body(await ask(get("/"))), "three");
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 1);
  });

  it("answers HEAD, and no other method", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    proxy.backend.onData = answering(200, "good");
    await ask(get("/"));
    proxy.plane.setEndpoints("b", []);
    const head = await ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert.equal(header(head, "content-length"), "4");
    assert.equal(body(head), "");
    assert.match(await ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), /^HTTP\/1\.1 503 /);
  });

  it("chunked responses are kept when they are complete", async (t) => {
    const { ask, proxy, client } = await mesh(t, [lastGood()]);
    proxy.backend.onData = (connection) => {
      connection.socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
    };
    client.send(get("/cut"));
    await until(() => client.received.includes("abc"));
    proxy.backend.connections[0].socket.resetAndDestroy();
    await until(() => client.ended);
    proxy.backend.onData = (connection) => {
      connection.socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    };
    const other = await proxy.client(t);
    other.send(get("/"));
    await until(() => other.received.endsWith("0\r\n\r\n"));
    proxy.plane.setEndpoints("b", []);
    const third = await proxy.client(t);
    third.send(get("/"));
    await until(() => third.received.endsWith("abcde"));
    third.send(get("/cut"));
    await until(() => third.statuses.length === 2);
    assert.deepEqual(third.statuses, [200, 503]);
    assert.ok(ask);
  });

  it("what forbids to keep it is respected", async (t) => {
    assert.equal(await kept(t, []), true);
    assert.equal(await kept(t, ["cache-control: public, max-age=3"]), true);
    for (const control of [
      "no-store",
      "private",
      "no-cache",
      'private="x"',
      "must-revalidate",
      "max-age=1, No-Store",
    ]) {
      assert.equal(await kept(t, [`cache-control: ${control}`]), false, control);
    }
    assert.equal(await kept(t, ["set-cookie: a=b"]), false);
    assert.equal(await kept(t, [], ["cache-control: no-store"]), false);
    assert.equal(await kept(t, [], ["authorization: x"]), false);
    assert.equal(await kept(t, [], ["cookie: x"]), false);
    assert.equal(await kept(t, ["cache-control: public"], ["authorization: x"]), true);
    assert.equal(await kept(t, ["cache-control: s-maxage=1"], ["cookie: x"]), true);
  });

  it("what is taken from a request before it goes on still makes the answer personal", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    const [listener] = proxy.plane.listeners();
    const { routes } = managerOf(listener.plan);
    const route = routes.current?.route({ path: "/" } as never, 0) ?? null;
    assert.ok(route);
    const requestHeaders = ["authorization", "cookie"].map((name): HeaderMutation => ({ op: "remove", name }));
    routes.current = prefixTable([{ prefix: "/", route: { ...route, requestHeaders } }]);
    proxy.backend.onData = answering(200, "good");
    for (const line of ["authorization: x", "cookie: x"]) await ask(get("/", line));
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 0);
    await ask(get("/"));
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 1);
  });

  it("a request with a body has none, and makes none", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    const search = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n";
    proxy.backend.onData = answering(200, "good");
    await ask(`${search}a`);
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 0);
    await ask(get("/"));
    proxy.plane.setEndpoints("b", []);
    assert.equal(body(await ask(get("/"))), "good");
    assert.match(await ask(`${search}b`), /^HTTP\/1\.1 503 /);
  });

  it("of another destination is not given", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    const { plane } = proxy;
    const [listener] = plane.listeners();
    const { routes } = managerOf(listener.plan);
    const route = routes.current?.route({ path: "/" } as never, 0) ?? null;
    assert.ok(route);
    const hidden: RouteTable = {
      ...prefixTable([]),
      route: (request) =>
        request.header("x-beta") === undefined ? { ...route, action: forwardTo(plane.clusterRef("other")) } : route,
    };
    routes.current = hidden;
    proxy.backend.onData = answering(200, "hidden");
    await ask(get("/", "x-beta: 1"));
    plane.setEndpoints("b", []);
    plane.setEndpoints("other", []);
    assert.match(await ask(get("/")), /^HTTP\/1\.1 503 /);
    assert.equal(body(await ask(get("/", "x-beta: 1"))), "hidden");
  });

  it("has bounds: how many, as they vary", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood({ max_bytes: 1_000_000 })]);
    proxy.backend.onData = answering(200, "good", "vary: x-any");
    for (let i = 0; i < 70; i++) await ask(get("/", `x-any: ${i}`));
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 64);
    proxy.plane.setEndpoints("b", []);
    assert.match(await ask(get("/", "x-any: 5")), /^HTTP\/1\.1 503 /, "the oldest have gone");
    assert.equal(body(await ask(get("/", "x-any: 6"))), "good");
  });

  it("requests differ by what the response varies in", async (t) => {
    assert.equal(await kept(t, ["vary: *"]), false);
    assert.equal(await kept(t, ["vary: accept-language"], ["accept-language: de"]), true);
    assert.equal(await kept(t, ["vary: accept-language"], ["accept-language: de"], ["accept-language: en"]), false);
    assert.equal(await kept(t, ["vary: accept-language"], [], ["accept-language: en"]), false);
    const { ask, proxy } = await mesh(t, [lastGood()]);
    for (const language of ["de", "en", "fr", "en"]) {
      proxy.backend.onData = answering(200, language, "vary: Accept-Language, x-no");
      await ask(get("/", `accept-language: ${language}`));
    }
    proxy.plane.setEndpoints("b", []);
    for (const language of ["de", "en", "fr"]) {
      assert.equal(body(await ask(get("/", `accept-language: ${language}`))), language);
    }
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 3);
  });

  it("has bounds: one response, all of them, and their age", async (t) => {
    const clock = new FakeClock();
    const { ask, proxy } = await mesh(t, [lastGood({ max_entry_bytes: 2_000, max_bytes: 4_000 })], { clock });
    proxy.backend.onData = answering(200, "x".repeat(2_000));
    await ask(get("/long"));
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 0);
    proxy.backend.onData = answering(200, "x".repeat(1_000));
    for (const path of ["/1", "/2", "/3"]) await ask(get(path));
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 3);
    await ask(get("/4"));
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 3);
    assert.ok(proxy.gauge("fallback.default/reviews.kept_bytes") <= 4_000);
    proxy.plane.setEndpoints("b", []);
    assert.match(await ask(get("/1")), /^HTTP\/1\.1 503 /, "the oldest has gone");
    assert.match(await ask(get("/2")), /^HTTP\/1\.1 200 /);
    clock.advance(60_100);
    assert.equal(proxy.gauge("fallback.default/reviews.kept_responses"), 0, "by itself");
    assert.match(await ask(get("/2")), /^HTTP\/1\.1 503 /);
  });

  it("outlives configurations", async (t) => {
    const { ask, proxy } = await mesh(t, [lastGood()]);
    proxy.backend.onData = answering(200, "good");
    await ask(get("/"));
    const [listener] = proxy.plane.listeners();
    listener.update({ ...listener.plan, fingerprint: "new" });
    const table = managerOf(listener.plan).routes.current;
    const route = table?.route({ path: "/" } as never, 0) ?? null;
    assert.ok(route);
    const config = compile({ name: "default/reviews", rules: [lastGood()] });
    const filterConfigs = new Map([["tulle.fallback", { typeName: FALLBACK_POLICY, disabled: false, config }]]);
    managerOf(listener.plan).routes.current = prefixTable([{ prefix: "/", route: { ...route, filterConfigs } }]);
    proxy.plane.setEndpoints("b", []);
    assert.equal(body(await ask(get("/"))), "good");
  });
});
