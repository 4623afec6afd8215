import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogFile, LogFileSystem } from "../../src/access-log/log-file.ts";
import { LogFiles } from "../../src/access-log/log-files.ts";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { StatsRegistry } from "../../src/stats/index.ts";

interface PendingWrite {
  readonly fd: number;
  readonly text: string;
  readonly done: (error: Error | null, written: number) => void;
}

/** Files in memory, whose writes end when the test says so. */
class Disk implements LogFileSystem {
  readonly opened: string[] = [];
  readonly closed: number[] = [];
  readonly writes: PendingWrite[] = [];
  failsToOpen = false;

  open(path: string): number {
    if (this.failsToOpen) throw new Error("no such directory");
    this.opened.push(path);
    return 100 + this.opened.length;
  }

  close(fd: number): void {
    this.closed.push(fd);
  }

  write(fd: number, chunks: readonly Buffer[], done: PendingWrite["done"]): void {
    this.writes.push({ fd, text: Buffer.concat(chunks).toString("latin1"), done });
  }

  /** Ends the write that is going on; gives what it wrote. */
  complete(written?: number): string {
    const write = this.writes.shift();
    assert.ok(write !== undefined);
    write.done(null, written ?? write.text.length);
    return write.text.slice(0, written);
  }

  fail(code: string): void {
    const write = this.writes.shift();
    assert.ok(write !== undefined);
    write.done(Object.assign(new Error(code), { code }), 0);
  }
}

function setUp(): {
  disk: Disk;
  clock: FakeClock;
  logs: LogFiles;
  file: LogFile;
  count: (name: string) => number;
  buffered: () => number;
} {
  const disk = new Disk();
  const clock = new FakeClock();
  const registry = new StatsRegistry();
  const timers = new TimerWheel(clock, (timer) => timer.owner.onTimer(timer.kind));
  const logs = new LogFiles(disk, clock, timers, registry);
  const file = logs.open("/log");
  return {
    disk,
    clock,
    logs,
    file,
    count: (name) => registry.counter(`filesystem.${name}`).value,
    buffered: () => registry.gauge("filesystem.write_total_buffered").value,
  };
}

describe("a log file", () => {
  it("gathers lines for a second", () => {
    const { disk, clock, file, count, buffered } = setUp();
    file.write("a\n");
    clock.advance(500);
    file.write("b\xe9\n");
    assert.equal(buffered(), 5);
    clock.advance(490);
    assert.equal(disk.writes.length, 0);
    clock.advance(20);
    assert.equal(disk.complete(), "a\nb\xe9\n");
    assert.deepEqual(
      [count("write_buffered"), count("flushed_by_timer"), count("write_completed"), buffered()],
      [2, 1, 1, 0],
    );
    clock.advance(5_000);
    assert.equal(count("flushed_by_timer"), 1, "nothing came since");
  });

  it("or until there are 64 KiB, in order, one write at a time, of all that waits", () => {
    const { disk, file, count } = setUp();
    const line = `${"x".repeat(999)}\n`;
    for (let i = 0; i < 205; i++) file.write(i === 65 ? `${"y".repeat(999)}\n` : line);
    assert.equal(disk.writes.length, 1);
    assert.equal(disk.complete().length, 65_000);
    assert.equal(disk.writes.length, 1);
    assert.equal(disk.complete(70_000)[0], "y");
    assert.equal(disk.complete().length, 60_000);
    assert.equal(disk.writes.length, 0, "the last ten lines wait");
    assert.equal(count("write_completed"), 2);
  });

  it("writes what came after 64 KiB when a second is over, though nothing more comes", () => {
    const { disk, clock, file } = setUp();
    const line = `${"x".repeat(999)}\n`;
    for (let i = 0; i < 66; i++) file.write(line);
    assert.equal(disk.complete().length, 65_000);
    clock.advance(1_010);
    assert.equal(disk.complete(), line);
  });

  it("takes a line that is longer than that", () => {
    const { disk, file } = setUp();
    file.write("short\n");
    file.write(`${"z".repeat(100_000)}\n`);
    assert.equal(disk.complete(), "short\n");
    assert.equal(disk.complete().length, 100_001);
  });

  it("writes on where a write took only a part", () => {
    const { disk, clock, file, count } = setUp();
    file.write("abcdef\n");
    clock.advance(1_010);
    assert.equal(disk.complete(3), "abc");
    assert.equal(count("write_completed"), 0);
    assert.equal(disk.complete(), "def\n");
    assert.equal(count("write_completed"), 1);
  });

  it("waits for a pipe that is full", () => {
    const { disk, clock, file, count } = setUp();
    file.write("abc\n");
    clock.advance(1_010);
    disk.fail("EAGAIN");
    assert.equal(disk.writes.length, 0);
    clock.advance(40);
    assert.equal(disk.complete(), "abc\n");
    assert.equal(count("write_failed"), 0);
  });

  it("loses lines, not memory, to a full disk", () => {
    const { disk, clock, file, count, buffered } = setUp();
    file.write("lost\n");
    clock.advance(1_010);
    disk.fail("ENOSPC");
    file.write("kept\n");
    clock.advance(1_010);
    assert.equal(disk.complete(), "kept\n");
    assert.deepEqual([count("write_failed"), buffered()], [1, 0]);
  });

  it("loses what comes while too much waits for a file that takes nothing", () => {
    const { disk, file, count, buffered } = setUp();
    const line = `${"x".repeat(1_023)}\n`;
    for (let i = 0; i < 5_000; i++) file.write(line);
    assert.equal(count("write_dropped") + buffered(), 5_000 * 1_024);
    assert.ok(buffered() <= 4 * 1024 * 1024 + 65_536, String(buffered()));
    while (disk.writes.length > 0) disk.complete();
    file.write("later\n");
    assert.equal(count("write_failed"), 0);
  });

  it("is opened anew by its name, what came before going to the old one", () => {
    const { disk, file, logs, count } = setUp();
    file.write("old\n");
    logs.reopen();
    assert.deepEqual(disk.opened, ["/log"], "its write is going on");
    file.write("new\n");
    assert.equal(disk.writes[0].fd, 101);
    disk.complete();
    assert.deepEqual([disk.opened, disk.closed], [["/log", "/log"], [101]]);
    file.flush();
    assert.deepEqual([disk.writes[0].fd, disk.writes[0].text], [102, "new\n"]);
    disk.complete();
    disk.failsToOpen = true;
    logs.reopen();
    assert.equal(count("reopen_failed"), 1);
    file.write("x\n");
    file.flush();
    assert.equal(disk.writes[0].fd, 102, "the old one goes on");
  });

  it("is one for all who write to its path, and our own output is not opened", () => {
    const { disk, logs, file } = setUp();
    assert.equal(logs.open("/log"), file);
    const stdout = logs.open("/dev/stdout");
    assert.deepEqual(disk.opened, ["/log"]);
    stdout.write("out\n");
    logs.reopen();
    stdout.flush();
    assert.equal(disk.writes[0].fd, 1);
  });

  it("ends with what it has, or without, if that takes too long", async () => {
    const { disk, logs, file, clock } = setUp();
    file.write("end\n");
    const closing = logs.close();
    assert.equal(disk.complete(), "end\n");
    await closing;
    assert.deepEqual(disk.closed, [101]);

    const stuck = logs.open("/dev/stderr");
    stuck.write("never\n");
    const closingAgain = logs.close();
    clock.advance(1_000);
    await closingAgain;
  });
});
