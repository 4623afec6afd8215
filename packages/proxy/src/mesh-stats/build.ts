import type { StatsRegistry } from "../stats/index.ts";
import { VERSION } from "../version.ts";

/** `istio_build`: which proxies run which version. (istio/proxy `istio_stats.cc`) */
export function countBuild(registry: StatsRegistry): void {
  registry.gauge("istio_build", [
    ["component", "proxy"],
    ["tag", VERSION],
  ]).value = 1;
}
