import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ApiConfigSource_ApiType as ApiType } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { SecretRefs } from "../plan/compile-tls.ts";
import type { Place } from "../plan/problems.ts";
import { type GrpcTarget, grpcTarget } from "./grpc-target.ts";

export interface AdsTarget extends GrpcTarget {
  readonly mode: "delta" | "sotw";
  /** "" = the target's own name. */
  readonly authority: string;
}

/** Null without ADS, or if something was refused. */
export function adsTarget(bootstrap: Bootstrap, secrets: SecretRefs, place: Place): AdsTarget | null {
  const config = bootstrap.dynamicResources?.adsConfig;
  if (config === undefined) return null;
  const at = place.field("dynamic_resources.ads_config");
  const [service, second] = config.grpcServices;
  if (second !== undefined) at.item("grpc_services", 1).refuse("more than one management server is not supported");
  if (service?.targetSpecifier.case !== "envoyGrpc") {
    at.refuse("grpc_services needs one envoy_grpc");
    return null;
  }
  const { clusterName, authority } = service.targetSpecifier.value;
  const target = grpcTarget(bootstrap, clusterName, secrets, at.item("grpc_services", 0));
  if (target === null) return null;
  return { ...target, mode: config.apiType === ApiType.DELTA_GRPC ? "delta" : "sotw", authority };
}
