/** Plain text tables as kubectl's: two spaces between columns, no boxes, nothing after the last cell; easy to grep and cut. */
import { stripVTControlCharacters } from "node:util";

export interface TableOptions {
  /** Printed above, as given (upper case by convention). */
  readonly header?: readonly string[];
  /** Columns, from 0, that are aligned on the right: numbers. */
  readonly right?: readonly number[];
}

/** Lays out rows of cells; cells may hold colour sequences. No newline at the end. */
export function formatTable(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const all = options.header === undefined ? rows : [options.header, ...rows];
  const widths: number[] = [];
  for (const row of all) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  }
  const right = new Set(options.right);
  return all.map((row) => formatRow(row, widths, right)).join("\n");
}

function formatRow(row: readonly string[], widths: readonly number[], right: ReadonlySet<number>): string {
  let line = "";
  for (const [column, cell] of row.entries()) {
    const padding = " ".repeat(widths[column]! - width(cell));
    if (column > 0) line += "  ";
    line += right.has(column) ? padding + cell : cell + padding;
  }
  return line.trimEnd();
}

/** Characters shown; colour sequences take no room. (Names in a mesh are DNS labels: nothing wide, nothing combined.) */
function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
