import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import { locate, unreachable } from "../src/control-plane/locate.ts";
import { CliError, UsageError } from "../src/errors.ts";

describe("the control plane is found", () => {
  const stateDir = mkdtempSync(join(tmpdir(), "tulle-locate-"));
  const file = join(stateDir, "control-plane.json");
  after(() => rmSync(stateDir, { recursive: true }));
  afterEach(() => {
    delete process.env["TULLE_XDS"];
    delete process.env["TULLE_HTTP"];
    rmSync(file, { force: true });
  });

  test("by the option before all else", () => {
    process.env["TULLE_HTTP"] = "10.0.0.2:2";
    const given = { host: "10.0.0.1", port: 1 };
    assert.deepEqual(locate("http", given, stateDir), { address: given, from: "--http" });
  });

  test("by the environment before the state directory", () => {
    writeFileSync(file, JSON.stringify({ xds: "127.0.0.1:3", http: "127.0.0.1:4" }));
    process.env["TULLE_HTTP"] = "http://10.0.0.2:2";
    assert.deepEqual(locate("http", undefined, stateDir), {
      address: { host: "10.0.0.2", port: 2 },
      from: "TULLE_HTTP",
    });
    assert.deepEqual(locate("xds", undefined, stateDir), { address: { host: "127.0.0.1", port: 3 }, from: file });
  });

  test("at Istio's port if nothing says otherwise", () => {
    assert.deepEqual(locate("xds", undefined, stateDir).address, { host: "127.0.0.1", port: 15_010 });
    assert.deepEqual(locate("http", undefined, stateDir).address, { host: "127.0.0.1", port: 15_014 });
  });

  test("not by what is no address or no JSON, and the error names where that is from", () => {
    process.env["TULLE_XDS"] = "nonsense";
    assert.throws(
      () => locate("xds", undefined, stateDir),
      (error) => error instanceof UsageError && /TULLE_XDS/.test(error.message),
    );
    writeFileSync(file, "{");
    assert.throws(
      () => locate("http", undefined, stateDir),
      (error) => error instanceof CliError && error.message.includes(file),
    );
  });
});

test("an unreachable control plane is named with where its address is from", () => {
  const { message } = unreachable({ address: { host: "127.0.0.1", port: 7 }, from: "TULLE_XDS" }, "xds", "refused");
  assert.equal(message, "no control plane at 127.0.0.1:7 (from TULLE_XDS): refused");
});
