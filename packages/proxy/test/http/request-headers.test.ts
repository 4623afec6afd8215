import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HttpConnectionManagerPlan } from "../../src/plan/listener-plan.ts";
import { mutateRequestHeaders } from "../../src/http/request-headers.ts";
import { applyHeaderMutations } from "../../src/http/header-mutations.ts";
import { finishResponseHeaders, removeResponseHopByHop, requestIdToTell } from "../../src/http/response-headers.ts";
import { RequestHead } from "../../src/codec/messages.ts";
import { HeaderBlock } from "../../src/codec/header-block.ts";
import type { StreamInfo } from "../../src/plan/format/stream-info.ts";
import { managerPlan } from "../support/plans.ts";
import { streamInfo } from "../support/stream-info.ts";

const CONNECTION = {
  id: 0,
  remoteAddress: "10.0.0.9",
  remotePort: 1,
  remoteName: "10.0.0.9:1",
  directRemoteAddress: "10.0.0.9",
  directRemotePort: 1,
  directRemoteName: "10.0.0.9:1",
  localAddress: "10.0.0.1",
  localPort: 80,
  localName: "10.0.0.1:80",
  directLocalAddress: "10.0.0.1",
  directLocalPort: 80,
  directLocalName: "10.0.0.1:80",
  originalDestination: null,
  transportFailure: "",
  ja3: "",
  ja4: "",
  serverName: "",
  tls: null,
};
const FROM = { format: (stream: StreamInfo) => stream.connection?.remoteAddress ?? "" };
const SOURCES = { requestId: () => "uuid", localAddress: "192.0.2.2" };

function mutate(
  headers: readonly string[],
  changes: Partial<HttpConnectionManagerPlan> = {},
  remote = "10.0.0.9",
): string[] {
  const head = new RequestHead();
  head.authority = "h:80";
  for (const line of headers) {
    const colon = line.indexOf(": ");
    head.headers.appendNamed(line.slice(0, colon), line.slice(colon + 2));
  }
  mutateRequestHeaders(head, managerPlan(null, changes), { ...CONNECTION, remoteAddress: remote }, SOURCES);
  return head.headers.serialize().split("\r\n").slice(0, -1);
}

/** Where the request is taken to come from. */
function forwardedFor(line: string, changes: Partial<HttpConnectionManagerPlan> = {}): string {
  const head = new RequestHead();
  head.headers.appendNamed("x-forwarded-for", line);
  mutateRequestHeaders(head, managerPlan(null, changes), CONNECTION, SOURCES);
  return head.forwardedFor;
}

