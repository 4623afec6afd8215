/** What runs, how many of it, and how each is. */
import type { ReactNode } from "react";
import type { WorkloadSummary } from "@tulle/telemetry/insight";
import { useWorkloadStats } from "../api/insight.ts";
import { healthColumn, signalColumns } from "../insight/columns.tsx";
import { ServiceLinks } from "../insight/parts.tsx";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Answer, Card, Command, Empty, Page } from "../ui/basics.tsx";
import { NameFilter, useNameFilter } from "../ui/name-filter.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";

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
  healthColumn(),
  {
    id: "ready",
    name: "Ready",
    numeric: true,
    cell: ({ ready, instances }) => (
      <span className={ready < instances ? "tone-bad" : undefined}>
        {instances === 0 ? "–" : `${ready} of ${instances}`}
      </span>
    ),
    sort: ({ ready }) => ready,
  },
  { id: "version", name: "Version", cell: ({ version }) => version, sort: ({ version }) => version },
  {
    id: "services",
    name: "Services",
    cell: ({ services }) => <ServiceLinks services={services} />,
  },
  ...signalColumns<WorkloadSummary>(["p50", "p95"]),
];

export function WorkloadsPage(): ReactNode {
  const answer = useWorkloadStats();
  const fits = useNameFilter();
  return (
    <Page title="Workloads">
      <div className="filters">
        <NameFilter what="name" />
      </div>
      <Card flush>
        <Answer of={answer} what="the workloads">
          {({ workloads }) => (
            <Table
              label="Workloads"
              columns={COLUMNS}
              rows={workloads.filter(({ namespace, name }) => fits(`${namespace}/${name}`))}
              rowKey={({ namespace, name }) => `${namespace}/${name}`}
              sortedBy="name-asc"
              empty={
                workloads.length === 0 ? (
                  <Empty title="Nothing has registered">
                    <p>A program that is started with a sidecar appears here.</p>
                    <Command>tulle run --service web --port 8080 -- node server.js</Command>
                  </Empty>
                ) : (
                  <Empty title="No workload has that name" />
                )
              }
            />
          )}
        </Answer>
      </Card>
    </Page>
  );
}
