import type { FilterConfig } from "@tulle/xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface GrpcStatsPlan {
  readonly emitFilterState: boolean;
  /** Every service and method has counters of its own. */
  readonly allMethods: boolean;
  /** Those that have, as `/service/method`; the others are counted together. */
  readonly methods: ReadonlySet<string>;
  readonly upstreamStats: boolean;
  readonly replaceDots: boolean;
}

export const grpcStats: FilterCompiler = {
  compile: ({ message }): GrpcStatsPlan => {
    const config = message as FilterConfig;
    const { perMethodStatSpecifier: specifier } = config;
    const methods = new Set<string>();
    if (specifier.case === "individualMethodStatsAllowlist") {
      for (const { name, methodNames } of specifier.value.services) {
        for (const method of methodNames) methods.add(`/${name}/${method}`);
      }
    }
    return {
      emitFilterState: config.emitFilterState,
      allMethods: specifier.case === "statsForAllMethods" && specifier.value.value,
      methods,
      upstreamStats: config.enableUpstreamStats,
      replaceDots: config.replaceDotsInGrpcServiceName,
    };
  },
  compileRoute: null,
};
