/** `envoy.clusters.dynamic_forward_proxy`: a cluster whose hosts are the names that requests ask for. */
import {
  type Cluster,
  type Cluster_CustomClusterType as CustomClusterType,
  Cluster_LbPolicy as LbPolicy,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterConfig } from "@tulle/xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import type { HttpProtocolOptions } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { type DnsCacheConfigs, type DnsCachePlan, compileDnsCache } from "./compile-dns-cache.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { HTTP_PROTOCOL_OPTIONS } from "./supported-fields/index.ts";

const NAME = "envoy.clusters.dynamic_forward_proxy";

/** Null if it was refused. Envoy's words (`upstream_impl.cc`, `source/extensions/clusters/dynamic_forward_proxy/cluster.cc`). */
export function compileForwarding(
  message: Cluster,
  { typedConfig }: CustomClusterType,
  configs: DnsCacheConfigs,
  place: Place,
): DnsCachePlan | null {
  if (typedConfig === undefined) return null;
  if (message.loadBalancingPolicy === undefined && message.lbPolicy !== LbPolicy.CLUSTER_PROVIDED) {
    place
      .field("lb_policy")
      .refuse(
        `cluster: LB policy ${LbPolicy[message.lbPolicy]} is not valid for Cluster type ${NAME}. ` +
          `Only 'CLUSTER_PROVIDED' is allowed with cluster type '${NAME}'`,
      );
  }
  const config = unpackExtension(typedConfig).message as ClusterConfig | null;
  const specifier = config?.clusterImplementationSpecifier;
  if (config === null || specifier?.case !== "dnsCacheConfig") return null;
  if (!config.allowInsecureClusterOptions && !isSecure(message)) {
    place.refuse(
      "dynamic_forward_proxy cluster must have auto_sni and auto_san_validation true unless allow_insecure_cluster_options is set.",
    );
  }
  const at = place.field("cluster_type").packed("typed_config", typedConfig.typeUrl);
  return compileDnsCache(specifier.value, configs, at.field("dns_cache_config"));
}

/** Where nothing is said, these are on. */
function isSecure(message: Cluster): boolean {
  const any = message.typedExtensionProtocolOptions[HTTP_PROTOCOL_OPTIONS];
  const typed = any === undefined ? null : (unpackExtension(any).message as HttpProtocolOptions | null);
  const options = typed === null ? message.upstreamHttpProtocolOptions : typed.upstreamHttpProtocolOptions;
  if (typed === null && options === undefined) return true;
  return options?.autoSni === true && options.autoSanValidation;
}
