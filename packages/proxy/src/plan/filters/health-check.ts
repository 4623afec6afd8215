import type { HealthCheck } from "@tulle/xds/gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.js";
import { milliseconds } from "../duration.ts";
import type { RequestTest } from "../request-views.ts";
import { compileHeaderMatcher } from "../request-matchers.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface HealthCheckFilterPlan {
  /** All must match for a request to be a health check. */
  readonly conditions: readonly RequestTest[];
  /** The upstream answers; else the proxy does. */
  readonly passThrough: boolean;
  /** How long the upstream's status serves other checks; 0 = not at all. */
  readonly cacheMs: number;
  /** The proxy is well as long as these clusters have so many percent of their hosts. */
  readonly clusters: readonly { readonly name: string; readonly minHealthyPercent: number }[];
}

export const healthCheck: FilterCompiler = {
  compile: ({ message }, _context, place): HealthCheckFilterPlan => {
    const { passThroughMode = false, cacheTime, headers, clusterMinHealthyPercentages } = message as HealthCheck;
    const cacheMs = milliseconds(cacheTime, 0);
    if (!passThroughMode && cacheMs > 0) {
      place.field("cache_time").refuse("cache_time_ms must not be set when path_through_mode is disabled");
    }
    return {
      conditions: headers.map((each, i) => compileHeaderMatcher(each, place.item("headers", i))),
      passThrough: passThroughMode,
      cacheMs,
      clusters: Object.entries(clusterMinHealthyPercentages).map(([name, { value }]) => ({
        name,
        minHealthyPercent: value,
      })),
    };
  },
  compileRoute: null,
};
