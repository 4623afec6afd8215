import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readManifests } from "../src/control-plane/manifests.ts";
import { CliError, UsageError } from "../src/errors.ts";

describe("manifests", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-manifests-"));
  after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const a = write("a.yaml", "kind: A\nname: a\n");
  const b = write("b.yml", "kind: B"); // no newline at the end
  const c = write("c.json", '{\n  "kind": "C"\n}\n');
  write("notes.txt", "no manifest");
  mkdirSync(join(folder, "deeper"));
  const d = write("deeper/d.yaml", "kind: D\n");

  test("become one stream whose lines lead back to their files", () => {
    const { stream, locate } = readManifests([a, b, c], false);
    assert.equal(stream, 'kind: A\nname: a\n---\nkind: B\n---\n{\n  "kind": "C"\n}\n');
    assert.deepEqual(locate(2), { file: a, line: 2 });
    assert.deepEqual(locate(4), { file: b, line: 1 });
    assert.deepEqual(locate(7), { file: c, line: 2 });
  });

  test("of a directory are its YAML and JSON files, those below it only when asked for", () => {
    assert.equal(readManifests([folder], false).stream, readManifests([a, b, c], false).stream);
    assert.equal(readManifests([folder], true).stream, readManifests([a, b, c, d], false).stream);
  });

  test("that are missing are named", () => {
    assert.throws(() => readManifests([join(folder, "none.yaml")], false), /none\.yaml: no such file/);
    mkdirSync(join(folder, "empty"));
    assert.throws(() => readManifests([join(folder, "empty")], false), CliError);
    assert.throws(() => readManifests([], false), UsageError);
  });
});
