/** Route configurations: shells that name their virtual hosts' source, and virtual hosts that were encoded before. */
import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";

export interface RouteConfigurationInput {
  readonly name: string;
  /** Whether a Host header is matched without its port. */
  readonly ignorePort: boolean;
  /** Encoded virtual hosts; undefined if they are resources of their own. */
  readonly virtualHosts: readonly Uint8Array[] | undefined;
}

/** (istio/istio `pilot/pkg/networking/core/route/route.go` DefaultMaxDirectResponseBodySizeBytes) */
const MAX_DIRECT_RESPONSE_BODY_BYTES = 1024 * 1024;

/** RouteConfiguration.virtual_hosts */
const VIRTUAL_HOSTS_FIELD = 2;

export function translateRouteConfiguration({
  name,
  ignorePort,
  virtualHosts,
}: RouteConfigurationInput): RouteConfiguration {
  const routes = create(RouteConfigurationSchema, {
    name,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BODY_BYTES,
    ignorePortInHostMatching: ignorePort,
  });
  if (virtualHosts === undefined) {
    routes.vhds = create(RouteConfigurationSchema, {
      vhds: {
        configSource: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 },
      },
    }).vhds;
    return routes;
  }
  // Virtual hosts go in as the bytes they already have: a route configuration of a thousand of them is made by copying.
  routes.$unknown = virtualHosts.map((bytes) => ({
    no: VIRTUAL_HOSTS_FIELD,
    wireType: WireType.LengthDelimited,
    data: new BinaryWriter().bytes(bytes).finish(),
  }));
  return routes;
}
