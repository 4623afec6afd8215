/** The graph as a table: for everybody who does not see it, and for exact numbers. */
import { useMemo } from "react";
import type { ReactNode } from "react";
import type { GraphEdge } from "@tulle/telemetry/insight";
import { formatPercent } from "../format/numbers.ts";
import { callColumns } from "../insight/columns.tsx";
import { Badge, Empty } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import type { Shown } from "./use-shown.ts";

/** As many as one reads; the rest when somebody asks. */
const ROWS = 50;

const MEASURES: readonly Column<GraphEdge>[] = [
  ...callColumns<GraphEdge>(["p50", "p95", "p99"]),
  {
    id: "share",
    name: "Share",
    title: "Of what the caller sends",
    numeric: true,
    descending: true,
    cell: ({ shareOfSource, isCopies }) =>
      isCopies ? (
        <Badge icon="mirror" title="Mirrored requests, whose answers nobody waits for">
          copies
        </Badge>
      ) : (
        formatPercent(shareOfSource)
      ),
    sort: ({ shareOfSource }) => shareOfSource,
  },
];

export function CallTable({
  shown,
  selected,
  onSelect,
  onShow,
}: {
  readonly shown: Pick<Shown, "nodes" | "edges">;
  readonly selected: string | undefined;
  readonly onSelect: (edge: GraphEdge) => void;
  readonly onShow: (id: string) => void;
}): ReactNode {
  const names = useMemo(() => new Map(shown.nodes.map((node) => [node.id, node])), [shown]);
  const name = (id: string): string => {
    const node = names.get(id);
    return node === undefined
      ? id
      : `${node.name}${node.version === "" || node.name.includes(node.version) ? "" : ` ${node.version}`}`;
  };
  const columns: readonly Column<GraphEdge>[] = [
    {
      id: "from",
      name: "From",
      cell: (edge) => (
        <button
          type="button"
          className="button link"
          onClick={() => {
            onShow(edge.source);
            onSelect(edge);
          }}
        >
          {name(edge.source)}
        </button>
      ),
      sort: (edge) => name(edge.source),
    },
    { id: "to", name: "To", cell: (edge) => name(edge.target), sort: (edge) => name(edge.target) },
    ...MEASURES,
  ];
  return (
    <Table
      label="Calls"
      columns={columns}
      rows={shown.edges}
      rowKey={({ id }) => id}
      sortedBy="rate-desc"
      dense
      limit={ROWS}
      selected={({ id }) => id === selected}
      empty={<Empty title="Everything is hidden" />}
    />
  );
}
