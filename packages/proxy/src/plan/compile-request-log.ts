/** The access log of whoever explains single requests, a kind of our own (tulle/access_loggers/requests/v1/requests.proto). */
import type { RequestLog } from "@tulle/xds/gen/tulle/access_loggers/requests/v1/requests_pb.js";
import { additions, compileCollector, entryPlanOf } from "./compile-collected-log.ts";
import { milliseconds } from "./duration.ts";
import { compileBucket, type TokenBucketPlan } from "./filters/local-rate-limit.ts";
import { type EntryPlan, httpEntry, tcpEntry } from "./format/als-entry.ts";
import type { RequestLogPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";

export function compileRequestLog(message: RequestLog, place: Place): Omit<RequestLogPlan, "filter"> {
  const { commonConfig, connections, slow } = message;
  const at = place.field("common_config");
  const plan: EntryPlan = { ...entryPlanOf(commonConfig, at), ...additions(message) };
  return {
    kind: "requests",
    collector: {
      ...compileCollector(commonConfig, connections ? "tcp" : "http", at),
      statPrefix: "access_logs.request_log.",
    },
    connections,
    slowMs: milliseconds(slow, 0) || Infinity,
    notable: bucketOf(message.notable, "notable", place),
    others: bucketOf(message.others, "others", place),
    entry: connections
      ? (stream, share) => tcpEntry(stream, plan, share)
      : (stream, share) => httpEntry(stream, plan, share),
  };
}

function bucketOf(bucket: RequestLog["notable"], name: string, place: Place): TokenBucketPlan {
  return bucket === undefined
    ? { maxTokens: 0, tokensPerMs: 0 }
    : compileBucket(bucket, `request log: ${name}:`, place.field(name));
}