describe("request headers", () => {
  it("the client is who the last trusted hop has seen", () => {
    assert.equal(forwardedFor("10.1.1.1, 10.2.2.2"), "10.2.2.2");
    assert.equal(forwardedFor("10.1.1.1,10.2.2.2", { xffNumTrustedHops: 1 }), "10.1.1.1");
    assert.equal(forwardedFor("10.1.1.1,10.2.2.2", { useRemoteAddress: true }), "");
    assert.equal(forwardedFor("10.1.1.1,10.2.2.2", { useRemoteAddress: true, xffNumTrustedHops: 1 }), "10.2.2.2");
    assert.equal(forwardedFor("2001:db8::1"), "2001:db8::1");
  });

  it("the client is the peer where x-forwarded-for does not reach or is no address", () => {
    for (const line of ["", "bogus", "10.1.1.1:80", "[::1]", "10.1.1.1,"]) assert.equal(forwardedFor(line), "", line);
    assert.equal(forwardedFor("10.1.1.1", { xffNumTrustedHops: 1 }), "");
  });

  it("hop-by-hop headers go", () => {
    assert.deepEqual(
      mutate([
        "connection: close",
        "keep-alive: 5",
        "proxy-connection: x",
        "upgrade: h2c",
        "te: gzip",
        "transfer-encoding: chunked",
        "a: b",
      ]),
      ["a: b", "x-forwarded-proto: http", "x-request-id: uuid"],
    );
  });

  it("te keeps trailers only", () => {
    assert.deepEqual(mutate(["te: gzip, trailers"])[0], "te: trailers");
    assert.equal(mutate(["te: gzip;q=1, Trailers"]).includes("te: trailers"), false);
  });

  it("what only trusted clients may say goes, the rest stays", () => {
    assert.deepEqual(
      mutate([
        "x-envoy-upstream-rq-timeout-ms: 1",
        "x-envoy-internal: true",
        "x-envoy-max-retries: 5",
        "x-forwarded-client-cert: a",
        "x-envoy-original-path: /x",
        "x-envoy-foo: 1",
        "x-request-id: a",
        "x-forwarded-proto: https",
      ]),
      ["x-envoy-original-path: /x", "x-envoy-foo: 1", "x-request-id: a", "x-forwarded-proto: https"],
    );
  });

  it("at the edge the client's word counts for less", () => {
    assert.deepEqual(
      mutate(
        [
          "x-forwarded-for: 1.2.3.4",
          "x-request-id: a",
          "x-forwarded-proto: https",
          "x-envoy-external-address: 9.9.9.9",
          "x-envoy-original-path: /x",
        ],
        { useRemoteAddress: true },
      ),
      [
        "x-forwarded-for: 1.2.3.4,10.0.0.9",
        "x-request-id: uuid",
        "x-forwarded-proto: http",
        "x-envoy-external-address: 10.0.0.9",
      ],
    );
    assert.deepEqual(mutate([], { useRemoteAddress: true }, "127.0.0.1"), [
      "x-forwarded-for: 192.0.2.2",
      "x-forwarded-proto: http",
      "x-envoy-external-address: 127.0.0.1",
      "x-request-id: uuid",
    ]);
    assert.deepEqual(
      mutate(["x-forwarded-for: 1.1.1.1, 2.2.2.2", "x-forwarded-proto: https"], {
        useRemoteAddress: true,
        xffNumTrustedHops: 1,
        preserveExternalRequestId: true,
        skipXffAppend: true,
      }),
      [
        "x-forwarded-for: 1.1.1.1, 2.2.2.2",
        "x-forwarded-proto: https",
        "x-envoy-external-address: 2.2.2.2",
        "x-request-id: uuid",
      ],
    );
  });

  it("a referer with user information or fragment goes", () => {
    const referer = (value: string): boolean =>
      mutate([`referer: ${value}`]).some((line) => line.startsWith("referer"));
    assert.deepEqual(["http://a/b#c", "http://u@a/b", "http://a/u@b", "/a", "zzz"].map(referer), [
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  it("via is appended with a space", () => {
    assert.ok(mutate(["via: a"], { via: "v1" }).includes("via: a, v1"));
  });

  it("ports and dots of the host are stripped as configured", () => {
    const authority = (value: string, changes: Partial<HttpConnectionManagerPlan>): string => {
      const head = new RequestHead();
      head.authority = value;
      mutateRequestHeaders(head, managerPlan(null, changes), CONNECTION, SOURCES);
      return head.authority;
    };
    assert.equal(authority("h:80", { stripPort: "matching" }), "h");
    assert.equal(authority("h:81", { stripPort: "matching" }), "h:81");
    assert.equal(authority("h:81", { stripPort: "any" }), "h");
    assert.equal(authority("[::1]", { stripPort: "any" }), "[::1]");
    assert.equal(authority("[::1]:80", { stripPort: "any" }), "[::1]");
    assert.equal(authority("h.:80", { stripTrailingHostDot: true }), "h:80");
  });
});

describe("response headers", () => {
  const finish = (headers: readonly string[], changes: Partial<HttpConnectionManagerPlan> = {}): string => {
    const block = new HeaderBlock();
    for (const line of headers)
      block.appendNamed(line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2));
    removeResponseHopByHop(block, false);
    const request = new HeaderBlock();
    request.appendNamed("x-request-id", "id");
    const plan = managerPlan(null, changes);
    finishResponseHeaders(block, plan, "D", requestIdToTell(request, plan), false);
    return block.serialize();
  };

  it("server is overwritten in place, date kept, te and trailer left alone", () => {
    assert.equal(
      finish(["server: s", "connection: close", "date: x", "te: a", "trailer: b", "keep-alive: 1"]),
      "server: envoy\r\ndate: x\r\nte: a\r\ntrailer: b\r\n",
    );
  });

  it("options for server, via and request id", () => {
    assert.equal(finish(["server: s"], { serverHeader: "append-if-absent" }), "server: s\r\ndate: D\r\n");
    assert.equal(finish([], { serverHeader: "append-if-absent" }), "date: D\r\nserver: envoy\r\n");
    assert.equal(finish([], { serverHeader: "pass-through" }), "date: D\r\n");
    assert.equal(
      finish(["via: u"], { via: "v1", alwaysSetRequestIdInResponse: true }),
      "via: u, v1\r\ndate: D\r\nserver: envoy\r\nx-request-id: id\r\n",
    );
  });
});

describe("header mutations", () => {
  it("are applied in order, each as its operation says", () => {
    const request = new RequestHead();
    const block = request.headers;
    for (const [name, value] of [
      ["accept", "a"],
      ["x", "1"],
      ["user-agent", "u"],
      ["gone", "g"],
    ])
      block.appendNamed(name, value);
    const step = (
      op: "append" | "add-if-absent" | "overwrite" | "overwrite-if-exists",
      name: string,
      value: string,
      keepEmpty = false,
    ) => ({ op, name, value, format: null, keepEmpty, together: 0 }) as const;
    applyHeaderMutations(
      block,
      [
        { op: "remove", name: "gone" },
        step("append", "x", "2"),
        step("append", "accept", "b"),
        step("add-if-absent", "x", "3"),
        step("add-if-absent", "y", "4"),
        step("overwrite", "user-agent", "v"),
        step("overwrite-if-exists", "nope", "5"),
        step("append", "empty", ""),
        step("append", "kept", "", true),
        { op: "append", name: "from", value: null, format: FROM, keepEmpty: false, together: 0 },
      ],
      streamInfo({}, { connection: CONNECTION }),
      true,
    );
    assert.equal(
      block.serialize(),
      "accept: a,b\r\nx: 1\r\nx: 2\r\ny: 4\r\nuser-agent: v\r\nkept: \r\nfrom: 10.0.0.9\r\n",
    );
  });
});
