/** What a sidecar does with requests to its application. (istio/istio `httproute.go` buildSidecarInboundHTTPRouteConfig) */
import { create } from "@bufbuild/protobuf";
import { parseProtocol } from "@tulle/api";
import type { PortProtocol } from "@tulle/api";
import { RouteActionSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Origin } from "../model/origin.ts";
import type { InboundPort } from "../model/workload.ts";
import { milliseconds } from "./durations.ts";
import { inboundCluster } from "./names.ts";
import { originMetadata } from "./origin.ts";
import { inboundRetryPolicy } from "./retry-policy.ts";
import { serviceOperation } from "./route-operation.ts";

/** (istio/proxy `source/extensions/filters/http/peer_metadata`) */
const PEER_METADATA = ["x-envoy-peer-metadata", "x-envoy-peer-metadata-id"];

/** The service that an inbound port answers for. */
export interface InboundService {
  readonly host: string;
  readonly port: number;
  readonly protocol: PortProtocol;
}

export function inboundRoutes(input: {
  readonly inbound: InboundPort;
  readonly service: InboundService | undefined;
  readonly mesh: MeshSettings;
  readonly origin: Origin;
  /** The proxy does not know what proxies tell each other: it is not for applications. */
  readonly hidesPeers: boolean;
}): RouteConfiguration {
  const { inbound, service, mesh, origin, hidesPeers } = input;
  const cluster = inboundCluster(inbound.port);
  const unlimited = milliseconds(0);
  // `reset-before-request` does not go well with gRPC streams. (`route.go` BuildDefaultHTTPInboundRoute)
  const retries = isGrpc(service?.protocol ?? parseProtocol(inbound.protocol))
    ? undefined
    : inboundRetryPolicy(mesh.config.defaultInboundHttpRetryPolicy);
  const action = create(RouteActionSchema, {
    clusterSpecifier: { case: "cluster", value: cluster },
    timeout: unlimited,
    maxStreamDuration: { maxStreamDuration: unlimited, grpcTimeoutHeaderMax: unlimited },
    ...(retries === undefined ? {} : { retryPolicy: retries }),
  });
  return create(RouteConfigurationSchema, {
    name: cluster,
    requestHeadersToRemove: hidesPeers ? PEER_METADATA : [],
    virtualHosts: [
      {
        name: `inbound|http|${inbound.port}`,
        domains: ["*"],
        routes: [
          {
            name: "default",
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            action: { case: "route", value: action },
            ...(service === undefined
              ? {}
              : { decorator: { operation: serviceOperation(service.host, service.port) } }),
            metadata: originMetadata(origin, ""),
          },
        ],
      },
    ],
  });
}

function isGrpc(protocol: PortProtocol | undefined): boolean {
  return protocol === "GRPC" || protocol === "GRPC-WEB";
}
