/** Time and timers, the only source of them in the proxy; tests pass a FakeClock. */
export interface Clock {
  /** Monotonic, milliseconds with fractions. */
  now(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Calls `run` once, after `delayMs`; only the timer wheel uses it. */
  schedule(delayMs: number, run: () => void): Scheduled;
}

export interface Scheduled {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    // A pending time-out is no reason to keep a process alive: its sockets are.
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
