import assert from "node:assert/strict";
import { test } from "node:test";
import { fallbackConditions, parseYaml } from "../../src/index.ts";
import { faultsOf } from "../support/diagnose.ts";

const rules = (text: string): string[] => faultsOf("Fallback", `  {host: reviews, rules: [${text}]}\n`);

test("a rule gives one answer, and is for something", () => {
  assert.deepEqual(rules("{respond: {status: 200}}"), []);
  assert.equal(rules("{}").length, 1);
  assert.equal(rules("{respond: {}, lastGood: {maxAge: 1m}}").length, 1);
  assert.equal(rules("{on: [], respond: {}}").length, 1);
  assert.equal(faultsOf("Fallback", "  {host: reviews, rules: []}\n").length, 1);
});

test("failures have names, with the closest one for a slip; statuses are errors", () => {
  const expected =
    "expected CircuitBreakerOpen, NoHealthyUpstream, Timeout, RetriesExhausted, Reset, ConnectFailure, NoCluster, 4xx, 5xx or a status from 400 to 599";
  assert.deepEqual(rules("{on: [TimeOut, NoHealthyUpstreams, 200, 6xx, nonsense], respond: {}}"), [
    `spec.rules[0].on[0]: "TimeOut" is no failure; did you mean "Timeout"?, ${expected}`,
    `spec.rules[0].on[1]: "NoHealthyUpstreams" is no failure; did you mean "NoHealthyUpstream"?, ${expected}`,
    `spec.rules[0].on[2]: "200" is no failure, ${expected}`,
    `spec.rules[0].on[3]: "6xx" is no failure; did you mean "4xx"?, ${expected}`,
    `spec.rules[0].on[4]: "nonsense" is no failure, ${expected}`,
  ]);
  assert.deepEqual(rules('{on: [400, "599", 4xx, Timeout], respond: {}}'), []);
  assert.deepEqual(rules("{on: [Timeout, Timeout], respond: {}}"), [
    'warning: spec.rules[0].on[1]: "Timeout" is there already',
  ]);
});

test("texts with commands are checked, all of them at once, wherever they stand", () => {
  assert.deepEqual(
    rules(
      '{respond: {headers: {x-a: "%REQ(x)%", x-b: "%REQ%", x-c: "5 %"}, body: {json: {a: ["%RESPONSE_FLAG%"], b: {c: "%%"}}}}}',
    ),
    [
      "spec.rules[0].respond.headers.x-b: %REQ% says of nothing, expected %REQ(name)%",
      'spec.rules[0].respond.headers.x-c: "%" at position 2 begins no command such as %REQ(x-user)%, expected %% for a percent sign',
      "spec.rules[0].respond.body.json.a[0]: there is no command %RESPONSE_FLAG%, expected %RESPONSE_FLAGS%",
    ],
  );
  assert.deepEqual(rules("{respond: {body: {json: [1]}}}"), [
    "spec.rules[0].respond.body.json: is no object, expected an object; other JSON can be written as a string",
  ]);
  assert.deepEqual(rules("{respond: {body: {bytes: '%'}}}"), [
    "spec.rules[0].respond.body.bytes: is not base64, expected base64 without line ends",
  ]);
  assert.deepEqual(rules("{respond: {headers: {Content-Length: '1'}}}"), [
    "spec.rules[0].respond.headers.Content-Length: is the proxy's to set, expected another header",
  ]);
});

test("what can never answer is told", () => {
  assert.deepEqual(rules("{respond: {}}, {on: [Timeout], lastGood: {maxAge: 1m}}"), [
    "warning: spec.rules[1]: rule 0 answers everything that this one is for",
  ]);
  assert.deepEqual(rules("{on: [Timeout], lastGood: {maxAge: 1m}}, {on: [Timeout], respond: {}}"), []);
  assert.deepEqual(rules("{on: [5xx], respond: {}}, {on: [503, 502], respond: {}}"), [
    "warning: spec.rules[1]: rule 0 answers everything that this one is for",
  ]);
  assert.deepEqual(rules("{on: [503], respond: {}}, {on: [5xx], respond: {}}"), []);
});

test("bounds of what is kept fit together", () => {
  assert.deepEqual(rules("{lastGood: {maxAge: 1m, maxResponseBytes: 20, maxBytes: 10}}"), [
    "spec.rules[0].lastGood.maxResponseBytes: is more than all responses may have together (maxBytes)",
  ]);
  assert.deepEqual(rules("{lastGood: {maxAge: 48h}}"), [
    "warning: spec.rules[0].lastGood.maxAge: answers may be days old",
  ]);
});

test("positions are those of the text", () => {
  const text =
    "apiVersion: tulle.dev/v1alpha1\nkind: Fallback\nmetadata: {name: a}\nspec:\n  host: a\n  rules:\n  - on: [Tmeout]\n    respond: {}\n";
  const [first] = parseYaml(text, "f.yaml").diagnostics;
  assert.deepEqual([first?.line, first?.column], [7, 10]);
});

test("without conditions: every failure and no status", () => {
  assert.deepEqual(fallbackConditions(undefined).statuses, []);
  assert.equal(fallbackConditions(undefined).failures.length, 7);
  assert.deepEqual(fallbackConditions([5.0, "5xx", 404]), {
    failures: [],
    statuses: [
      [500, 599],
      [404, 404],
    ],
  });
});
