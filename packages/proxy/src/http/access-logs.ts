import type { LogFile } from "../access-log/log-file.ts";
import type { AccessLogType } from "../plan/format/stream-info.ts";
import type { AccessLogPlan } from "../plan/listener-plan.ts";
import type { Exchange } from "./exchange.ts";

/** The access logs of a connection manager in force. */
export class AccessLogs {
  private readonly plans: readonly AccessLogPlan[];
  private readonly files: readonly LogFile[];

  /** @param open throws if a log cannot be opened */
  constructor(plans: readonly AccessLogPlan[], open: (path: string) => LogFile) {
    this.plans = plans;
    this.files = plans.map(({ path }) => open(path));
  }

  /** One line in each log that wants it. */
  write(exchange: Exchange, type: AccessLogType): void {
    const { plans, files } = this;
    exchange.accessLogType = type;
    for (let i = 0; i < plans.length; i++) {
      const { filter, format } = plans[i];
      if (filter === null || filter(exchange)) files[i].write(format.format(exchange));
    }
    exchange.accessLogType = "NotSet";
  }
}
