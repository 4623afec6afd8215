/** A line of an access log, in Istio's text form or as JSON, as a record. What it does not say is "" or 0. */
import type { RequestRecord } from "@tulle/telemetry/records";

/** Istio's text form, in its order. (control/src/translate/access-log.ts) */
const TEXT = new RegExp(
  [
    /^\[(?<start>[^\]]*)\]/,
    /"(?<method>\S+) (?<path>.*?) (?<protocol>\S+)"/,
    /(?<status>\d+|-)/,
    /(?<flags>\S+)/,
    /(?<details>\S+)/,
    /(?<termination>\S+)/,
    /"(?<transportFailure>[^"]*)"/,
    /(?<received>\d+|-)/,
    /(?<sent>\d+|-)/,
    /(?<duration>\d+|-)/,
    /(?<serviceTime>\S+)/,
    /"(?<forwardedFor>[^"]*)"/,
    /"(?<userAgent>[^"]*)"/,
    /"(?<requestId>[^"]*)"/,
    /"(?<authority>[^"]*)"/,
    /"(?<upstreamHost>[^"]*)"/,
    /(?<cluster>\S+)/,
    /(?<upstreamLocal>\S+)/,
    /(?<downstreamLocal>\S+)/,
    /(?<downstreamRemote>\S+)/,
    /(?<serverName>\S+)/,
    /(?<route>\S+)/,
  ]
    .map(({ source }) => source)
    .join(" "),
);

/** Fields of Istio's JSON form, by the record's names. */
const JSON_FIELDS = {
  start: ["start_time"],
  method: ["method"],
  path: ["path"],
  protocol: ["protocol"],
  status: ["response_code"],
  flags: ["response_flags"],
  details: ["response_code_details"],
  transportFailure: ["upstream_transport_failure_reason"],
  received: ["bytes_received"],
  sent: ["bytes_sent"],
  duration: ["duration"],
  userAgent: ["user_agent"],
  requestId: ["request_id"],
  traceId: ["trace_id", "traceID"],
  authority: ["authority"],
  upstreamHost: ["upstream_host"],
  cluster: ["upstream_cluster"],
  downstreamLocal: ["downstream_local_address"],
  downstreamRemote: ["downstream_remote_address"],
  route: ["route_name"],
  attempts: ["upstream_request_attempt_count"],
} as const;

type Field = keyof typeof JSON_FIELDS;

/** Undefined: it is no such line. */
export function parseLogLine(line: string): RequestRecord | undefined {
  const text = line.trim();
  if (text.startsWith("{")) {
    const value = parseObject(text);
    if (value === undefined || value["response_code"] === undefined) return undefined;
    return recordOf((field) => {
      const found = JSON_FIELDS[field].map((name) => value[name]).find((each) => each !== undefined && each !== null);
      return typeof found === "string" || typeof found === "number" ? String(found) : "";
    });
  }
  const groups = TEXT.exec(text)?.groups;
  return groups === undefined ? undefined : recordOf((field) => groups[field] ?? "");
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // then it is no line of a log
  }
}

function recordOf(read: (field: Field) => string): RequestRecord {
  const text = (field: Field): string => {
    const value = read(field);
    return value === "-" ? "" : value;
  };
  const number = (field: Field): number => Number(text(field)) || 0;
  const upstreamCluster = text("cluster").replaceAll(";", "");
  return {
    proxy: "",
    workload: "",
    namespace: "",
    reporter: upstreamCluster.startsWith("inbound") ? "destination" : "source",
    startMs: Date.parse(text("start")) || 0,
    durationMs: number("duration"),
    protocol: text("protocol"),
    method: text("method"),
    authority: text("authority"),
    path: text("path"),
    status: number("status"),
    grpcStatus: "",
    flags: text("flags"),
    details: text("details"),
    requestId: text("requestId"),
    traceId: text("traceId"),
    routeName: text("route"),
    upstreamCluster,
    upstreamHost: text("upstreamHost"),
    attempts: number("attempts") || (text("upstreamHost") === "" ? 0 : 1),
    bytesReceived: number("received"),
    bytesSent: number("sent"),
    downstreamRemote: text("downstreamRemote"),
    downstreamLocal: text("downstreamLocal"),
    userAgent: text("userAgent"),
    transportFailure: text("transportFailure"),
    tlsVersion: "",
    peerPrincipal: "",
    localPrincipal: "",
  };
}
