import assert from "node:assert/strict";
import { it } from "node:test";
import { SendWindow } from "../../src/server/send-window.ts";
import { ManualClock } from "../support/manual-clock.ts";

const MIB = 1024 * 1024;

function windowOf() {
  const clock = new ManualClock();
  const window = new SendWindow(clock);
  const sent: string[] = [];
  const releases = new Map<string, () => void>();
  const admit = (name: string, bytes: number) =>
    window.admit(bytes, (release) => {
      sent.push(name);
      releases.set(name, release);
    });
  return { clock, sent, releases, admit };
}

it("large responses wait for room, in their order; small ones do not wait", () => {
  const { sent, releases, admit } = windowOf();
  for (const name of ["a", "b", "c", "d"]) admit(name, 4 * MIB);
  admit("small", 4_096);
  assert.deepEqual(sent, ["a", "b", "small"]);
  releases.get("b")!();
  releases.get("b")!();
  assert.deepEqual(sent, ["a", "b", "small", "c"]);
  releases.get("a")!();
  assert.deepEqual(sent, ["a", "b", "small", "c", "d"]);
});

it("a response larger than the window goes when nothing else is under way", () => {
  const { sent, releases, admit } = windowOf();
  admit("a", MIB);
  admit("huge", 64 * MIB);
  admit("b", MIB);
  assert.deepEqual(sent, ["a"]);
  releases.get("a")!();
  assert.deepEqual(sent, ["a", "huge"]);
  releases.get("huge")!();
  assert.deepEqual(sent, ["a", "huge", "b"]);
});

it("a client that does not read keeps the others waiting for half a second at most", () => {
  const { clock, sent, admit } = windowOf();
  admit("slow", 8 * MIB);
  admit("next", 8 * MIB);
  clock.advance(499);
  assert.deepEqual(sent, ["slow"]);
  clock.advance(1);
  assert.deepEqual(sent, ["slow", "next"]);
});
