import type { LogSink, LogSinks } from "../access-log/log-sinks.ts";
import type { AccessLogType, StreamInfo } from "../plan/format/stream-info.ts";
import type { AccessLogPlan } from "../plan/listener-plan.ts";

/** Something that logs are written of: they are told what for. */
interface LoggedStream extends StreamInfo {
  accessLogType: AccessLogType;
}

/** The access logs of a connection manager, a TCP proxy or a listener in force. */
export class AccessLogs {
  private readonly plans: readonly AccessLogPlan[];
  private readonly sinks: readonly LogSink[];
  private readonly reportBug: LogSinks["reportBug"];

  /** Throws if a log cannot be opened. */
  constructor(plans: readonly AccessLogPlan[], sinks: LogSinks) {
    this.plans = plans;
    this.sinks = plans.map((plan) => sinks.open(plan));
    this.reportBug = sinks.reportBug;
  }

  /** An entry in each log that wants it. What goes wrong here costs an entry, not what is logged: connections end with an entry. */
  write(stream: LoggedStream, type: AccessLogType): void {
    const { plans, sinks } = this;
    stream.accessLogType = type;
    for (let i = 0; i < plans.length; i++) {
      const { filter } = plans[i];
      try {
        if (filter === null || filter(stream)) sinks[i].log(stream);
      } catch (error) {
        this.reportBug(error);
      }
    }
    stream.accessLogType = "NotSet";
  }
}
