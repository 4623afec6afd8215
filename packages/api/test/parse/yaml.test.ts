import assert from "node:assert/strict";
import { test } from "node:test";
import { parseYaml } from "../../src/index.ts";
import { diagnose, load } from "../support/diagnose.ts";

const account = (name: string): string => `apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ${name}}\n`;

test("a broken document is reported and the others of the stream are loaded", () => {
  const text = `${account("a")}---\na: [1,\nb: }\n---\n${account("b")}---\nmetadata:\n\tname: x\n`;
  const { objects, diagnostics } = parseYaml(text, "f.yaml");
  assert.deepEqual(
    objects.map(({ object }) => object.metadata.name),
    ["a", "b"],
  );
  assert.ok(diagnostics.every(({ code }) => code === "yaml-syntax"));
  assert.deepEqual(diagnose(text), [
    "f.yaml:6:1: Flow sequence in block collection must be sufficiently indented and end with a ]",
    'f.yaml:6:4: Unexpected flow-map-end token in YAML stream: "}"',
    "f.yaml:13:1: Tabs are not allowed as indentation",
  ]);
});

test("a key that is written twice is an error at the second", () => {
  assert.deepEqual(diagnose("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: x\n  b: y\n  a: z\n"), [
    'f.yaml:7:3: key "a" is written twice, expected each key once',
  ]);
});

test("empty documents and comments are nothing", () => {
  const { objects, diagnostics } = parseYaml(`# first\n---\n---\n${account("a")}---\n# last\n...\n`, "f.yaml");
  assert.equal(objects.length, 1);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(parseYaml("", "f.yaml"), { objects: [], diagnostics: [] });
});

test("Windows line ends and a byte order mark are no matter", () => {
  const [object] = load(`\uFEFF${account("a").replaceAll("\n", "\r\n")}`);
  assert.equal(object!.object.metadata.name, "a");
});

test("JSON is read as well, with positions", () => {
  const [object] = load('{"apiVersion": "v1", "kind": "ServiceAccount",\n "metadata": {"name": "a"}}');
  assert.equal(object!.object.metadata.name, "a");
  assert.deepEqual(diagnose('{"apiVersion": "v1", "kind": "ServiceAccount",\n "metadata": {"name": 7}}'), [
    "f.yaml:2:23: ServiceAccount default/: metadata.name: is 7, expected a string (in quotes)",
  ]);
});

test("anchors and merge keys work, and a merged key yields to the object's own", () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  base: &text hello
  copy: *text
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: r}
spec:
  host: reviews
  subsets:
  - &v1
    name: v1
    labels: {version: v1}
  - <<: *v1
    name: v2
`;
  const [config, rule] = load(text);
  assert.deepEqual(config!.object, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", namespace: "default", labels: {}, annotations: {} },
    data: { base: "hello", copy: "hello" },
  });
  assert.deepEqual((rule!.object.spec as { subsets: unknown }).subsets, [
    { name: "v1", labels: { version: "v1" } },
    { labels: { version: "v1" }, name: "v2" },
  ]);
});

test("problems below an alias are reported where the alias is", () => {
  const text = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: r}
spec:
  host: reviews
  subsets:
  - {name: v1, trafficPolicy: &p {tls: {mode: SIMPLE}, connectionPool: {tcp: {maxConnections: -1}}}}
  - {name: v2, trafficPolicy: *p}
`;
  assert.deepEqual(
    diagnose(text).map((line) => line.slice(0, 13)),
    ["f.yaml:7:95: ", "f.yaml:8:31: "],
  );
});

test("an alias without anchor, or to what it is part of, is an error", () => {
  assert.deepEqual(diagnose("a: *b\n"), ["f.yaml:1:4: alias *b has no anchor before it"]);
  assert.deepEqual(diagnose("a: &a [*a]\n"), ["f.yaml:1:8: alias *a contains itself"]);
});

test("aliases that multiply are stopped", () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(", ")}]`,
  );
  const text = `l0: &l0 [x, x, x, x, x, x, x, x, x]\n${levels.join("\n")}\n`;
  const all = diagnose(text);
  assert.equal(all.length, 1);
  assert.match(all[0]!, /^f\.yaml:\d+:\d+: aliases expand to too many values, expected at most 50000$/);
});

test("nesting is bounded", () => {
  assert.deepEqual(diagnose("[".repeat(10_000)), ["f.yaml:1:101: is nested more than 100 levels deep"]);
  assert.match(diagnose(`${"- ".repeat(20_000)}x\n- y\n`)[0]!, /nested/);
});

test("a file beyond the limit is not read", () => {
  const limits = { maxLength: 10, maxDepth: 100, maxAliasedNodes: 10, maxDiagnostics: 10 };
  const { diagnostics } = parseYaml(account("a"), "f.yaml", limits);
  assert.deepEqual(
    diagnostics.map(({ message, expected }) => [message, expected]),
    [["has 56 characters", "at most 10"]],
  );
});

test("field names like __proto__ and constructor are names like others", () => {
  const [object] = load("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {__proto__: a, constructor: b}\n");
  const { data } = object!.object as unknown as { data: object };
  assert.deepEqual(Object.entries(data), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  assert.deepEqual(diagnose("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nconstructor: {}\n").length, 1);
});

test("twenty thousand keys are no burden", () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `  k${index}: v`).join("\n");
  const [object] = load(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n${keys}\n`);
  assert.equal(Object.keys((object!.object as unknown as { data: object }).data).length, 20_000);
});
