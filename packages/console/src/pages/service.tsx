/** One service: how it is, who calls it, whom it calls, version beside version, and what is configured for it. */
import { lazy, Suspense } from "react";
import type { ReactNode } from "react";
import type { RouteStats, ServiceDetail, VersionStats } from "@tulle/telemetry/insight";
import { useService } from "../api/insight.ts";
import { quote } from "../charts/series.ts";
import { formatCount, formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { healthColumn, latencyColumn, signalColumns } from "../insight/columns.tsx";
import { EdgeRows } from "../insight/edge-rows.tsx";
import { Badges, HealthReasons, HealthStatus, MtlsBadge, ObjectRefLink } from "../insight/parts.tsx";
import { shortHosts } from "../traces/model.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Empty, Facts, Loading, Page, Tabs, Tile } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";

const GoldenSignals = lazy(async () => ({ default: (await import("../charts/golden.tsx")).GoldenSignals }));

export function ServicePage(): ReactNode {
  const namespace = usePathPart(1);
  const name = usePathPart(2);
  const answer = useService(namespace, name);
  const { query } = useAddress();
  const tab = query.get("tab") ?? "overview";
  return (
    <Page
      title={name}
      crumbs={
        <>
          <Link to="/services">Services</Link> / {namespace === "-" ? "outside" : namespace}
        </>
      }
      actions={<TrafficActions namespace={namespace} name={name} />}
    >
      <Tabs
        label="Of the service"
        current={tab}
        tabs={[
          { id: "overview", name: "Overview", parameters: { tab: null } },
          { id: "traffic", name: "Traffic", parameters: { tab: "traffic" } },
          { id: "versions", name: "Versions", parameters: { tab: "versions" } },
          { id: "routes", name: "Routes", parameters: { tab: "routes" } },
          { id: "config", name: "Config", parameters: { tab: "config" } },
        ]}
      />
      <Answer
        of={answer}
        what={`service ${name}`}
        absent={
          <Card flush>
            <Empty title="Nothing is known of this service">
              <p>No object describes it, no workload serves it, and nobody has called it in this time.</p>
              <Link to="/services" className="button">
                All services
              </Link>
            </Empty>
          </Card>
        }
      >
        {(service) => <Body service={service} tab={tab} />}
      </Answer>
    </Page>
  );
}

export function TrafficActions({ namespace, name }: { readonly namespace: string; readonly name: string }): ReactNode {
  const host = `${namespace}/${name}`;
  return (
    <>
      <Link to="/traffic/shift" parameters={{ service: host }} className="button">
        <Icon name="shift" />
        Shift traffic
      </Link>
      <Link to="/traffic/fault" parameters={{ service: host }} className="button">
        <Icon name="fault" />
        Inject fault
      </Link>
      <Link to="/traffic/mirror" parameters={{ service: host }} className="button">
        <Icon name="mirror" />
        Mirror
      </Link>
    </>
  );
}

function Body({ service, tab }: { readonly service: ServiceDetail; readonly tab: string }): ReactNode {
  switch (tab) {
    case "traffic":
      return <Calls service={service} />;
    case "versions":
      return <Versions service={service} />;
    case "routes":
      return <Routes routes={service.routes} />;
    case "config":
      return <Config service={service} />;
    default:
      return (
        <>
          <ServiceTiles service={service} />
          <Card
            title="Golden signals"
            note="By version, as servers measure them. Drag to look closer; diamonds are traces, triangles changes."
          >
            <Suspense fallback={<Loading what="the charts" />}>
              <GoldenSignals
                selector={`reporter="destination",destination_service_name=${quote(service.name)},destination_service_namespace=${quote(service.namespace)}`}
                by="destination_version"
                service={`${service.name}.${service.namespace}`}
              />
            </Suspense>
          </Card>
          <Versions service={service} />
        </>
      );
  }
}

export function ServiceTiles({ service }: { readonly service: ServiceDetail }): ReactNode {
  const { http, mtls, health, badges } = service;
  return (
    <>
      <div className="row">
        <HealthStatus health={health} />
        <MtlsBadge mtls={mtls} />
        <Badges badges={badges} />
      </div>
      <HealthReasons health={health} />
      <div className="grid narrow">
        <Tile label="Requests" value={formatRate(http?.rps)} />
        <Tile
          label="Failed"
          value={formatPercent(http?.errorShare)}
          tone={http === null ? "none" : http.errorShare >= 0.1 ? "bad" : http.errorShare > 0 ? "warn" : "ok"}
        />
        <Tile label="p50" value={formatMs(http?.latency.p50Ms)} />
        <Tile label="p95" value={formatMs(http?.latency.p95Ms)} />
        <Tile label="p99" value={formatMs(http?.latency.p99Ms)} />
      </div>
    </>
  );
}

function Calls({ service }: { readonly service: ServiceDetail }): ReactNode {
  return (
    <>
      <Card title="Who calls it" flush>
        <EdgeRows label="Callers" rows={service.callers} show="from" parameter="callers" empty="Nobody has called it" />
      </Card>
      <Card title="Whom it calls" flush>
        <EdgeRows label="Callees" rows={service.callees} show="to" parameter="callees" empty="It has called nobody" />
      </Card>
      <Codes service={service} />
    </>
  );
}

function Codes({ service: { http } }: { readonly service: ServiceDetail }): ReactNode {
  if (http === null) return null;
  const flags = Object.entries(http.byFlags);
  return (
    <Card title="Answers">
      <Facts>
        {[
          ...Object.entries(http.byCode).map(([code, count]): readonly [string, ReactNode] => [
            code === "-" ? "no answer" : code,
            formatCount(count, "request"),
          ]),
          ...flags.map(([flag, count]): readonly [string, ReactNode] => [
            flag,
            `${formatCount(count, "request")} with this flag`,
          ]),
        ]}
      </Facts>
    </Card>
  );
}

const VERSION_COLUMNS: readonly Column<VersionStats>[] = [
  {
    id: "version",
    name: "Version",
    cell: ({ version, workloads }) =>
      version === "" && workloads.length === 0 ? (
        <span className="soft" title="The client's proxy answered them itself, or found nobody there">
          came to none
        </span>
      ) : (
        <strong>{version || "none"}</strong>
      ),
    sort: ({ version }) => version,
  },
  healthColumn(),
  { id: "share", name: "Share", numeric: true, cell: ({ share }) => formatPercent(share), sort: ({ share }) => share },
  ...signalColumns<VersionStats>(["p50", "p95", "p99"]),
  { id: "workloads", name: "Workloads", cell: ({ workloads }) => workloads.join(", ") },
];

function Versions({ service }: { readonly service: ServiceDetail }): ReactNode {
  return (
    <Card
      title="Versions compared"
      note={
        service.badges.some(({ kind }) => kind === "mirror") ? (
          <>
            Without{" "}
            <Link parameters={{ about: `mirror:${service.namespace}/${service.name}` }}>
              the copies that are mirrored
            </Link>
          </>
        ) : undefined
      }
      flush
    >
      <Table
        label="Versions"
        columns={VERSION_COLUMNS}
        rows={service.byVersion}
        rowKey={({ version }) => version}
        sortedBy="version-asc"
        parameter="versions"
        empty={<Empty title="No version has taken requests" />}
      />
    </Card>
  );
}

const ROUTE_COLUMNS: readonly Column<RouteStats>[] = [
  {
    id: "route",
    name: "Route",
    cell: ({ route }) => (
      <code className="wrap" title={route}>
        {shortHosts(route)}
      </code>
    ),
    sort: ({ route }) => route,
  },
  { id: "version", name: "Version", cell: ({ version }) => version, sort: ({ version }) => version },
  { id: "spans", name: "Spans", numeric: true, cell: ({ spans }) => spans, sort: ({ spans }) => spans },
  {
    id: "failed",
    name: "Failed",
    numeric: true,
    cell: ({ errorShare }) => formatPercent(errorShare),
    sort: ({ errorShare }) => errorShare,
  },
  {
    id: "self",
    name: "Own time",
    numeric: true,
    cell: ({ selfMs }) => formatMs(selfMs),
    sort: ({ selfMs }) => selfMs ?? undefined,
  },
  latencyColumn("p50", ({ latency }) => latency),
  latencyColumn("p95", ({ latency }) => latency),
];

function Routes({ routes }: { readonly routes: readonly RouteStats[] }): ReactNode {
  return (
    <Card title="Routes" note="From the traces that were sampled" flush>
      <Table
        label="Routes"
        columns={ROUTE_COLUMNS}
        rows={routes}
        rowKey={({ route, version }) => `${route} ${version}`}
        sortedBy="p95-desc"
        parameter="routes"
        empty={<Empty title="No trace of this time has come here" />}
      />
    </Card>
  );
}

function Config({ service }: { readonly service: ServiceDetail }): ReactNode {
  return (
    <Card title="What is configured for it">
      <div className="stack">
        <Facts>
          {[
            ["Host", service.host === "" ? "only traffic tells of it" : service.host],
            [
              "Ports",
              service.ports.length === 0
                ? "none"
                : service.ports.map(({ number, name, protocol }) => `${number} ${name} ${protocol}`).join(", "),
            ],
          ]}
        </Facts>
        {service.objects.length === 0 ? (
          <p className="soft">No object concerns it.</p>
        ) : (
          <ul className="stack" style={{ gap: 4 }}>
            {service.objects.map((reference) => (
              <li key={`${reference.kind} ${reference.namespace}/${reference.name} ${reference.field ?? ""}`}>
                <ObjectRefLink reference={reference} />
              </li>
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}
