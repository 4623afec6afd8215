/**
 * Where time is spent, from what both sides of each call have measured. It knows all requests, but not what waited for what: calls that
 * a service makes at the same time are taken for one after the other, so that its own time is told too small, never too large.
 */
import type { Place } from "./span-place.ts";
import { Spending } from "./spending.ts";
import type { EndPoint, TrafficCell } from "./traffic-cell.ts";

export function spendingOfMetrics(cells: readonly TrafficCell[]): Spending {
  const spending = new Spending();
  const called = new Set(cells.filter(({ to }) => to.workload !== "").map(({ to }) => keyOf(to)));
  /** Of each workload: how long its callers waited for it, less what it waited for others. */
  const own = new Map<string, { place: Place; ms: number; calls: number }>();
  const ownOf = (end: EndPoint, service: string): { place: Place; ms: number; calls: number } => {
    const key = keyOf(end);
    let found = own.get(key);
    if (found === undefined) {
      found = { place: placeIn(end.namespace, service, end.version), ms: 0, calls: 0 };
      own.set(key, found);
    }
    return found;
  };
  for (const cell of cells) {
    const { from, to, source, destination } = cell;
    const sent = source.duration;
    const served = destination.duration;
    if (sent.count === 0 && served.count === 0) continue;
    const isEntry = !called.has(keyOf(from));
    if (isEntry) {
      const whole = sent.count > 0 ? sent : served;
      spending.requests += whole.count;
      spending.totalMs += whole.sum;
    }
    if (!isEntry && sent.count > 0) ownOf(from, from.app).ms -= sent.sum;
    if (to.workload === "" || served.count === 0) {
      // Nobody there counts: all of it is time of the called.
      const { namespace } = to;
      const place = placeIn(to.serviceNamespace || namespace, to.service || to.host, to.version);
      spending.spend({ ...place, host: to.host }, Math.max(0, sent.sum - faultMs(cell)), sent.count);
    } else {
      const self = ownOf(to, to.service || to.app);
      self.ms += served.sum;
      self.calls += served.count;
      const way = sent.count === 0 ? 0 : sent.sum - (served.sum / served.count) * sent.count - faultMs(cell);
      if (way > 0) spending.spend(between("network", cell), way, sent.count);
    }
    if (source.delayed.count > 0) spending.spend(between("fault", cell), faultMs(cell), source.delayed.count);
  }
  for (const { place, ms, calls } of own.values()) if (calls > 0) spending.spend(place, Math.max(0, ms), calls);
  return spending;
}

/** What delayed requests took longer than the destination needs. */
function faultMs({ source, destination }: TrafficCell): number {
  const { delayed } = source;
  const usual = destination.duration.mean ?? 0;
  return Math.max(0, delayed.sum - delayed.count * usual);
}

function placeIn(namespace: string, service: string, version: string): Place {
  return { kind: "service", namespace, service, version, route: "", host: "", from: null };
}

function between(kind: "fault" | "network", { from, to }: TrafficCell): Place {
  return {
    kind,
    namespace: to.serviceNamespace || to.namespace,
    service: to.service || to.app,
    version: to.version,
    route: "",
    host: to.host,
    from: { namespace: from.namespace, name: from.app, version: from.version },
  };
}

function keyOf({ namespace, workload, version }: EndPoint): string {
  return `${namespace}/${workload}/${version}`;
}
