import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isBundleFresh } from "../bin/bundle.js";

const BUILT_AT = Date.UTC(2026, 10, 1);

/** A bundle of one source, and that source. */
function bundle(t: TestContext): { readonly dist: string; readonly source: string } {
  const folder = mkdtempSync(join(tmpdir(), "tulle-bundle-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [dist, source] = [join(folder, "dist"), join(folder, "a.ts")];
  mkdirSync(dist);
  writeFileSync(source, "12345");
  utimesSync(source, BUILT_AT / 1000, BUILT_AT / 1000);
  writeFileSync(join(dist, "manifest.json"), JSON.stringify({ builtAt: BUILT_AT, sources: { "../a.ts": 5 } }));
  return { dist, source };
}

test("a bundle counts as long as its sources are what they were", (t) => {
  assert.equal(isBundleFresh(bundle(t).dist), true);
});

test("a younger source, one of another size, one that is gone: the sources count", (t) => {
  const younger = bundle(t);
  utimesSync(younger.source, BUILT_AT / 1000, BUILT_AT / 1000 + 1);
  assert.equal(isBundleFresh(younger.dist), false);
  const other = bundle(t);
  writeFileSync(other.source, "1234");
  utimesSync(other.source, BUILT_AT / 1000, BUILT_AT / 1000);
  assert.equal(isBundleFresh(other.dist), false);
  const gone = bundle(t);
  rmSync(gone.source);
  assert.equal(isBundleFresh(gone.dist), false);
});

test("nothing is bundled: the sources count", (t) => {
  const { dist } = bundle(t);
  rmSync(join(dist, "manifest.json"));
  assert.equal(isBundleFresh(dist), false);
});
