/** The JSON of a column; undefined where a file that others, or a disk, have changed has none. */
export function parsed(column: unknown): unknown {
  try {
    return JSON.parse(String(column)) as unknown;
  } catch {
    return undefined;
  }
}
