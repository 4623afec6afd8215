import assert from "node:assert/strict";
import { test } from "node:test";
import { findKind, findKindsByName, groupOf, KINDS } from "../../src/index.ts";
import type { AnySchema, ObjectSchema } from "../../src/schema/schema.ts";

const names = (name: string): string[] => findKindsByName(name).map(({ group, kind }) => `${group}/${kind}`);

test("a user may name a kind in the singular, the plural or short, in any case", () => {
  for (const name of [
    "vs",
    "VirtualService",
    "virtualservices",
    "VIRTUALSERVICE",
    "virtualservice.networking.istio.io",
  ]) {
    assert.deepEqual(names(name), ["networking.istio.io/VirtualService"], name);
  }
  assert.deepEqual(names("svc"), ["/Service"]);
  assert.deepEqual(names("nothing"), []);
});

test("both Gateways answer to their name, and a group tells them apart", () => {
  assert.deepEqual(names("gateway"), ["networking.istio.io/Gateway", "gateway.networking.k8s.io/Gateway"]);
  assert.deepEqual(names("gateways.gateway.networking.k8s.io"), ["gateway.networking.k8s.io/Gateway"]);
  assert.deepEqual(names("gw"), ["networking.istio.io/Gateway"]);
  assert.deepEqual(names("gtw"), ["gateway.networking.k8s.io/Gateway"]);
});

test("the group of an apiVersion is what stands before the slash", () => {
  assert.equal(groupOf("networking.istio.io/v1"), "networking.istio.io");
  assert.equal(groupOf("v1"), "");
});

test("no two kinds share group and kind, and no two short names in one group", () => {
  assert.equal(new Set(KINDS.map(({ group, kind }) => `${group}/${kind}`)).size, KINDS.length);
  const short = KINDS.flatMap(({ shortNames }) => shortNames);
  assert.equal(new Set(short).size, short.length);
  assert.equal(findKind("networking.istio.io", "Gateway")?.plural, "gateways");
});

function fieldsOf(schema: AnySchema, path: string, visit: (path: string, schema: ObjectSchema) => void): void {
  if (schema.type === "object") {
    visit(path, schema);
    for (const [name, field] of Object.entries(schema.fields)) fieldsOf(field, `${path}.${name}`, visit);
  } else if (schema.type === "list") fieldsOf(schema.item, `${path}[]`, visit);
  else if (schema.type === "map") fieldsOf(schema.value, `${path}{}`, visit);
}

test("every oneof names fields that exist", () => {
  for (const { kind, body } of KINDS) {
    fieldsOf(body, kind, (path, { fields, oneOf, exactlyOne }) => {
      for (const name of [...oneOf, ...exactlyOne].flat()) assert.ok(name in fields, `${path}: ${name}`);
    });
  }
});
