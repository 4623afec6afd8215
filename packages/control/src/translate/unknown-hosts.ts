/** What is answered for hosts that a client does not know. (istio/istio `httproute.go` buildCatchAllVirtualHost) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  VirtualHostSchema,
  type RouteAction_UpgradeConfigSchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteSchema, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { OutboundPolicy } from "../model/outbound-policy.ts";
import type { Capabilities } from "./data-plane.ts";
import { milliseconds } from "./durations.ts";
import { outboundCluster, PASSTHROUGH_CLUSTER } from "./names.ts";
import { countsAttempts } from "./proxy-settings.ts";

/** @param tunnels CONNECT is taken, too: the listener is an application's HTTP proxy */
export function unknownHosts(
  policy: OutboundPolicy,
  mesh: MeshSettings,
  { discoveries, captured }: Capabilities,
  tunnels: boolean,
): VirtualHost {
  if (policy.type === "proxy") {
    // Another proxy takes requests, and CONNECT as one of them.
    return allowAny(outboundCluster(policy.port, policy.subset, policy.host), mesh, tunnels, {});
  }
  if (policy.type === "pass" && (captured || discoveries.has("by request"))) {
    return allowAny(PASSTHROUGH_CLUSTER, mesh, tunnels, { connectConfig: {} });
  }
  return catchAll("block_all", mesh, tunnels, () => ({ case: "directResponse", value: { status: 502 } }));
}

function allowAny(
  cluster: string,
  mesh: MeshSettings,
  tunnels: boolean,
  connect: Pick<MessageInitShape<typeof RouteAction_UpgradeConfigSchema>, "connectConfig">,
): VirtualHost {
  const unlimited = milliseconds(0);
  return catchAll("allow_any", mesh, tunnels, (isConnect) => ({
    case: "route",
    value: {
      clusterSpecifier: { case: "cluster", value: cluster },
      timeout: unlimited,
      maxStreamDuration: { maxStreamDuration: unlimited, grpcTimeoutHeaderMax: unlimited },
      upgradeConfigs: isConnect ? [{ upgradeType: "CONNECT", ...connect }] : [],
    },
  }));
}

/** Virtual host and route have one name, by which metrics tell what became of a request. */
function catchAll(
  name: string,
  mesh: MeshSettings,
  tunnels: boolean,
  action: (isConnect: boolean) => NonNullable<MessageInitShape<typeof RouteSchema>["action"]>,
): VirtualHost {
  const requests = { name, match: { pathSpecifier: { case: "prefix" as const, value: "/" } }, action: action(false) };
  const connects = {
    name,
    match: { pathSpecifier: { case: "connectMatcher" as const, value: {} } },
    action: action(true),
  };
  return create(VirtualHostSchema, {
    name,
    domains: ["*"],
    includeRequestAttemptCount: countsAttempts(mesh),
    routes: tunnels ? [connects, requests] : [requests],
  });
}
