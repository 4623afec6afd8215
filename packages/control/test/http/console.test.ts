/** How the console's files are served. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Console } from "../../src/http/console.ts";

function built(t: TestContext): Console {
  const folder = mkdtempSync(join(tmpdir(), "tulle-console-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<html><head><title>T</title></head></html>");
  writeFileSync(join(folder, "assets/a-1.js"), "text");
  writeFileSync(join(folder, "assets/a-1.js.br"), "br");
  writeFileSync(join(folder, "assets/a-1.js.gz"), "gz");
  writeFileSync(join(folder, "secret"), "secret");
  return new Console(folder);
}

test("every path that is no file is the page, whose links lead back to where the console begins", async (t) => {
  const site = built(t);
  for (const [path, base] of [
    ["/", "./"],
    ["/graph", "./"],
    ["/proxies/x", "../"],
    ["/config/a/b/c/d", "../../../../"],
    ["/secret", "./"],
  ] as const) {
    const { status, headers, body } = await site.answer(path, {});
    assert.equal(status, 200);
    assert.ok(body.toString().includes(`<base href="${base}">`), path);
    assert.equal(headers["cache-control"], "no-cache");
    assert.match(String(headers["content-security-policy"]), /default-src 'self'.*frame-ancestors 'none'/);
  }
});

test("an unchanged page is not sent again", async (t) => {
  const site = built(t);
  const { headers } = await site.answer("/graph", {});
  assert.equal((await site.answer("/graph", { "if-none-match": String(headers["etag"]) })).status, 304);
});

test("assets are kept for ever, and sent as the browser can read them, best first", async (t) => {
  const site = built(t);
  const get = async (encodings?: string): Promise<string> => {
    const { headers, body } = await site.answer("/assets/a-1.js", { "accept-encoding": encodings });
    assert.match(String(headers["cache-control"]), /immutable/);
    assert.equal(headers["content-type"], "text/javascript; charset=utf-8");
    return `${String(headers["content-encoding"])} ${body.toString()}`;
  };
  assert.equal(await get("gzip, deflate, br"), "br br");
  assert.equal(await get("gzip"), "gzip gz");
  assert.equal(await get("br;q=0, gzip;q=0.0"), "undefined text");
  assert.equal(await get(), "undefined text");
});

test("what is no asset of this build is not there, wherever the path leads", async (t) => {
  const site = built(t);
  await assert.rejects(site.answer("/assets/old-2.js", {}), { status: 404 });
  for (const path of ["/assets/../secret", "/assets/%2e%2e/secret", "/assets/..%2fsecret"]) {
    const { body } = await site.answer(path, {});
    assert.doesNotMatch(body.toString(), /^secret/, path);
  }
});

test("without a build the page says how to make one", async () => {
  const { status, body } = await new Console("/nonexistent").answer("/", {});
  assert.equal(status, 503);
  assert.match(body.toString(), /build-console/);
});
