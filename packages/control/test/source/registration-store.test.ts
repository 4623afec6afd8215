import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RegistrationStore } from "../../src/source/registration/store.ts";
import { temporaryFolder } from "../support/directory.ts";
import { workload } from "../support/mesh.ts";

test("registrations are there again after a restart; of several saves the last counts", async (t) => {
  const folder = join(temporaryFolder(t), "state");
  const store = new RegistrationStore(folder, () => undefined);
  const workloads = [workload("a", { labels: { app: "a" } }), workload("b", { service: "b" })];
  store.save([]);
  store.save(workloads.slice(0, 1));
  store.save(workloads);
  await store.flush();
  const again = await new RegistrationStore(folder, () => undefined).load();
  // JSON has no undefined: fields without a value are not there.
  assert.deepEqual(JSON.stringify(again), JSON.stringify(workloads));
  assert.deepEqual(readdirSync(folder), ["workloads.json"]);
});

for (const [what, text] of [
  ["text that is no JSON", "{"],
  ["something else", '{"workloads":[{"id":7}]}'],
] as const) {
  test(`${what} in its place is left aside with a warning`, async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "workloads.json"), text);
    const logs: string[] = [];
    const store = new RegistrationStore(folder, (level, message) => void logs.push(`${level} ${message}`));
    assert.deepEqual(await store.load(), []);
    assert.match(logs[0]!, /^warn cannot use .*workloads\.json/);
  });
}
