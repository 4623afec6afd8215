import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";

it("importing the client loads neither gRPC nor protobuf: they come with start()", () => {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    await import(${JSON.stringify(import.meta.resolve("../../src/client/index.ts"))});
    console.log(JSON.stringify(loaded));
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  const loaded = JSON.parse(output) as string[];
  assert.ok(loaded.some((url) => url.endsWith("/client/ads-client.ts")));
  assert.deepEqual(
    loaded.filter((url) => /grpc-js|bufbuild|[/]gen[/]/.test(url)),
    [],
  );
});
