/** What Envoy answered, in the repository: record/AREA.json, in the order of the cases. For waived cases also what Tulle does. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ContractCase, Observation } from "./case.ts";

export interface Recorded {
  readonly envoy: Observation;
  readonly tulle?: Observation;
}

const FOLDER = join(import.meta.dirname, "..", "record");

export function readRecord(area: string): Map<string, Recorded> {
  const path = join(FOLDER, `${area}.json`);
  if (!existsSync(path)) return new Map();
  return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8")) as Record<string, Recorded>));
}

/** Keeps only what there is a case for. */
export function writeRecord(area: string, cases: readonly ContractCase[], record: ReadonlyMap<string, Recorded>): void {
  const kept = cases.flatMap(({ name }) => {
    const recorded = record.get(name);
    return recorded === undefined ? [] : [[name, recorded] as const];
  });
  writeFileSync(join(FOLDER, `${area}.json`), `${JSON.stringify(Object.fromEntries(kept), null, 1)}\n`);
}
