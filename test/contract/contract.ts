/**
 * `npm run contract`: Tulle against Envoy's recorded answers.
 *   --live     a live Envoy against the record, too
 *   --record   records Envoy's answers anew (and Tulle's, where a case is waived); with --missing only what has none yet;
 *              writes docs/compatibility.md
 *   --json     one line of JSON
 *   --area A, --name TEXT   only cases of this area, whose names contain this
 *   --allow-not-built       what is known not to be built does not count as different
 *   --pages    only writes docs/compatibility.md
 * Ends with 1 if anything is different.
 */
import { parseArgs } from "node:util";
import { AREAS } from "./cases/index.ts";
import { checkAll, checkEnvoy, checkTulle, pooled, recordCase } from "./harness/check.ts";
import type { Entry, Outcome } from "./harness/check.ts";
import { writeCompatibilityPage } from "./harness/compatibility.ts";
import { differenceOf } from "./harness/diff.ts";
import { Host } from "./harness/host.ts";
import { readRecord, writeRecord } from "./harness/record.ts";
import { envoySubject, tulleSubject } from "./harness/subjects.ts";

const AT_A_TIME = 8;

const { values: options } = parseArgs({
  options: {
    live: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    missing: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    area: { type: "string" },
    name: { type: "string" },
    "allow-not-built": { type: "boolean", default: false },
    pages: { type: "boolean", default: false },
  },
});

const host = new Host();
const envoy = envoySubject(host);
const tulle = tulleSubject(host);
const say = (text: string): void => console.log(text);

function chosen(): Entry[] {
  const { area, name } = options;
  return [...AREAS].flatMap(([each, cases]) =>
    cases
      .filter((contractCase) => (area ?? each) === each && contractCase.name.includes(name ?? ""))
      .map((contractCase) => ({ area: each, contractCase })),
  );
}

async function record(): Promise<boolean> {
  const records = new Map([...AREAS.keys()].map((area) => [area, readRecord(area)]));
  const entries = chosen().filter(
    ({ area, contractCase }) => !options.missing || !records.get(area)!.has(contractCase.name),
  );
  const results = await Promise.allSettled(pooled(entries, AT_A_TIME, (entry) => recordCase(entry, envoy, tulle)));
  let failures = 0;
  for (const [index, result] of results.entries()) {
    const { area, contractCase } = entries[index]!;
    if (result.status === "fulfilled") records.get(area)!.set(contractCase.name, result.value);
    else {
      failures++;
      say(`${area}: ${contractCase.name}: ${String(result.reason)}`);
    }
  }
  for (const [area, cases] of AREAS) writeRecord(area, cases, records.get(area)!);
  writeCompatibilityPage(AREAS);
  say(`recorded ${entries.length - failures} of ${entries.length}`);
  return failures === 0;
}

async function check(): Promise<boolean> {
  const records = new Map([...AREAS.keys()].map((area) => [area, readRecord(area)]));
  const entries = chosen();
  const outcomes = await Promise.all(
    checkAll(entries, AT_A_TIME, async (entry): Promise<Outcome> => {
      const recorded = records.get(entry.area)!.get(entry.contractCase.name);
      if (recorded === undefined) return { ...entry, standing: "failed", because: "not recorded" };
      const live = options.live ? await checkEnvoy(entry, recorded, envoy) : null;
      return live?.standing === "failed" ? live : checkTulle(entry, recorded, tulle);
    }),
  );
  const count = (standing: Outcome["standing"]): number => outcomes.filter((each) => each.standing === standing).length;
  const different = outcomes.filter(
    ({ standing }) =>
      standing === "different" || standing === "failed" || (standing === "not built" && !options["allow-not-built"]),
  );
  const named = different.map(({ area, contractCase, standing, because }) => ({
    area,
    name: contractCase.name,
    standing,
    ...(because === undefined ? {} : { because }),
  }));
  const summary = {
    cases: outcomes.length,
    same: count("same"),
    waived: count("waived"),
    notBuilt: count("not built"),
    different: named,
  };
  const unsteady = outcomes
    .filter((each) => each.unsteady)
    .map(({ area, contractCase }) => `${area}: ${contractCase.name}`);
  if (unsteady.length > 0) console.error(`not right at the first attempt: ${unsteady.join("; ")}`);
  if (options.json) say(JSON.stringify(summary));
  else {
    for (const outcome of different) explain(outcome);
    say(JSON.stringify({ ...summary, different: named.map(({ area, name }) => `${area}: ${name}`) }));
  }
  return different.length === 0;
}

function explain({ area, contractCase, standing, because, expected, seen }: Outcome): void {
  say(`${standing}: ${area}: ${contractCase.name}${because === undefined ? "" : `\n  ${because}`}`);
  if (standing !== "not built" && expected !== undefined && seen !== undefined) say(differenceOf(expected, seen));
}

async function run(): Promise<boolean> {
  if (options.pages) {
    writeCompatibilityPage(AREAS);
    return true;
  }
  return options.record ? record() : check();
}

process.exitCode = (await run()) ? 0 : 1;
await host.end();
