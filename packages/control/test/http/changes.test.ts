/** What was changed, taking it back, what would change, and what ends by itself. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Clock } from "@tulle/xds";
import { systemClock } from "@tulle/xds";
import { start } from "../support/control-plane.ts";
import { eventually } from "../support/eventually.ts";
import { destinationRule, service, to, virtualService } from "../support/mesh.ts";

const MESH =
  service("reviews") + destinationRule("reviews", "{ host: reviews, subsets: [{ name: v1 }, { name: v2 }] }");
const ruleTo = (subset: string): string => virtualService("reviews", { hosts: "reviews", http: to(subset) });

interface Change {
  readonly id: number;
  readonly by: string;
  readonly objects: readonly { kind: string; name: string; before?: string | null; after?: string | null }[];
}
type Call = Awaited<ReturnType<typeof start>>["call"];

async function historyOf(call: Call, query = ""): Promise<readonly Change[]> {
  return ((await call("GET", `/api/v1/history${query}`)).body as { items: readonly Change[] }).items;
}

async function textOf(call: Call): Promise<string> {
  const { status, body } = await call("GET", "/api/v1/objects/networking.istio.io/VirtualService/default/reviews");
  return status === 404 ? "" : (body as { text: string }).text;
}

test("changes are remembered with who made them, newest first, also after a restart", async (t) => {
  const { call, apply, base, plane } = await start(t);
  await apply(MESH + ruleTo("v1"));
  await apply(ruleTo("v2"));
  const [second, first] = await historyOf(call);
  assert.equal(second!.by, "api");
  assert.deepEqual(
    second!.objects.map(({ kind, name }) => `${kind} ${name}`),
    ["VirtualService reviews"],
  );
  assert.match(second!.objects[0]!.before!, /subset: v1/);
  assert.match(second!.objects[0]!.after!, /subset: v2/);
  assert.equal(first!.objects.length, 3);
  assert.equal((await historyOf(call, "?kind=DestinationRule")).length, 1);

  const file = join(base, "config/default/virtualservice-reviews.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("v2", "v1"));
  await eventually(async () => assert.equal((await historyOf(call))[0]!.by, "files"));
  await plane.close();

  const again = await start(t, { base });
  assert.equal((await historyOf(again.call)).length, 3);
});

test("a change is taken back while nothing has changed since, with its comments", async (t) => {
  const { call, apply } = await start(t);
  await apply(`${MESH}\n---\n# by hand\n${ruleTo("v1").replace(/^\n?---\n/, "")}`);
  await apply(ruleTo("v2"));
  const [change] = await historyOf(call);
  assert.equal((await call("POST", `/api/v1/history/${change!.id}/undo`)).status, 200);
  assert.match(await textOf(call), /# by hand\n[^]*subset: v1/);
  const refused = await call("POST", `/api/v1/history/${change!.id}/undo`);
  assert.equal(refused.status, 409);
  assert.match(JSON.stringify(refused.body), /changed again/);
  assert.equal((await call("POST", "/api/v1/history/99/undo")).status, 404);
});

test("what was made is removed again, and what was removed comes back", async (t) => {
  const { call, apply } = await start(t);
  await apply(MESH);
  await apply(ruleTo("v1"));
  const undo = async (): Promise<void> => {
    const [change] = await historyOf(call);
    assert.equal((await call("POST", `/api/v1/history/${change!.id}/undo`)).status, 200);
  };
  await undo();
  assert.equal(await textOf(call), "");
  assert.equal((await historyOf(call))[0]!.by, "undo");
  await undo();
  assert.match(await textOf(call), /subset: v1/);
});

test("the texts of Secrets are not remembered", async (t) => {
  const { call, apply } = await start(t);
  await apply("apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { password: hunter2 }\n");
  const items = await historyOf(call);
  assert.equal(items[0]!.objects[0]!.after, null);
  assert.doesNotMatch(JSON.stringify(items), /hunter2/);
  assert.equal((await call("POST", `/api/v1/history/${items[0]!.id}/undo`)).status, 409);
});

test("validation tells what would become of objects, and of others, and changes nothing", async (t) => {
  const { call, apply } = await start(t);
  await apply(MESH + ruleTo("v1"));
  const other = virtualService("earlier", { hosts: "reviews", http: to("v2") });
  const { body } = await call("POST", "/api/v1/validate", other);
  const { valid, objects } = body as { valid: boolean; objects: { action: string; status: { type: string }[] }[] };
  assert.equal(valid, true);
  assert.equal(objects[0]!.action, "created");
  assert.equal(objects[0]!.status[0]!.type, "Shadowed");

  const gone = destinationRule("reviews", "{ host: reviews, subsets: [{ name: v2 }] }");
  const after = (await call("POST", "/api/v1/validate", gone)).body as { others: { kind: string; name: string }[] };
  assert.deepEqual(
    after.others.map(({ kind, name }) => `${kind} ${name}`),
    ["VirtualService reviews"],
    "its route's subset would be gone",
  );
  const wrong = (await call("POST", "/api/v1/validate", "kind: Nothing")).body as { valid: boolean };
  assert.equal(wrong.valid, false);
  assert.match(await textOf(call), /subset: v1/);
  assert.equal((await historyOf(call)).length, 1);
});

/** Real time, moved forward by hand. */
function shiftedClock(): Clock & { advance(ms: number): void } {
  let shift = 0;
  return {
    now: () => systemClock.now() + shift,
    after: (delay, callback) => systemClock.after(Math.min(delay, 50), callback),
    advance: (ms) => void (shift += ms),
  };
}

test("what is temporary gives way to what was there before, across a restart", async (t) => {
  const clock = shiftedClock();
  const first = await start(t, { clock });
  await first.apply(`${MESH}\n---\n# by hand\n${ruleTo("v1").replace(/^\n?---\n/, "")}`);
  const { status } = await first.call("POST", "/api/v1/apply?temporary=900", ruleTo("v2"));
  assert.equal(status, 200);
  assert.match(await textOf(first.call), /temporary-until[^]*subset: v2/);
  // Changed once more: what comes back is what was there before the first.
  await first.call("POST", "/api/v1/apply?temporary=600", ruleTo("v2"));
  await first.plane.close();

  const { call } = await start(t, { base: first.base, clock });
  assert.match(await textOf(call), /subset: v2/);
  clock.advance(901_000);
  await eventually(async () => assert.match(await textOf(call), /^# by hand\n[^]*subset: v1/));
  assert.doesNotMatch(await textOf(call), /temporary/);
  await eventually(async () => assert.equal((await historyOf(call))[0]!.by, "expiry"));
});

test("what was made for a time is removed when it is over", async (t) => {
  const clock = shiftedClock();
  const { call, apply } = await start(t, { clock });
  await apply(MESH);
  await call("POST", "/api/v1/apply?temporary=60", ruleTo("v1"));
  assert.match(await textOf(call), /subset: v1/);
  clock.advance(61_000);
  await eventually(async () => assert.equal(await textOf(call), ""));
  for (const wrong of ["0", "-1", "x", "1.5", "99999999"])
    assert.equal((await call("POST", `/api/v1/apply?temporary=${wrong}`, ruleTo("v1"))).status, 400);
});
