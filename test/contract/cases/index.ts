/** All areas of the contract suite: every other file of this folder exports its `CASES`; its record has its name (../record/AREA.json). */
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import type { ContractCase } from "../harness/case.ts";

async function casesOf(area: string): Promise<readonly ContractCase[]> {
  const module = (await import(`./${area}.ts`)) as { readonly CASES: readonly ContractCase[] };
  return module.CASES;
}

const areas = readdirSync(import.meta.dirname)
  .map((file) => basename(file, ".ts"))
  .filter((area) => area !== "index")
  .sort();

export const AREAS: ReadonlyMap<string, readonly ContractCase[]> = new Map(
  await Promise.all(areas.map(async (area) => [area, await casesOf(area)] as const)),
);
