import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { HealthCheck, HealthCheck_Payload } from "@tulle/xds/gen/envoy/config/core/v3/health_check_pb.js";
import { type HeaderValueOption, RequestMethod } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Int64Range } from "@tulle/xds/gen/envoy/type/v3/range_pb.js";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { CodecClientType } from "@tulle/xds/gen/envoy/type/v3/http_pb.js";
import { headerId, isInline } from "../codec/header-names.ts";
import type { Http2Options } from "../codec/http2/options.ts";
import { formatGrpcTimeout } from "../codec/grpc/timeout.ts";
import { grpcFrame } from "../codec/grpc/frames.ts";
import { milliseconds } from "./duration.ts";
import type { HealthCheckPlan, ProbeHeaders, StatusRange } from "./cluster-plan.ts";
import { DEFAULT_BUFFER_LIMIT_BYTES } from "./compile-listener.ts";
import { compileHeaderAddition } from "./header-mutations.ts";
import { type Http2Context, compileHttp2Options } from "./http2-options.ts";
import type { Place } from "./problems.ts";

/** Source: Envoy api/envoy/config/core/v3/health_check.proto. */
const NO_TRAFFIC_INTERVAL_MS = 60_000;

/** One checker a cluster; what else Envoy knows is refused. */
export function compileHealthCheck(cluster: Cluster, http2: Http2Options | null, place: Place): HealthCheckPlan | null {
  const { healthChecks: messages } = cluster;
  if (messages.length === 0) return null;
  if (messages.length > 1) place.field("health_checks").refuse("more than one health check is not supported");
  const [message] = messages;
  const probe = compileProbe(message, http2, place.item("health_checks", 0));
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

function compileProbe(
  { healthChecker, timeout }: HealthCheck,
  http2: Http2Options | null,
  place: Place,
): HealthCheckPlan["probe"] | null {
  switch (healthChecker.case) {
    case "httpHealthCheck": {
      const { host, path, method, requestHeadersToAdd, expectedStatuses, retriableStatuses, codecClientType } =
        healthChecker.value;
      const at = place.field("http_health_check");
      const expected = compileRanges(expectedStatuses, "expected", at);
      return {
        protocol: "http",
        host,
        path,
        method: RequestMethod[method === RequestMethod.METHOD_UNSPECIFIED ? RequestMethod.GET : method],
        headers: compileHeaders(requestHeadersToAdd, USER_AGENT, (i) => at.item("request_headers_to_add", i)),
        http2: codecClientType === CodecClientType.HTTP2 ? (http2 ?? compileHttp2Options(undefined, PLAIN, at)) : null,
        expected: expected.length === 0 ? [{ start: 200, end: 201 }] : expected,
        retriable: compileRanges(retriableStatuses, "retriable", at),
      };
    }
    case "grpcHealthCheck": {
      const { authority, serviceName, initialMetadata } = healthChecker.value;
      const at = place.field("grpc_health_check");
      if (http2 === null) {
        at.refuse("cluster must support HTTP/2 for gRPC healthchecking");
        return null;
      }
      const headers = compileHeaders(initialMetadata, GRPC_HEADERS, (i) => at.item("initial_metadata", i));
      return {
        protocol: "grpc",
        host: authority,
        headers: [...headers, ["grpc-timeout", formatGrpcTimeout(milliseconds(timeout, 0))]],
        http2,
        body: grpcFrame(healthCheckRequest(serviceName)),
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

const USER_AGENT: ProbeHeaders = [["user-agent", "Envoy/HC"]];
const GRPC_HEADERS: ProbeHeaders = [["te", "trailers"], ["content-type", "application/grpc"], ...USER_AGENT];

/** Of a cluster that speaks HTTP/1.1 otherwise: Envoy's defaults. */
const PLAIN: Http2Context = {
  maxHeadersBytes: 60 * 1024,
  maxHeadersCount: 100,
  headersWithUnderscores: "allow",
  bufferLimitBytes: DEFAULT_BUFFER_LIMIT_BYTES,
  streamErrorOnInvalidMessage: false,
};

/** `grpc.health.v1.HealthCheckRequest` */
function healthCheckRequest(service: string): Uint8Array {
  return service === ""
    ? new Uint8Array()
    : new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish();
}

/** Nothing in them depends on a request: they are known now. What is there already is what was there `before`, as Envoy's parser has it. */
function compileHeaders(
  options: readonly HeaderValueOption[],
  before: ProbeHeaders,
  place: (i: number) => Place,
): ProbeHeaders {
  const additions = options.flatMap((option, i) => {
    const addition = compileHeaderAddition(option, place(i));
    if (addition === null) return [];
    if (addition.format !== null) place(i).refuse("commands in values are not supported");
    return [{ ...addition, value: addition.value ?? "" }];
  });
  const isThere = (name: string): boolean => before.some(([each]) => each === name);
  const applied = additions.filter(({ op, name, value, keepEmpty }) => {
    if (value === "" && !keepEmpty) return false;
    return op === "append" || op === "overwrite" || (op === "overwrite-if-exists") === isThere(name);
  });
  const overwrites = applied.filter(({ op }) => op === "overwrite" || op === "overwrite-if-exists");
  let headers = before;
  for (const { name, value } of overwrites) headers = [...headers.filter(([each]) => each !== name), [name, value]];
  for (const { op, name, value } of applied) {
    if (op !== "append" && op !== "add-if-absent") continue;
    headers =
      isThere(name) && isInline(headerId(name), true) ? joined(headers, name, value) : [...headers, [name, value]];
  }
  return headers;
}

function joined(headers: ProbeHeaders, name: string, value: string): ProbeHeaders {
  return headers.map((each) => (each[0] === name ? [name, `${each[1]},${value}`] : each));
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
