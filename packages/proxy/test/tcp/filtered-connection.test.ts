import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import type { NetContext } from "../../src/net/context.ts";
import type { ConnectionStream } from "../../src/tcp/connection-stream.ts";
import { FilteredConnection } from "../../src/tcp/filtered-connection.ts";
import { GO_ON, type NetworkFilter } from "../../src/tcp/filters/network-filter.ts";

test("every filter is told that a connection has ended, whatever goes wrong in the others and in the session", () => {
  const told: string[] = [];
  const filter = (name: string, fails: boolean): NetworkFilter => ({
    onConnection: () => GO_ON,
    onData: () => GO_ON,
    onClose() {
      told.push(name);
      if (fails) throw new Error(name);
    },
  });
  const bugs: unknown[] = [];
  const timers = new TimerWheel(new FakeClock(), () => {});
  const net = { timers, reportBug: (error: unknown) => bugs.push(error) } as unknown as NetContext;
  const filters = [filter("a", true), filter("b", false)];
  const connection = new FilteredConnection(filters, {} as ConnectionStream, net, 0);
  const session = {
    begin() {},
    onClose() {
      throw new Error("session");
    },
  };
  connection.guard(session as unknown as Parameters<FilteredConnection["guard"]>[0]);
  connection.begin();
  assert.throws(() => connection.onClose(""), /session/);
  assert.deepEqual(told, ["a", "b"]);
  assert.equal(bugs.length, 1);
});
