/** Finding traces: by service and operation, by how long they took, by what they carry. */
import { useState } from "react";
import type { ReactNode } from "react";
import { useTraces, useTraceServices, useOperations } from "../api/traces.ts";
import { formatCount, formatMs } from "../format/numbers.ts";
import { useRange } from "../shell/scope.ts";
import { coloursOf, shortHosts, shortNames, traceOf } from "../traces/model.ts";
import type { Trace } from "../traces/model.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Command, Empty, Page, Select } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { formatClock } from "../ui/time.tsx";
import "../styles/traces.css";

export default function TracesPage(): ReactNode {
  const { query, change, to } = useAddress();
  const services = useTraceServices();
  const names = [...(services.data?.data ?? [])].sort();
  const service = query.get("service") ?? "";
  const range = useRange();
  const min = query.get("min") ?? "";
  const isDuration = /^\d+(\.\d+)?(us|ms|s)$/.test(min);
  const tag = query.get("tag") ?? "";
  const traces = useTraces(
    {
      service,
      operation: query.get("operation") ?? undefined,
      start: range.from * 1000,
      end: range.to * 1000,
      limit: query.get("limit") ?? 50,
      minDuration: isDuration ? min : undefined,
      tags: tag.includes("=") ? JSON.stringify(tagsOf(tag)) : undefined,
    },
    true,
  );
  const operations = useOperations(service);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  return (
    <Page
      title="Traces"
      actions={
        chosen.length === 2 ? (
          <Link to="/traces/compare" parameters={{ a: chosen[0]!, b: chosen[1]! }} className="button primary">
            Compare the two
          </Link>
        ) : (
          <span className="soft small">Mark two to compare them</span>
        )
      }
    >
      <div className="filters">
        <Select
          aria-label="Service"
          value={service}
          options={[
            { value: "", name: "Every service" },
            ...(names.includes(service) || service === "" ? names : [service, ...names]).map((name) => ({
              value: name,
              name,
            })),
          ]}
          onChange={({ target }) => change({ service: target.value, operation: null })}
        />
        <Select
          aria-label="Operation"
          value={query.get("operation") ?? ""}
          options={[
            { value: "", name: "Every operation" },
            ...(operations.data?.data ?? [])
              .map((one) => (typeof one === "string" ? one : one.name))
              .map((name) => ({ value: name, name })),
          ]}
          onChange={({ target }) => change({ operation: target.value })}
        />
        <input
          className="input"
          aria-label="Tags, as http.status_code=503"
          placeholder="Tags: error=true"
          value={tag}
          onChange={({ target }) => change({ tag: target.value }, { replace: true })}
        />
        <input
          className="input"
          style={{ width: 150 }}
          aria-label="At least this long, as 100ms"
          aria-invalid={min !== "" && !isDuration}
          placeholder="At least: 100ms"
          value={min}
          onChange={({ target }) => change({ min: target.value }, { replace: true })}
        />
        <Select
          aria-label="How many"
          value={query.get("limit") ?? "50"}
          options={["20", "50", "100", "500"].map((value) => ({ value, name: `${value} traces` }))}
          onChange={({ target }) => change({ limit: target.value })}
        />
      </div>
      {services.data !== undefined && names.length === 0 ? (
        <Card flush>
          <Empty title="No trace has come yet">
            <p>
              Proxies send some of their spans by themselves; applications need to pass on the headers of the trace.
            </p>
            <Command>tulle demo</Command>
          </Empty>
        </Card>
      ) : (
        <Answer of={services} what="the services">
          {() => (
            <Answer of={traces} what="the traces">
              {() => {
                const found = (traces.data?.data ?? []).map(traceOf);
                return (
                  <>
                    {found.length === 0 ? null : <Scatter traces={found} hrefOf={(id) => to(pathOf("traces", id))} />}
                    <Card flush>
                      <Table
                        label="Traces"
                        columns={columnsFor(found, chosen, (id) =>
                          setChosen(
                            chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-2),
                          ),
                        )}
                        rows={found}
                        rowKey={({ id }) => id}
                        sortedBy="start-desc"
                        empty={
                          <Empty title="No trace is like that in this time">
                            <Link parameters={{ tag: null, min: null, operation: null, range: "1h" }}>
                              Every trace of the last hour
                            </Link>
                          </Empty>
                        }
                      />
                    </Card>
                  </>
                );
              }}
            </Answer>
          )}
        </Answer>
      )}
    </Page>
  );
}

function tagsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .trim()
      .split(/\s+/)
      .map((pair) => [pair.split("=")[0]!, pair.split("=").slice(1).join("=")]),
  );
}

function columnsFor(
  traces: readonly Trace[],
  chosen: readonly string[],
  toggle: (id: string) => void,
): readonly Column<Trace>[] {
  const services = new Set(traces.flatMap((trace) => trace.services));
  const colours = coloursOf(services);
  const names = shortNames(services);
  const longest = Math.max(1e-9, ...traces.map(({ durationMs }) => durationMs));
  return [
    {
      id: "mark",
      name: "",
      cell: ({ id }) => (
        <input
          type="checkbox"
          aria-label={`Compare trace ${id}`}
          checked={chosen.includes(id)}
          onChange={() => toggle(id)}
        />
      ),
    },
    {
      id: "start",
      name: "At",
      descending: true,
      cell: ({ startMs }) => <span className="nowrap">{formatClock(startMs)}</span>,
      sort: ({ startMs }) => startMs,
    },
    {
      id: "root",
      name: "Trace",
      cell: ({ id, root }) => (
        <Link to={pathOf("traces", id)} className="trace-name" title={`${root?.service} ${root?.name}`}>
          <strong>{names.get(root?.service ?? "")}</strong> {shortHosts(root?.name ?? "")}
        </Link>
      ),
      sort: ({ root }) => `${root?.service} ${root?.name}`,
    },
    {
      id: "duration",
      name: "Took",
      descending: true,
      cell: ({ durationMs }) => (
        <span className="trace-length">
          <span className="bar-meter" aria-hidden>
            <span style={{ width: `${(durationMs / longest) * 100}%` }} />
          </span>
          {formatMs(durationMs)}
        </span>
      ),
      sort: ({ durationMs }) => durationMs,
    },
    {
      id: "spans",
      name: "Spans",
      numeric: true,
      descending: true,
      cell: ({ spans }) => spans.length,
      sort: ({ spans }) => spans.length,
    },
    {
      id: "errors",
      name: "Failed",
      numeric: true,
      descending: true,
      cell: ({ errors }) =>
        errors === 0 ? (
          <span className="soft">0</span>
        ) : (
          <Badge tone="bad" icon="bad">
            {errors}
          </Badge>
        ),
      sort: ({ errors }) => errors,
    },
    {
      id: "services",
      name: "Calls",
      cell: ({ services: [, ...called] }) => (
        <span className="trace-services">
          {called.slice(0, 8).map((name, index) => (
            <span key={name} className="dotted" title={name}>
              <span className="span-dot" style={{ background: `var(--series-${colours.get(name)})` }} />
              {/* The first two by name; of the others the colour, which is that of their bars. */}
              <span className={index < 2 ? undefined : "visually-hidden"}>{names.get(name)}</span>
            </span>
          ))}
          {called.length > 8 ? <span className="soft">+{called.length - 8}</span> : null}
        </span>
      ),
    },
  ];
}

/** When each was, and how long it took; the same traces as in the table. */
function Scatter({
  traces,
  hrefOf,
}: {
  readonly traces: readonly Trace[];
  readonly hrefOf: (id: string) => string;
}): ReactNode {
  const { go } = useAddress();
  const from = Math.min(...traces.map(({ startMs }) => startMs));
  const until = Math.max(...traces.map(({ startMs }) => startMs));
  const longest = Math.max(1e-9, ...traces.map(({ durationMs }) => durationMs));
  return (
    <Card title="When, and how long" note={`${formatClock(from)} – ${formatClock(until)}, up to ${formatMs(longest)}`}>
      <div className="scatter" aria-hidden>
        {traces.map(({ id, startMs, durationMs, errors, spans }) => {
          const size = Math.min(18, 7 + Math.sqrt(spans.length) * 1.4);
          return (
            <a
              key={id}
              href={hrefOf(id)}
              tabIndex={-1}
              data-error={errors > 0}
              title={`${formatMs(durationMs)}, ${formatCount(spans.length, "span")}`}
              style={{
                left: `${((startMs - from) / Math.max(1, until - from)) * 100}%`,
                bottom: `${(durationMs / longest) * 100}%`,
                width: size,
                height: size,
              }}
              onClick={(event) => {
                event.preventDefault();
                go(pathOf("traces", id));
              }}
            />
          );
        })}
      </div>
    </Card>
  );
}
