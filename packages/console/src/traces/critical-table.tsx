/** The critical path by service: what made the request as long as it was. */
import type { ReactNode } from "react";
import type { CriticalPath, DelayKind } from "@tulle/telemetry/insight";
import { formatMs, formatPercent } from "../format/numbers.ts";
import { KIND_NAMES } from "../insight/slow-list.tsx";
import { Card } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import { shortHosts } from "./model.ts";
import type { Trace } from "./model.ts";

export function CriticalTable({ path, trace }: { readonly path: CriticalPath; readonly trace: Trace }): ReactNode {
  const sums = new Map<string, { service: string; version: string; kind: DelayKind; route: string; micros: number }>();
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
          { id: "route", name: "Route", cell: ({ route }) => <code className="wrap">{shortHosts(route)}</code> },
          { id: "kind", name: "Where", cell: ({ kind }) => KIND_NAMES[kind] },
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
