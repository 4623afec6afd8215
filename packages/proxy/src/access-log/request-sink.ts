import { TokenBucket } from "../token-bucket.ts";
import { grpcStatusOfResponse } from "../plan/format/headers.ts";
import type { StreamInfo } from "../plan/format/stream-info.ts";
import type { RequestLogPlan } from "../plan/listener-plan.ts";
import type { Counter, StatsRegistry } from "../stats/index.ts";
import type { LogCollector } from "./log-collector.ts";
import type { LogSink } from "./log-sinks.ts";

/** Entries of one kind that may be sent, and how many were left out since the last one. */
class Budget {
  private readonly bucket: TokenBucket;
  private readonly leftOutTotal: Counter;
  private leftOut = 0;

  constructor(bucket: TokenBucket, leftOutTotal: Counter) {
    this.bucket = bucket;
    this.leftOutTotal = leftOutTotal;
  }

  /** 0: it is left out; else the share of its like that it stands for. */
  take(now: number): number {
    if (!this.bucket.take(1, now)) {
      this.leftOut++;
      this.leftOutTotal.value++;
      return 0;
    }
    const share = 1 / (this.leftOut + 1);
    this.leftOut = 0;
    return share;
  }
}

/** The budgets of a proxy, whatever listener a request comes by. */
export class RequestBudgets {
  readonly notable: Budget;
  readonly others: Budget;

  constructor({ notable, others, collector }: RequestLogPlan, stats: StatsRegistry, now: number) {
    const leftOut = stats.counter(`${collector.statPrefix}logs_left_out`);
    this.notable = new Budget(new TokenBucket(notable, now), leftOut);
    this.others = new Budget(new TokenBucket(others, now), leftOut);
  }
}

/** Tells a collector of single requests: of those that went wrong first, of all others as far as there is a budget. */
export class RequestSink implements LogSink {
  private readonly plan: RequestLogPlan;
  private readonly budgets: RequestBudgets;
  private readonly collector: Pick<LogCollector, "takes" | "add">;

  constructor(plan: RequestLogPlan, budgets: RequestBudgets, collector: Pick<LogCollector, "takes" | "add">) {
    this.plan = plan;
    this.budgets = budgets;
    this.collector = collector;
  }

  log(stream: StreamInfo): void {
    const { plan, budgets, collector } = this;
    const share = (isNotable(stream, plan) ? budgets.notable : budgets.others).take(stream.now);
    if (share > 0 && collector.takes()) collector.add(plan.entry(stream, share));
  }
}

/** It failed, was denied, something was done to it, or it took long. */
function isNotable(stream: StreamInfo, { connections, slowMs }: RequestLogPlan): boolean {
  if (stream.responseFlags !== "-") return true;
  if (connections) return stream.terminationDetails !== "";
  const { status } = stream;
  if (status === 0 || status >= 400 || stream.now - stream.startedAt >= slowMs) return true;
  return stream.isGrpc && grpcStatusOfResponse(stream) !== 0;
}
