/** Where in the mesh a span's time is spent: the service, its version and route, and why. */
import type { DelayKind } from "@tulle/telemetry/insight";
import type { SpanRecord } from "@tulle/telemetry/records";
import type { SpanNode } from "./span-tree.ts";

export interface Place {
  readonly kind: DelayKind;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly route: string;
  /** Host of the destination, where a proxy has named one; for looking up rules. */
  readonly host: string;
  /** Who calls, for what lies between two. */
  readonly from: { readonly namespace: string; readonly name: string; readonly version: string } | null;
}

/** Of a span's own time between two moments: what no child of it explains. */
export function placeOf(node: SpanNode, isBeforeFirstCall: boolean): Place {
  const { span } = node;
  const target = targetOf(node);
  if (target === undefined) return inService(node);
  const isDelayed = hasFlag(span, "DI");
  const called = node.children.filter((child) => child.span.kind === "server" || child.span.kind === "client");
  const servedBy = deepestServer(called);
  const place = {
    namespace: target.namespace,
    service: target.service,
    version: target.version || (servedBy === undefined ? "" : versionOf(servedBy.span)),
    route: isAttempt(span) && node.parent !== undefined ? node.parent.span.name : span.name,
    host: target.host,
    from: { ...ownerOf(span), version: versionOf(span) },
  };
  if (isDelayed && (isBeforeFirstCall || called.length === 0)) return { ...place, kind: "fault" };
  // A gateway's own span leads out of it: what is its own is no way between two.
  if (span.kind === "server") return inService(node);
  // Nobody there reports spans: all of it is time of the called.
  if (called.length === 0) return { ...place, kind: "service", from: null };
  return { ...place, kind: wasRetried(node, called) ? "retries" : "network" };
}

/** What a proxy calls the way to its upstream, below the span of the request itself. (Envoy `source/common/router/upstream_request.cc`) */
function isAttempt({ name }: SpanRecord): boolean {
  return name.startsWith("router ") && name.endsWith(" egress");
}

function inService(node: SpanNode): Place {
  const server = nearestServer(node);
  const { namespace, name } = ownerOf(server.span);
  return {
    kind: "service",
    namespace,
    service: name,
    version: versionOf(server.span),
    route: routeOf(server.span),
    host: "",
    from: null,
  };
}

/** The request that a span was made for: an application's own spans are part of it. */
function nearestServer(node: SpanNode): SpanNode {
  for (let at: SpanNode | undefined = node; at !== undefined; at = at.parent) {
    if (at.span.kind === "server") return at;
  }
  return node;
}

interface Target {
  readonly host: string;
  readonly service: string;
  readonly namespace: string;
  readonly version: string;
}

/** Whom a proxy's span leads to; undefined: it is what its workload itself does. */
function targetOf({ span, children }: SpanNode): Target | undefined {
  const [direction, , subset = "", host = ""] = (span.tags["upstream_cluster"] ?? "").split("|");
  if (direction === "outbound" && host !== "") {
    const [service = host, namespace = ""] = isMeshHost(host) ? host.split(".") : [host, ""];
    return { host, service, namespace, version: subset };
  }
  if (direction === "inbound" || span.kind !== "client") return undefined;
  // A client that is no proxy of the mesh: whoever answered says who that is.
  const server = children.find((child) => child.span.kind === "server");
  if (server === undefined) {
    const name = span.tags["peer.service"] ?? span.tags["server.address"] ?? span.tags["peer.address"] ?? "";
    return name === "" ? undefined : { host: name, service: name, namespace: "", version: "" };
  }
  const { namespace, name } = ownerOf(server.span);
  return { host: "", service: name, namespace, version: versionOf(server.span) };
}

/** `reviews.default.svc.cluster.local` */
function isMeshHost(host: string): boolean {
  return host.split(".")[2] === "svc";
}

function deepestServer(nodes: readonly SpanNode[]): SpanNode | undefined {
  for (const node of nodes) {
    const found = node.span.kind === "server" ? node : deepestServer(node.children);
    if (found !== undefined) return found;
  }
  return undefined;
}

function wasRetried({ span }: SpanNode, called: readonly SpanNode[]): boolean {
  return called.length > 1 || hasFlag(span, "URX") || span.tags["retry.count"] !== undefined;
}

function hasFlag({ tags }: SpanRecord, flag: string): boolean {
  return (tags["response_flags"] ?? "").split(",").includes(flag);
}

/** `reviews.default`, or what Istio's tags say. */
export function ownerOf({ service, tags }: SpanRecord): { readonly namespace: string; readonly name: string } {
  const name = tags["istio.canonical_service"];
  const namespace = tags["istio.namespace"];
  if (name !== undefined && namespace !== undefined) return { namespace, name };
  const dot = service.lastIndexOf(".");
  return dot < 0
    ? { namespace: namespace ?? "", name: service }
    : { namespace: service.slice(dot + 1), name: service.slice(0, dot) };
}

export function versionOf({ tags }: SpanRecord): string {
  const version = tags["istio.canonical_revision"] ?? tags["service.version"] ?? "";
  // Istio's word for none.
  return version === "latest" ? "" : version;
}

/** The server's own name for what was asked, else the proxy's operation: `reviews.default.svc.cluster.local:9080/*`. */
export function routeOf({ name, tags }: SpanRecord): string {
  return tags["http.route"] ?? name;
}
