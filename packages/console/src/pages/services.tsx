/** Which services there are, and how each is. */
import type { ReactNode } from "react";
import type { ServiceSummary } from "@tulle/telemetry/insight";
import { useServices } from "../api/insight.ts";
import { formatMs, formatRate } from "../format/numbers.ts";
import { Badges, ErrorShare, HEALTH_ORDER, HealthStatus, MtlsBadge, servicePath } from "../insight/parts.tsx";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Command, Empty, Page } from "../ui/basics.tsx";
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
  {
    id: "health",
    name: "Health",
    cell: ({ health }) => <HealthStatus health={health} />,
    sort: ({ health }) => HEALTH_ORDER.indexOf(health.state),
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
    id: "p50",
    name: "p50",
    numeric: true,
    descending: true,
    cell: ({ http }) => formatMs(http?.latency.p50Ms),
    sort: ({ http }) => http?.latency.p50Ms ?? undefined,
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
  { id: "versions", name: "Versions", cell: ({ versions }) => versions.join(", ") },
  { id: "badges", name: "Changed", cell: ({ badges }) => <Badges badges={badges} /> },
];

export function ServicesPage(): ReactNode {
  const answer = useServices();
  const { query, change } = useAddress();
  const text = query.get("q") ?? "";
  return (
    <Page title="Services">
      <div className="filters">
        <input
          type="search"
          className="input"
          aria-label="Filter by name"
          placeholder="Filter by name"
          value={text}
          onChange={({ target }) => change({ q: target.value }, { replace: true })}
        />
      </div>
      <Card flush>
        <Answer of={answer} what="the services">
          {({ services }) => (
            <Table
              label="Services"
              columns={COLUMNS}
              rows={services.filter(({ namespace, name }) =>
                `${namespace}/${name}`.toLowerCase().includes(text.toLowerCase()),
              )}
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
