/** Each row was tried on Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TraceContext, formatTraceparent, parseTraceparent } from "../../src/tracing/index.ts";

const T = "fedcba98765432100123456789abcdef";
const S = "1111222233334444";

test("traceparent: ids and the sampled flag, of any version", () => {
  for (const [text, sampled] of [
    [`00-${T}-${S}-01`, true],
    [`00-${T}-${S}-00`, false],
    [`00-${T}-${S}-02`, false],
    [`00-${T}-${S}-ff`, true],
    [`01-${T}-${S}-01`, true],
    [`ff-${T}-${S}-01`, true],
    [`00-${T.toUpperCase()}-${S}-01`, true],
  ] as const) {
    const context = new TraceContext();
    assert.equal(parseTraceparent(text, context), true, text);
    assert.deepEqual([context.traceId, context.spanId, context.sampled], [T, S, sampled], text);
  }
});

test("traceparent: ids of zeros, other lengths and other separators are none", () => {
  const bad = ["", "bad", `00-${"0".repeat(32)}-${S}-01`, `00-${T}-${"0".repeat(16)}-01`, `00-${T}-${S}-01x`];
  for (const text of [...bad, `00_${T}_${S}_01`, `00-${T}-${S}-0x`]) {
    assert.equal(parseTraceparent(text, new TraceContext()), false, text);
  }
});

test("a trace of 64 bits is written with zeros before it", () => {
  const context = new TraceContext();
  context.traceId = "0123456789abcdef";
  context.spanId = S;
  context.sampled = true;
  assert.equal(formatTraceparent(context), `00-00000000000000000123456789abcdef-${S}-01`);
  context.traceId = T;
  context.sampled = false;
  assert.equal(formatTraceparent(context), `00-${T}-${S}-00`);
});
