/** Applying and deleting: the directory's files are changed, all or nothing. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { applyStream, deleteObject } from "../../src/source/files/apply.ts";
import type { ConfigDirectory } from "../../src/source/files/config-directory.ts";
import { configMap, startDirectory } from "../support/directory.ts";

const options = { namespace: "default", dryRun: false };
const actions = (results: readonly { name: string; action: string }[]): string[] =>
  results.map(({ name, action }) => `${name} ${action}`);

function dataOf(directory: ConfigDirectory, name: string): unknown {
  const stored = directory.byKey.get(`/ConfigMap/default/${name}`);
  assert.ok(stored !== undefined);
  return (stored.loaded.object as { data?: unknown }).data;
}

test("a new object gets a file of its own, with its text as it was given", async (t) => {
  const { root, directory, names } = await startDirectory(t);
  const text = `# a comment\n${configMap("a")}`;
  const { results, diagnostics } = await applyStream(directory, text, options);
  assert.deepEqual(actions(results), ["a created"]);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(names(), ["ConfigMap/a"]);
  assert.equal(readFileSync(join(root, "default/configmap-a.yaml"), "utf8"), text);
});

test("an object is replaced where it lives; its neighbours and their comments stay", async (t) => {
  const { root, directory } = await startDirectory(t, {
    "all.yaml": `# first\n${configMap("a")}---\n# second\n${configMap("b")}---\n# third\n${configMap("c")}`,
  });
  const { results } = await applyStream(directory, configMap("b", "new"), options);
  assert.deepEqual(actions(results), ["b configured"]);
  assert.equal(
    readFileSync(join(root, "all.yaml"), "utf8"),
    `# first\n${configMap("a")}---\n${configMap("b", "new")}---\n# third\n${configMap("c")}`,
  );
});

test("an equal object is unchanged, and its file is not written", async (t) => {
  const { root, directory } = await startDirectory(t, { "a.yaml": `# mine\n${configMap("a")}` });
  const { results } = await applyStream(
    directory,
    '{ apiVersion: v1, kind: ConfigMap, metadata: { name: a }, data: { key: "x" } }',
    options,
  );
  assert.deepEqual(actions(results), ["a unchanged"]);
  assert.equal(readFileSync(join(root, "a.yaml"), "utf8"), `# mine\n${configMap("a")}`);
});

test("nothing is applied if anything is wrong, and everything that is wrong is said", async (t) => {
  const { root, directory } = await startDirectory(t);
  const wrong = (name: string): string =>
    `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: ${name} }\nspec: { hosts: [x], htp: [] }\n`;
  const { results, diagnostics } = await applyStream(
    directory,
    `${configMap("a")}---\n${wrong("b")}---\n${wrong("c")}`,
    options,
  );
  assert.deepEqual(results, []);
  assert.deepEqual(
    diagnostics
      .filter(({ severity }) => severity === "error")
      .map(({ name, line, field }) => `${name} ${line} ${field}`),
    ["b 11 spec.htp", "c 16 spec.htp"],
  );
  assert.deepEqual(readdirSync(root), []);
});

test("the same object twice in one stream is an error", async (t) => {
  const { directory } = await startDirectory(t);
  const { results, diagnostics } = await applyStream(
    directory,
    `${configMap("a")}---\n${configMap("a", "other")}`,
    options,
  );
  assert.deepEqual(results, []);
  assert.deepEqual(
    diagnostics.map(({ line, message }) => `${line}: ${message}`),
    ["8: the same object is already in line 1"],
  );
});

test("a dry run says what would be done and does not do it", async (t) => {
  const { root, directory } = await startDirectory(t);
  const { results } = await applyStream(directory, configMap("a"), { ...options, dryRun: true });
  assert.deepEqual(actions(results), ["a created"]);
  assert.deepEqual(readdirSync(root), []);
});

test("the namespace of the request is that of objects that name none, also in their files", async (t) => {
  const { root, directory } = await startDirectory(t);
  const named = configMap("b").replace("name: b", "name: b\n  namespace: own");
  await applyStream(directory, `${configMap("a")}---\n${named}`, { ...options, namespace: "shop" });
  assert.deepEqual(
    directory.objects.map(({ key }) => key),
    ["/ConfigMap/own/b", "/ConfigMap/shop/a"],
  );
  assert.equal(
    readFileSync(join(root, "shop/configmap-a.yaml"), "utf8"),
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: shop\ndata:\n  key: x\n",
  );
});

test("objects of a List get files of their own", async (t) => {
  const { directory, names } = await startDirectory(t);
  const list =
    "apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: a } }\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: b } }\n";
  const { results } = await applyStream(directory, list, options);
  assert.deepEqual(actions(results), ["a created", "b created"]);
  assert.deepEqual(names(), ["ConfigMap/a", "ConfigMap/b"]);
});

test("one object of a List in a file can be replaced", async (t) => {
  const item = (name: string): string =>
    `- { apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} }, data: { key: x } }\n`;
  const { directory, names } = await startDirectory(t, {
    "l.yaml": `apiVersion: v1\nkind: List\nitems:\n${item("a")}${item("b")}`,
  });
  await applyStream(directory, configMap("a", "new"), options);
  assert.deepEqual(names(), ["ConfigMap/a", "ConfigMap/b"]);
  assert.deepEqual(dataOf(directory, "a"), {
    key: "new",
  });
});

test("a change to a file that is wrong on disk is refused with what is wrong there", async (t) => {
  const { root, directory, write } = await startDirectory(t, { "a.yaml": configMap("a") });
  write("a.yaml", "a: [");
  await directory.refresh("all");
  const { results, diagnostics } = await applyStream(directory, configMap("a", "new"), options);
  assert.deepEqual(results, []);
  assert.deepEqual(
    diagnostics.map(({ file }) => file),
    ["a.yaml"],
  );
  assert.equal(readFileSync(join(root, "a.yaml"), "utf8"), "a: [");
});

test("strings that YAML could read as something else are written so that they stay strings", async (t) => {
  const { directory } = await startDirectory(t);
  const data = {
    yes: "no",
    number: "1e3",
    date: "2020-01-01",
    empty: "",
    text: "a: b # c",
    lines: "x\ny",
    star: "*",
    null: "null",
  };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data };
  await applyStream(directory, JSON.stringify(object), { ...options, namespace: "shop" });
  const stored = directory.byKey.get("/ConfigMap/shop/a")?.loaded.object as { data?: unknown };
  assert.deepEqual(stored.data, data);
});

test("deleting removes the object from its file, and the file with its last object", async (t) => {
  const { root, directory, names } = await startDirectory(t, { "ab.yaml": `${configMap("a")}---\n${configMap("b")}` });
  assert.equal(await deleteObject(directory, "/ConfigMap/default/a"), true);
  assert.deepEqual(names(), ["ConfigMap/b"]);
  assert.equal(readFileSync(join(root, "ab.yaml"), "utf8"), configMap("b"));
  assert.equal(await deleteObject(directory, "/ConfigMap/default/b"), true);
  assert.equal(existsSync(join(root, "ab.yaml")), false);
  assert.equal(await deleteObject(directory, "/ConfigMap/default/b"), false);
});

test("changes that come at the same time are all there in the end", async (t) => {
  const { directory, names } = await startDirectory(t, { "all.yaml": `${configMap("a")}---\n${configMap("b")}` });
  await Promise.all([
    applyStream(directory, configMap("a", "one"), options),
    applyStream(directory, configMap("b", "two"), options),
    applyStream(directory, configMap("c", "three"), options),
  ]);
  assert.deepEqual(names(), ["ConfigMap/a", "ConfigMap/b", "ConfigMap/c"]);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => dataOf(directory, name)),
    [{ key: "one" }, { key: "two" }, { key: "three" }],
  );
});
