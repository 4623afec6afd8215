/** One trace: every hop in time, and which of them made it as long as it was. */
import { useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import type { CriticalPath } from "@tulle/telemetry/insight";
import { isAbsent, useCriticalPath, useTrace } from "../api/traces.ts";
import { formatMs, formatPercent } from "../format/numbers.ts";
import { colourOf, traceOf, visibleSpans } from "../traces/model.ts";
import type { Span, Trace } from "../traces/model.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Empty, Facts, Page, Tabs } from "../ui/basics.tsx";
import { CopyButton, saveFile } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { Table } from "../ui/table.tsx";
import { formatDate } from "../ui/time.tsx";
import "../styles/traces.css";

export default function TracePage(): ReactNode {
  const id = usePathPart(1);
  const answer = useTrace(id);
  const first = answer.data?.data[0];
  const trace = useMemo(() => (first === undefined ? undefined : traceOf(first)), [first]);
  return (
    <Page
      title={trace?.root === undefined ? "Trace" : `${trace.root.service} ${trace.root.name}`}
      crumbs={
        <>
          <Link to="/traces">Traces</Link> / <code>{id}</code> <CopyButton text={id} label="Copy the trace's id" />
        </>
      }
      actions={
        <button
          type="button"
          className="button"
          disabled={first === undefined}
          onClick={() => saveFile(`trace-${id}.json`, `${JSON.stringify(answer.data, null, 2)}\n`, "application/json")}
        >
          <Icon name="download" />
          JSON
        </button>
      }
    >
      {isAbsent(answer.error) ? (
        <Card flush>
          <Empty title="This trace is not kept">
            <p>It is older than what is kept, it was not sampled, or its spans are still on their way.</p>
            <button type="button" className="button" onClick={() => void answer.refetch()}>
              Look again
            </button>
          </Empty>
        </Card>
      ) : (
        <Answer of={answer} what="the trace">
          {() => (trace === undefined ? <Empty title="This trace is not kept" /> : <Body trace={trace} />)}
        </Answer>
      )}
    </Page>
  );
}

function Body({ trace }: { readonly trace: Trace }): ReactNode {
  const { query } = useAddress();
  const critical = useCriticalPath(trace.id);
  const tab = query.get("tab") ?? "waterfall";
  return (
    <>
      <div className="row soft">
        <span>{formatDate(trace.startMs)}</span>
        <strong>{formatMs(trace.durationMs)}</strong>
        <span>{trace.spans.length} spans</span>
        <span>{trace.services.length} services</span>
        {trace.errors === 0 ? null : (
          <Badge tone="bad" icon="bad">
            {trace.errors} failed
          </Badge>
        )}
      </div>
      <Tabs
        label="Of the trace"
        current={tab}
        tabs={[
          { id: "waterfall", name: "Waterfall", parameters: { tab: null } },
          { id: "critical", name: "Critical path", parameters: { tab: "critical" } },
          { id: "statistics", name: "Statistics", parameters: { tab: "statistics" } },
        ]}
      />
      {tab === "critical" ? (
        critical.data === undefined ? (
          <Empty title="There is no critical path">
            <p>{critical.error instanceof Error ? critical.error.message : "It is being found."}</p>
          </Empty>
        ) : (
          <Critical path={critical.data} trace={trace} />
        )
      ) : tab === "statistics" ? (
        <Statistics trace={trace} />
      ) : (
        <Waterfall trace={trace} critical={critical.data} />
      )}
    </>
  );
}

function Waterfall({
  trace,
  critical,
}: {
  readonly trace: Trace;
  readonly critical: CriticalPath | undefined;
}): ReactNode {
  const { query, change } = useAddress();
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const rows = visibleSpans(trace.spans, folded);
  const open = query.get("span");
  const list = useRef<HTMLOListElement>(null);
  const startMicros = trace.startMs * 1000;
  const sections = new Map<string, { left: number; width: number }[]>();
  for (const { spanId, startMicros: at, durationMicros } of critical?.sections ?? []) {
    const left = ((at - startMicros) / 1000 / trace.durationMs) * 100;
    sections.set(spanId, [
      ...(sections.get(spanId) ?? []),
      { left, width: (durationMicros / 1000 / trace.durationMs) * 100 },
    ]);
  }
  const toggle = (id: string): void => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
  const onKey = (event: KeyboardEvent, span: Span): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>("button.span-row") ?? [])];
    const at = buttons.indexOf(event.currentTarget as HTMLButtonElement);
    if (event.key === "ArrowDown") buttons[at + 1]?.focus();
    else if (event.key === "ArrowUp") buttons[at - 1]?.focus();
    else if (event.key === "ArrowLeft" && span.children > 0 && !folded.has(span.id)) toggle(span.id);
    else if (event.key === "ArrowRight" && folded.has(span.id)) toggle(span.id);
    else return;
    event.preventDefault();
  };
  return (
    <Card
      title="Waterfall"
      note={
        critical === undefined
          ? undefined
          : "The line below a bar is its part of the critical path: shorten that, and the request gets shorter."
      }
      actions={
        <button
          type="button"
          className="button small"
          onClick={() =>
            setFolded(
              folded.size > 0
                ? new Set()
                : new Set(trace.spans.filter(({ children, depth }) => children > 0 && depth > 0).map(({ id }) => id)),
            )
          }
        >
          {folded.size > 0 ? "Unfold all" : "Fold all"}
        </button>
      }
      flush
    >
      <div className="waterfall">
        <div className="span-scale" aria-hidden>
          {[0, 0.25, 0.5, 0.75, 1].map((part) => (
            <span key={part} style={{ left: `${part * 100}%` }}>
              {formatMs(trace.durationMs * part)}
            </span>
          ))}
        </div>
        <ol ref={list}>
          {rows.map((span) => (
            <li key={span.id}>
              <button
                type="button"
                className="span-row"
                aria-expanded={open === span.id}
                onClick={() => change({ span: open === span.id ? null : span.id }, { replace: true })}
                onKeyDown={(event) => onKey(event, span)}
              >
                <span className="span-name" style={{ paddingLeft: 10 + span.depth * 14 }}>
                  <span className="span-dot" style={{ background: `var(--series-${colourOf(span.service)})` }} />
                  {span.error ? <Icon name="bad" title="failed" /> : null}
                  <strong>{span.service}</strong> <span className="soft">{span.name}</span>
                  {folded.has(span.id) ? <Badge>{span.children} below</Badge> : null}
                </span>
                <span className="span-lane">
                  <span
                    className="span-bar"
                    data-error={span.error}
                    style={{
                      left: `${(span.start / trace.durationMs) * 100}%`,
                      width: `max(2px, ${(span.duration / trace.durationMs) * 100}%)`,
                      background: `var(--series-${colourOf(span.service)})`,
                    }}
                  />
                  {(sections.get(span.id) ?? []).map(({ left, width }, index) => (
                    <span
                      key={index}
                      className="span-critical"
                      style={{ left: `${left}%`, width: `max(1px, ${width}%)` }}
                    />
                  ))}
                  <span
                    className="span-time"
                    style={
                      span.start / trace.durationMs > 0.6
                        ? { right: `${100 - (span.start / trace.durationMs) * 100}%` }
                        : { left: `${((span.start + span.duration) / trace.durationMs) * 100}%` }
                    }
                  >
                    {formatMs(span.duration)}
                  </span>
                </span>
              </button>
              {open === span.id ? (
                <SpanDetails
                  span={span}
                  onFold={span.children === 0 ? undefined : () => toggle(span.id)}
                  isFolded={folded.has(span.id)}
                />
              ) : null}
            </li>
          ))}
        </ol>
      </div>
    </Card>
  );
}

