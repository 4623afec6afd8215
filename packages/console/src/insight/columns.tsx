/** The columns of everything that takes traffic: services, versions, workloads, calls. */
import type { GraphEdge, HealthReport, Latency, MutualTls, RequestStats, TcpStats } from "@tulle/telemetry/insight";
import { formatMs } from "../format/numbers.ts";
import type { Column } from "../ui/table.tsx";
import { ErrorShare, HealthStatus, MtlsBadge } from "./parts.tsx";
import { formatVolume, HEALTH_ORDER, requestsOf } from "./signs.ts";

interface Measured {
  readonly http: RequestStats | null;
  readonly grpc?: GraphEdge["grpc"];
  readonly tcp: TcpStats | null;
  readonly mtls: MutualTls;
  readonly health: HealthReport;
}

type Percentile = "p50" | "p95" | "p99";

export function healthColumn<Row extends Pick<Measured, "health">>(): Column<Row> {
  return {
    id: "health",
    name: "Health",
    cell: ({ health }) => <HealthStatus health={health} />,
    sort: ({ health }) => HEALTH_ORDER.indexOf(health.state),
  };
}

export function mtlsColumn<Row extends Pick<Measured, "mtls">>(): Column<Row> {
  return {
    id: "mtls",
    name: "mTLS",
    cell: ({ mtls }) => <MtlsBadge mtls={mtls} />,
    sort: ({ mtls }) => mtls.share ?? undefined,
  };
}

export function latencyColumn<Row>(
  percentile: Percentile,
  latencyOf: (row: Row) => Latency | null | undefined,
): Column<Row> {
  const value = (row: Row): number | null | undefined => latencyOf(row)?.[`${percentile}Ms`];
  return {
    id: percentile,
    name: percentile,
    numeric: true,
    descending: true,
    cell: (row) => formatMs(value(row)),
    sort: (row) => value(row) ?? undefined,
  };
}

/** How much and how much of it fails. */
function volumeColumns<Row extends Omit<Measured, "health" | "mtls">>(): readonly Column<Row>[] {
  return [
    {
      id: "rate",
      name: "Requests",
      numeric: true,
      descending: true,
      cell: formatVolume,
      sort: (row) => requestsOf(row)?.rps,
    },
    {
      id: "failed",
      name: "Failed",
      numeric: true,
      descending: true,
      cell: (row) => <ErrorShare stats={requestsOf(row)} />,
      sort: (row) => requestsOf(row)?.errorShare,
    },
  ];
}

/** Of services, versions and workloads. */
export function signalColumns<Row extends Measured>(percentiles: readonly Percentile[]): readonly Column<Row>[] {
  return [
    ...volumeColumns<Row>(),
    ...percentiles.map((percentile) => latencyColumn<Row>(percentile, ({ http }) => http?.latency)),
    mtlsColumn(),
  ];
}

/** Of calls: as the client measures them, who waits; or the server, where nobody measures at the client. */
export function callColumns<Row extends Measured & Pick<GraphEdge, "latency">>(
  percentiles: readonly Percentile[],
): readonly Column<Row>[] {
  return [
    healthColumn(),
    ...volumeColumns<Row>(),
    ...percentiles.map((percentile) =>
      latencyColumn<Row>(percentile, ({ latency: { source, destination } }) =>
        source[`${percentile}Ms`] === null ? destination : source,
      ),
    ),
    mtlsColumn(),
  ];
}
