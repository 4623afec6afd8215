/** The process of the simulated proxies. It is told what to expect and reports when the last proxy has it. */
import { median } from "../statistics.ts";
import { monotonicMs } from "./messages.ts";
import type { Change, FromProxies, ToProxies } from "./messages.ts";
import { holds } from "./resource-facts.ts";
import type { Facts } from "./resource-facts.ts";
import { SimulatedProxy } from "./simulated-proxy.ts";

/** Nothing may come for this long before a change counts as over: later pushes of it belong to its cost. */
const QUIET_MS = 250;

interface State {
  bytes: number;
  doneAt: number | undefined;
}

const proxies = new Map<SimulatedProxy, State>();
let services = 0;
let startedAt = 0;
let change: Change | undefined;
let remaining = 0;
let quiet: NodeJS.Timeout | undefined;

process.on("message", (message: ToProxies) => {
  if (message.type === "connect") connect(message.target, message.proxies, message.services);
  else expect(message.change);
});
process.on("disconnect", () => process.exit());

function connect(target: string, count: number, expected: number): void {
  services = expected;
  startedAt = monotonicMs();
  remaining = count;
  for (let i = 0; i < count; i++) {
    proxies.set(new SimulatedProxy(target, i, { onResponse, onEnd }), { bytes: 0, doneAt: undefined });
  }
}

function expect(next: Change): void {
  change = next;
  remaining = proxies.size;
  for (const state of proxies.values()) Object.assign(state, { bytes: 0, doneAt: undefined });
  tell({ type: "expecting" });
}

function onResponse(proxy: SimulatedProxy, at: number, bytes: number, facts: readonly Facts[]): void {
  const state = proxies.get(proxy);
  if (state === undefined) return;
  state.bytes += bytes;
  const expected = change;
  if (state.doneAt === undefined) {
    const done = expected === undefined ? proxy.isComplete(services) : facts.some((fact) => holds(fact, expected));
    if (done) {
      state.doneAt = at;
      remaining--;
    }
  }
  if (remaining > 0) return;
  clearTimeout(quiet);
  quiet = setTimeout(report, QUIET_MS);
}

function report(): void {
  const states = [...proxies.values()];
  const times = states.map(({ doneAt }) => doneAt ?? 0);
  const bytesPerProxy = median(states.map(({ bytes }) => bytes));
  const lastAt = Math.max(...times);
  if (change === undefined) tell({ type: "complete", startedAt, lastAt, bytesPerProxy });
  else tell({ type: "settled", firstAt: Math.min(...times), lastAt, bytesPerProxy });
}

function onEnd(reason: string): void {
  tell({ type: "failed", reason: `a proxy's stream ended: ${reason}` });
}

/** Asked for when the benchmark has waited long enough. */
process.on("SIGUSR2", () => {
  const waiting = [...proxies].filter(([, { doneAt }]) => doneAt === undefined).map(([proxy]) => proxy);
  const example = waiting[0] === undefined ? "" : `; one of them holds ${waiting[0].describe()}`;
  tell({ type: "failed", reason: `${waiting.length} of ${proxies.size} proxies still wait${example}` });
});

function tell(message: FromProxies): void {
  process.send?.(message);
}
