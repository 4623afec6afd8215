import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { latencyOf } from "../../../src/telemetry/insight/stats.ts";
import { trafficBetween } from "../../../src/telemetry/insight/traffic.ts";
import type { TrafficCell } from "../../../src/telemetry/insight/traffic-cell.ts";
import { telemetryCore } from "../../support/telemetry.ts";
import type { Requests } from "./support/counted-mesh.ts";
import { CountedMesh } from "./support/counted-mesh.ts";

const NOW = Date.UTC(2026, 0, 1);
const CALL: Requests = {
  from: { workload: "web-v1" },
  to: { workload: "reviews-v2" },
  count: 10,
  sourceMs: 12,
  destinationMs: 8,
};

/** One flush before anything, then one a list of requests, 5 s apart; what the last `seconds` were. */
function between(seconds: number, ...flushes: readonly (readonly Requests[])[]): readonly TrafficCell[] {
  const mesh = new CountedMesh();
  mesh.count({ ...CALL, count: 0 });
  mesh.flush(NOW);
  for (const [index, requests] of flushes.entries()) {
    for (const each of requests) mesh.count(each);
    mesh.flush(NOW + (index + 1) * 5_000);
  }
  const end = NOW + flushes.length * 5_000;
  return trafficBetween(mesh, end - seconds * 1000, end).cells;
}

describe("traffic of a window", () => {
  test("is what was counted in it, exactly: nothing is extrapolated", () => {
    const [cell] = between(10, [CALL], [CALL, CALL], [CALL]);
    assert.equal(cell?.source.requests, 30);
    assert.equal(cell.destination.requests, 30);
  });

  test("counts the first requests of a series that is new, where its proxy was heard before", () => {
    const cells = between(5, [CALL], [{ ...CALL, code: "503", flags: "UH" }]);
    assert.equal(cells[0]?.source.http.failed, 10);
    assert.deepEqual(cells[0]?.source.http.byFlags, new Map([["UH", 10]]));
  });

  test("counts the first requests that a proxy has, where it was heard of anything before, and not those of one that comes back", () => {
    const { core, clock } = telemetryCore();
    const labels = {
      __name__: "istio_requests_total",
      reporter: "destination",
      destination_workload: "web",
      destination_workload_namespace: "default",
      destination_service_name: "web",
      source_workload: "curl",
      response_code: "200",
      request_protocol: "http",
    };
    const counted = (atMs: number, value: number): void => {
      core.series.append("web", atMs, [
        { labels: { __name__: "envoy_server_live" }, value: 1 },
        ...(value === 0 ? [] : [{ labels, value }]),
      ]);
    };
    const requests = (toMs: number): number => {
      return trafficBetween(core.series, toMs - 60_000, toMs).cells[0]?.destination.requests ?? 0;
    };
    counted(NOW, 0);
    counted(NOW + 5_000, 5);
    assert.equal(requests(NOW + 5_000), 5);
    for (let at = NOW + 10_000; at <= NOW + 120_000; at += 5_000) counted(at, 5);
    assert.equal(requests(NOW + 120_000), 0);
    clock.advance(1_200_000);
    core.series.check();
    const back = clock.now();
    counted(back, 1_000);
    counted(back + 5_000, 1_001);
    assert.equal(requests(back + 5_000), 1);
  });

  test("does not count what a proxy has counted before anybody listened", () => {
    const mesh = new CountedMesh();
    mesh.count({ ...CALL, count: 1_000_000 });
    mesh.flush(NOW);
    assert.equal(trafficBetween(mesh, NOW - 5_000, NOW).cells[0], undefined);
  });

  test("goes on where a proxy starts again at 0", () => {
    const mesh = new CountedMesh();
    mesh.count(CALL);
    mesh.flush(NOW);
    mesh.restart();
    mesh.count({ ...CALL, count: 3 });
    mesh.flush(NOW + 5_000);
    assert.equal(trafficBetween(mesh, NOW, NOW + 5_000).cells[0]?.source.requests, 3);
  });

  test("has one cell for a call, whoever reports it; its amount is the source's, which knows what never arrived", () => {
    const cells = between(5, [CALL, { ...CALL, code: "0", flags: "UF", destinationMs: undefined as never }]);
    assert.equal(cells.length, 1);
    assert.equal(cells[0]?.counted.requests, 20);
    assert.equal(cells[0]?.destination.requests, 10);
    assert.deepEqual(
      cells[0]?.counted.http.byCode,
      new Map([
        ["200", 10],
        ["-", 10],
      ]),
    );
  });

  test("has the destination's amount where the source has no proxy", () => {
    const cells = between(5, [
      { from: { workload: "unknown" }, to: { workload: "web-v1" }, count: 4, destinationMs: 3, policy: "none" },
    ]);
    assert.equal(cells[0]?.counted.requests, 4);
    assert.equal(cells[0]?.counted.plain, 4);
    assert.deepEqual(cells[0]?.from, { namespace: "", workload: "", app: "", version: "" });
  });

  test("knows in which bucket a latency is, though the buckets below it count nothing", () => {
    const [cell] = between(5, [{ ...CALL, sourceMs: 300, destinationMs: 300 }]);
    const { p50Ms, p99Ms, meanMs } = latencyOf(cell!.destination.duration);
    assert.ok(p50Ms! > 250 && p99Ms! < 500, `${p50Ms} ${p99Ms}`);
    assert.equal(meanMs, 300);
  });

  test("takes a gRPC status that is an error for a failure, whatever the HTTP status", () => {
    const [cell] = between(5, [
      { ...CALL, protocol: "grpc", grpcStatus: "14" },
      { ...CALL, protocol: "grpc", grpcStatus: "0" },
    ]);
    assert.equal(cell?.counted.grpc.failed, 10);
    assert.deepEqual(
      cell.counted.grpc.byCode,
      new Map([
        ["grpc-14", 10],
        ["200", 10],
      ]),
    );
  });
});
