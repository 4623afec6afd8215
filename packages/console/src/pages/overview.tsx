/** The first thing that one sees: which service causes the delay, and whatever else asks for attention. */
import type { ReactNode } from "react";
import type { Mover, NamespaceSummary, Overview } from "@tulle/telemetry/insight";
import { useOverview } from "../api/insight.ts";
import { formatCount, formatMs, formatPercent, formatRate, formatSpan } from "../format/numbers.ts";
import { healthColumn, mtlsColumn } from "../insight/columns.tsx";
import { ObjectRefLink, servicePath } from "../insight/parts.tsx";
import { SlowList } from "../insight/slow-list.tsx";
import { shortHosts } from "../traces/model.ts";
import { Link } from "../url/link.tsx";
import { Answer, Badge, Card, Command, Empty, Notice, Page, Status, Tile } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import type { Tone } from "../ui/tone.ts";
import { Moment } from "../ui/time.tsx";
import "../styles/overview.css";

export function OverviewPage(): ReactNode {
  const answer = useOverview();
  return (
    <Page title="Overview">
      <Answer of={answer} what="the overview">
        {(overview) => <Body overview={overview} />}
      </Answer>
    </Page>
  );
}

function Body({ overview }: { readonly overview: Overview }): ReactNode {
  const { slow, namespaces, movers, active, problems, certificates, proxies, emptyBecause } = overview;
  return (
    <>
      {emptyBecause === "" ? null : (
        <Card flush>
          <Empty title="No traffic yet">
            <p>{emptyBecause}</p>
            <Command>tulle demo</Command>
          </Empty>
        </Card>
      )}
      {slow.rows.length === 0 && emptyBecause !== "" ? null : (
        <section className="card headline" data-culprit={slow.culprit !== null}>
          <header>
            <h2>Where the time goes</h2>
            <p>
              {slow.basis === "traces"
                ? `from ${formatCount(slow.traces.sampled, "trace")}`
                : slow.basis === "metrics"
                  ? "from both sides' histograms: there are too few traces"
                  : ""}
            </p>
          </header>
          <div className="body stack">
            <p className="answer">{shortHosts(slow.headline)}</p>
            <SlowList slow={slow} />
          </div>
        </section>
      )}
      <Tiles overview={overview} />
      {active.map(({ kind, host, text, object, until }) => (
        <Notice
          key={`${object.kind} ${object.namespace}/${object.name} ${object.field ?? ""} ${kind}`}
          tone={kind === "fault" ? "warn" : "info"}
        >
          <strong>{ACTIVE_NAMES[kind]}</strong> for {host}: {text} <ObjectRefLink reference={object} />
          {until === null ? null : (
            <>
              , ends <Moment at={until} />
            </>
          )}
        </Notice>
      ))}
      <div className="grid optional">
        <Movers movers={movers} since={overview.comparedWithAt} />
        {problems.length === 0 ? null : (
          <Card title="Problems of the configuration">
            <ul className="stack" style={{ gap: 6 }}>
              {problems.slice(0, 8).map(({ severity, object, message }) => (
                <li key={`${object.kind} ${object.name} ${message}`} className="wrap">
                  <Status tone={severity === "error" ? "bad" : "warn"}>
                    {severity === "error" ? "Error" : "Warning"}
                  </Status>{" "}
                  <ObjectRefLink reference={object} /> {message}
                </li>
              ))}
            </ul>
          </Card>
        )}
        {proxies.late.length === 0 ? null : (
          <Card title="Proxies behind">
            <ul className="stack" style={{ gap: 6 }}>
              {proxies.late.slice(0, 8).map(({ id, workload, namespace, state, error }) => (
                <li key={id} className="wrap">
                  <Status tone={state === "NACKED" ? "bad" : "warn"}>
                    {state === "NACKED" ? "Refuses" : "On its way"}
                  </Status>{" "}
                  <Link to={`/proxies/${encodeURIComponent(id)}`}>
                    {namespace}/{workload}
                  </Link>{" "}
                  <code>{error}</code>
                </li>
              ))}
            </ul>
          </Card>
        )}
      </div>
      {namespaces.length === 0 ? null : (
        <Card title="Namespaces" flush>
          <Table
            label="Namespaces"
            columns={NAMESPACE_COLUMNS}
            rows={namespaces}
            rowKey={({ namespace }) => namespace}
            sortedBy="health-asc"
          />
        </Card>
      )}
      {certificates.length === 0 || !certificates.some(({ daysLeft }) => daysLeft < 30) ? null : (
        <Card title="Certificates that end soon">
          <ul className="stack">
            {certificates.map(({ what, name, notAfter, daysLeft }) => (
              <li key={`${what} ${name}`}>
                <Status tone={certificateTone(daysLeft)}>
                  {what} {name}
                </Status>{" "}
                <Moment at={notAfter} />
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

const ACTIVE_NAMES = {
  fault: "Fault injected",
  mirror: "Mirrored",
  shifting: "Traffic shifted",
  "tcp-shifting": "TCP traffic shifted",
} as const;

function certificateTone(daysLeft: number): Tone {
  return daysLeft < 7 ? "bad" : daysLeft < 30 ? "warn" : "ok";
}

/** A root has a name that tells nobody anything. */
function endOf({ what, name }: Overview["certificates"][number]): string {
  return what === "root" ? "the mesh's root" : `${what} ${name}`;
}

function Tiles({ overview }: { readonly overview: Overview }): ReactNode {
  const { at, namespaces, mtls, certificates, proxies, active } = overview;
  const rps = namespaces.reduce((sum, one) => sum + one.rps, 0);
  const failed = namespaces.reduce((sum, one) => sum + one.rps * one.errorShare, 0);
  const first = certificates[0];
  const share = rps === 0 ? 0 : failed / rps;
  return (
    <div className="grid narrow">
      <Tile
        label="Requests"
        value={formatRate(rps)}
        note={rps === 0 ? "none in this time" : `${formatPercent(share)} failed`}
        tone={rps === 0 ? "none" : share >= 0.1 ? "bad" : share > 0 ? "warn" : "ok"}
        to="/services"
      />
      <Tile
        label="mTLS"
        value={formatPercent(mtls.share)}
        note={
          mtls.plain.length === 0 ? "no plaintext call seen" : `${formatCount(mtls.plain.length, "call")} in plaintext`
        }
        tone={mtls.state === "all" ? "ok" : mtls.state === "unknown" ? "none" : "warn"}
        to="/security"
      />
      <Tile
        label="Certificates"
        value={first === undefined ? "–" : formatSpan(Math.max(0, first.notAfter - at))}
        note={first === undefined ? "nobody has any" : `until ${endOf(first)} ends`}
        tone={first === undefined ? "none" : certificateTone(first.daysLeft)}
        to="/certificates"
      />
      <Tile
        label="Proxies"
        value={`${proxies.synced} of ${proxies.total}`}
        note="have the configuration that they should"
        tone={
          proxies.synced === proxies.total
            ? "ok"
            : proxies.late.some(({ state }) => state === "NACKED")
              ? "bad"
              : "warn"
        }
        to="/proxies"
      />
      <Tile
        label="Changed now"
        value={active.length}
        note={
          active.length === 0
            ? "no fault, mirror or shift"
            : [...new Set(active.map(({ host }) => host.split(".")[0]))].join(", ")
        }
        tone={active.some(({ kind }) => kind === "fault") ? "warn" : "none"}
        to="/traffic"
      />
    </div>
  );
}

const MOVER_NAMES: Readonly<Record<Mover["what"], { name: string; tone: Tone }>> = {
  slower: { name: "Slower", tone: "warn" },
  faster: { name: "Faster", tone: "ok" },
  "more-errors": { name: "More errors", tone: "bad" },
  "fewer-errors": { name: "Fewer errors", tone: "ok" },
};

function Movers({ movers, since }: { readonly movers: readonly Mover[]; readonly since: number }): ReactNode {
  if (movers.length === 0) return null;
  return (
    <Card
      title="What has changed"
      note={
        <>
          against <Moment at={since} />
        </>
      }
    >
      <ul className="stack" style={{ gap: 6 }}>
        {movers.slice(0, 8).map(({ namespace, service, version, what, before, now }) => {
          const format = what === "slower" || what === "faster" ? formatMs : formatPercent;
          return (
            <li key={`${namespace}/${service} ${version} ${what}`} className="row">
              <Badge tone={MOVER_NAMES[what].tone}>{MOVER_NAMES[what].name}</Badge>
              <Link to={servicePath(namespace, service)}>
                {service} {version}
              </Link>
              <span className="soft">
                {format(before)} → <strong>{format(now)}</strong>
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

const NAMESPACE_COLUMNS: readonly Column<NamespaceSummary>[] = [
  {
    id: "name",
    name: "Namespace",
    cell: ({ namespace }) => (
      <Link to="/graph" parameters={{ ns: namespace }}>
        <strong>{namespace}</strong>
      </Link>
    ),
    sort: ({ namespace }) => namespace,
  },
  healthColumn(),
  {
    id: "services",
    name: "Services",
    numeric: true,
    cell: ({ services }) => services,
    sort: ({ services }) => services,
  },
  {
    id: "workloads",
    name: "Workloads",
    numeric: true,
    cell: ({ workloads }) => workloads,
    sort: ({ workloads }) => workloads,
  },
  {
    id: "rate",
    name: "Requests",
    numeric: true,
    cell: ({ rps }) => formatRate(rps),
    sort: ({ rps }) => rps,
    descending: true,
  },
  {
    id: "failed",
    name: "Failed",
    numeric: true,
    cell: ({ errorShare }) => formatPercent(errorShare),
    sort: ({ errorShare }) => errorShare,
    descending: true,
  },
  {
    id: "p95",
    name: "p95",
    numeric: true,
    descending: true,
    cell: ({ p95Ms }) => formatMs(p95Ms),
    sort: ({ p95Ms }) => p95Ms ?? undefined,
  },
  mtlsColumn(),
];
