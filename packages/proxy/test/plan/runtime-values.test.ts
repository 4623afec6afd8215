import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromJson } from "@bufbuild/protobuf";
import { LayeredRuntimeSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { JsonValue } from "@bufbuild/protobuf";
import { compileRuntime } from "../../src/plan/compile-runtime.ts";
import { Place, type Problem } from "../../src/plan/problems.ts";
import type { Runtime } from "../../src/plan/runtime-values.ts";

function runtime(...layers: JsonValue[]): { runtime: Runtime; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const message = layers.length === 0 ? create(LayeredRuntimeSchema) : fromJson(LayeredRuntimeSchema, { layers });
  return { runtime: compileRuntime(message, new Place("layered_runtime", problems)), problems };
}

const ADMIN = { name: "admin", admin_layer: {} };

test("a ref changes with the value, and goes back to its default when the value is taken back", () => {
  const { runtime: values } = runtime({ name: "s", static_layer: { a: { b: 5 } } }, ADMIN);
  const number = values.integer("a.b", 1);
  const fraction = values.fraction("a.b", 1, 2);
  const other = values.integer("a.c", 7);
  assert.deepEqual([number.value, fraction.share, fraction.overridden, other.value], [5, 0.05, true, 7]);
  values.modify([
    ["a.b", "{numerator: 3, denominator: TEN_THOUSAND}"],
    ["a.c", "8"],
  ]);
  assert.deepEqual([number.value, fraction.share, fraction.overridden, other.value], [1, 0.0003, true, 8]);
  values.modify([
    ["a.b", ""],
    ["a.c", ""],
  ]);
  assert.deepEqual([number.value, fraction.share, other.value], [5, 0.05, 7]);
});

test("the same key with the same default is the same ref: configurations that come and go leave nothing behind", () => {
  const { runtime: values } = runtime(ADMIN);
  assert.equal(values.integer("a", 1), values.integer("a", 1));
  assert.notEqual(values.integer("a", 1), values.integer("a", 2));
  assert.notEqual(values.integer("a", 1), values.number("a", 1));
});

test("flags and numbers", () => {
  const { runtime: values } = runtime({
    name: "s",
    static_layer: { on: true, off: "False", half: 0.5, text: "1.5", negative: -2 },
  });
  assert.deepEqual([values.flag("on", false).value, values.flag("off", true).value], [true, false]);
  assert.deepEqual([values.flag("half", true).value, values.flag("none", true).value], [true, true]);
  assert.deepEqual([values.number("half", 1).value, values.number("negative", 1).value], [0.5, -2]);
  assert.deepEqual([values.integer("text", 9).value, values.integer("negative", 9).value], [1, 9]);
  assert.equal(values.modify([["on", "false"]]), false);
});

test("what is wrong with layers is said with its place", () => {
  const { problems } = runtime({ name: "s", static_layer: { a: { b: [1] } } }, ADMIN, { ...ADMIN, name: "s" });
  assert.deepEqual(
    problems.map(({ path, message }) => `${path}: ${message}`),
    [
      "layered_runtime.layers[0].static_layer: Invalid runtime entry value for a.b",
      "layered_runtime.layers[2]: Duplicate layer name: s",
      "layered_runtime.layers[2]: Too many admin layers specified in LayeredRuntime, at most one may be specified",
    ],
  );
});
