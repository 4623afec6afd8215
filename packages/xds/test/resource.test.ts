import assert from "node:assert/strict";
import { it } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { anyUnpack, AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { encodeResource, resourceSet, resourceView } from "../src/resource.ts";
import { PUSH_ORDER, TYPE } from "../src/type-url.ts";
import { listener } from "./support/resources.ts";

const cluster = (name: string, tag = "") =>
  encodeResource(name, ClusterSchema, create(ClusterSchema, { name, altStatName: tag }));

it("an encoded resource is an Any of its message", () => {
  const any = fromBinary(AnySchema, cluster("a", "tag").any);
  assert.equal(any.typeUrl, TYPE.cluster);
  assert.equal(anyUnpack(any, ClusterSchema)?.altStatName, "tag");
});

it("its version comes from its content", () => {
  assert.equal(cluster("a").version, cluster("a").version);
  assert.notEqual(cluster("a").version, cluster("a", "tag").version);
});

it("a set that says the same as the one before is the one before", () => {
  const first = resourceSet(TYPE.cluster, [cluster("a"), cluster("b")]);
  assert.equal(resourceSet(TYPE.cluster, [cluster("a"), cluster("b")], first), first);
  for (const other of [[cluster("a")], [cluster("a"), cluster("b", "x")], [cluster("a"), cluster("c")]]) {
    const next = resourceSet(TYPE.cluster, other, first);
    assert.notEqual(next, first);
    assert.notEqual(next.version, first.version);
  }
});

it("two resources of one name are an error of whoever makes the set", () => {
  assert.throws(() => resourceSet(TYPE.cluster, [cluster("a"), cluster("a", "x")]), /cluster.*a$/i);
});

it("a view's version changes with its sets", () => {
  const clusters = resourceSet(TYPE.cluster, [cluster("a")]);
  const one = resourceView([clusters, resourceSet(TYPE.listener, [listener("l")])]);
  const two = resourceView([clusters, resourceSet(TYPE.listener, [listener("l", "x")])]);
  assert.notEqual(one.version, two.version);
  assert.equal(one.set(TYPE.cluster), clusters);
  assert.equal(one.set(TYPE.route), undefined);
});

it("the push order names every type once, what is referred to first", () => {
  assert.deepEqual(new Set(PUSH_ORDER), new Set(Object.values(TYPE)));
  const place = (type: (typeof PUSH_ORDER)[number]) => PUSH_ORDER.indexOf(type);
  assert.ok(place(TYPE.cluster) < place(TYPE.endpoints));
  assert.ok(place(TYPE.endpoints) < place(TYPE.listener));
  assert.ok(place(TYPE.listener) < place(TYPE.route));
  assert.ok(place(TYPE.route) < place(TYPE.virtualHost));
});
