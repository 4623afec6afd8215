import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesLabels, matchesSelector } from "../src/selector.ts";

test("labels match if every wanted pair is there", () => {
  assert.ok(matchesLabels({ app: "web" }, { app: "web", version: "v1" }));
  assert.ok(!matchesLabels({ app: "web", version: "v2" }, { app: "web", version: "v1" }));
  assert.ok(!matchesLabels({ app: "web" }, {}));
  assert.ok(matchesLabels({}, { app: "web" }));
  assert.ok(matchesLabels(undefined, {}));
});

test("expressions: In, NotIn, Exists, DoesNotExist", () => {
  const matches = (operator: "In" | "NotIn" | "Exists" | "DoesNotExist", labels: Record<string, string>): boolean =>
    matchesSelector({ matchExpressions: [{ key: "v", operator, values: ["1", "2"] }] }, labels);
  assert.deepEqual(
    [{ v: "1" }, { v: "3" }, {}].map((labels) => matches("In", labels)),
    [true, false, false],
  );
  assert.deepEqual(
    [{ v: "1" }, { v: "3" }, {}].map((labels) => matches("NotIn", labels)),
    [false, true, true],
  );
  assert.deepEqual(
    [{ v: "1" }, {}].map((labels) => matches("Exists", labels)),
    [true, false],
  );
  assert.deepEqual(
    [{ v: "1" }, {}].map((labels) => matches("DoesNotExist", labels)),
    [false, true],
  );
});

test("labels and expressions must both match", () => {
  const selector = {
    matchLabels: { app: "web" },
    matchExpressions: [{ key: "old", operator: "DoesNotExist" as const }],
  };
  assert.ok(matchesSelector(selector, { app: "web" }));
  assert.ok(!matchesSelector(selector, { app: "web", old: "" }));
  assert.ok(!matchesSelector(selector, {}));
});
