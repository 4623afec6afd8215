/** What runs, how many of it, and how each is. */
import { lazy, Suspense } from "react";
import type { ReactNode } from "react";
import type { WorkloadSummary } from "@tulle/telemetry/insight";
import { useWorkload, useWorkloadStats } from "../api/insight.ts";
import { quote } from "../charts/series.ts";
import { formatMs, formatRate } from "../format/numbers.ts";
import {
  Badges,
  EdgeRows,
  ErrorShare,
  HEALTH_ORDER,
  HealthReasons,
  HealthStatus,
  MtlsBadge,
  servicePath,
} from "../insight/parts.tsx";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { Answer, Card, Command, Empty, Facts, Loading, Page, Status } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";

const GoldenSignals = lazy(async () => ({ default: (await import("../charts/golden.tsx")).GoldenSignals }));

const COLUMNS: readonly Column<WorkloadSummary>[] = [
  {
    id: "name",
    name: "Workload",
    cell: ({ namespace, name }) => (
      <Link to={pathOf("workloads", namespace, name)}>
        <strong>{name}</strong>
      </Link>
    ),
    sort: ({ name }) => name,
  },
  { id: "namespace", name: "Namespace", cell: ({ namespace }) => namespace, sort: ({ namespace }) => namespace },
  {
    id: "health",
    name: "Health",
    cell: ({ health }) => <HealthStatus health={health} />,
    sort: ({ health }) => HEALTH_ORDER.indexOf(health.state),
  },
  {
    id: "ready",
    name: "Ready",
    numeric: true,
    cell: ({ ready, instances }) => (
      <span className={ready < instances ? "tone-bad" : undefined}>
        {ready} of {instances}
      </span>
    ),
    sort: ({ ready }) => ready,
  },
  { id: "version", name: "Version", cell: ({ version }) => version, sort: ({ version }) => version },
  {
    id: "services",
    name: "Services",
    cell: ({ namespace, services }) =>
      services.map((name, index) => (
        <span key={name}>
          {index > 0 ? ", " : ""}
          <Link to={servicePath(namespace, name)}>{name}</Link>
        </span>
      )),
  },
  {
    id: "rate",
    name: "Requests",
    numeric: true,
    descending: true,
    cell: ({ http }) => formatRate(http?.rps),
    sort: ({ http }) => http?.rps,
  },
  {
    id: "failed",
    name: "Failed",
    numeric: true,
    descending: true,
    cell: ({ http }) => <ErrorShare stats={http} />,
    sort: ({ http }) => http?.errorShare,
  },
  {
    id: "p95",
    name: "p95",
    numeric: true,
    descending: true,
    cell: ({ http }) => formatMs(http?.latency.p95Ms),
    sort: ({ http }) => http?.latency.p95Ms ?? undefined,
  },
  {
    id: "mtls",
    name: "mTLS",
    cell: ({ mtls }) => <MtlsBadge mtls={mtls} />,
    sort: ({ mtls }) => mtls.share ?? undefined,
  },
];

export function WorkloadsPage(): ReactNode {
  const answer = useWorkloadStats();
  return (
    <Page title="Workloads">
      <Card flush>
        <Answer of={answer} what="the workloads">
          {({ workloads }) => (
            <Table
              label="Workloads"
              columns={COLUMNS}
              rows={workloads}
              rowKey={({ namespace, name }) => `${namespace}/${name}`}
              sortedBy="name-asc"
              empty={
                <Empty title="Nothing has registered">
                  <Command>tulle run --service web --port 8080 -- node server.js</Command>
                </Empty>
              }
            />
          )}
        </Answer>
      </Card>
    </Page>
  );
}

export function WorkloadPage(): ReactNode {
  const namespace = usePathPart(1);
  const name = usePathPart(2);
  const answer = useWorkload(namespace, name);
  return (
    <Page
      title={name}
      crumbs={
        <>
          <Link to="/workloads">Workloads</Link> / {namespace}
        </>
      }
    >
      <Answer of={answer} what={`workload ${name}`}>
        {(workload) => (
          <>
            <div className="row">
              <HealthStatus health={workload.health} />
              <MtlsBadge mtls={workload.mtls} />
              <Badges badges={workload.badges} />
            </div>
            <HealthReasons health={workload.health} />
            <Card title="Golden signals" note="As it measures them itself, by who calls">
              <Suspense fallback={<Loading what="the charts" />}>
                <GoldenSignals
                  selector={`reporter="destination",destination_workload=${quote(name)},destination_workload_namespace=${quote(namespace)}`}
                  by="source_workload"
                />
              </Suspense>
            </Card>
            <div className="grid">
              <Card title="Instances">
                <Facts>
                  {[
                    ["Ready", `${workload.ready} of ${workload.instances}`],
                    ["App", workload.app],
                    ["Version", workload.version === "" ? "none" : workload.version],
                    ["Services", workload.services.join(", ")],
                  ]}
                </Facts>
              </Card>
              <Card title="Proxies">
                <ul className="stack" style={{ gap: 6 }}>
                  {workload.proxies.map(({ id, state, error }) => (
                    <li key={id} className="wrap">
                      <Status tone={state === "SYNCED" ? "ok" : state === "NACKED" ? "bad" : "warn"}>
                        {state === "SYNCED" ? "Up to date" : state === "NACKED" ? "Refuses" : "On its way"}
                      </Status>{" "}
                      <Link to={pathOf("proxies", id)}>{id.split("~")[2] ?? id}</Link> <code>{error}</code>
                    </li>
                  ))}
                </ul>
              </Card>
            </div>
            <Card title="Who calls it" flush>
              <EdgeRows
                label="Callers"
                rows={workload.callers}
                show="from"
                parameter="callers"
                empty="Nobody has called it"
              />
            </Card>
            <Card title="Whom it calls" flush>
              <EdgeRows
                label="Callees"
                rows={workload.callees}
                show="to"
                parameter="callees"
                empty="It has called nobody"
              />
            </Card>
          </>
        )}
      </Answer>
    </Page>
  );
}
