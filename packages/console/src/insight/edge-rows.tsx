/** Calls as a table: who calls whom, how often, how fast and how safely. */
import type { ReactNode } from "react";
import type { EdgeRow, Party } from "@tulle/telemetry/insight";
import { Link } from "../url/link.tsx";
import { Empty } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { callColumns } from "./columns.tsx";
import { servicePath } from "./parts.tsx";

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

const MEASURES = callColumns<EdgeRow>(["p50", "p95"]);

function party(side: "from" | "to", name: string): Column<EdgeRow> {
  return {
    id: side,
    name,
    cell: (row) => <PartyLink party={row[side]} />,
    sort: (row) => `${row[side].name} ${row[side].version}`,
  };
}

const COLUMNS: Readonly<Record<"from" | "to" | "both", readonly Column<EdgeRow>[]>> = {
  from: [party("from", "From"), ...MEASURES],
  to: [party("to", "To"), ...MEASURES],
  both: [party("from", "From"), party("to", "To"), ...MEASURES],
};

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
      columns={COLUMNS[show]}
      rows={rows}
      rowKey={({ from, to }) => JSON.stringify([from, to])}
      sortedBy="rate-desc"
      parameter={parameter}
      dense
      empty={<Empty title={empty} />}
    />
  );
}
