/** `virtual_clusters` of a virtual host and `stat_prefix` of a route: what counts a request beside its cluster. Envoy `source/common/router/config_impl.cc`. */
import type { VirtualCluster } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteCounters, RouteStats } from "../upstream/route-stats.ts";
import type { Place } from "./problems.ts";
import { compileHeaderMatcher } from "./request-matchers.ts";
import type { RequestTest, RequestView } from "./request-views.ts";

export interface VirtualClusterPlan {
  readonly name: string;
  readonly tests: readonly RequestTest[];
  readonly stats: RouteStats;
}

/** @param routeStats that of a prefix: the same whenever it is asked for */
export function compileVirtualClusters(
  messages: readonly VirtualCluster[],
  virtualHost: string,
  routeStats: (prefix: string) => RouteStats,
  place: Place,
): readonly VirtualClusterPlan[] {
  if (messages.length === 0) return [];
  const statsOf = (name: string): RouteStats => routeStats(`vhost.${virtualHost}.vcluster.${name}.`);
  const named = messages.map(({ name, headers }, i): VirtualClusterPlan => {
    const at = place.item("virtual_clusters", i);
    if (headers.length === 0) at.refuse("virtual clusters must define 'headers'");
    const tests = headers.map((header, j) => compileHeaderMatcher(header, at.item("headers", j)));
    return { name, tests, stats: statsOf(name) };
  });
  // All that none of them is for; logs have no name for it.
  return [...named, { name: "", tests: [], stats: statsOf("other") }];
}

/** Of a route: one `RouteCounters` for each virtual cluster, made once. */
export class RouteCounting {
  private readonly virtualClusters: readonly VirtualClusterPlan[];
  private readonly counters: readonly RouteCounters[];

  constructor(virtualClusters: readonly VirtualClusterPlan[], route: RouteStats | null) {
    const own = route === null ? [] : [route];
    this.virtualClusters = virtualClusters;
    this.counters =
      virtualClusters.length === 0
        ? [{ virtualCluster: "", stats: own }]
        : virtualClusters.map(({ name, stats }) => ({ virtualCluster: name, stats: [stats, ...own] }));
  }

  of(request: RequestView): RouteCounters {
    const { virtualClusters, counters } = this;
    const last = counters.length - 1;
    for (let i = 0; i < last; i++) if (matches(virtualClusters[i].tests, request)) return counters[i];
    return counters[last];
  }
}

function matches(tests: readonly RequestTest[], request: RequestView): boolean {
  for (let i = 0; i < tests.length; i++) if (!tests[i].matches(request)) return false;
  return true;
}
