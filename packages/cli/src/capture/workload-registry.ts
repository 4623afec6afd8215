/**
 * Which captured workloads this machine has: a file for each, with the process that answers for it. Who starts the next one removes what
 * is left of those whose process is gone, however it went.
 */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../errors.ts";

const CAPTURE_STATE_DIR = "/run/tulle/capture";
const LOCK = "lock";
const LOCK_WAIT_MS = 10_000;
const POLL_MS = 20;

/** A process, told apart from later ones of the same number. */
interface Owner {
  readonly pid: number;
  /** Clock ticks since the machine started. (proc_pid_stat(5), starttime) */
  readonly started: string;
}

export class WorkloadRegistry {
  readonly #folder: string;

  constructor(folder = CAPTURE_STATE_DIR) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  }

  get folder(): string {
    return this.#folder;
  }

  /** A number that no other workload has, until `release`. */
  reserve(): number {
    const taken = new Set(this.#entries().map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index += 1;
    writeFileSync(this.#file(index), JSON.stringify(ownerOf(process.pid)), { flag: "wx" });
    return index;
  }

  release(index: number): void {
    rmSync(this.#file(index), { force: true });
  }

  /** Workloads whose process is gone. */
  orphans(): readonly number[] {
    return this.#entries()
      .filter(({ owner }) => owner === undefined || !isAlive(owner))
      .map(({ index }) => index);
  }

  get isEmpty(): boolean {
    return this.#entries().length === 0;
  }

  /** One process at a time changes this machine's networks. */
  locked<T>(work: () => T): T {
    const file = join(this.#folder, LOCK);
    const deadline = performance.now() + LOCK_WAIT_MS;
    for (;;) {
      try {
        const lock = openSync(file, "wx");
        writeSync(lock, JSON.stringify(ownerOf(process.pid)));
        closeSync(lock);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = readOwner(file);
      if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true });
      if (performance.now() > deadline) {
        throw new CliError(`${file} is held by process ${holder?.pid ?? "?"}`, [
          "Remove it if nothing is started there.",
        ]);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
    try {
      return work();
    } finally {
      rmSync(file, { force: true });
    }
  }

  #entries(): readonly { readonly index: number; readonly owner: Owner | undefined }[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const index = /^(\d+)\.json$/.exec(name)?.[1];
      return index === undefined ? [] : [{ index: Number(index), owner: readOwner(join(this.#folder, name)) }];
    });
  }

  #file(index: number): string {
    return join(this.#folder, `${index}.json`);
  }
}

function ownerOf(pid: number): Owner {
  return { pid, started: startOf(pid) ?? "" };
}

function isAlive({ pid, started }: Owner): boolean {
  return startOf(pid) === started;
}

/** The name may hold anything: fields are counted from its end. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined; // no such process
  }
}

/** Undefined for a file that is being written, or that nobody finished. */
function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}
