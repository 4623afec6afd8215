import { TokenBucket } from "../../token-bucket.ts";
import type { NetContext } from "../../net/context.ts";
import type { TokenBucketPlan } from "../../plan/filters/local-rate-limit.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import { CLOSE_NOW, type Decision, type FilteredConnectionView, GO_ON, type NetworkFilter } from "./network-filter.ts";

/** So many connections at a time. Envoy `source/extensions/filters/network/local_ratelimit/local_ratelimit.cc`. */
export class NetworkRateLimit implements NetworkFilter {
  private readonly net: NetContext;
  private readonly bucket: TokenBucket;
  private readonly limited: Counter;

  constructor(statPrefix: string, plan: TokenBucketPlan, net: NetContext, registry: StatsRegistry) {
    this.net = net;
    this.bucket = new TokenBucket(plan, net.turn.now);
    this.limited = registry.counter(`local_rate_limit.${statPrefix}.rate_limited`);
  }

  onConnection({ stream }: FilteredConnectionView): Decision {
    if (this.bucket.take(1, this.net.turn.now)) return GO_ON;
    this.limited.value++;
    stream.addFlag("URX");
    return CLOSE_NOW;
  }

  onData(): Decision {
    return GO_ON;
  }

  onClose(): void {
    // Tokens come back by themselves.
  }
}
