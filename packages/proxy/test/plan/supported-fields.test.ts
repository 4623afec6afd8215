/** The table of supported fields agrees with the protos: no field that does not exist, no message that is reached and not listed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescMessage } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { MESH_STATS, SUPPORTED_FIELDS } from "../../src/plan/supported-fields/index.ts";

/** Every message that can be reached through supported fields. */
function reachable(): Map<string, DescMessage> {
  const found = new Map<string, DescMessage>();
  const visit = (schema: DescMessage): void => {
    if (found.has(schema.typeName)) return;
    // Of the messages that the protocol itself has, those that are packed somewhere.
    if (schema.typeName.startsWith("google.protobuf.") && !SUPPORTED_FIELDS.has(schema.typeName)) return;
    found.set(schema.typeName, schema);
    const support = SUPPORTED_FIELDS.get(schema.typeName);
    for (const field of schema.fields) {
      if (support?.has.includes(field.name) && field.message !== undefined) visit(field.message);
      for (const extension of support?.extensions?.[field.name] ?? []) {
        const packed = extensionRegistry.getMessage(extension);
        if (packed !== undefined) visit(packed);
        else assert.equal(extension, MESH_STATS, "an extension without a descriptor");
      }
    }
  };
  visit(BootstrapSchema);
  visit(RouteConfigurationSchema);
  return found;
}

test("every message that is reached through a supported field has an entry", () => {
  const missing = [...reachable().keys()].filter((name) => !SUPPORTED_FIELDS.has(name));
  assert.deepEqual(missing, []);
});

test("every entry is reached", () => {
  const known = reachable();
  assert.deepEqual(
    [...SUPPORTED_FIELDS.keys()].filter((name) => !known.has(name)),
    [],
  );
});

test("every field named exists, and stands in one list only", () => {
  for (const [name, schema] of reachable()) {
    const support = SUPPORTED_FIELDS.get(name);
    if (support === undefined) continue;
    const listed = [...support.has, ...Object.keys(support.only ?? {}), ...Object.keys(support.ignored ?? {})];
    const fields = new Set(schema.fields.map((field) => field.name));
    assert.deepEqual(
      listed.filter((field) => !fields.has(field)),
      [],
      `${name}: no such fields`,
    );
    assert.equal(new Set(listed).size, listed.length, `${name}: a field is listed twice`);
    for (const field of Object.keys(support.extensions ?? {}))
      assert.ok(support.has.includes(field), `${name}.${field}`);
  }
});

test("what is ignored says why", () => {
  for (const [name, support] of SUPPORTED_FIELDS) {
    for (const [field, reason] of Object.entries(support.ignored ?? {}))
      assert.ok(reason.length > 10, `${name}.${field}`);
  }
});
