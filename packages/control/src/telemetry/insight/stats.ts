/** Counts of a window, as rates and shares. */
import type { GoldenSignals, Latency, MessageStats, MutualTls, RequestStats, TcpStats } from "@tulle/telemetry/insight";
import { NO_LATENCY } from "./histogram.ts";
import type { Histogram } from "./histogram.ts";
import { trafficHealth } from "./health.ts";
import type { RequestCounts, TrafficCell } from "./traffic-cell.ts";
import { SideCounts } from "./traffic-cell.ts";

/** @param served how long the destination says that they took, if it says so: it has nothing of the way in it */
export function requestStats(counts: RequestCounts, served: Histogram, seconds: number): RequestStats | null {
  if (counts.requests === 0) return null;
  return {
    requests: counts.requests,
    rps: counts.requests / seconds,
    failed: counts.failed,
    errorShare: counts.failed / counts.requests,
    clientErrors: counts.clientErrors,
    byCode: Object.fromEntries(counts.byCode),
    byFlags: Object.fromEntries(counts.byFlags),
    latency: latencyOf(served.count > 0 ? served : counts.duration),
    requestBytesPerSecond: counts.requestBytes / seconds,
    responseBytesPerSecond: counts.responseBytes / seconds,
  };
}

export function latencyOf(histogram: Histogram): Latency {
  return histogram.count > 0 ? histogram.latency() : NO_LATENCY;
}

export function tcpStats(side: SideCounts, seconds: number): TcpStats | null {
  if (!side.hasTcp) return null;
  return {
    sentBytesPerSecond: side.sentBytes / seconds,
    receivedBytesPerSecond: side.receivedBytes / seconds,
    openedPerSecond: side.opened / seconds,
    closedPerSecond: side.closed / seconds,
  };
}

export function messageStats(side: SideCounts, seconds: number): MessageStats | null {
  if (side.requestMessages + side.responseMessages === 0) return null;
  return {
    requestsPerSecond: side.requestMessages / seconds,
    responsesPerSecond: side.responseMessages / seconds,
  };
}

/** What destinations say counts: sources do not know. (Istio: `connection_security_policy` is unknown at the source) */
export function mutualTls(cells: readonly TrafficCell[]): MutualTls {
  let secured = 0;
  let plain = 0;
  for (const { destination } of cells) {
    secured += destination.mutualTls;
    plain += destination.plain;
  }
  const all = secured + plain;
  if (all === 0) return { state: "unknown", share: null };
  return { state: plain === 0 ? "all" : secured === 0 ? "none" : "some", share: secured / all };
}

/** Everything of some cells, as the side that counts has counted it. */
export function countedOf(cells: readonly TrafficCell[]): SideCounts {
  if (cells.length === 1) return cells[0]!.counted;
  const sum = new SideCounts();
  for (const { counted } of cells) sum.add(counted);
  return sum;
}

export function servedOf(cells: readonly TrafficCell[]): SideCounts {
  if (cells.length === 1) return cells[0]!.destination;
  const sum = new SideCounts();
  for (const { destination } of cells) sum.add(destination);
  return sum;
}

export function sentOf(cells: readonly TrafficCell[]): SideCounts {
  if (cells.length === 1) return cells[0]!.source;
  const sum = new SideCounts();
  for (const { source } of cells) sum.add(source);
  return sum;
}

/** HTTP and gRPC in one. */
export function goldenSignals(cells: readonly TrafficCell[], seconds: number): GoldenSignals {
  const counted = countedOf(cells);
  const health = trafficHealth(counted);
  return {
    http: allRequests(cells, seconds),
    tcp: tcpStats(counted, seconds),
    mtls: mutualTls(cells),
    health,
  };
}

export function allRequests(cells: readonly TrafficCell[], seconds: number): RequestStats | null {
  const counted = countedOf(cells);
  const both = new SideCounts();
  both.http.add(counted.http);
  both.http.add(counted.grpc);
  return requestStats(both.http, servedOf(cells).duration, seconds);
}
