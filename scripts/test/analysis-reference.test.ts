import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LEFT_OUT, MESSAGES } from "../../packages/control/src/analysis/messages.ts";
import { ANALYSIS_REFERENCE, analysisReference } from "../analysis-reference.ts";

test("the reference of analysis messages is what the table says (node scripts/analysis-reference.ts)", () => {
  assert.equal(readFileSync(ANALYSIS_REFERENCE, "utf8"), analysisReference());
});

test("each of Istio's 68 messages is said, or has a reason why not", () => {
  const codes = new Set([...Object.keys(MESSAGES), ...Object.keys(LEFT_OUT)]);
  assert.equal(codes.size, Object.keys(MESSAGES).length + Object.keys(LEFT_OUT).length);
  assert.equal(codes.size, 68);
});
