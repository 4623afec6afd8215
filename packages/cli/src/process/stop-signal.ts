/** When to stop: signals from a terminal or a supervisor, and the end of a parent that started us as its part. */
import { constants } from "node:os";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * Calls back for each stop signal; `count` is 1 for the first. A parent that started this process with an IPC channel
 * and is gone, even by `kill -9`, counts as SIGTERM. Returns a function that stops listening.
 */
export function onStop(stop: (signal: StopSignal, count: number) => void): () => void {
  let count = 0;
  const listeners = STOP_SIGNALS.map((signal) => ({ signal, listener: () => stop(signal, ++count) }));
  for (const { signal, listener } of listeners) process.on(signal, listener);
  const orphaned = (): void => stop("SIGTERM", ++count);
  if (process.channel !== undefined) {
    process.on("disconnect", orphaned);
    process.channel.unref();
  }
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
    process.off("disconnect", orphaned);
  };
}

/** Ends the process at the first stop signal, with its exit code; until the returned function is called. */
export function endOnStop(): () => void {
  return onStop((signal) => process.exit(signalExitCode(signal)));
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