function SpanDetails({
  span,
  onFold,
  isFolded,
}: {
  readonly span: Span;
  readonly onFold: (() => void) | undefined;
  readonly isFolded: boolean;
}): ReactNode {
  return (
    <div className="span-details stack">
      <div className="row">
        <Badge>{span.kind || "internal"}</Badge>
        <span>
          from {formatMs(span.start)} for {formatMs(span.duration)}, of which {formatMs(span.selfMs)} its own
        </span>
        {onFold === undefined ? null : (
          <button type="button" className="button small" onClick={onFold}>
            {isFolded ? "Unfold" : "Fold"}
          </button>
        )}
        <CopyButton text={span.id} label="Copy the span's id" />
      </div>
      {span.events.length === 0 ? null : (
        <ul>
          {span.events.map(({ at, text }, index) => (
            <li key={index} className="wrap">
              <code>{formatMs(at)}</code> {text}
            </li>
          ))}
        </ul>
      )}
      <Facts>
        {span.tags.map(
          ([name, value]) =>
            [
              name,
              <code key={name} className="wrap">
                {value}
              </code>,
            ] as const,
        )}
      </Facts>
    </div>
  );
}

function Critical({ path, trace }: { readonly path: CriticalPath; readonly trace: Trace }): ReactNode {
  const sums = new Map<string, { service: string; version: string; kind: string; route: string; micros: number }>();
  for (const { service, version, kind, route, durationMicros } of path.sections) {
    const key = `${service} ${version} ${kind} ${route}`;
    const known = sums.get(key);
    sums.set(key, { service, version, kind, route, micros: (known?.micros ?? 0) + durationMicros });
  }
  const rows = [...sums.values()].sort((a, b) => b.micros - a.micros);
  return (
    <Card title="Critical path" note={`What made it ${formatMs(trace.durationMs)}`} flush>
      <Table
        label="Critical path"
        columns={[
          {
            id: "service",
            name: "Service",
            cell: ({ service, version }) => <strong>{`${service} ${version}`}</strong>,
          },
          { id: "route", name: "Route", cell: ({ route }) => <code className="wrap">{route}</code> },
          { id: "kind", name: "Where", cell: ({ kind }) => kind },
          {
            id: "time",
            name: "Time",
            numeric: true,
            cell: ({ micros }) => formatMs(micros / 1000),
          },
          {
            id: "share",
            name: "Share",
            cell: ({ micros }) => (
              <span className="trace-length">
                <span className="bar-meter" aria-hidden>
                  <span style={{ width: `${(micros / 1000 / path.durationMs) * 100}%` }} />
                </span>
                {formatPercent(micros / 1000 / path.durationMs)}
              </span>
            ),
          },
        ]}
        rows={rows}
        rowKey={(row) => JSON.stringify(row)}
      />
    </Card>
  );
}

