import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSpiffeId, parseSpiffeId } from "../src/index.ts";

const ID = "spiffe://cluster.local/ns/default/sa/reviews";

test("an id is written as Istio does, and read back", () => {
  const id = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
  assert.equal(formatSpiffeId(id), ID);
  assert.deepEqual(parseSpiffeId(ID), id);
});

for (const text of [
  "",
  "spiffe://",
  "https://cluster.local/ns/default/sa/reviews",
  "spiffe://cluster.local",
  "spiffe://Cluster.local/ns/default/sa/reviews",
  "spiffe://cluster.local:80/ns/default/sa/reviews",
  "spiffe://cluster.local/ns/default/sa/reviews/",
  "spiffe://cluster.local/ns/default/sa/reviews/x",
  "spiffe://cluster.local/ns//sa/reviews",
  "spiffe://cluster.local/ns/../sa/reviews",
  "spiffe://cluster.local/ns/default/sa/a%2fb",
  "spiffe://cluster.local/ns/default/sa/a,URI:spiffe",
  "spiffe://cluster.local/sa/reviews/ns/default",
]) {
  test(`${JSON.stringify(text)} is no workload's id`, () => assert.equal(parseSpiffeId(text), undefined));
}
