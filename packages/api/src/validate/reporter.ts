import type { Path } from "../diagnostic.ts";
import type { Report } from "../schema/check.ts";

/** Findings of the rules that a schema cannot say. Paths are within the object. */
export interface Reporter {
  readonly error: (path: Path, message: string, expected?: string) => void;
  readonly warning: (path: Path, message: string, expected?: string) => void;
  /** A warning about what changes nothing where it stands. */
  readonly noEffect: (path: Path, message: string, expected?: string) => void;
}

export function reporter(report: Report): Reporter {
  const with_ =
    (severity: "error" | "warning", code: "semantic" | "no-effect") =>
    (path: Path, message: string, expected?: string) => {
      const finding = { severity, code, path, message };
      report(expected === undefined ? finding : { ...finding, expected });
    };
  return {
    error: with_("error", "semantic"),
    warning: with_("warning", "semantic"),
    noEffect: with_("warning", "no-effect"),
  };
}

/** Calls `report` with the index and value of each item that occurred before; equality is by `key`. */
export function eachRepeated<T>(
  items: readonly T[],
  key: (item: T) => string | number | undefined,
  report: (index: number, value: string | number) => void,
): void {
  const seen = new Set<string | number>();
  for (const [index, item] of items.entries()) {
    const value = key(item);
    if (value === undefined) continue;
    if (seen.has(value)) report(index, value);
    seen.add(value);
  }
}
