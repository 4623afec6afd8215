/**
 * StreamAccessLogsMessage: single requests and connections, as proxies tell them. Entries are read field by field, and what is kept of them is
 * bounded here. (envoy/data/accesslog/v3/accesslog.proto; the names of custom tags are ours, translate/request-log.ts)
 */
import type { KeptRequest, RequestEnd } from "@tulle/telemetry/records";
import { FLAG_FIELDS } from "@tulle/telemetry/response-flags";
import type { Sender } from "../sender.ts";
import { cut } from "./limits.ts";
import type { WireReader } from "./wire-reader.ts";

/** What is kept, but for its number. */
export type NewRequest = Omit<KeptRequest, "id">;

/** Characters. */
const MAX_PATH = 1024;
const MAX_TEXT = 512;
/** A batch of our proxy has a few dozen; what is beyond is no access log. */
const MAX_ENTRIES = 10_000;

/** Envoy's numbers of `RequestMethod`. */
const METHODS = ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const PROTOCOLS = ["", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];
const TLS_VERSIONS = ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
/** Of `AccessLogType`: the request or the connection goes on, and will be told again. */
const UNFINISHED: ReadonlySet<number> = new Set([1, 2, 4, 5, 10, 14]);
/** Slower ones are notable; the same as in translate/request-log.ts. */
const SLOW_MS = 1_000;

/** Throws IngestError. */
export function decodeRequests(reader: WireReader, from: Sender): readonly NewRequest[] {
  const found: NewRequest[] = [];
  while (reader.next()) {
    const isHttp = reader.field === 2;
    if (!isHttp && reader.field !== 3) {
      reader.skip();
      continue;
    }
    const entries = reader.message();
    while (entries.next()) {
      if (entries.field !== 1 || found.length >= MAX_ENTRIES) entries.skip();
      else {
        const entry = readEntry(entries.message(), isHttp);
        if (!UNFINISHED.has(entry.type)) found.push(requestOf(entry, from));
      }
    }
  }
  return found;
}

/** An entry as it is stated. */
class Entry {
  type = 0;
  protocol = "";
  method = "";
  authority = "";
  path = "";
  originalPath = "";
  userAgent = "";
  requestId = "";
  requestBytes = 0;
  status = 0;
  details = "";
  responseBytes = 0;
  grpcStatus = "";
  remote = "";
  local = "";
  startMs = 0;
  durationMs = 0;
  upstreamHost = "";
  cluster = "";
  flags: string[] = [];
  policy = "";
  shadowPolicy = "";
  transportFailure = "";
  downstreamTransportFailure = "";
  routeName = "";
  attempts = 0;
  termination = "";
  sampleRate = 0;
  tlsVersion = "";
  peer = "";
  localPrincipal = "";
  readonly tags = new Map<string, string>();
}

function readEntry(reader: WireReader, isHttp: boolean): Entry {
  const entry = new Entry();
  while (reader.next()) {
    if (reader.field === 1) readCommon(reader.message(), entry);
    else if (!isHttp && reader.field === 2) readConnection(reader.message(), entry);
    else if (reader.field === 2) entry.protocol = PROTOCOLS[reader.uint()] ?? "";
    else if (reader.field === 3) readRequest(reader.message(), entry);
    else if (reader.field === 4) readResponse(reader.message(), entry);
    else reader.skip();
  }
  if (!isHttp) entry.protocol = "TCP";
  return entry;
}

function readCommon(reader: WireReader, entry: Entry): void {
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        entry.sampleRate = reader.double();
        break;
      case 2:
        entry.remote = address(reader.message());
        break;
      case 3:
        entry.local = address(reader.message());
        break;
      case 4:
        readTls(reader.message(), entry);
        break;
      case 5:
        entry.startMs = milliseconds(reader.message());
        break;
      case 13:
        entry.upstreamHost = address(reader.message());
        break;
      case 15:
        entry.cluster = reader.text();
        break;
      case 16:
        entry.flags = flags(reader.message());
        break;
      case 17:
        readMetadata(reader.message(), entry);
        break;
      case 18:
        entry.transportFailure = reader.text();
        break;
      case 19:
        entry.routeName = reader.text();
        break;
      case 22:
        readPair(reader.message(), entry.tags);
        break;
      case 23:
        entry.durationMs = milliseconds(reader.message());
        break;
      case 24:
        entry.attempts = reader.uint();
        break;
      case 25:
        entry.termination = reader.text();
        break;
      case 28:
        entry.downstreamTransportFailure = reader.text();
        break;
      case 33:
        entry.type = reader.uint();
        break;
      default:
        reader.skip();
    }
  }
}

