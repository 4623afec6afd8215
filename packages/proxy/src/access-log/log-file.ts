import { closeSync, openSync, writev } from "node:fs";
import { Timer, type TimerOwner, type TimerWheel } from "../clock/timer-wheel.ts";
import { writeLatin1 } from "../codec/latin1.ts";
import type { LogFileStats } from "./log-file-stats.ts";

/** Envoy's `MIN_FLUSH_SIZE`: so much is written at once (`source/common/access_log/access_log_manager_impl.cc`). */
const CHUNK_BYTES = 65_536;
/** Or what there is after so long: what Istio starts Envoy with (`--file-flush-interval-msec`), whose own default is ten seconds. */
export const DEFAULT_LOG_FLUSH_MS = 1_000;
/** What may wait for a slow file; lines that come beyond it are lost, where Envoy would take memory without end. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** How long a pipe that is full, whose other end reads slowly, is left alone. */
const RETRY_MS = 20;

const FLUSH_TIMER = 0;
const RETRY_TIMER = 1;

/** Our own output, which may be something that has no name to open it by. */
const STANDARD_STREAMS: Readonly<Record<string, number>> = { "/dev/stdout": 1, "/dev/stderr": 2 };

/** What of a file system a log needs; tests have one of their own. */
export interface LogFileSystem {
  /** Opens for appending; throws. */
  open(path: string): number;
  close(fd: number): void;
  /** All of these, as far as they go in one write. */
  write(fd: number, chunks: readonly Buffer[], done: (error: Error | null, written: number) => void): void;
}

export const systemLogFiles: LogFileSystem = {
  open: (path) => openSync(path, "a", 0o644),
  close: closeSync,
  write: (fd, chunks, done) => writev(fd, chunks, null, done),
};

/**
 * One file that lines are appended to. Lines are gathered, and leave in chunks by asynchronous writes, one at a time and in order. What
 * goes wrong costs lines, which are counted, and never a request.
 */
export class LogFile implements TimerOwner {
  readonly path: string;
  private readonly files: LogFileSystem;
  private readonly timers: TimerWheel;
  private readonly now: () => number;
  private readonly stats: LogFileStats;
  private readonly flushMs: number;
  private fd: number;
  private chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  private used = 0;
  /** Chunks behind those that are being written. */
  private waiting: Buffer[] = [];
  /** What is left of those that are; empty while nothing is. */
  private writing: Buffer[] = [];
  /** Of both. */
  private waitingBytes = 0;
  private spare: Buffer | null = null;
  private reopening = false;
  private readonly flushTimer = new Timer(this, FLUSH_TIMER);
  private readonly retryTimer = new Timer(this, RETRY_TIMER);
  private readonly onWritten = (error: Error | null, bytes: number): void => this.written(error, bytes);
  private idle: (() => void)[] = [];

  /** Throws if it cannot be opened. */
  constructor(
    path: string,
    files: LogFileSystem,
    timers: TimerWheel,
    now: () => number,
    stats: LogFileStats,
    flushMs: number,
  ) {
    this.path = path;
    this.files = files;
    this.timers = timers;
    this.now = now;
    this.stats = stats;
    this.flushMs = flushMs;
    this.fd = STANDARD_STREAMS[path] ?? files.open(path);
  }

  /** @param line one character a byte */
  write(line: string): void {
    const size = line.length;
    if (this.used + size > CHUNK_BYTES) {
      this.flush();
      if (size > CHUNK_BYTES) {
        this.enqueue(Buffer.from(line, "latin1"));
        this.stats.writeBuffered.value++;
        return;
      }
    }
    if (this.used === 0) this.timers.arm(this.flushTimer, this.now(), this.flushMs);
    this.used += writeLatin1(this.chunk, line, this.used);
    this.stats.writeBuffered.value++;
    this.stats.writeTotalBuffered.value += size;
  }

  /** Begins to write what there is. */
  flush(): void {
    if (this.used === 0) return;
    const { chunk, used } = this;
    this.used = 0;
    this.timers.disarm(this.flushTimer);
    this.stats.writeTotalBuffered.value -= used;
    if (this.enqueue(used === CHUNK_BYTES ? chunk : chunk.subarray(0, used))) {
      this.chunk = this.spare ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.spare = null;
    }
  }

  /** False if it was dropped, and the memory can be used again. */
  private enqueue(bytes: Buffer): boolean {
    if (this.waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.stats.writeDropped.value += bytes.length;
      return false;
    }
    this.waitingBytes += bytes.length;
    this.waiting.push(bytes);
    this.stats.writeTotalBuffered.value += bytes.length;
    if (this.writing.length === 0) this.writeNext();
    return true;
  }

  private writeNext(): void {
    if (this.reopening) this.openAgain();
    this.writing = this.waiting;
    this.waiting = [];
    if (this.writing.length > 0) {
      this.writeRest();
      return;
    }
    const { idle } = this;
    this.idle = [];
    for (const resolve of idle) resolve();
  }

  private writeRest(): void {
    this.files.write(this.fd, this.writing, this.onWritten);
  }

  private written(error: Error | null, bytes: number): void {
    if (error !== null && (error as NodeJS.ErrnoException).code === "EAGAIN") {
      this.timers.arm(this.retryTimer, this.now(), RETRY_MS);
      return;
    }
    const { writing, stats } = this;
    let left = error === null ? bytes : Infinity;
    for (let chunk = writing.at(0); chunk !== undefined; chunk = writing.at(0)) {
      if (chunk.length > left) {
        this.forget(left);
        writing[0] = chunk.subarray(left);
        this.writeRest();
        return;
      }
      left -= chunk.length;
      this.forget(chunk.length);
      writing.shift();
      if (chunk.buffer.byteLength === CHUNK_BYTES) this.spare = Buffer.from(chunk.buffer);
    }
    (error === null ? stats.writeCompleted : stats.writeFailed).value++;
    this.writeNext();
  }

  /** They are written, or lost. */
  private forget(bytes: number): void {
    this.waitingBytes -= bytes;
    this.stats.writeTotalBuffered.value -= bytes;
  }

  onTimer(kind: number): void {
    if (kind === RETRY_TIMER) this.writeRest();
    else {
      this.stats.flushedByTimer.value++;
      this.flush();
    }
  }

  /** The name may stand for another file by now (logrotate): what was written so far goes to the old one. */
  reopen(): void {
    if (STANDARD_STREAMS[this.path] !== undefined) return;
    this.flush();
    if (this.writing.length === 0) this.openAgain();
    else this.reopening = true;
  }

  private openAgain(): void {
    this.reopening = false;
    try {
      const fd = this.files.open(this.path);
      this.files.close(this.fd);
      this.fd = fd;
    } catch {
      // The old one goes on.
      this.stats.reopenFailed.value++;
    }
  }

  /** Resolves when everything that came before has been written, or lost. */
  async flushed(): Promise<void> {
    this.flush();
    if (this.writing.length > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** After the last line. */
  close(): void {
    this.timers.disarm(this.flushTimer);
    this.timers.disarm(this.retryTimer);
    // A write may be stuck in it: then it ends with the process.
    if (this.writing.length === 0 && STANDARD_STREAMS[this.path] === undefined) this.files.close(this.fd);
  }
}
