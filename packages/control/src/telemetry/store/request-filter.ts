/** Which requests are meant: in searches, and in a live tap. */
import type { KeptRequest, RequestEnd } from "@tulle/telemetry/records";

/** All of these; what is absent is any. */
export interface RequestFilter {
  /** At either end: a service or a workload. */
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  /** Of either end. */
  readonly namespace?: string;
  /** `404`, `5xx`, or `error`: failed, flagged or without an answer. */
  readonly status?: string;
  /** Any of these. */
  readonly flags?: readonly string[];
  readonly method?: string;
  /** What the path begins with. */
  readonly path?: string;
  readonly minDurationMs?: number;
  readonly requestId?: string;
  readonly traceId?: string;
  readonly reporter?: "source" | "destination";
}

export function matches(request: KeptRequest, filter: RequestFilter): boolean {
  const { source, destination } = request;
  const { subject, from, to, namespace, status, flags, method, path, minDurationMs, requestId, traceId } = filter;
  if (subject !== undefined && !isCalled(source, subject) && !isCalled(destination, subject)) return false;
  if (from !== undefined && !isCalled(source, from)) return false;
  if (to !== undefined && !isCalled(destination, to)) return false;
  if (namespace !== undefined && source.namespace !== namespace && destination.namespace !== namespace) return false;
  if (filter.reporter !== undefined && request.reporter !== filter.reporter) return false;
  if (status !== undefined && !hasStatus(request, status)) return false;
  if (flags !== undefined && !request.flags.split(",").some((flag) => flags.includes(flag))) return false;
  if (method !== undefined && request.method !== method.toUpperCase()) return false;
  if (path !== undefined && !request.path.startsWith(path)) return false;
  if (minDurationMs !== undefined && request.durationMs < minDurationMs) return false;
  if (requestId !== undefined && request.requestId !== requestId) return false;
  return traceId === undefined || request.traceId === traceId;
}

/** `reviews`, `reviews-v2`, `reviews.default`. */
function isCalled({ service, workload, namespace }: RequestEnd, name: string): boolean {
  if (name === service || name === workload) return true;
  return namespace !== "" && (name === `${service}.${namespace}` || name === `${workload}.${namespace}`);
}

function hasStatus({ status, flags, grpcStatus }: KeptRequest, wanted: string): boolean {
  if (wanted === "error") return status === 0 || status >= 400 || flags !== "" || !["", "0"].includes(grpcStatus);
  if (/^[1-5]xx$/.test(wanted)) return Math.floor(status / 100) === Number(wanted[0]);
  return String(status) === wanted;
}
