import type { LogFile } from "../access-log/log-file.ts";
import type { AccessLogType, StreamInfo } from "../plan/format/stream-info.ts";
import type { AccessLogPlan } from "../plan/listener-plan.ts";

/** Something that logs are written of: they are told what for. */
interface LoggedStream extends StreamInfo {
  accessLogType: AccessLogType;
}

/** The access logs of a connection manager, a TCP proxy or a listener in force. */
export class AccessLogs {
  private readonly plans: readonly AccessLogPlan[];
  private readonly files: readonly LogFile[];

  /** @param open throws if a log cannot be opened */
  constructor(plans: readonly AccessLogPlan[], open: (path: string) => LogFile) {
    this.plans = plans;
    this.files = plans.map(({ path }) => open(path));
  }

  /** One line in each log that wants it. */
  write(stream: LoggedStream, type: AccessLogType): void {
    const { plans, files } = this;
    stream.accessLogType = type;
    for (let i = 0; i < plans.length; i++) {
      const { filter, format } = plans[i];
      if (filter === null || filter(stream)) files[i].write(format.format(stream));
    }
    stream.accessLogType = "NotSet";
  }
}
