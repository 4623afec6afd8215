/** Tables of cases that differ in a few parts only. */
import type { ContractCase } from "./case.ts";

export type Row = Partial<ContractCase> & { readonly client: ContractCase["client"] };

/** By the names of cases: in which Tulle is not the same. */
export type Differences = Readonly<Record<string, { readonly waived: string } | { readonly notBuilt: string }>>;

/** A case for each row: `common` parts, then those of its feature, then its own. `group` is that of compatibility.md. */
export function casesOf(
  group: string,
  feature: string,
  rows: Readonly<Record<string, Row>>,
  common: Partial<ContractCase>,
  different: Differences = {},
): ContractCase[] {
  return Object.entries(rows).map(([row, parts]) => {
    const name = `${feature}: ${row}`;
    return { name, feature: `${group}: ${feature}`, ...common, ...parts, ...different[name] };
  });
}
