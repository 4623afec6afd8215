/** The file source: what is on disk is in force, whole files at a time. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { configMap, startDirectory, temporaryFolder } from "../support/directory.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("all YAML and JSON files of the tree are read at start, in path order; hidden and other files are not", async (t) => {
  const { names } = await startDirectory(t, {
    "b.yaml": configMap("b"),
    "a/deep/x.yml": configMap("x"),
    "a/y.json": JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "y" } }),
    ".hidden.yaml": configMap("hidden"),
    ".git/z.yaml": configMap("z"),
    "notes.txt": "no",
    "b.yaml~": configMap("backup"),
    ".b.yaml.swp": "no",
  });
  assert.deepEqual(names(), ["ConfigMap/x", "ConfigMap/y", "ConfigMap/b"]);
});

test("new, changed and removed files are taken up", async (t) => {
  const { root, directory, names, write } = await startDirectory(t, { "a.yaml": configMap("a") });
  write("sub/b.yaml", configMap("b"));
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/a", "ConfigMap/b"]));
  write("a.yaml", configMap("a2"));
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/a2", "ConfigMap/b"]));
  rmSync(join(root, "sub"), { recursive: true });
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/a2"]));
  assert.deepEqual(directory.diagnostics, []);
});

test("an editor that writes beside and renames is one change", async (t) => {
  const { root, names, changes } = await startDirectory(t, { "a.yaml": configMap("a") });
  const before = changes();
  writeFileSync(join(root, ".a.yaml.tmp"), configMap("renamed"));
  renameSync(join(root, ".a.yaml.tmp"), join(root, "a.yaml"));
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/renamed"]));
  assert.equal(changes() - before, 1);
});

test("an editor that moves the file away before it writes it anew takes nothing out of force in between", async (t) => {
  const clock = new ManualClock();
  const { root, directory, names } = await startDirectory(t, { "a.yaml": configMap("a") }, undefined, clock);
  renameSync(join(root, "a.yaml"), join(root, "a.yaml~"));
  await delay(50); // for the event to come
  clock.advance(50);
  await directory.exclusively(async () => undefined);
  assert.deepEqual(names(), ["ConfigMap/a"]);
  writeFileSync(join(root, "a.yaml"), configMap("new"));
  await eventually(() => {
    clock.advance(50);
    assert.deepEqual(names(), ["ConfigMap/new"]);
  });
});

test("a file that was really removed is gone a moment later", async (t) => {
  const clock = new ManualClock();
  const { root, names } = await startDirectory(t, { "a.yaml": configMap("a") }, undefined, clock);
  rmSync(join(root, "a.yaml"));
  await eventually(() => {
    clock.advance(10);
    assert.deepEqual(names(), []);
  });
});

test("a file that becomes wrong keeps its last good version and says so, once", async (t) => {
  const { directory, names, logs, write } = await startDirectory(t, { "a.yaml": configMap("a") });
  write("a.yaml", `${configMap("a", "new")}---\na: [`);
  await eventually(() => assert.equal(directory.diagnostics.length, 1));
  assert.deepEqual(names(), ["ConfigMap/a"]);
  const [diagnostic] = directory.diagnostics;
  assert.equal(`${diagnostic!.file}:${diagnostic!.line}`, "a.yaml:8");
  assert.equal(directory.files.get("a.yaml")?.isCurrent, false);
  await directory.refresh("all");
  assert.equal(
    logs.filter((line) => line.includes("a.yaml has errors: its last good version stays in force")).length,
    1,
  );

  write("a.yaml", configMap("fixed"));
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/fixed"]));
  assert.deepEqual(directory.diagnostics, []);
});

test("a file that never was right is not in force, not even in part; removing a wrong file removes its objects", async (t) => {
  const { root, directory, names, write } = await startDirectory(t, { "new.yaml": `${configMap("a")}---\nkind: 7\n` });
  assert.deepEqual(names(), []);
  assert.ok(directory.diagnostics.length > 0);
  write("b.yaml", configMap("b"));
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/b"]));
  write("b.yaml", "]");
  await eventually(() => assert.equal(directory.files.get("b.yaml")?.isCurrent, false));
  rmSync(join(root, "b.yaml"));
  await eventually(() => assert.deepEqual(names(), []));
});

test("the last good version of a wrong file outlives a restart", async (t) => {
  const base = temporaryFolder(t);
  const first = await startDirectory(t, { "a.yaml": configMap("a") }, base);
  first.write("a.yaml", "a: [");
  await eventually(() => assert.equal(first.directory.diagnostics.length, 1));
  await first.directory.close();
  const second = await startDirectory(t, {}, base);
  assert.deepEqual(second.names(), ["ConfigMap/a"]);
  assert.equal(second.directory.diagnostics.length, 1);
});

test("an object that two files have is in force from the first by path; the other is reported", async (t) => {
  const { root, directory, names } = await startDirectory(t, {
    "a.yaml": configMap("x", "one"),
    "b.yaml": configMap("x", "two"),
  });
  assert.deepEqual(names(), ["ConfigMap/x"]);
  assert.deepEqual(
    directory.diagnostics.map(({ file, message }) => `${file}: ${message}`),
    ["b.yaml: ConfigMap default/x is already in a.yaml:1, which is in force"],
  );
  rmSync(join(root, "a.yaml"));
  await eventually(() => assert.deepEqual(directory.diagnostics, []));
  assert.equal(directory.objects[0]?.loaded.source.file, "b.yaml");
});

test("documents that did not change keep their identity when another of their file does", async (t) => {
  const stream = (value: string): string => `${configMap("a")}---\n${configMap("b", value)}---\n${configMap("c")}`;
  const { directory, write } = await startDirectory(t, { "all.yaml": stream("one") });
  const before = directory.objects;
  write("all.yaml", stream("two"));
  await eventually(() => assert.notEqual(directory.objects, before));
  assert.deepEqual(
    directory.objects.map((stored, index) => stored === before[index]),
    [true, false, true],
  );
});

test("a file that is written again with the same text changes nothing", async (t) => {
  const { directory, write } = await startDirectory(t, { "a.yaml": configMap("a") });
  const before = directory.objects;
  write("a.yaml", configMap("a"));
  await directory.refresh("all");
  assert.equal(directory.objects, before);
});

test("the age of an object is its creationTimestamp, else when it was first seen, also after a restart", async (t) => {
  const base = temporaryFolder(t);
  const dated = configMap("dated").replace("  name:", '  creationTimestamp: "2020-01-01T00:00:00Z"\n  name:');
  const first = await startDirectory(t, { "a.yaml": configMap("a"), "d.yaml": dated }, base);
  const ages = first.directory.objects.map(({ createdAt }) => createdAt);
  assert.equal(ages[1], Date.parse("2020-01-01T00:00:00Z"));
  await first.directory.close();
  const second = await startDirectory(t, { "b.yaml": configMap("b"), "a.yaml": configMap("a", "changed") }, base);
  const [a, b] = second.directory.objects;
  assert.equal(a!.createdAt, ages[0]);
  assert.ok(b!.createdAt >= a!.createdAt);
});

test("a mounted ConfigMap is followed through its links when they are swapped", async (t) => {
  const base = temporaryFolder(t);
  const root = join(base, "config");
  for (const version of ["one", "two"]) {
    mkdirSync(join(root, `..${version}`), { recursive: true });
    writeFileSync(join(root, `..${version}`, "mesh.yaml"), configMap(version));
  }
  symlinkSync("..one", join(root, "..data"));
  symlinkSync("..data/mesh.yaml", join(root, "mesh.yaml"));
  const { names } = await startDirectory(t, {}, base);
  assert.deepEqual(names(), ["ConfigMap/one"]);
  symlinkSync("..two", join(root, "..data_tmp"));
  renameSync(join(root, "..data_tmp"), join(root, "..data"));
  await eventually(() => assert.deepEqual(names(), ["ConfigMap/two"]));
});

test("a directory reached by a link is read, and a link in a circle is read once", async (t) => {
  const base = temporaryFolder(t);
  mkdirSync(join(base, "shared"));
  writeFileSync(join(base, "shared", "s.yaml"), configMap("s"));
  mkdirSync(join(base, "config"));
  symlinkSync(join(base, "shared"), join(base, "config", "linked"));
  symlinkSync(join(base, "config"), join(base, "config", "circle"));
  symlinkSync(join(base, "nowhere"), join(base, "config", "broken.yaml"));
  const { names } = await startDirectory(t, {}, base);
  assert.deepEqual(names(), ["ConfigMap/s"]);
});
