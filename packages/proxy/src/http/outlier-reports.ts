/** What the router tells a host's outlier monitor about an answer. Envoy `source/common/router/router.cc`, onUpstreamHeaders. */
import { GRPC_STATUS } from "../codec/header-names.ts";
import type { ResponseHead } from "../codec/messages.ts";
import { httpStatusOfGrpc } from "../codec/grpc/status.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";

/** A response's head has come. Only called where the host has a monitor. */
export function reportResponse(cluster: Cluster, host: Host, response: ResponseHead, isGrpc: boolean): void {
  const { outlier } = host;
  if (outlier === null) return;
  if (isGrpc && response.headers.has(GRPC_STATUS)) {
    outlier.onResponse(httpStatusOfGrpc(response.headers.get(GRPC_STATUS)));
    return;
  }
  const matcher = cluster.plan.outlierDetection?.errorMatcher ?? null;
  if (matcher === null) outlier.onResponse(response.status);
  // An error that is no 5xx counts as 500, anything else as fine, whatever its status.
  else outlier.onResponse(matcher.matches(response) ? Math.max(500, response.status) : 200);
}
