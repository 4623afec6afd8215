import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { HealthCheck, HealthCheck_Payload } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import { RequestMethod } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Int64Range } from "@tulle/xds/gen/envoy/type/v3/range_pb.js";
import { milliseconds } from "./duration.ts";
import type { HealthCheckPlan, HttpProbePlan, StatusRange, TcpProbePlan } from "./cluster-plan.ts";
import type { Place } from "./problems.ts";

/** Source: Envoy api/envoy/config/core/v3/health_check.proto. */
const NO_TRAFFIC_INTERVAL_MS = 60_000;

/** One checker a cluster; what else Envoy knows is refused. */
export function compileHealthCheck(cluster: Cluster, place: Place): HealthCheckPlan | null {
  const { healthChecks: messages } = cluster;
  if (messages.length === 0) return null;
  if (messages.length > 1) place.field("health_checks").refuse("more than one health check is not supported");
  const [message] = messages;
  const probe = compileProbe(message, place.item("health_checks", 0));
  if (probe === null) return null;
  const intervalMs = milliseconds(message.interval, 0);
  const noTrafficIntervalMs = milliseconds(message.noTrafficInterval, NO_TRAFFIC_INTERVAL_MS);
  const unhealthyIntervalMs = milliseconds(message.unhealthyInterval, intervalMs);
  return {
    timeoutMs: milliseconds(message.timeout, 0),
    intervalMs,
    initialJitterMs: milliseconds(message.initialJitter, 0),
    intervalJitterMs: milliseconds(message.intervalJitter, 0),
    intervalJitterPercent: message.intervalJitterPercent,
    unhealthyThreshold: message.unhealthyThreshold ?? 1,
    healthyThreshold: message.healthyThreshold ?? 1,
    reuseConnection: message.reuseConnection ?? true,
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: milliseconds(message.noTrafficHealthyInterval, noTrafficIntervalMs),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: milliseconds(message.unhealthyEdgeInterval, unhealthyIntervalMs),
    healthyEdgeIntervalMs: milliseconds(message.healthyEdgeInterval, intervalMs),
    excludesNewHosts: cluster.commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
    removesHealthyHosts: cluster.ignoreHealthOnHostRemoval,
    probe,
  };
}

function compileProbe({ healthChecker }: HealthCheck, place: Place): HttpProbePlan | TcpProbePlan | null {
  switch (healthChecker.case) {
    case "httpHealthCheck": {
      const { host, path, method, requestHeadersToAdd, expectedStatuses, retriableStatuses } = healthChecker.value;
      const at = place.field("http_health_check");
      const expected = compileRanges(expectedStatuses, "expected", at);
      return {
        protocol: "http",
        host,
        path,
        method: RequestMethod[method === RequestMethod.METHOD_UNSPECIFIED ? RequestMethod.GET : method],
        headers: requestHeadersToAdd.map(({ header }, i) => {
          const { key = "", value = "" } = header ?? {};
          if (value.includes("%")) at.item("request_headers_to_add", i).refuse("commands in values are not supported");
          return [key.toLowerCase(), value];
        }),
        expected: expected.length === 0 ? [{ start: 200, end: 201 }] : expected,
        retriable: compileRanges(retriableStatuses, "retriable", at),
      };
    }
    case "tcpHealthCheck": {
      const { send, receive } = healthChecker.value;
      const at = place.field("tcp_health_check");
      return {
        protocol: "tcp",
        send: send === undefined ? "" : compilePayload(send, at.field("send")),
        receive: receive.map((each, i) => compilePayload(each, at.item("receive", i))),
      };
    }
    default:
      // Reported by the reflection check.
      return null;
  }
}

/** Latin1. Source: Envoy `source/extensions/health_checkers/common/payload_matcher.cc`. */
function compilePayload({ payload }: HealthCheck_Payload, place: Place): string {
  if (payload.case === "binary") return Buffer.from(payload.value).toString("latin1");
  const text = payload.case === "text" ? payload.value : "";
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) place.refuse(`invalid hex string '${text}'`);
  return Buffer.from(text, "hex").toString("latin1");
}

/** Envoy's words (`source/extensions/health_checkers/http/health_checker_impl.cc`, HttpStatusChecker). */
function compileRanges(ranges: readonly Int64Range[], kind: "expected" | "retriable", place: Place): StatusRange[] {
  return ranges.map((range, i) => {
    const start = Number(range.start);
    const end = Number(range.end);
    const at = place.item(`${kind}_statuses`, i);
    const wrong = (what: string): void => at.refuse(`Invalid http ${kind} status range: expecting ${what}`);
    if (start >= end) wrong(`start < end, but found start=${start} and end=${end}`);
    if (start < 100) wrong(`start >= 100, but found start=${start}`);
    if (end > 600) wrong(`end <= 600, but found end=${end}`);
    return { start, end };
  });
}
