/** The golden signals of services and workloads, and who is around them. */
import type {
  EdgeRow,
  Party,
  RouteStats,
  ServiceDetail,
  ServiceSummary,
  SlowRow,
  VersionStats,
  WorkloadDetail,
  WorkloadSummary,
} from "@tulle/telemetry/insight";
import type { FactIndex, ServiceFacts, WorkloadFacts } from "./facts.ts";
import { badgesOf, edgeStats } from "./graph.ts";
import { trafficHealth, workloadHealth, worst } from "./health.ts";
import { ownerOf, routeOf, versionOf } from "./span-place.ts";
import type { TraceSpans } from "./spending-of-traces.ts";
import { countedOf, goldenSignals } from "./stats.ts";
import type { Destination, EndPoint, TrafficCell } from "./traffic-cell.ts";

export interface Traffic {
  readonly cells: readonly TrafficCell[];
  readonly facts: FactIndex;
  readonly windowSeconds: number;
  /** ms since 1970: from when on it was counted. */
  readonly since: number;
  /** From then on: what rates are over. */
  readonly seconds: number;
}

/** Those of the registry and those that only traffic tells of; sorted by namespace and name. */
export function serviceSummaries(traffic: Traffic, namespace: string): readonly ServiceSummary[] {
  const cellsOf = Map.groupBy(traffic.cells, (cell) => serviceKey(cell.to, traffic.facts));
  const known = new Map(traffic.facts.facts.services.map((facts) => [`${facts.namespace}/${facts.name}`, facts]));
  const keys = new Set([...known.keys(), ...cellsOf.keys()]);
  return [...keys]
    .sort()
    .filter((key) => namespace === "" || key.startsWith(`${namespace}/`))
    .map((key) => summaryOf(key, known.get(key), cellsOf.get(key) ?? [], traffic));
}

function summaryOf(
  key: string,
  facts: ServiceFacts | undefined,
  cells: readonly TrafficCell[],
  { facts: index, seconds }: Traffic,
): ServiceSummary {
  const slash = key.indexOf("/");
  const behind = facts === undefined ? [] : index.behind(facts.host);
  const versions = new Set([...behind.map(({ version }) => version), ...cells.map(({ to }) => to.version)]);
  return {
    ...goldenSignals(cells, seconds),
    namespace: key.slice(0, slash),
    name: key.slice(slash + 1),
    host: facts?.host ?? "",
    external: facts?.external ?? cells.every(({ to }) => to.workload === ""),
    versions: [...versions].filter((version) => version !== "").sort(),
    badges: facts?.badges ?? [],
  };
}

/** Undefined: nobody knows it. */
export function serviceDetail(
  namespace: string,
  name: string,
  at: number,
  traffic: Traffic,
  traces: readonly TraceSpans[],
  slow: readonly SlowRow[],
): ServiceDetail | undefined {
  const key = `${namespace}/${name}`;
  const { facts: index, windowSeconds, since, seconds } = traffic;
  const facts = index.service(namespace, name);
  const incoming = traffic.cells.filter((cell) => serviceKey(cell.to, index) === key);
  if (facts === undefined && incoming.length === 0) return undefined;
  const behind = facts === undefined ? [] : index.behind(facts.host);
  const workloads = new Set([
    ...behind.map((workload) => `${workload.namespace}/${workload.name}`),
    ...incoming.map(({ to }) => `${to.namespace}/${to.workload}`),
  ]);
  const outgoing = traffic.cells.filter(({ from }) => workloads.has(`${from.namespace}/${from.workload}`));
  return {
    ...summaryOf(key, facts, incoming, traffic),
    at,
    windowSeconds,
    since,
    ports: facts?.ports ?? [],
    byVersion: versionsOf(incoming, behind, seconds),
    routes: routesOf(namespace, name, traces, slow),
    callers: edgeRows(incoming, traffic, "from"),
    callees: edgeRows(outgoing, traffic, "to"),
    objects: facts?.objects ?? [],
  };
}

function versionsOf(
  cells: readonly TrafficCell[],
  behind: readonly WorkloadFacts[],
  seconds: number,
): readonly VersionStats[] {
  const all = countedOf(cells).requests;
  const versions = new Set([...behind.map(({ version }) => version), ...cells.map(({ to }) => to.version)]);
  return [...versions].sort().map((version) => {
    const own = cells.filter(({ to }) => to.version === version);
    const workloads = new Set([
      ...behind.filter((workload) => workload.version === version).map(({ name }) => name),
      ...own.map(({ to }) => to.workload),
    ]);
    return {
      ...goldenSignals(own, seconds),
      version,
      workloads: [...workloads].filter((workload) => workload !== "").sort(),
      share: all === 0 ? 0 : countedOf(own).requests / all,
    };
  });
}

/** Of the server spans of a service: metrics know no routes. */
function routesOf(
  namespace: string,
  name: string,
  traces: readonly TraceSpans[],
  slow: readonly SlowRow[],
): readonly RouteStats[] {
  const found = new Map<string, { route: string; version: string; durations: number[]; failed: number }>();
  for (const { spans } of traces) {
    for (const span of spans) {
      if (span.kind !== "server") continue;
      const owner = ownerOf(span);
      if (owner.namespace !== namespace || owner.name !== name) continue;
      const [route, version] = [routeOf(span), versionOf(span)];
      const key = `${route}\n${version}`;
      let stats = found.get(key);
      if (stats === undefined) found.set(key, (stats = { route, version, durations: [], failed: 0 }));
      stats.durations.push(span.durationMicros / 1000);
      if (span.error) stats.failed++;
    }
  }
  return [...found.values()].map(({ route, version, durations, failed }) => {
    const sorted = durations.sort((a, b) => a - b);
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
    const own = slow.find(
      (row) =>
        row.kind === "service" &&
        row.namespace === namespace &&
        row.service === name &&
        row.route === route &&
        row.version === version,
    );
    return {
      route,
      version,
      spans: sorted.length,
      errorShare: failed / sorted.length,
      latency: {
        meanMs: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
        p50Ms: at(0.5),
        p95Ms: at(0.95),
        p99Ms: at(0.99),
      },
      selfMs: own?.now.msPerCall ?? null,
    };
  });
}

