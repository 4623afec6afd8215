import type { ListenerFilterPlan } from "../../plan/listener-filter-plan.ts";
import type { PlacedFilter } from "../inspection.ts";
import type { ListenerFilter, ListenerFilterDeps } from "../listener-filter.ts";
import { HttpInspector } from "./http-inspector.ts";
import { ListenerRateLimit } from "./local-rate-limit.ts";
import { OriginalDst } from "./original-dst.ts";
import { ProxyProtocol } from "./proxy-protocol.ts";
import { TlsInspector } from "./tls-inspector.ts";

export function makeListenerFilters(
  plans: readonly ListenerFilterPlan[],
  deps: ListenerFilterDeps,
): readonly PlacedFilter[] {
  return plans.map((plan) => ({ filter: makeFilter(plan, deps), disabledFor: plan.disabledFor }));
}

function makeFilter({ config }: ListenerFilterPlan, deps: ListenerFilterDeps): ListenerFilter {
  switch (config.kind) {
    case "tls-inspector":
      return new TlsInspector(config, deps);
    case "http-inspector":
      return new HttpInspector(deps);
    case "original-dst":
      return new OriginalDst(deps);
    case "proxy-protocol":
      return new ProxyProtocol(config, deps);
    default:
      return new ListenerRateLimit(config.statPrefix, config.bucket, deps);
  }
}
