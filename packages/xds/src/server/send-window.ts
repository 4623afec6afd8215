/**
 * Bounds what all streams together hold in memory as copies of large responses. When a fleet connects at once, each
 * proxy gets megabytes, and every copy stays until its client has read it: beyond the window the others wait their turn.
 * Small responses, such as every ordinary push, pass at once.
 */
import type { Clock } from "../clock.ts";

const WINDOW_BYTES = 8 * 1024 * 1024;
/** Responses up to this size are not worth waiting for. */
const SMALL_BYTES = 64 * 1024;
/** A client that does not read must not keep the others waiting: after this its response no longer counts. */
const PATIENCE_MS = 500;

/** Sends, and calls back when the transport has let go of the bytes, or nothing was sent. */
type Send = (release: () => void) => void;

export class SendWindow {
  readonly #clock: Clock;
  readonly #waiting: { readonly bytes: number; readonly send: Send }[] = [];
  #outstanding = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `send` now or when there is room. A response larger than the window goes when there is nothing else. */
  admit(bytes: number, send: Send): void {
    if (bytes <= SMALL_BYTES) {
      send(() => {});
      return;
    }
    this.#waiting.push({ bytes, send });
    this.#drain();
  }

  #drain(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || (this.#outstanding > 0 && this.#outstanding + next.bytes > WINDOW_BYTES)) return;
      this.#waiting.shift();
      this.#start(next.bytes, next.send);
    }
  }

  #start(bytes: number, send: Send): void {
    let held = true;
    this.#outstanding += bytes;
    const release = (): void => {
      if (!held) return;
      held = false;
      cancel();
      this.#outstanding -= bytes;
      this.#drain();
    };
    const cancel = this.#clock.after(PATIENCE_MS, release);
    send(release);
  }
}
