/** Where the time goes, the most first. */
import type { ReactNode } from "react";
import type { DelayKind, SlowAnswer, SlowRow, Spent } from "@tulle/telemetry/insight";
import { formatMs, formatPercent } from "../format/numbers.ts";
import { shortHosts } from "../traces/model.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Badge, Empty } from "../ui/basics.tsx";
import { ObjectRefLink, servicePath } from "./parts.tsx";

export const KIND_NAMES: Readonly<Record<DelayKind, string>> = {
  service: "in the service",
  fault: "injected",
  network: "between two proxies",
  retries: "failed attempts",
};

const SHOWN = 8;

export function SlowList({ slow }: { readonly slow: SlowAnswer }): ReactNode {
  const rows = slow.rows.slice(0, SHOWN);
  if (rows.length === 0)
    return (
      <Empty title="Nothing is known yet">
        <p>{slow.headline}</p>
      </Empty>
    );
  const most = Math.max(...rows.map((row) => spentOf(row).msPerRequest));
  return (
    <ol className="slow-list">
      {rows.map((row, index) => (
        <SlowItem
          key={`${row.kind} ${row.namespace}/${row.service} ${row.version} ${row.route} ${row.from?.name ?? ""}`}
          row={row}
          isCulprit={index === slow.culprit}
          most={most}
          isCompared={slow.requests.before !== null}
        />
      ))}
    </ol>
  );
}

/** What is new shows in the last seconds first: by these the rows are ordered, and the headline speaks of them. */
function spentOf({ recent, now }: SlowRow): Spent {
  return recent ?? now;
}

function SlowItem({
  row,
  isCulprit,
  most,
  isCompared,
}: {
  readonly row: SlowRow;
  readonly isCulprit: boolean;
  readonly most: number;
  /** There were requests in the window before. */
  readonly isCompared: boolean;
}): ReactNode {
  const { kind, namespace, service, version, route, from, before, changeMs, because, traceIds } = row;
  const { msPerRequest, share } = spentOf(row);
  const trace = traceIds[0];
  return (
    <li data-culprit={isCulprit}>
      <div className="slow-name wrap">
        <Link to={servicePath(namespace, service)}>
          <strong>{service}</strong>
        </Link>
        {version === "" ? null : ` ${version}`}{" "}
        {route === "" ? null : <code className="chip">{shortHosts(route)}</code>}{" "}
        <span className="soft small">
          {kind === "service" ? "" : KIND_NAMES[kind]}
          {from === null ? "" : ` from ${from.name} ${from.version}`}
        </span>
        {because.map((reference) => (
          <div key={`${reference.kind} ${reference.name} ${reference.field ?? ""}`} className="small">
            because of <ObjectRefLink reference={reference} />
          </div>
        ))}
      </div>
      <div className="slow-bar">
        <span className="bar-meter" aria-hidden>
          <span
            style={{
              width: `${Math.max(1, (msPerRequest / most) * 100)}%`,
              background: isCulprit ? "var(--bad)" : "var(--accent)",
            }}
          />
        </span>
      </div>
      <div className="slow-number">
        <strong>{formatMs(msPerRequest)}</strong> <span className="soft">{formatPercent(share)}</span>
      </div>
      <div className="slow-change">
        {!isCompared ? null : before === null ? (
          <Badge tone="info">new</Badge>
        ) : Math.abs(changeMs) < 1 ? (
          <span className="soft small">as before</span>
        ) : (
          <Badge tone={changeMs > 0 ? "warn" : "ok"}>
            {changeMs > 0 ? "+" : "−"}
            {formatMs(Math.abs(changeMs))}
          </Badge>
        )}
      </div>
      <div className="slow-trace">
        {trace === undefined ? null : (
          <Link to={pathOf("traces", trace)} className="button small">
            Trace
          </Link>
        )}
      </div>
    </li>
  );
}
