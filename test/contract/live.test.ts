/** A live Envoy still does what the record says. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AREAS } from "./cases/index.ts";
import { checkAll, checkEnvoy } from "./harness/check.ts";
import type { Outcome } from "./harness/check.ts";
import { differenceOf } from "./harness/diff.ts";
import { Host } from "./harness/host.ts";
import { readRecord } from "./harness/record.ts";
import { envoySubject } from "./harness/subjects.ts";

const AT_A_TIME = 6;

const host = new Host();
const envoy = envoySubject(host);
const entries = [...AREAS].flatMap(([area, cases]) => {
  const record = readRecord(area);
  return cases.map((contractCase) => ({ area, contractCase, recorded: record.get(contractCase.name) }));
});
let outcomes: Promise<Outcome>[];

before(() => {
  outcomes = checkAll(entries, AT_A_TIME, async (entry) => {
    if (entry.recorded === undefined) throw new Error("not recorded: npm run contract -- --record --missing");
    return checkEnvoy(entry, entry.recorded, envoy);
  });
});

after(() => host.end());

for (const area of AREAS.keys()) {
  describe(area, () => {
    for (const [index, entry] of entries.entries()) {
      if (entry.area !== area) continue;
      test(entry.contractCase.name, async (context) => {
        const { standing, because = "", expected = {}, seen = {}, unsteady } = await outcomes[index]!;
        if (unsteady) context.diagnostic("not right at the first attempt");
        assert.equal(standing, "same", standing === "same" ? "" : `${because}\n${differenceOf(expected, seen)}`);
      });
    }
  });
}
