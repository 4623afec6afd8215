import assert from "node:assert/strict";
import { test } from "node:test";
import { closest, editDistance } from "../../src/schema/closest.ts";

test("the closest name wins, case aside, and far ones do not count", () => {
  const fields = ["host", "hosts", "weight", "trafficPolicy"];
  assert.equal(closest("weigth", fields), "weight");
  assert.equal(closest("Hosts", fields), "hosts");
  assert.equal(closest("trafficpolicies", fields), "trafficPolicy");
  assert.equal(closest("subset", fields), undefined);
  assert.equal(closest("x".repeat(65), ["x".repeat(64)]), undefined);
});

test("a swap of neighbours, an insertion, a deletion and a replacement each count one", () => {
  for (const other of ["abdc", "abcde", "abc", "abxd"]) assert.equal(editDistance("abcd", other, 5), 1, other);
  assert.equal(editDistance("abcd", "wxyz", 9), 4);
  assert.equal(editDistance("abcd", "wxyz", 2), 2);
});
