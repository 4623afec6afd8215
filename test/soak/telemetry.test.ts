import assert from "node:assert/strict";
import { test } from "node:test";
import { telemetrySoak } from "./telemetry.ts";

// An hour takes a minute and a half of CPU, and was measured (docs/decisions/0040): `TULLE_SOAK_MINUTES=60`.
const MINUTES = Number(process.env["TULLE_SOAK_MINUTES"] ?? 2);

test("the demo's load leaves store and memory within their bounds", (t) => {
  const result = telemetrySoak(MINUTES);
  t.diagnostic(JSON.stringify(result));
  const { series, spans, heapMb, blockMb, fileMb, refused } = result;
  assert.deepEqual(refused, []);
  assert.equal(spans, MINUTES * 60 * 800);
  assert.ok(series > 8_000 && series < 9_000);
  // Without a forced collection there is garbage among it.
  assert.ok(heapMb < 250 && blockMb <= 96, `${heapMb} and ${blockMb} MB`);
  assert.ok(fileMb <= 2 * 256 * 1.25, `${fileMb} MB`);
});
