/** `HttpUri`: where a request of the proxy's own goes. */
import type { HttpUri } from "@tulle/xds/gen/envoy/config/core/v3/http_uri_pb.js";
import { milliseconds } from "./duration.ts";

export interface HttpUriPlan {
  /** Names the cluster. */
  readonly cluster: string;
  readonly authority: string;
  readonly path: string;
  /** 0 for none. */
  readonly timeoutMs: number;
}

export function compileHttpUri({ uri, httpUpstreamType, timeout }: HttpUri): HttpUriPlan {
  const [authority, path] = hostAndPath(uri);
  return { cluster: httpUpstreamType.value ?? "", authority, path, timeoutMs: milliseconds(timeout, 0) };
}

/** Without scheme. (Envoy `Http::Utility::extractHostPathFromUri`) */
export function hostAndPath(uri: string): [host: string, path: string] {
  const scheme = uri.indexOf("://");
  const start = scheme < 0 ? 0 : scheme + 3;
  const slash = uri.indexOf("/", start);
  return slash < 0 ? [uri.slice(start), "/"] : [uri.slice(start, slash), uri.slice(slash)];
}
