/** How what is measured is shown, the same everywhere. */
import type { ReactNode } from "react";
import type {
  Badge as BadgeInfo,
  EdgeRow,
  Health,
  HealthReport,
  MutualTls,
  ObjectRef,
  Party,
  RequestStats,
} from "@tulle/telemetry/insight";
import { DescribedObject } from "../config/object-link.tsx";
import { formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Badge, Empty, Status } from "../ui/basics.tsx";
import type { IconName } from "../ui/icon.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import type { Tone } from "../ui/tone.ts";

const HEALTH_TONES: Readonly<Record<Health, Tone>> = {
  failure: "bad",
  degraded: "warn",
  "not-ready": "warn",
  healthy: "ok",
  idle: "none",
};

const HEALTH_NAMES: Readonly<Record<Health, string>> = {
  failure: "Failing",
  degraded: "Degraded",
  "not-ready": "Not ready",
  healthy: "Healthy",
  idle: "No traffic",
};

/** Worst first. */
export const HEALTH_ORDER: readonly Health[] = ["failure", "degraded", "not-ready", "healthy", "idle"];

export function HealthStatus({ health }: { readonly health: HealthReport }): ReactNode {
  return (
    <span title={health.reasons.join("\n")}>
      <Status tone={HEALTH_TONES[health.state]}>{HEALTH_NAMES[health.state]}</Status>
    </span>
  );
}

export function HealthReasons({ health }: { readonly health: HealthReport }): ReactNode {
  if (health.reasons.length === 0) return null;
  return (
    <ul className="stack" style={{ gap: 2 }}>
      {health.reasons.map((reason) => (
        <li key={reason} className="wrap">
          {reason}
        </li>
      ))}
    </ul>
  );
}

const MTLS: Readonly<Record<MutualTls["state"], { tone: Tone; icon: IconName; name: string }>> = {
  all: { tone: "ok", icon: "lock", name: "mTLS" },
  some: { tone: "warn", icon: "unlock", name: "mTLS in part" },
  none: { tone: "bad", icon: "unlock", name: "Plaintext" },
  unknown: { tone: "none", icon: "none", name: "Not known" },
};

export function MtlsBadge({ mtls }: { readonly mtls: MutualTls }): ReactNode {
  const { tone, icon, name } = MTLS[mtls.state];
  return (
    <Badge
      tone={tone}
      icon={icon}
      title={mtls.share === null ? "Nobody counts it" : `${formatPercent(mtls.share)} of it`}
    >
      {mtls.state === "some" ? `${formatPercent(mtls.share)} mTLS` : name}
    </Badge>
  );
}

const BADGE_ICONS: Readonly<Record<BadgeInfo["kind"], IconName>> = {
  "virtual-service": "config",
  shifting: "shift",
  "tcp-shifting": "shift",
  fault: "fault",
  mirror: "mirror",
  timeout: "timeout",
  retries: "undo",
  "circuit-breaker": "breaker",
  fallback: "security",
  "rate-limit": "timeout",
  "missing-sidecar": "unlock",
  gateway: "proxy",
};

export function Badges({ badges }: { readonly badges: readonly BadgeInfo[] }): ReactNode {
  return (
    <span className="row" style={{ gap: 4 }}>
      {badges.map(({ kind, text }, index) => (
        <Badge
          key={`${kind} ${index}`}
          icon={BADGE_ICONS[kind]}
          tone={kind === "fault" || kind === "missing-sidecar" ? "warn" : "none"}
          title={text}
        >
          {kind.replace("-", " ")}
        </Badge>
      ))}
    </span>
  );
}

export function ObjectRefLink({ reference }: { readonly reference: ObjectRef }): ReactNode {
  const { kind, namespace, name, field, file, line } = reference;
  return (
    <>
      <DescribedObject text={`${kind} ${namespace === "" ? name : `${namespace}/${name}`}`} line={line} />{" "}
      {field === undefined || field === "" ? null : <code className="chip">{field}</code>}{" "}
      {file === undefined ? null : (
        <code className="soft">
          {file}:{line}
        </code>
      )}
    </>
  );
}

export function servicePath(namespace: string, name: string): string {
  return pathOf("services", namespace === "" ? "-" : namespace, name);
}

function PartyLink({ party }: { readonly party: Party }): ReactNode {
  const { namespace, name, version } = party;
  return (
    <>
      {namespace === "" ? (
        name
      ) : (
        <Link to={servicePath(namespace, name)}>
          <strong>{name}</strong>
        </Link>
      )}
      {version === "" ? null : <span className="soft"> {version}</span>}
    </>
  );
}

export function ErrorShare({ stats }: { readonly stats: RequestStats | null }): ReactNode {
  if (stats === null) return <span className="soft">–</span>;
  if (stats.failed === 0) return <span className="soft">0 %</span>;
  return (
    <span className="tone-bad" title={`${stats.failed} of ${stats.requests} requests`}>
      {formatPercent(stats.errorShare)}
    </span>
  );
}

export function requestsOf({ http, grpc }: Pick<EdgeRow, "http" | "grpc">): RequestStats | null {
  return http ?? grpc;
}

function edgeColumns(show: "from" | "to" | "both"): readonly Column<EdgeRow>[] {
  const party = (side: "from" | "to", name: string): Column<EdgeRow> => ({
    id: side,
    name,
    cell: (row) => <PartyLink party={row[side]} />,
    sort: (row) => `${row[side].name} ${row[side].version}`,
  });
  return [
    ...(show === "to" ? [] : [party("from", "From")]),
    ...(show === "from" ? [] : [party("to", "To")]),
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
      cell: (row) => formatRate(requestsOf(row)?.rps),
      sort: (row) => requestsOf(row)?.rps,
    },
    {
      id: "errors",
      name: "Failed",
      numeric: true,
      descending: true,
      cell: (row) => <ErrorShare stats={requestsOf(row)} />,
      sort: (row) => requestsOf(row)?.errorShare,
    },
    {
      id: "p50",
      name: "p50",
      numeric: true,
      descending: true,
      cell: ({ latency }) => formatMs(latency.source.p50Ms ?? latency.destination.p50Ms),
      sort: ({ latency }) => latency.source.p50Ms ?? undefined,
    },
    {
      id: "p95",
      name: "p95",
      numeric: true,
      descending: true,
      cell: ({ latency }) => formatMs(latency.source.p95Ms ?? latency.destination.p95Ms),
      sort: ({ latency }) => latency.source.p95Ms ?? undefined,
    },
    {
      id: "mtls",
      name: "mTLS",
      cell: ({ mtls }) => <MtlsBadge mtls={mtls} />,
      sort: ({ mtls }) => mtls.share ?? undefined,
    },
  ];
}

export function EdgeRows({
  label,
  rows,
  show,
  parameter,
  empty,
}: {
  readonly label: string;
  readonly rows: readonly EdgeRow[];
  readonly show: "from" | "to" | "both";
  readonly parameter: string;
  readonly empty: string;
}): ReactNode {
  return (
    <Table
      label={label}
      columns={edgeColumns(show)}
      rows={rows}
      rowKey={({ from, to }) => JSON.stringify([from, to])}
      sortedBy="rate-desc"
      parameter={parameter}
      dense
      empty={<Empty title={empty} />}
    />
  );
}
