/** What the kernel is asked about sockets, and what is said where it cannot be asked. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const MODULE = new URL("../../src/net/socket-options.ts", import.meta.url).href;

/** In a process of its own, which has nothing loaded. */
function problem(prelude: string): string {
  const script = `${prelude}
    const { captureProblem } = await import(${JSON.stringify(MODULE)});
    console.log((await captureProblem()) ?? "none");`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(stderr, "");
  return stdout.trim();
}

test("without koffi it is said what to install", () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === "koffi") throw Object.assign(new Error("not found"), { code: "MODULE_NOT_FOUND" });
        return next(specifier, context);
      },
    });`;
  assert.match(problem(hook), /^original destinations need the optional dependency koffi, .*: npm install koffi$/);
});

test("elsewhere than on Linux it is said that nothing can be captured", () => {
  const elsewhere = `Object.defineProperty(process, "platform", { value: "darwin" });`;
  assert.equal(problem(elsewhere), "connections can be captured on Linux only");
});

test("where it can be asked there is no problem", { skip: process.platform !== "linux" && "needs Linux" }, () => {
  assert.equal(problem(""), "none");
});
