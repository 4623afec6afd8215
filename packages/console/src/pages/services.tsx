/** Which services there are, and how each is. */
import type { ReactNode } from "react";
import type { ServiceSummary } from "@tulle/telemetry/insight";
import { useServices } from "../api/insight.ts";
import { healthColumn, signalColumns } from "../insight/columns.tsx";
import { Badges, servicePath } from "../insight/parts.tsx";
import { Link } from "../url/link.tsx";
import { Answer, Badge, Card, Command, Empty, Page } from "../ui/basics.tsx";
import { NameFilter, useNameFilter } from "../ui/name-filter.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";

const COLUMNS: readonly Column<ServiceSummary>[] = [
  {
    id: "name",
    name: "Service",
    cell: ({ namespace, name, external }) => (
      <>
        <Link to={servicePath(namespace, name)}>
          <strong>{name}</strong>
        </Link>{" "}
        {external ? <Badge>external</Badge> : null}
      </>
    ),
    sort: ({ name }) => name,
  },
  { id: "namespace", name: "Namespace", cell: ({ namespace }) => namespace, sort: ({ namespace }) => namespace },
  healthColumn(),
  ...signalColumns<ServiceSummary>(["p50", "p95"]),
  { id: "versions", name: "Versions", cell: ({ versions }) => versions.join(", ") },
  { id: "badges", name: "Changed", cell: ({ badges }) => <Badges badges={badges} /> },
];

export function ServicesPage(): ReactNode {
  const answer = useServices();
  const fits = useNameFilter();
  return (
    <Page title="Services">
      <div className="filters">
        <NameFilter what="name" />
      </div>
      <Card flush>
        <Answer of={answer} what="the services">
          {({ services }) => (
            <Table
              label="Services"
              columns={COLUMNS}
              rows={services.filter(({ namespace, name }) => fits(`${namespace}/${name}`))}
              rowKey={({ namespace, name, host }) => `${namespace}/${name} ${host}`}
              sortedBy="rate-desc"
              empty={
                services.length === 0 ? (
                  <Empty title="There are no services yet">
                    <p>A workload that names its service makes one.</p>
                    <Command>tulle run --service web --port 8080 -- node server.js</Command>
                  </Empty>
                ) : (
                  <Empty title="No service has that name" />
                )
              }
            />
          )}
        </Answer>
      </Card>
    </Page>
  );
}
