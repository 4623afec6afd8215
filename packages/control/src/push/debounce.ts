import type { Clock } from "@tulle/xds";

/** How long changes are gathered after a push before the next one. (istio/istio `PILOT_DEBOUNCE_AFTER`, 100 ms) */
const QUIET_MS = 100;

/**
 * Leading-edge debounce: the first call runs at once, calls in the following `quietMs` run together when they have passed.
 * A steady stream of calls runs once in each period; none waits longer than that.
 */
export class Debounce {
  readonly #clock: Clock;
  readonly #run: () => void;
  readonly #quietMs: number;
  #state: "idle" | "due" | "quiet" | "quiet, due" = "idle";
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, run: () => void, quietMs: number = QUIET_MS) {
    this.#clock = clock;
    this.#run = run;
    this.#quietMs = quietMs;
  }

  call(): void {
    if (this.#state === "quiet") this.#state = "quiet, due";
    if (this.#state !== "idle") return;
    this.#state = "due";
    // Not within the caller: it may be in the middle of what it does.
    this.#cancel = this.#clock.after(0, () => this.#fire());
  }

  /** A call waits for its run. */
  get pending(): boolean {
    return this.#state === "due" || this.#state === "quiet, due";
  }

  /** Nothing runs any more. */
  close(): void {
    this.#cancel?.();
    this.#state = "quiet, due";
  }

  #fire(): void {
    this.#state = "quiet";
    this.#cancel = this.#clock.after(this.#quietMs, () => {
      const due = this.#state === "quiet, due";
      this.#state = "idle";
      if (due) this.#fire();
    });
    this.#run();
  }
}
