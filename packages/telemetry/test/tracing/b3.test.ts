/** Each row was tried on Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TraceContext, b3MultiSampled, b3Sampled, formatB3, parseB3, parseB3Multi } from "../../src/tracing/index.ts";

const T = "fedcba98765432100123456789abcdef";
const LOW = "0123456789abcdef";
const S = "1111222233334444";
const P = "aaaabbbbccccdddd";

function single(b3: string): string {
  const context = new TraceContext();
  const found = parseB3(b3, context);
  return found === "found" ? `${context.traceId} ${context.spanId} ${context.parentSpanId}` : found;
}

function multi(traceId: string | undefined, spanId: string | undefined, parent = ""): string {
  const context = new TraceContext();
  const found = parseB3Multi(traceId, spanId, parent, context);
  return found === "found" ? `${context.traceId} ${context.spanId} ${context.parentSpanId}` : found;
}

test("b3: ids of 64 and 128 bits, with and without decision and parent", () => {
  assert.equal(single(`${LOW}-${S}`), `${LOW} ${S} `);
  assert.equal(single(`${T}-${S}-1`), `${T} ${S} `);
  assert.equal(single(`${T}-${S}-d`), `${T} ${S} `);
  assert.equal(single(`${T}-${S}-0-${P}`), `${T} ${S} ${P}`);
  assert.equal(single(`${"0".repeat(16)}${LOW}-${S}`), `${LOW} ${S} `);
});

test("b3: a decision alone names no span", () => {
  for (const flag of ["0", "1", "d"]) assert.equal(single(flag), "none");
});

test("b3: what is cut short, too long or no hex cannot be continued", () => {
  const bad = ["", "x", "zz", `${LOW}-${S}-`, LOW + S, `${LOW}-${S}-1-`, `${LOW}-${S}-${P}`, `${LOW}-${S}-1-${P}x`];
  for (const b3 of [...bad, `${T}-${S}-2`, `${T}-zzzzzzzzzzzzzzzz-1`]) assert.equal(single(b3), "invalid", b3);
});

test("b3: the decision is read by the header's length, whether or not the ids are good", () => {
  assert.equal(b3Sampled("0"), false);
  assert.equal(b3Sampled("d"), true);
  assert.equal(b3Sampled("x"), undefined);
  assert.equal(b3Sampled(`${LOW}-${S}`), undefined);
  assert.equal(b3Sampled(`${LOW}-${S}-0`), false);
  assert.equal(b3Sampled(`${T}-${S}-1-${P}`), true);
});

test("x-b3-*: ids are numbers: short ones, upper case and 0x are read", () => {
  assert.equal(multi("1", "2"), "0000000000000001 0000000000000002 ");
  assert.equal(multi("0x1f", "2"), "000000000000001f 0000000000000002 ");
  assert.equal(multi(LOW.toUpperCase(), S), `${LOW} ${S} `);
  assert.equal(multi("00000000000000000001f", S), `000000000000001f ${S} `);
  assert.equal(multi(`${"0".repeat(16)}${LOW}`, S), `${LOW} ${S} `);
  assert.equal(multi("0", "0"), `${"0".repeat(16)} ${"0".repeat(16)} `);
});

test("x-b3-*: both ids or no context; a parent of 0 is none", () => {
  assert.equal(multi(LOW, undefined), "none");
  assert.equal(multi(undefined, S), "none");
  assert.equal(multi(T, S, P), `${T} ${S} ${P}`);
  assert.equal(multi(T, S, "0"), `${T} ${S} `);
});

test("x-b3-*: what is no number of 64 bits cannot be continued", () => {
  for (const id of ["", "zz", "-1", "+1f", "0x", "1 f", "fffffffffffffffff", T.slice(1)]) {
    assert.equal(multi(id, S), "invalid", id);
  }
  assert.equal(multi(LOW, "xyz"), "invalid");
  assert.equal(multi(LOW, S, "q"), "invalid");
});

test("x-b3-sampled: 1 and true, nothing else", () => {
  assert.equal(b3MultiSampled("1"), true);
  assert.equal(b3MultiSampled("true"), true);
  for (const value of ["0", "", "d", "False"]) assert.equal(b3MultiSampled(value), false);
});

test("a long header of zeros is read in one pass", () => {
  const started = process.cpuUsage();
  assert.equal(multi(`${"0".repeat(60_000)}g`, S), "invalid");
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 500_000, `${user + system} µs of CPU`);
});

test("formatB3 writes what parseB3 reads", () => {
  const context = new TraceContext();
  parseB3(`${T}-${S}-1-${P}`, context);
  context.sampled = true;
  assert.equal(formatB3(context), `${T}-${S}-1-${P}`);
  context.parentSpanId = "";
  context.sampled = false;
  assert.equal(formatB3(context), `${T}-${S}-0`);
});
