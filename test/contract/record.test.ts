/** Tulle does what Envoy was recorded to do (record/), or what the case says it does instead. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AREAS } from "./cases/index.ts";
import { checkAll, checkTulle } from "./harness/check.ts";
import type { Outcome } from "./harness/check.ts";
import { compatibilityPage, compatibilityPageOnDisk } from "./harness/compatibility.ts";
import { differenceOf } from "./harness/diff.ts";
import { Host } from "./harness/host.ts";
import { readRecord } from "./harness/record.ts";
import { tulleSubject } from "./harness/subjects.ts";

/** Mostly they wait. */
const AT_A_TIME = 8;

const host = new Host();
const tulle = tulleSubject(host);
const entries = [...AREAS].flatMap(([area, cases]) => {
  const record = readRecord(area);
  return cases.map((contractCase) => ({ area, contractCase, recorded: record.get(contractCase.name) }));
});
let outcomes: Promise<Outcome>[];

before(() => {
  outcomes = checkAll(entries, AT_A_TIME, async (entry) => {
    const { recorded } = entry;
    if (recorded === undefined) throw new Error("not recorded: npm run contract -- --record --missing");
    return checkTulle(entry, recorded, tulle);
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
        const different = standing === "different" || standing === "failed";
        assert.ok(!different, different ? `${because}\n${differenceOf(expected, seen)}` : "");
      });
    }
  });
}

test("names of cases are unique in their area, features have a group", () => {
  for (const [area, cases] of AREAS) {
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length, area);
    for (const { feature } of cases) assert.match(feature, /^[^:]+: ./);
  }
});

test("docs/compatibility.md is up to date (npm run contract -- --pages)", () => {
  assert.equal(compatibilityPageOnDisk(), compatibilityPage(AREAS));
});