function readConnection(reader: WireReader, entry: Entry): void {
  while (reader.next()) {
    if (reader.field === 1) entry.requestBytes = reader.uint();
    else if (reader.field === 2) entry.responseBytes = reader.uint();
    else reader.skip();
  }
}

function readRequest(reader: WireReader, entry: Entry): void {
  while (reader.next()) {
    if (reader.field === 1) entry.method = METHODS[reader.uint()] ?? "";
    else if (reader.field === 3) entry.authority = reader.text();
    else if (reader.field === 5) entry.path = reader.text();
    else if (reader.field === 6) entry.userAgent = reader.text();
    else if (reader.field === 9) entry.requestId = reader.text();
    else if (reader.field === 10) entry.originalPath = reader.text();
    else if (reader.field === 12) entry.requestBytes = reader.uint();
    else reader.skip();
  }
}

function readResponse(reader: WireReader, entry: Entry): void {
  const headers = new Map<string, string>();
  while (reader.next()) {
    if (reader.field === 1) entry.status = wrapped(reader.message());
    else if (reader.field === 3) entry.responseBytes = reader.uint();
    else if (reader.field === 4 || reader.field === 5) readPair(reader.message(), headers);
    else if (reader.field === 6) entry.details = reader.text();
    else reader.skip();
  }
  entry.grpcStatus = headers.get("grpc-status") ?? "";
}

function readTls(reader: WireReader, entry: Entry): void {
  while (reader.next()) {
    if (reader.field === 1) entry.tlsVersion = TLS_VERSIONS[reader.uint()] ?? "";
    else if (reader.field === 4) entry.localPrincipal = principal(reader.message());
    else if (reader.field === 5) entry.peer = principal(reader.message());
    else reader.skip();
  }
}

/** The first URI of a certificate. */
function principal(reader: WireReader): string {
  let found = "";
  while (reader.next()) {
    if (reader.field !== 1 || found !== "") {
      reader.skip();
      continue;
    }
    const name = reader.message();
    while (name.next()) {
      if (name.field === 1) found = name.text();
      else name.skip();
    }
  }
  return found;
}

const RBAC = new Set(["envoy.filters.http.rbac", "envoy.filters.network.rbac"]);

/** Which policies the filters for authorization name. */
function readMetadata(reader: WireReader, entry: Entry): void {
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const pair = reader.message();
    let name = "";
    while (pair.next()) {
      if (pair.field === 1) name = pair.text();
      else if (pair.field === 2 && RBAC.has(name)) readPolicies(pair.message(), entry);
      else pair.skip();
    }
  }
}

/** Of a Struct. */
function readPolicies(reader: WireReader, entry: Entry): void {
  const values = new Map<string, string>();
  while (reader.next()) {
    if (reader.field === 1) readValue(reader.message(), values);
    else reader.skip();
  }
  entry.policy = values.get("enforced_effective_policy_id") ?? entry.policy;
  entry.shadowPolicy =
    values.get("shadow_effective_policy_id") ??
    values.get("istio_dry_run_deny_shadow_effective_policy_id") ??
    entry.shadowPolicy;
}

/** Key, and a Value that is a text. */
function readValue(reader: WireReader, into: Map<string, string>): void {
  let key = "";
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) {
      const value = reader.message();
      while (value.next()) {
        if (value.field === 3) into.set(key, value.text());
        else value.skip();
      }
    } else reader.skip();
  }
}

function readPair(reader: WireReader, into: Map<string, string>): void {
  let [key, value] = ["", ""];
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) value = reader.text();
    else reader.skip();
  }
  into.set(key, value);
}

