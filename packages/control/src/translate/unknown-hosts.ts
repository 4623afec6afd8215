/** What is answered for hosts that a client does not know. (istio/istio `httproute.go` buildCatchAllVirtualHost) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteSchema, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { OutboundPolicy } from "../model/outbound-policy.ts";
import type { Capabilities } from "./data-plane.ts";
import { milliseconds } from "./durations.ts";
import { outboundCluster, PASSTHROUGH_CLUSTER } from "./names.ts";
import { countsAttempts } from "./proxy-settings.ts";

export function unknownHosts(policy: OutboundPolicy, mesh: MeshSettings, { discoveries }: Capabilities): VirtualHost {
  if (policy.type === "proxy") return allowAny(outboundCluster(policy.port, policy.subset, policy.host), mesh);
  if (policy.type === "pass" && discoveries.has("by request")) return allowAny(PASSTHROUGH_CLUSTER, mesh);
  return catchAll("block_all", mesh, { case: "directResponse", value: { status: 502 } });
}

function allowAny(cluster: string, mesh: MeshSettings): VirtualHost {
  const unlimited = milliseconds(0);
  return catchAll("allow_any", mesh, {
    case: "route",
    value: {
      clusterSpecifier: { case: "cluster", value: cluster },
      timeout: unlimited,
      maxStreamDuration: { maxStreamDuration: unlimited, grpcTimeoutHeaderMax: unlimited },
    },
  });
}

/** Virtual host and route have one name, by which metrics tell what became of a request. */
function catchAll(
  name: string,
  mesh: MeshSettings,
  action: NonNullable<MessageInitShape<typeof RouteSchema>["action"]>,
): VirtualHost {
  return create(VirtualHostSchema, {
    name,
    domains: ["*"],
    includeRequestAttemptCount: countsAttempts(mesh),
    routes: [{ name, match: { pathSpecifier: { case: "prefix", value: "/" } }, action }],
  });
}
