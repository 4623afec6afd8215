/** Sums by service and operation: of one trace, or of two side by side. */
import type { ReactNode } from "react";
import { formatMs } from "../format/numbers.ts";
import { Card } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { shortHosts, sumsOf } from "./model.ts";
import type { SpanSum, Trace } from "./model.ts";

/** Who did it: the first two columns of both tables. */
export function operationColumns<Row extends Pick<SpanSum, "service" | "name">>(): readonly Column<Row>[] {
  return [
    {
      id: "service",
      name: "Service",
      cell: ({ service }) => <strong>{service}</strong>,
      sort: ({ service }) => service,
    },
    {
      id: "name",
      name: "Operation",
      cell: ({ name }) => (
        <span className="wrap" title={name}>
          {shortHosts(name)}
        </span>
      ),
      sort: ({ name }) => name,
    },
  ];
}

export function millisecondsColumn<Row>(id: string, name: string, msOf: (row: Row) => number): Column<Row> {
  return { id, name, numeric: true, descending: true, cell: (row) => formatMs(msOf(row)), sort: msOf };
}

const COLUMNS: readonly Column<SpanSum>[] = [
  ...operationColumns<SpanSum>(),
  {
    id: "count",
    name: "Spans",
    numeric: true,
    descending: true,
    cell: ({ count }) => count,
    sort: ({ count }) => count,
  },
  millisecondsColumn("total", "Total", ({ totalMs }) => totalMs),
  millisecondsColumn("self", "Own time", ({ selfMs }) => selfMs),
  millisecondsColumn("max", "Longest", ({ longestMs }) => longestMs),
];

export function SpanSums({ trace }: { readonly trace: Trace }): ReactNode {
  return (
    <Card title="Statistics" note="Own time: what no call below it took" flush>
      <Table
        label="Statistics"
        columns={COLUMNS}
        rows={sumsOf(trace)}
        rowKey={({ service, name }) => `${service} ${name}`}
        sortedBy="self-desc"
      />
    </Card>
  );
}
