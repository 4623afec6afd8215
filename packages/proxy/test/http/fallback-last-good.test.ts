import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { FALLBACK_POLICY } from "../../src/plan/supported-fields/index.ts";
import type { HeaderMutation, RouteTable } from "../../src/plan/route-plan.ts";
import { forwardTo, managerOf, prefixTable } from "../support/plans.ts";
import { until } from "../support/proxy.ts";
import { LAST_GOOD, answering, body, compile, header, mesh } from "./fallback-support.ts";

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
