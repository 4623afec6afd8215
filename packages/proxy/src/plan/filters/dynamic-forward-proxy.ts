import {
  type FilterConfig,
  type PerRouteConfig,
  PerRouteConfigSchema,
} from "@tulle/xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { type DnsCachePlan, compileDnsCache } from "../compile-dns-cache.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** Which host a route's requests go to, in place of the one that they name; "" says nothing. */
export interface ForwardedHostPlan {
  readonly literal: string;
  /** Lower-case. */
  readonly header: string;
}

export const dynamicForwardProxy: FilterCompiler = {
  compile: ({ message }, { dnsCaches }, place): DnsCachePlan | null => {
    const { implementationSpecifier: specifier } = message as FilterConfig;
    if (specifier.case === "dnsCacheConfig") {
      return compileDnsCache(specifier.value, dnsCaches, place.field("dns_cache_config"));
    }
    // The oneof is not required, and Envoy takes its default message: a cache without a name, which it refuses.
    if (specifier.case === undefined) place.field("dns_cache_config").refuse("value is required");
    return null;
  },
  compileRoute: {
    typeName: PerRouteConfigSchema.typeName,
    compile: ({ message }): ForwardedHostPlan => {
      const { hostRewriteSpecifier: specifier } = message as PerRouteConfig;
      return {
        literal: specifier.case === "hostRewriteLiteral" ? specifier.value : "",
        header: specifier.case === "hostRewriteHeader" ? specifier.value.toLowerCase() : "",
      };
    },
    merge: null,
  },
};