function Statistics({ trace }: { readonly trace: Trace }): ReactNode {
  const groups = new Map<string, readonly Span[]>();
  for (const span of trace.spans)
    groups.set(`${span.service}\0${span.name}`, [...(groups.get(`${span.service}\0${span.name}`) ?? []), span]);
  const rows = [...groups.values()].map((spans) => ({
    service: spans[0]!.service,
    name: spans[0]!.name,
    count: spans.length,
    total: spans.reduce((sum, { duration }) => sum + duration, 0),
    self: spans.reduce((sum, { selfMs }) => sum + selfMs, 0),
    max: Math.max(...spans.map(({ duration }) => duration)),
  }));
  return (
    <Card title="Statistics" flush>
      <Table
        label="Statistics"
        columns={[
          {
            id: "service",
            name: "Service",
            cell: ({ service }) => <strong>{service}</strong>,
            sort: ({ service }) => service,
          },
          {
            id: "name",
            name: "Operation",
            cell: ({ name }) => <span className="wrap">{name}</span>,
            sort: ({ name }) => name,
          },
          { id: "count", name: "Spans", numeric: true, cell: ({ count }) => count, sort: ({ count }) => count },
          {
            id: "total",
            name: "Total",
            numeric: true,
            cell: ({ total }) => formatMs(total),
            sort: ({ total }) => total,
          },
          { id: "self", name: "Own", numeric: true, cell: ({ self }) => formatMs(self), sort: ({ self }) => self },
          { id: "max", name: "Longest", numeric: true, cell: ({ max }) => formatMs(max), sort: ({ max }) => max },
        ]}
        rows={rows}
        rowKey={({ service, name }) => `${service} ${name}`}
        sortedBy="self-desc"
      />
    </Card>
  );
}
