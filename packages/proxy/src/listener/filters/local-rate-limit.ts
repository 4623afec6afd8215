import type { AcceptedConnection } from "../../net/accepted-connection.ts";
import { TokenBucket } from "../../token-bucket.ts";
import type { TokenBucketPlan } from "../../plan/filters/local-rate-limit.ts";
import type { Counter } from "../../stats/index.ts";
import { CLOSE, CONTINUE, type ListenerFilter, type ListenerFilterDeps, type Verdict } from "../listener-filter.ts";

/** So many connections at a time. Envoy `source/extensions/filters/listener/local_ratelimit/local_ratelimit.cc`. */
export class ListenerRateLimit implements ListenerFilter {
  private readonly net: ListenerFilterDeps["net"];
  private readonly bucket: TokenBucket;
  private readonly limited: Counter;

  constructor(statPrefix: string, plan: TokenBucketPlan, { net, registry }: ListenerFilterDeps) {
    this.net = net;
    this.bucket = new TokenBucket(plan, net.turn.now);
    this.limited = registry.counter(`listener_local_ratelimit.${statPrefix}.rate_limited`);
  }

  inspect(_connection: AcceptedConnection): Verdict {
    if (this.bucket.take(1, this.net.turn.now)) return CONTINUE;
    this.limited.value++;
    return CLOSE;
  }
}
