/** Single requests: what is read of entries, what is kept, how they are found, who is told. */
import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import type { KeptRequest } from "@tulle/telemetry/records";
import { StreamAccessLogsMessageSchema } from "@tulle/xds/gen/envoy/service/accesslog/v3/als_pb.js";
import { IngestError } from "../../src/telemetry/ingest/ingest-error.ts";
import type { RequestFilter } from "../../src/telemetry/store/request-filter.ts";
import { NOW, PROXY, telemetryCore } from "../support/telemetry.ts";

interface EntryParts {
  readonly common?: JsonObject;
  readonly request?: JsonObject;
  readonly response?: JsonObject;
}

function entry({ common, request, response }: EntryParts = {}): JsonObject {
  return {
    commonProperties: {
      startTime: new Date(NOW - 1000).toISOString(),
      duration: "0.012s",
      accessLogType: "DownstreamEnd",
      customTags: { reporter: "source", cluster: "outbound|9080|v2|ratings.default.svc.cluster.local" },
      ...common,
    },
    protocolVersion: "HTTP11",
    request: { requestMethod: "GET", path: "/ratings/1", authority: "ratings:9080", requestId: "r1", ...request },
    response: { responseCode: 200, responseCodeDetails: "via_upstream", ...response },
  };
}

const message = (...logEntry: readonly JsonObject[]): Uint8Array =>
  toBinary(
    StreamAccessLogsMessageSchema,
    fromJson(StreamAccessLogsMessageSchema, { httpLogs: { logEntry: [...logEntry] } }),
  );

function kept(...parts: readonly EntryParts[]) {
  const { core, clock } = telemetryCore();
  core.ingest("access-log", PROXY, message(...parts.map(entry)));
  const search = (filter: RequestFilter = {}): readonly KeptRequest[] =>
    core.ask("searchRequests", { ...filter, fromMs: 0, toMs: Infinity, limit: 10 });
  return { core, clock, search };
}

describe("what an entry says", () => {
  it("who asked whom: the reporter by its node, the other end by the cluster", () => {
    const [request] = kept({}).search();
    assert.deepEqual(request!.source, {
      workload: "reviews-v2",
      service: "reviews",
      namespace: "default",
      version: "v2",
    });
    assert.deepEqual(request!.destination, { workload: "", service: "ratings", namespace: "default", version: "v2" });
    assert.deepEqual(
      [request!.method, request!.path, request!.status, request!.durationMs],
      ["GET", "/ratings/1", 200, 12],
    );
    assert.equal(request!.notable, false);
  });

  it("which policy denied it, by the filter's metadata", () => {
    const rbac = { enforced_effective_policy_id: "ns[default]-policy[p]-rule[0]", shadow_effective_policy_id: "s" };
    const common = {
      metadata: { filterMetadata: { "envoy.filters.http.rbac": rbac, other: { enforced_effective_policy_id: "no" } } },
      customTags: { reporter: "destination" },
      tlsProperties: {
        tlsVersion: "TLSv1_3",
        peerCertificateProperties: {
          subjectAltName: [{ uri: "spiffe://m/ns/shop/sa/cart" }, { uri: "spiffe://second" }],
        },
      },
    };
    const [request] = kept({ common, response: { responseCode: 403 } }).search();
    assert.equal(request!.policy, "ns[default]-policy[p]-rule[0]");
    assert.equal(request!.shadowPolicy, "s");
    assert.deepEqual([request!.peerPrincipal, request!.source.namespace], ["spiffe://m/ns/shop/sa/cart", "shop"]);
    assert.equal(request!.destination.service, "reviews");
    assert.ok(request!.notable);
  });

  it("flags, the upstream's failure, and how many like it were left out", () => {
    const common = {
      responseFlags: { upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true },
      upstreamTransportFailureReason: "TLS_error",
      sampleRate: 0.25,
      upstreamRequestAttemptCount: 3,
    };
    const [request] = kept({ common }).search();
    assert.deepEqual(
      [request!.flags, request!.transportFailure, request!.leftOut, request!.attempts],
      ["UF,URX", "TLS_error", 3, 3],
    );
  });

  it("that it goes on is no request yet", () => {
    assert.equal(kept({ common: { accessLogType: "DownstreamStart" } }).search().length, 0);
  });

  it("texts are cut where they enter", () => {
    const [request] = kept({ request: { path: `/${"x".repeat(5000)}` } }).search();
    assert.equal(request!.path.length, 1024);
  });

  it("what is no message is refused whole", () => {
    const { core } = telemetryCore();
    assert.throws(() => core.ingest("access-log", PROXY, Buffer.from([0x12, 0x7f, 1])), IngestError);
  });
});

describe("searches", () => {
  const { search } = kept(
    { request: { path: "/a/1", requestId: "one" } },
    { request: { path: "/a/2", requestMethod: "POST" }, response: { responseCode: 503 }, common: { duration: "2s" } },
    { request: { path: "/b" }, common: { responseFlags: { upstreamOverflow: true } } },
  );
  const paths = (filter: RequestFilter): readonly string[] =>
    search(filter)
      .map(({ path }) => path)
      .sort();

  const cases: readonly (readonly [RequestFilter, readonly string[]])[] = [
    [{ status: "5xx" }, ["/a/2"]],
    [{ status: "200" }, ["/a/1", "/b"]],
    [{ status: "error" }, ["/a/2", "/b"]],
    [{ path: "/a" }, ["/a/1", "/a/2"]],
    [{ method: "post" }, ["/a/2"]],
    [{ flags: ["UF", "UO"] }, ["/b"]],
    [{ minDurationMs: 1000 }, ["/a/2"]],
    [{ requestId: "one" }, ["/a/1"]],
    [{ subject: "ratings" }, ["/a/1", "/a/2", "/b"]],
    [{ to: "ratings.default", from: "reviews-v2" }, ["/a/1", "/a/2", "/b"]],
    [{ to: "reviews" }, []],
    [{ namespace: "elsewhere" }, []],
    [{ reporter: "destination" }, []],
  ];
  for (const [filter, expected] of cases) {
    it(JSON.stringify(filter), () => assert.deepEqual(paths(filter), expected));
  }
});

test("requests are found in the file as well, by their number, too; what went wrong is kept for longest", () => {
  const { core, clock, search } = kept(
    { request: { path: "/good" } },
    { request: { path: "/bad" }, response: { responseCode: 500 } },
  );
  const ids = search().map(({ id }) => id);
  core.write();
  for (let i = 0; i < 9; i++) {
    core.ingest(
      "access-log",
      PROXY,
      message(...Array.from({ length: 1000 }, () => entry({ request: { path: "/later" } }))),
    );
  }
  core.write();
  assert.deepEqual(ids.map((id) => core.ask("request", { id })?.path ?? "gone").sort(), ["/bad", "/good"]);
  clock.advance(24 * 3_600_000);
  core.retain();
  assert.deepEqual(ids.map((id) => core.ask("request", { id })?.path ?? "gone").sort(), ["/bad", "gone"]);
});

test("whoever listens is told what it asked for, as it comes", () => {
  const { core } = telemetryCore();
  const told: string[] = [];
  const stop = core.subscribe("requests", { status: "error" }, (requests) =>
    told.push(...requests.map(({ path }) => path)),
  );
  core.ingest(
    "access-log",
    PROXY,
    message(entry(), entry({ request: { path: "/bad" }, response: { responseCode: 500 } })),
  );
  stop();
  core.ingest("access-log", PROXY, message(entry({ response: { responseCode: 500 } })));
  assert.deepEqual(told, ["/bad"]);
});
