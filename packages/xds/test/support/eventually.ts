import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Waits until something holds; fails after half a minute, saying what did not. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `not within 30 s: ${what}`);
    await delay(5);
  }
}
