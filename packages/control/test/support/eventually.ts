import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Waits until the check stops throwing; after the deadline its error is the test's. */
export async function eventually<T>(check: () => T | Promise<T>, deadlineMs = 30_000): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(10);
    }
  }
}

export function present<T>(value: T | undefined, what: string): T {
  assert.ok(value !== undefined, what);
  return value;
}
