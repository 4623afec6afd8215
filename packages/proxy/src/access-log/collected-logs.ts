import type { AsyncClient } from "../http/async-client.ts";
import type { NetContext } from "../net/context.ts";
import type { ClusterRef } from "../plan/cluster-plan.ts";
import type { LogCollectorPlan } from "../plan/log-collector-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import type { RequestLogPlan } from "../plan/listener-plan.ts";
import { RequestBudgets } from "./request-sink.ts";
import { LogCollector } from "./log-collector.ts";

/** Who this proxy is, as collectors are told. */
interface LoggedNode {
  readonly id: string;
  readonly cluster: string;
  readonly zone: string;
  /** `envoy.config.core.v3.Node` */
  message(): Uint8Array;
}

export interface CollectedLogsContext {
  readonly net: NetContext;
  readonly client: AsyncClient;
  readonly stats: StatsRegistry;
  readonly node: LoggedNode;
  findCluster(name: string): ClusterRef | null;
}

/** The collectors of a proxy: logs that are configured alike share one. */
export class CollectedLogs {
  private readonly context: CollectedLogsContext;
  /** One that no log holds any more may go: it has closed its stream by then, for want of entries. */
  private readonly byFingerprint = new Map<string, WeakRef<LogCollector>>();

  private readonly byBudget = new Map<string, RequestBudgets>();

  constructor(context: CollectedLogsContext) {
    this.context = context;
  }

  open(plan: LogCollectorPlan): LogCollector {
    const known = this.byFingerprint.get(plan.fingerprint)?.deref();
    if (known !== undefined) return known;
    for (const [fingerprint, ref] of this.byFingerprint) {
      if (ref.deref() === undefined) this.byFingerprint.delete(fingerprint);
    }
    const made = new LogCollector(plan, this.context);
    this.byFingerprint.set(plan.fingerprint, new WeakRef(made));
    return made;
  }

  /** Logs that have the same share them. */
  budgets(plan: RequestLogPlan): RequestBudgets {
    const { notable, others } = plan;
    const key = [notable.maxTokens, notable.tokensPerMs, others.maxTokens, others.tokensPerMs].join(" ");
    let budgets = this.byBudget.get(key);
    if (budgets === undefined) {
      const { stats, net } = this.context;
      this.byBudget.set(key, (budgets = new RequestBudgets(plan, stats, net.turn.now)));
    }
    return budgets;
  }

  /** Sends what there is. */
  close(): void {
    for (const ref of this.byFingerprint.values()) ref.deref()?.close();
  }
}
