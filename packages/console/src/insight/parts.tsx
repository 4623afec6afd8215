/** How what is measured is shown, the same everywhere. */
import type { ReactNode } from "react";
import type { Badge as BadgeInfo, HealthReport, MutualTls, ObjectRef, RequestStats } from "@tulle/telemetry/insight";
import { DescribedObject } from "../config/object-link.tsx";
import { formatPercent } from "../format/numbers.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Badge, Status } from "../ui/basics.tsx";
import { BADGE_ICONS, HEALTH, isWarning, MTLS } from "./signs.ts";

export function HealthStatus({ health }: { readonly health: HealthReport }): ReactNode {
  return (
    <span title={health.reasons.join("\n")}>
      <Status tone={HEALTH[health.state].tone}>{HEALTH[health.state].name}</Status>
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

export function Badges({ badges }: { readonly badges: readonly BadgeInfo[] }): ReactNode {
  return (
    <span className="row" style={{ gap: 4 }}>
      {badges.map(({ kind, text }, index) => (
        <Badge key={`${kind} ${index}`} icon={BADGE_ICONS[kind]} tone={isWarning(kind) ? "warn" : "none"} title={text}>
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

export function ErrorShare({ stats }: { readonly stats: RequestStats | null }): ReactNode {
  if (stats === null) return <span className="soft">–</span>;
  if (stats.failed === 0) return <span className="soft">0 %</span>;
  return (
    <span className="tone-bad" title={`${stats.failed} of ${stats.requests} requests`}>
      {formatPercent(stats.errorShare)}
    </span>
  );
}

export function ServiceLinks({
  services,
}: {
  readonly services: readonly { readonly namespace: string; readonly name: string }[];
}): ReactNode {
  return services.map(({ namespace, name }, index) => (
    <span key={`${namespace}/${name}`}>
      {index > 0 ? ", " : ""}
      <Link to={servicePath(namespace, name)}>{name}</Link>
    </span>
  ));
}
