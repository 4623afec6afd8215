/** What tulle up refuses. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const LAUNCHER = join(import.meta.dirname, "../bin/tulle.js");

test("a second control plane in the same state directory is refused before it touches anything", async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-up-"));
  t.after(() => rmSync(stateDir, { recursive: true }));
  const apiSocket = join(stateDir, "api.sock");
  const first = createServer();
  first.listen(apiSocket);
  await once(first, "listening");
  t.after(() => first.close());
  writeFileSync(join(stateDir, "control-plane.json"), JSON.stringify({ http: "127.0.0.1:15014", apiSocket }));
  const before = readdirSync(stateDir);

  const args = ["up", "--state-dir", stateDir, "--xds", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /a control plane runs in .* already, with its API at http:\/\/127\.0\.0\.1:15014\n.*--state-dir DIR/,
  );
  assert.deepEqual(readdirSync(stateDir), before);
});

test("a file where the configuration directory is to be is an error of one line", async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-up-"));
  t.after(() => rmSync(stateDir, { recursive: true }));
  const file = join(stateDir, "mesh.yaml");
  writeFileSync(file, "");
  const args = ["up", "--state-dir", stateDir, "--config", file, "--xds", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^tulle: EEXIST: .*mesh\.yaml'\n$/);
});
