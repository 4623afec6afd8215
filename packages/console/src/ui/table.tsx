/** Tables: sorted by the address, rows that are links by their first cell, numbers on the right. */
import type { ReactNode } from "react";
import { useAddress } from "../url/use-address.ts";

export interface Column<Row> {
  readonly id: string;
  readonly name: string;
  readonly cell: (row: Row) => ReactNode;
  /** What it is sorted by; absent: it is not. */
  readonly sort?: (row: Row) => string | number | undefined;
  readonly numeric?: boolean;
  readonly title?: string;
  /** Numbers that are sorted largest first when first pressed. */
  readonly descending?: boolean;
}

export interface TableProperties<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** Column and direction where the address says none: `rate-desc`. */
  readonly sortedBy?: string;
  /** The address's parameter, where a page has several tables. */
  readonly parameter?: string;
  readonly dense?: boolean;
  readonly selected?: (row: Row) => boolean;
  readonly empty?: ReactNode;
  /** More rows than these are not drawn before somebody asks. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 300;

export function Table<Row>({
  label,
  columns,
  rows,
  rowKey,
  sortedBy = "",
  parameter = "sort",
  dense = false,
  selected,
  empty,
  limit = DEFAULT_LIMIT,
}: TableProperties<Row>): ReactNode {
  const { query, change } = useAddress();
  const [by, direction] = (query.get(parameter) ?? sortedBy).split("-");
  const all = query.get(`${parameter}-all`) === "1";
  const column = columns.find(({ id }) => id === by);
  const sorted = column?.sort === undefined ? rows : [...rows].sort(comparer(column.sort, direction === "desc"));
  const shown = all ? sorted : sorted.slice(0, limit);
  if (rows.length === 0 && empty !== undefined) return empty;
  return (
    <>
      {/* A region that scrolls has to be reachable by the keyboard. */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
        <table className={dense ? "table dense" : "table"}>
          <thead>
            <tr>
              {columns.map((one) => {
                const isSorted = one.id === by && one.sort !== undefined;
                const next = isSorted
                  ? direction === "desc"
                    ? "asc"
                    : "desc"
                  : one.descending === true
                    ? "desc"
                    : "asc";
                return (
                  <th
                    key={one.id}
                    scope="col"
                    className={one.numeric === true ? "number" : undefined}
                    title={one.title}
                    aria-sort={isSorted ? (direction === "desc" ? "descending" : "ascending") : undefined}
                  >
                    {one.sort === undefined ? (
                      one.name
                    ) : (
                      <button
                        type="button"
                        onClick={() => change({ [parameter]: `${one.id}-${next}` }, { replace: true })}
                      >
                        {one.name}
                      </button>
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={rowKey(row)} aria-selected={selected === undefined ? undefined : selected(row)}>
                {columns.map((one) => (
                  <td key={one.id} className={one.numeric === true ? "number" : undefined}>
                    {one.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < sorted.length ? (
        <div className="row" style={{ padding: "8px 12px" }}>
          <span className="soft">
            {shown.length} of {sorted.length}
          </span>
          <button
            type="button"
            className="button small"
            onClick={() => change({ [`${parameter}-all`]: 1 }, { replace: true })}
          >
            Show all
          </button>
        </div>
      ) : null}
    </>
  );
}

function comparer<Row>(key: (row: Row) => string | number | undefined, descending: boolean) {
  return (a: Row, b: Row): number => {
    const x = key(a);
    const y = key(b);
    // What is not known comes last, whichever way.
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
    const order = typeof x === "number" && typeof y === "number" ? x - y : compareTexts(String(x), String(y));
    return descending ? -order : order;
  };
}

/** `v2` before `v10`. */
const collator = new Intl.Collator("en", { numeric: true });
export function compareTexts(a: string, b: string): number {
  return collator.compare(a, b);
}
