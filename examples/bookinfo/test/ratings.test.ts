import assert from "node:assert/strict";
import { test } from "node:test";
import { ratingsRoutes } from "../src/ratings.ts";
import { serve } from "./support.ts";

test("ratings that were posted are the ones that are read", async (t) => {
  const origin = await serve(t, ratingsRoutes("v1"));
  const body = JSON.stringify({ Reviewer1: 1, Reviewer2: 2 });
  const posted = await fetch(`${origin}/ratings/7`, { method: "POST", body });
  assert.deepEqual(await posted.json(), { id: 7, ratings: { Reviewer1: 1, Reviewer2: 2 } });
  assert.deepEqual(await (await fetch(`${origin}/ratings/7`)).json(), {
    id: 7,
    ratings: { Reviewer1: 1, Reviewer2: 2 },
  });
  assert.deepEqual(await (await fetch(`${origin}/ratings/8`)).json(), {
    id: 8,
    ratings: { Reviewer1: 5, Reviewer2: 4 },
  });
});

test("wrong ids, bodies and methods are refused", async (t) => {
  const origin = await serve(t, ratingsRoutes("v1"));
  assert.equal((await fetch(`${origin}/ratings/x`)).status, 400);
  assert.equal((await fetch(`${origin}/ratings/1`, { method: "POST", body: "{" })).status, 400);
  assert.equal((await fetch(`${origin}/ratings/1`, { method: "POST", body: `"${"x".repeat(70_000)}"` })).status, 400);
  const wrongMethod = await fetch(`${origin}/ratings/1`, { method: "DELETE" });
  assert.equal(wrongMethod.status, 405);
  assert.equal(wrongMethod.headers.get("allow"), "GET, POST");
});

test("v-faulty answers 503 to the requests that the dice choose", async (t) => {
  const dice = [0.1, 0.9];
  const origin = await serve(
    t,
    ratingsRoutes("v-faulty", () => dice.shift() ?? 1),
  );
  assert.equal((await fetch(`${origin}/ratings/0`)).status, 503);
  assert.equal((await fetch(`${origin}/ratings/0`)).status, 200);
});
