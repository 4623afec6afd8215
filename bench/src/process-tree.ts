/** What a process and its descendants have used, from /proc (proc_pid_stat(5)). Linux only. */
import { readFileSync, readdirSync } from "node:fs";

/** USER_HZ: the unit of utime and stime, 100 on every Linux port that Node runs on. */
const TICKS_PER_SECOND = 100;

/** The process and all of its living descendants; empty if it is gone. */
export function processTree(pid: number): number[] {
  const pids = [pid];
  for (const parent of pids) {
    for (const child of childrenOf(parent)) pids.push(child);
  }
  return pids.filter((each) => read(`/proc/${each}/stat`) !== undefined);
}

/** CPU seconds, user and system, of the tree and of those descendants that have been waited for. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const each of processTree(pid)) {
    // The command name may hold spaces and parentheses: fields are counted from the last one. utime, stime, cutime, cstime.
    const fields = (read(`/proc/${each}/stat`) ?? "").replace(/^.*\) /s, "").split(" ");
    for (const field of fields.slice(11, 15)) ticks += Number(field);
  }
  return ticks / TICKS_PER_SECOND;
}

/**
 * CPU seconds of the tree's living threads, from the scheduler's own clock (nanoseconds, where cpuSeconds counts in
 * hundredths of a second): for short stretches of processes whose threads live on.
 */
export function threadCpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const each of processTree(pid)) {
    for (const thread of threadsOf(each)) {
      nanoseconds += Number((read(`/proc/${each}/task/${thread}/schedstat`) ?? "0").split(" ")[0]);
    }
  }
  return nanoseconds / 1e9;
}

/** Resident memory of the tree, MiB. */
export function rssMiB(pid: number): number {
  return sumOfStatus(pid, "VmRSS");
}

/** The most resident memory that each process of the tree has had, added up, MiB. */
export function peakRssMiB(pid: number): number {
  return sumOfStatus(pid, "VmHWM");
}

function sumOfStatus(pid: number, field: "VmRSS" | "VmHWM"): number {
  let kib = 0;
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, "m");
  for (const each of processTree(pid)) kib += Number(line.exec(read(`/proc/${each}/status`) ?? "")?.[1] ?? 0);
  return kib / 1024;
}

/** The CPUs that this process may run on, from `Cpus_allowed_list` ("0-3,8"). */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(read("/proc/self/status") ?? "")?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function childrenOf(pid: number): number[] {
  const lists = threadsOf(pid).map((thread) => read(`/proc/${pid}/task/${thread}/children`) ?? "");
  return lists.join(" ").split(" ").filter(Boolean).map(Number);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // gone
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // the process has gone
  }
}
