import assert from "node:assert/strict";
import { test } from "node:test";
import { violationsIn } from "../import-rule.ts";

const reasons = (file: string, source: string): string[] => violationsIn(file, source).map((v) => v.because);

test("a downward import passes", () => {
  assert.deepEqual(reasons("packages/control/src/push/push.ts", `import { TYPE } from "@tulle/xds";`), []);
  assert.deepEqual(
    reasons("packages/proxy/src/http/router.ts", `import type { RoutePlan } from "../plan/route-plan.ts";`),
    [],
  );
});

test("an upward import between packages is refused, with the line and what is allowed", () => {
  const found = violationsIn(
    "packages/xds/src/server/x.ts",
    `\nimport { a } from "node:crypto";\nimport { b } from "@tulle/control";\n`,
  );
  assert.equal(found.length, 1);
  assert.equal(found[0]?.line, 3);
  assert.match(found[0]?.because ?? "", /xds may import no other package, not control/);
});

test("the planes do not know each other, in types, re-exports and dynamic imports alike", () => {
  assert.equal(reasons("packages/proxy/src/a.ts", `import type { X } from "@tulle/control";`).length, 1);
  assert.equal(reasons("packages/control/src/a.ts", `export { startProxy } from "@tulle/proxy";`).length, 1);
  assert.equal(reasons("packages/proxy/src/a.ts", `const c = await import("@tulle/control");`).length, 1);
});

test("a relative path cannot tunnel into another package", () => {
  assert.match(
    reasons("packages/proxy/src/a.ts", `import { x } from "../../control/src/index.ts";`)[0] ?? "",
    /by its name/,
  );
});

test("the pure core cannot reach the shell", () => {
  assert.match(
    reasons("packages/proxy/src/codec/http1/head.ts", `import net from "node:net";`)[0] ?? "",
    /codecs are pure/,
  );
  assert.match(reasons("packages/proxy/src/http/router.ts", `import * as tls from "node:tls";`)[0] ?? "", /only net/);
  assert.match(
    reasons("packages/control/src/translate/a.ts", `import fs from "node:fs";`)[0] ?? "",
    /translation is pure/,
  );
  assert.match(
    reasons("packages/control/src/model/a.ts", `import { push } from "../push/push.ts";`)[0] ?? "",
    /model is pure/,
  );
});

test("an import over several lines is seen", () => {
  const source = `import {\n  a,\n  b,\n} from "@tulle/proxy";\n`;
  assert.equal(violationsIn("packages/control/src/a.ts", source)[0]?.line, 4);
});
