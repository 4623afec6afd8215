/** A program of the user's, in a process group of its own, so that all that it starts can be stopped with it. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../errors.ts";
import { signalExitCode } from "./stop-signal.ts";

export interface Program {
  readonly pid: number;
  /** The exit code, or 128 + N if signal N ended it. */
  readonly exit: Promise<number>;
  /** Sends a signal to the whole group. */
  signal(signal: NodeJS.Signals): void;
  /** Signals the group; SIGKILL to what is left of it after `graceMs`. Resolves when the group is empty. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<void>;
}

const POLL_MS = 20;

/** Starts `command`; it inherits the terminal. Rejects with a CliError if it cannot be started. */
export async function startProgram(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Program> {
  const [file, ...args] = command as [string, ...string[]];
  const child = spawn(file, args, { stdio: "inherit", env, detached: true });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: NodeJS.ErrnoException) => reject(cannotStart(file, error)));
  });
  const pid = child.pid!;
  const exit = new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : signalExitCode(signal)));
  });
  // Whatever way this process ends, the program does not outlive it.
  const killGroup = (): void => void signalGroup(pid, "SIGKILL");
  process.once("exit", killGroup);
  const signal = (name: NodeJS.Signals): void => void signalGroup(pid, name);
  const stop = async (name: NodeJS.Signals, graceMs: number): Promise<void> => {
    const deadline = performance.now() + graceMs;
    signalGroup(pid, name);
    while (hasLiving(pid)) {
      if (performance.now() > deadline) signalGroup(pid, "SIGKILL");
      await delay(POLL_MS);
    }
    process.off("exit", killGroup);
  };
  return { pid, exit, signal, stop };
}

/** Signals a process group; false if nobody is left in it. Signal 0 only asks. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Whether anybody in the group still runs. Who is dead but not yet collected by its parent (a zombie) does not. */
function hasLiving(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  if (process.platform !== "linux") return true;
  return readdirSync("/proc").some((entry) => /^\d+$/.test(entry) && isLivingMember(entry, group));
}

/** By /proc/PID/stat: PID (name) state parent group … (proc_pid_stat(5)); the name may hold anything. */
function isLivingMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(itsGroup) === group && state !== "Z" && state !== "X";
  } catch {
    return false; // it ended meanwhile
  }
}

/** The shell's codes: 127 not found, 126 found but not to be run. */
function cannotStart(file: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === "ENOENT")
    return new CliError(`${file}: no such program`, ["Is it installed and on the PATH?"], 127);
  if (error.code === "EACCES") return new CliError(`${file}: not executable`, [`chmod +x ${file}`], 126);
  return new CliError(`${file}: ${error.message}`, [], 126);
}
