import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Waits until something holds; fails after five seconds, saying what did not. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `not within 5 s: ${what}`);
    await delay(5);
  }
}
