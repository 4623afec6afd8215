import type { Counter, Gauge, StatsRegistry } from "../stats/index.ts";

/** Envoy's, of all log files together (`source/common/access_log/access_log_manager_impl.h`, ACCESS_LOG_FILE_STATS), and one of ours. */
export class LogFileStats {
  readonly writeBuffered: Counter;
  readonly writeCompleted: Counter;
  readonly writeFailed: Counter;
  readonly flushedByTimer: Counter;
  readonly reopenFailed: Counter;
  /** Bytes. */
  readonly writeTotalBuffered: Gauge;
  /** Bytes of lines that came faster than the file took them; Envoy keeps them all in memory. */
  readonly writeDropped: Counter;

  constructor(registry: StatsRegistry) {
    this.writeBuffered = registry.counter("filesystem.write_buffered");
    this.writeCompleted = registry.counter("filesystem.write_completed");
    this.writeFailed = registry.counter("filesystem.write_failed");
    this.flushedByTimer = registry.counter("filesystem.flushed_by_timer");
    this.reopenFailed = registry.counter("filesystem.reopen_failed");
    this.writeTotalBuffered = registry.gauge("filesystem.write_total_buffered");
    this.writeDropped = registry.counter("filesystem.write_dropped");
  }
}