/** `10.0.0.1:80`, `[::1]:80`; of others than sockets the path. */
function address(reader: WireReader): string {
  let [host, port, path] = ["", 0, ""];
  while (reader.next()) {
    const isSocket = reader.field === 1;
    if (!isSocket && reader.field !== 2) {
      reader.skip();
      continue;
    }
    const inner = reader.message();
    while (inner.next()) {
      if (isSocket && inner.field === 2) host = inner.text();
      else if (isSocket && inner.field === 3) port = inner.uint();
      else if (!isSocket && inner.field === 1) path = inner.text();
      else inner.skip();
    }
  }
  if (path !== "") return path;
  return host === "" ? "" : `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function milliseconds(reader: WireReader): number {
  let [seconds, nanos] = [0, 0];
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.int();
    else if (reader.field === 2) nanos = reader.uint();
    else reader.skip();
  }
  return seconds * 1000 + nanos / 1e6;
}

function wrapped(reader: WireReader): number {
  let value = 0;
  while (reader.next()) {
    if (reader.field === 1) value = reader.uint();
    else reader.skip();
  }
  return value;
}

function flags(reader: WireReader): string[] {
  const found: string[] = [];
  while (reader.next()) {
    const name = FLAG_FIELDS[reader.field - 1];
    if (name !== undefined) found.push(name);
    reader.skip();
  }
  return found;
}

function requestOf(entry: Entry, from: Sender): NewRequest {
  const { tags } = entry;
  const proxy = from.proxy;
  const reporter = tags.get("reporter") === "destination" ? "destination" : "source";
  const own: RequestEnd = {
    workload: proxy?.workload ?? "",
    service: proxy?.service ?? proxy?.labels["app"] ?? proxy?.workload ?? "",
    namespace: proxy?.namespace ?? "",
    version: proxy?.labels["version"] ?? "",
  };
  const cluster = tags.get("cluster") ?? entry.cluster;
  const isSource = reporter === "source";
  const upstream = isSource ? tags.get("upstream_peer") : undefined;
  const peer = upstream ?? (isSource ? "" : entry.peer);
  const flagged = entry.flags.join(",");
  const isTcp = entry.protocol === "TCP";
  return {
    proxy: cut(from.id, MAX_TEXT),
    workload: own.workload,
    namespace: own.namespace,
    reporter,
    startMs: entry.startMs,
    durationMs: Math.max(0, entry.durationMs),
    protocol: entry.protocol,
    method: entry.method,
    authority: cut(entry.authority, MAX_TEXT),
    path: cut(entry.originalPath === "" ? entry.path : entry.originalPath, MAX_PATH),
    status: entry.status,
    grpcStatus: cut(entry.grpcStatus, 8),
    flags: flagged,
    details: cut(entry.details === "" ? entry.termination : entry.details, MAX_TEXT),
    requestId: cut(entry.requestId, 128),
    traceId: traceIdOf(tags.get("trace_id") ?? ""),
    routeName: cut(entry.routeName, MAX_TEXT),
    upstreamCluster: cut(cluster, MAX_TEXT),
    upstreamHost: cut(entry.upstreamHost, MAX_TEXT),
    attempts: entry.attempts,
    bytesReceived: entry.requestBytes,
    bytesSent: entry.responseBytes,
    downstreamRemote: cut(entry.remote, MAX_TEXT),
    downstreamLocal: cut(entry.local, MAX_TEXT),
    userAgent: cut(entry.userAgent, MAX_TEXT),
    transportFailure: cut(
      entry.transportFailure === "" ? entry.downstreamTransportFailure : entry.transportFailure,
      MAX_TEXT,
    ),
    tlsVersion: isSource ? cut(tags.get("upstream_tls") ?? "", 16) : entry.tlsVersion,
    peerPrincipal: cut(peer, MAX_TEXT),
    localPrincipal: cut(isSource ? (tags.get("upstream_local") ?? "") : entry.localPrincipal, MAX_TEXT),
    source: isSource ? own : callerOf(entry.peer),
    destination: isSource ? targetOf(cluster, peer) : own,
    policy: cut(entry.policy, MAX_TEXT),
    shadowPolicy: cut(entry.shadowPolicy, MAX_TEXT),
    leftOut: entry.sampleRate > 0 && entry.sampleRate < 1 ? Math.round(1 / entry.sampleRate) - 1 : 0,
    notable:
      flagged !== "" ||
      (isTcp
        ? entry.termination !== ""
        : entry.status === 0 ||
          entry.status >= 400 ||
          entry.durationMs >= SLOW_MS ||
          !["", "0"].includes(entry.grpcStatus)),
  };
}

/** 32 hex digits, as spans have it; "" for what is none. */
function traceIdOf(text: string): string {
  return /^[0-9a-f]{16,32}$/.test(text) ? text.padStart(32, "0") : "";
}

const NOBODY: RequestEnd = { workload: "", service: "", namespace: "", version: "" };

/** By the certificate that was shown: an account, which may be of several workloads. */
function callerOf(principal: string): RequestEnd {
  const [, namespace = ""] = /^spiffe:\/\/[^/]*\/ns\/([^/]+)\/sa\//.exec(principal) ?? [];
  return { ...NOBODY, namespace: cut(namespace, MAX_TEXT) };
}

/** `outbound|9080|v2|reviews.default.svc.cluster.local`. The subset is mostly the version; who has another name for it sees that. */
function targetOf(cluster: string, principal: string): RequestEnd {
  const [direction, , subset = "", host = ""] = cluster.split("|");
  if (direction !== "outbound") return callerOf(principal);
  const [service = "", namespace = "", svc] = host.split(".");
  const isMesh = svc === "svc";
  return {
    workload: "",
    service: cut(isMesh ? service : host, MAX_TEXT),
    namespace: cut(isMesh ? namespace : "", MAX_TEXT),
    version: cut(subset, MAX_TEXT),
  };
}
