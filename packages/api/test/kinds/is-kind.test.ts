import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../src/kinds/kubernetes/metadata.ts";
import { isKind } from "../../src/kinds/registry.ts";

const metadata = { name: "reviews", namespace: "default", labels: {}, annotations: {} };

test("isKind narrows to the spec type that is inferred from the kind's schema", () => {
  const spec = {
    hosts: ["reviews"],
    http: [{ route: [{ destination: { host: "reviews", subset: "v1" }, weight: 1 }] }],
  };
  const object: KubeObject = { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec };
  assert.ok(isKind(object, "networking.istio.io", "VirtualService"));
  const subset: string | undefined = object.spec.http?.[0]?.route?.[0]?.destination.subset;
  assert.equal(subset, "v1");
});

test("isKind keeps the two Gateways apart by group", () => {
  const object: KubeObject = { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata, spec: {} };
  assert.equal(isKind(object, "networking.istio.io", "Gateway"), false);
  assert.equal(isKind(object, "gateway.networking.k8s.io", "Gateway"), true);
});

test("isKind gives core kinds, whose group is empty, their own fields", () => {
  const object: KubeObject = { apiVersion: "v1", kind: "Secret", metadata };
  assert.ok(isKind(object, "", "Secret"));
  const data: Readonly<Record<string, string>> | undefined = object.data;
  assert.equal(data, undefined);
});
