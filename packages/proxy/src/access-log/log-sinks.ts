import type { StreamInfo } from "../plan/format/stream-info.ts";
import type { NetContext } from "../net/context.ts";
import type { AccessLogPlan, CollectedLogPlan, FileLogPlan } from "../plan/listener-plan.ts";
import type { CollectedLogs } from "./collected-logs.ts";
import type { LogCollector } from "./log-collector.ts";
import type { LogFile } from "./log-file.ts";
import { RequestSink } from "./request-sink.ts";
import type { LogFiles } from "./log-files.ts";

/** Something that takes what is logged. */
export interface LogSink {
  log(stream: StreamInfo): void;
}

/** Where the access logs of a proxy go: files, and collectors. */
export class LogSinks {
  readonly reportBug: NetContext["reportBug"];
  private readonly files: LogFiles;
  private readonly collected: CollectedLogs;

  constructor(files: LogFiles, collected: CollectedLogs, reportBug: NetContext["reportBug"]) {
    this.files = files;
    this.collected = collected;
    this.reportBug = reportBug;
  }

  /** Throws if a file cannot be opened. */
  open(plan: AccessLogPlan): LogSink {
    if (plan.kind === "file") return new FileSink(plan, this.files.open(plan.path));
    const collector = this.collected.open(plan.collector);
    return plan.kind === "collected"
      ? new CollectorSink(plan, collector)
      : new RequestSink(plan, this.collected.budgets(plan), collector);
  }

  /** Names of files may stand for others by now. */
  reopen(): void {
    this.files.reopen();
  }

  /** Writes what there is, and closes. */
  async close(): Promise<void> {
    this.collected.close();
    await this.files.close();
  }
}

class FileSink implements LogSink {
  private readonly plan: FileLogPlan;
  private readonly file: LogFile;

  constructor(plan: FileLogPlan, file: LogFile) {
    this.plan = plan;
    this.file = file;
  }

  log(stream: StreamInfo): void {
    this.file.write(this.plan.format.format(stream));
  }
}

class CollectorSink implements LogSink {
  private readonly plan: CollectedLogPlan;
  private readonly collector: LogCollector;

  constructor(plan: CollectedLogPlan, collector: LogCollector) {
    this.plan = plan;
    this.collector = collector;
  }

  log(stream: StreamInfo): void {
    if (this.collector.takes()) this.collector.add(this.plan.entry(stream));
  }
}