export function workloadSummaries(traffic: Traffic, namespace: string): readonly WorkloadSummary[] {
  const { facts: index, cells } = traffic;
  const known = new Map(index.facts.workloads.map((facts) => [`${facts.namespace}/${facts.name}`, facts]));
  const seen = cells.flatMap(({ from, to }) => [from, to]).filter(({ workload }) => workload !== "");
  const keys = new Set([...known.keys(), ...seen.map((end) => `${end.namespace}/${end.workload}`)]);
  return [...keys]
    .sort()
    .filter((key) => namespace === "" || key.startsWith(`${namespace}/`))
    .map((key) => {
      const end = seen.find((each) => `${each.namespace}/${each.workload}` === key);
      return workloadSummary(key, known.get(key), end, traffic);
    });
}

/** What comes in counts; where nothing does, as at a gateway, what goes out. */
function workloadSummary(
  key: string,
  facts: WorkloadFacts | undefined,
  end: EndPoint | undefined,
  { cells, seconds, facts: index }: Traffic,
): WorkloadSummary {
  const slash = key.indexOf("/");
  const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
  const incoming = cells.filter(({ to }) => to.namespace === namespace && to.workload === name);
  const outgoing = cells.filter(({ from }) => from.namespace === namespace && from.workload === name);
  const own = incoming.length > 0 ? incoming : outgoing;
  const signals = goldenSignals(own, seconds);
  return {
    ...signals,
    health: worst([signals.health, ...(facts === undefined ? [] : [workloadHealth(facts)])]),
    namespace,
    name,
    app: facts?.app ?? end?.app ?? "",
    version: facts?.version ?? end?.version ?? "",
    services: (facts?.services ?? []).map((host) => {
      const service = index.service("", "", host);
      return { namespace: service?.namespace ?? "", name: service?.name ?? host };
    }),
    isGateway: facts?.isGateway ?? false,
    instances: facts?.instances ?? 0,
    ready: facts?.ready ?? 0,
    badges: facts === undefined ? [] : badgesOf([{ serviceFacts: [], workloadFacts: [facts] }]),
  };
}

export function workloadDetail(
  namespace: string,
  name: string,
  at: number,
  traffic: Traffic,
): WorkloadDetail | undefined {
  const { cells, facts: index, windowSeconds, since } = traffic;
  const facts = index.workload(namespace, name);
  const incoming = cells.filter(({ to }) => to.namespace === namespace && to.workload === name);
  const outgoing = cells.filter(({ from }) => from.namespace === namespace && from.workload === name);
  const end = incoming[0]?.to ?? outgoing[0]?.from;
  if (facts === undefined && end === undefined) return undefined;
  return {
    ...workloadSummary(`${namespace}/${name}`, facts, end, traffic),
    at,
    windowSeconds,
    since,
    proxies: (facts?.proxies ?? []).map((proxy) => ({ ...proxy, workload: name, namespace })),
    callers: edgeRows(incoming, traffic, "from"),
    callees: edgeRows(outgoing, traffic, "to"),
    objects: facts?.objects ?? [],
  };
}

/** The busiest first. */
export function edgeRows(
  cells: readonly TrafficCell[],
  { cells: all, seconds }: Traffic,
  only?: "from" | "to",
): readonly EdgeRow[] {
  const sentBy = Map.groupBy(all, ({ from }) => endKey(from));
  const grouped = Map.groupBy(cells, ({ from, to }) => {
    const [source, target] = [endKey(from), `${endKey(to)} ${to.service || to.host}`];
    return only === "from" ? source : only === "to" ? target : `${source} > ${target}`;
  });
  return [...grouped.values()]
    .map((group): EdgeRow => {
      const { from, to } = group[0]!;
      const sent = countedOf(sentBy.get(endKey(from)) ?? []).requests;
      return {
        from: partyOf(from),
        to: only === "from" ? { ...calledParty(to), workload: "", version: "" } : calledParty(to),
        ...edgeStats(group, seconds, sent),
        health: trafficHealth(countedOf(group)),
      };
    })
    .sort((a, b) => rate(b) - rate(a));
}

const rate = ({ http, grpc }: EdgeRow): number => (http?.rps ?? 0) + (grpc?.rps ?? 0);

function endKey({ namespace, workload, app, version }: EndPoint): string {
  return `${namespace}/${workload}/${app}/${version}`;
}

function partyOf({ namespace, app, workload, version }: EndPoint): Party {
  return { namespace, name: app || "outside the mesh", workload, version };
}

function calledParty(to: Destination): Party {
  const { namespace, workload, version } = to;
  return { namespace: to.serviceNamespace || namespace, name: to.service || to.app || to.host, workload, version };
}

function serviceKey(to: Destination, facts: FactIndex): string {
  const known = facts.service(to.serviceNamespace || to.namespace, to.service, to.host);
  if (known !== undefined) return `${known.namespace}/${known.name}`;
  return `${to.serviceNamespace || to.namespace}/${to.service || to.host || to.app}`;
}
