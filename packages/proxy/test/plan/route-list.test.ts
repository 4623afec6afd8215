import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RouteEntry, RouteList, type PathKind } from "../../src/plan/route-table.ts";
import { request } from "./support.ts";
import { routePlan } from "../support/plans.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const direct = (body: string) => routePlan({ kind: "direct", status: 200, body });
const never = (): boolean => false;

function entry(kind: PathKind, text: string): RouteEntry {
  return new RouteEntry({ kind, text, test: never }, [], null, direct(text));
}

const path = fc.string({ unit: fc.constantFrom("/", "a", "b", "?"), maxLength: 12 }).map((rest) => `/${rest}`);
const route = fc.tuple(
  fc.constantFrom<PathKind>(0, 1, 2),
  path.map((text) => text.replaceAll("?", "")),
);

test("with an index the same route is found as without one", () => {
  fc.assert(
    fc.property(
      fc.array(route, { minLength: 8, maxLength: 40 }),
      fc.array(path, { minLength: 1, maxLength: 20 }),
      (routes, paths) => {
        const entries = routes.map(([kind, text]) => entry(kind, text));
        const list = new RouteList(entries);
        for (const asked of paths) {
          const view = request({ path: asked });
          const first = entries.find((each) => each.matches(asked, view, 0)) ?? null;
          assert.equal(list.find(asked, view, 0), first);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("routes that only a closer look tells apart are tried in their place", () => {
  const literal = Array.from({ length: 10 }, (_, i) => entry(0, `/service-${i}/`));
  const any = new RouteEntry({ kind: 3, text: "", test: (text) => text.endsWith("x") }, [], null, direct("any"));
  const list = new RouteList([...literal.slice(0, 5), any, ...literal.slice(5)]);
  const find = (asked: string): RouteEntry | null => list.find(asked, request({ path: asked }), 0);
  assert.equal(find("/service-3/x"), literal[3]);
  assert.equal(find("/service-7/x"), any);
  assert.equal(find("/service-7/y"), literal[7]);
  assert.equal(find("/x"), any);
  assert.equal(find("/y"), null);
});
