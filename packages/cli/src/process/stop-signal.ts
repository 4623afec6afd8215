/** When to stop: signals from a terminal or a supervisor, and the end of a parent that started us as its part. */
import { constants } from "node:os";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** `count` is 1 for the first signal. */
export type OnStop = (signal: StopSignal, count: number) => void;

/**
 * Calls back for each stop signal. A parent that started this process with an IPC channel
 * and is gone, even by `kill -9`, counts as SIGTERM.
 */
export function onStop(stop: OnStop): void {
  let count = 0;
  for (const signal of STOP_SIGNALS) process.on(signal, () => stop(signal, ++count));
  if (process.channel !== undefined) {
    process.on("disconnect", () => stop("SIGTERM", ++count));
    process.channel.unref();
  }
}

/** Resolves with the first stop signal. A second one ends the process at once. */
export function stopRequested(): Promise<StopSignal> {
  return new Promise((resolve) => {
    onStop((signal, count) => {
      if (count === 1) resolve(signal);
      else process.exit(signalExitCode(signal));
    });
  });
}

/** 128 + the signal's number, as shells report it. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
