import type { Clock } from "../clock/clock.ts";
import type { TimerWheel } from "../clock/timer-wheel.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { DEFAULT_LOG_FLUSH_MS, LogFile, type LogFileSystem } from "./log-file.ts";
import { LogFileStats } from "./log-file-stats.ts";

/** How long a file that does not take its lines may hold up the end of the proxy. */
const CLOSE_MS = 1_000;

/** The log files of a proxy: one for each path, whoever writes to it, open until the end. */
export class LogFiles {
  private readonly files: LogFileSystem;
  private readonly clock: Clock;
  private readonly timers: TimerWheel;
  private readonly stats: LogFileStats;
  private readonly flushMs: number;
  private readonly byPath = new Map<string, LogFile>();

  constructor(
    files: LogFileSystem,
    clock: Clock,
    timers: TimerWheel,
    stats: StatsRegistry,
    flushMs = DEFAULT_LOG_FLUSH_MS,
  ) {
    this.files = files;
    this.clock = clock;
    this.timers = timers;
    this.stats = new LogFileStats(stats);
    this.flushMs = flushMs;
  }

  /** Throws if it cannot be opened. */
  open(path: string): LogFile {
    let file = this.byPath.get(path);
    if (file === undefined) {
      file = new LogFile(path, this.files, this.timers, () => this.clock.now(), this.stats, this.flushMs);
      this.byPath.set(path, file);
    }
    return file;
  }

  reopen(): void {
    for (const file of this.byPath.values()) file.reopen();
  }

  /** Writes what there is, and closes. */
  async close(): Promise<void> {
    const files = [...this.byPath.values()];
    let timer: { cancel(): void } | null = null;
    const expired = new Promise<void>((resolve) => (timer = this.clock.schedule(CLOSE_MS, resolve)));
    await Promise.race([Promise.all(files.map((file) => file.flushed())), expired]);
    (timer as { cancel(): void } | null)?.cancel();
    for (const file of files) file.close();
  }
}
