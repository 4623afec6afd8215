/** Single requests: what passes now, and what has passed; each failed one with the reason. */
import type { ReactNode } from "react";
import type { KeptRequest } from "@tulle/telemetry/records";
import { useRequests, useTap } from "../api/requests.ts";
import { statusTone } from "../explain/explanation.tsx";
import { formatMs } from "../format/numbers.ts";
import { endName } from "../requests/request-details.tsx";
import { useNamespace, useRange } from "../shell/scope.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Command, Empty, Page, Segments, Select, Status } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { formatClock } from "../ui/time.tsx";

const COLUMNS: readonly Column<KeptRequest>[] = [
  {
    id: "at",
    name: "At",
    cell: ({ startMs }) => <span className="nowrap">{formatClock(startMs)}</span>,
    sort: ({ startMs }) => startMs,
    descending: true,
  },
  {
    id: "status",
    name: "Answer",
    cell: ({ status, flags, grpcStatus }) => (
      <span className="nowrap">
        <Status tone={statusTone(status, flags)}>{status === 0 ? "none" : status}</Status>
        {grpcStatus === "" || grpcStatus === "0" ? null : <span className="soft"> grpc {grpcStatus}</span>}{" "}
        {flags === "" ? null : <code className="chip">{flags}</code>}
      </span>
    ),
    sort: ({ status }) => status,
  },
  {
    id: "from",
    name: "From",
    cell: ({ source, peerPrincipal }) =>
      endName(source) || <span className="soft">{peerPrincipal.split("/").at(-1) || "not known"}</span>,
    sort: ({ source }) => source.workload,
  },
  {
    id: "to",
    name: "To",
    cell: ({ destination, authority }) => endName(destination) || <span className="soft">{authority}</span>,
    sort: ({ destination }) => destination.workload,
  },
  {
    id: "path",
    name: "Request",
    cell: ({ method, path, protocol }) => (
      <code className="wrap">
        {method === "" ? protocol : method} {path}
      </code>
    ),
    sort: ({ path }) => path,
  },
  {
    id: "took",
    name: "Took",
    numeric: true,
    descending: true,
    cell: ({ durationMs }) => formatMs(durationMs),
    sort: ({ durationMs }) => durationMs,
  },
  {
    id: "why",
    name: "",
    cell: (request) => (
      <span className="row" style={{ gap: 4, flexWrap: "nowrap" }}>
        <Link
          parameters={{ about: `request:${request.id}` }}
          className={`button small${isFailed(request) ? " primary" : ""}`}
        >
          Explain
        </Link>
        {request.traceId === "" ? null : (
          <Link to={pathOf("traces", request.traceId)} className="button small">
            Trace
          </Link>
        )}
      </span>
    ),
  },
];

function isFailed({ status, flags }: KeptRequest): boolean {
  return status === 0 || status >= 500 || flags !== "";
}

const STATUSES = [
  { value: "", name: "Any answer" },
  { value: "error", name: "Failed" },
  { value: "5xx", name: "5xx" },
  { value: "4xx", name: "4xx" },
  { value: "2xx", name: "2xx" },
];

export default function RequestsPage(): ReactNode {
  const { query, change } = useAddress();
  const ns = useNamespace();
  const range = useRange();
  const mode = query.get("mode") === "recorded" ? "recorded" : "live";
  const paused = query.get("paused") === "1";
  const min = query.get("min") ?? "";
  const filter = {
    subject: query.get("subject") || undefined,
    status: query.get("status") || undefined,
    path: query.get("path") || undefined,
    flags: query.get("flags") || undefined,
    reporter: query.get("reporter") || undefined,
    minDuration: /^\d+$/.test(min) ? min : undefined,
    namespace: ns === "" ? undefined : ns,
  };
  const text = (name: string, label: string, width: number): ReactNode => (
    <input
      className="input"
      style={{ width }}
      aria-label={label}
      placeholder={label}
      value={query.get(name) ?? ""}
      onChange={({ target }) => change({ [name]: target.value }, { replace: true })}
    />
  );
  const tap = useTap(filter, mode === "live" && !paused);
  const recorded = useRequests({ ...filter, from: range.from, to: range.to, limit: 200 }, mode === "recorded");
  const empty = (
    <Empty title={mode === "live" ? "No such request passes now" : "No such request is kept of this time"}>
      <p>
        Proxies report what fails and what is slow, and of all others as many as a budget lets them. The same in a
        terminal:
      </p>
      <Command>tulle tap</Command>
    </Empty>
  );
  const table = (rows: readonly KeptRequest[]): ReactNode => (
    <Table
      label="Requests"
      columns={COLUMNS}
      rows={rows}
      rowKey={({ id }) => String(id)}
      sortedBy="at-desc"
      dense
      limit={200}
      selected={({ id }) => query.get("about") === `request:${id}`}
      empty={empty}
    />
  );
  return (
    <Page
      title="Requests"
      actions={
        mode !== "live" ? undefined : (
          <>
            {tap.missed > 0 ? <span className="soft">{tap.missed} more came too fast</span> : null}
            <Badge
              tone={paused ? "none" : tap.state === "open" ? "ok" : tap.state === "lost" ? "bad" : "none"}
              icon={tap.state === "lost" ? "bad" : paused ? "none" : "ok"}
            >
              {paused
                ? "Paused"
                : tap.state === "open"
                  ? "Live"
                  : tap.state === "lost"
                    ? "Lost; trying again"
                    : "Connecting"}
            </Badge>
            <button type="button" className="button" aria-pressed={paused} onClick={() => change({ paused: !paused })}>
              {paused ? "Go on" : "Pause"}
            </button>
          </>
        )
      }
    >
      <div className="filters">
        <Segments
          label="Which requests"
          value={mode}
          options={[
            { value: "live", name: "Live" },
            { value: "recorded", name: "Recorded" },
          ]}
          onChange={(value) => change({ mode: value === "live" ? null : value })}
        />
        <Select
          aria-label="Answer"
          value={query.get("status") ?? ""}
          options={STATUSES}
          onChange={({ target }) => change({ status: target.value })}
        />
        {text("subject", "Service or workload", 170)}
        {text("path", "Path begins with", 150)}
        {text("flags", "Flags: UF,URX", 120)}
        {text("min", "At least ms", 100)}
        <Select
          aria-label="Who reports"
          value={query.get("reporter") ?? ""}
          options={[
            { value: "", name: "Both sides" },
            { value: "source", name: "Client's side" },
            { value: "destination", name: "Server's side" },
          ]}
          onChange={({ target }) => change({ reporter: target.value })}
        />
      </div>
      <Card flush>
        {mode === "live" ? (
          table(tap.requests)
        ) : (
          <Answer of={recorded} what="the requests">
            {({ items }) => table(items)}
          </Answer>
        )}
      </Card>
    </Page>
  );
}
