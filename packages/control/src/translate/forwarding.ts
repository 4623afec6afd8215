/**
 * Clusters whose endpoint is the host that a request names. Behind an explicit proxy this is what an original destination is
 * behind captured connections: the client would have looked the name up and connected to it.
 */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { Cluster_DnsLookupFamily as DnsLookupFamily } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterConfigSchema } from "@tulle/xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import { DnsCacheConfigSchema } from "@tulle/xds/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js";
import { FilterConfigSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { packed } from "./packed.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, { $typeName: string }>;

/** One cache for the filter and all clusters: the filter looks a host up before a cluster is asked for it. */
const DNS_CACHE = create(DnsCacheConfigSchema, {
  name: "dynamic_forward_proxy",
  dnsLookupFamily: DnsLookupFamily.V4_PREFERRED,
});

export const FORWARDING: Pick<ClusterInit, "clusterDiscoveryType" | "lbPolicy"> = {
  clusterDiscoveryType: {
    case: "clusterType",
    value: {
      name: "envoy.clusters.dynamic_forward_proxy",
      typedConfig: packed(
        ClusterConfigSchema,
        create(ClusterConfigSchema, {
          clusterImplementationSpecifier: { case: "dnsCacheConfig", value: DNS_CACHE },
          // What is insecure is TLS to whom a client says: there is none.
          allowInsecureClusterOptions: true,
        }),
      ),
    },
  },
  lbPolicy: LbPolicy.CLUSTER_PROVIDED,
};

/** What a captured connection was made to. */
export const ORIGINAL_DESTINATION: Pick<ClusterInit, "clusterDiscoveryType" | "lbPolicy"> = {
  clusterDiscoveryType: { case: "type", value: DiscoveryType.ORIGINAL_DST },
  lbPolicy: LbPolicy.CLUSTER_PROVIDED,
};

export const FORWARDING_FILTER = create(FilterConfigSchema, {
  implementationSpecifier: { case: "dnsCacheConfig", value: DNS_CACHE },
});
