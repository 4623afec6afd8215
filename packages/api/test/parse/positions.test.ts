import assert from "node:assert/strict";
import { test } from "node:test";
import { loadValue } from "../../src/index.ts";
import { load } from "../support/diagnose.ts";

const TEXT = `# a comment
apiVersion: v1
kind: ServiceAccount
metadata: {name: first}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
  - reviews
  http:
  - match:
    - headers:
        end-user: {exact: jason}
    route:
    - destination:
        host: reviews
        subset: v2
`;

test("a field's position is that of its value, for objects and lists of their name", () => {
  const [first, route] = load(TEXT);
  assert.deepEqual(first!.source, { file: "f.yaml", line: 2, column: 1 });
  assert.deepEqual(route!.source, { file: "f.yaml", line: 6, column: 1 });
  const at = (...path: (string | number)[]) => {
    const { line, column } = route!.positionOf(path);
    return `${line}:${column}`;
  };
  assert.equal(at("spec", "hosts", 0), "12:5");
  assert.equal(at("spec", "http"), "13:3");
  assert.equal(at("spec", "http", 0), "14:5");
  assert.equal(at("spec", "http", 0, "match", 0, "headers", "end-user", "exact"), "16:27");
  assert.equal(at("spec", "http", 0, "route", 0, "destination"), "18:7");
  assert.equal(at("spec", "http", 0, "route", 0, "destination", "subset"), "20:17");
});

test("the position of what is not there is that of its nearest ancestor", () => {
  const [first, route] = load(TEXT);
  assert.deepEqual(route!.positionOf(["spec", "http", 0, "route", 0, "weight"]), { line: 18, column: 7 });
  assert.deepEqual(route!.positionOf(["spec", "http", 7, "timeout"]), { line: 13, column: 3 });
  assert.deepEqual(route!.positionOf([]), { line: 6, column: 1 });
  assert.deepEqual(first!.positionOf(["secrets", 3]), { line: 2, column: 1 });
});

test("objects from a program have no position and are not changed", () => {
  const value = { apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec: { ports: [{ port: 80 }] } };
  const copy = structuredClone(value);
  const { loaded, diagnostics } = loadValue(value, "kubernetes");
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(value, copy);
  assert.deepEqual(loaded!.source, { file: "kubernetes", line: 0, column: 0 });
  assert.deepEqual(loaded!.positionOf(["spec"]), { line: 0, column: 0 });
  assert.equal(loaded!.object.metadata.namespace, "default");
});

test("problems of objects from a program name their origin", () => {
  const { loaded, diagnostics } = loadValue(
    { apiVersion: "v1", kind: "Service", metadata: { name: "web" } },
    "kubernetes",
  );
  assert.equal(loaded, undefined);
  assert.deepEqual(
    diagnostics.map(({ file, line, field, message }) => [file, line, field, message]),
    [["kubernetes", 0, "spec", "is missing"]],
  );
});
