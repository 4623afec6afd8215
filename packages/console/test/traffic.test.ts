/** Wizards: what a form makes of the rules that are there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshObject, ObjectItem } from "../src/api/types.ts";
import { diffLines } from "../src/config/diff.ts";
import { editYaml } from "../src/config/edit-yaml.ts";
import { changesOf, temporaryUntil } from "../src/traffic/changes.ts";
import { fault, mirror, rebalance, shift, timeout } from "../src/traffic/wizards.ts";

const REVIEWS = { namespace: "default", name: "reviews" };
const metadata = { name: "reviews", namespace: "default", labels: {}, annotations: {}, creationTimestamp: "x" };
const RULE: MeshObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata,
  spec: { host: "reviews", subsets: [{ name: "one", labels: { version: "v1" } }] },
};
const ROUTES: MeshObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata,
  spec: {
    hosts: ["reviews"],
    http: [
      {
        match: [{ headers: { "end-user": { exact: "jason" } } }],
        route: [{ destination: { host: "reviews", subset: "one" } }],
      },
      { route: [{ destination: { host: "reviews.default.svc.cluster.local", subset: "one" } }], timeout: "2s" },
    ],
  },
};

interface Shown {
  readonly kind: string;
  readonly metadata: object;
  readonly spec: { readonly http: readonly Record<string, unknown>[]; readonly subsets: readonly unknown[] };
}

test("a shift changes the route of all requests, uses the subsets that are there and adds what is missing", () => {
  const [rule, routes] = shift([RULE, ROUTES], REVIEWS, [
    { version: "v1", weight: 90 },
    { version: "v2", weight: 10 },
    { version: "v3", weight: 0 },
  ]) as unknown as readonly Shown[];
  assert.deepEqual(rule!.spec.subsets, [
    { name: "one", labels: { version: "v1" } },
    { name: "v2", labels: { version: "v2" } },
  ]);
  assert.deepEqual(routes!.spec.http[1], {
    route: [
      { destination: { host: "reviews.default.svc.cluster.local", subset: "one" }, weight: 90 },
      { destination: { host: "reviews.default.svc.cluster.local", subset: "v2" }, weight: 10 },
    ],
    timeout: "2s",
  });
  assert.deepEqual(routes!.spec.http[0], (ROUTES.spec as unknown as Shown["spec"]).http[0], "other routes stay");
  assert.deepEqual(routes!.metadata, { name: "reviews", namespace: "default" }, "without what loading filled in");
});

test("where there are no rules they are made", () => {
  const [rule, routes] = shift([], REVIEWS, [{ version: "v2", weight: 100 }]) as unknown as readonly Shown[];
  assert.equal(rule!.kind, "DestinationRule");
  assert.deepEqual(routes!.spec.http, [{ route: [{ destination: { host: "reviews", subset: "v2" } }] }]);
});

test("another namespace's service of the same name is another service", () => {
  const result = shift([RULE, ROUTES], { namespace: "shop", name: "reviews" }, [{ version: "v1", weight: 100 }]);
  assert.deepEqual(
    result.map(({ metadata }) => metadata),
    [
      { name: "reviews", namespace: "shop" },
      { name: "reviews", namespace: "shop" },
    ],
  );
});

test("a fault for a header is a route of its own in front, and nobody else is concerned", () => {
  const form = {
    header: "X-User",
    value: "me",
    delayMs: 3000,
    delayPercent: 100,
    abortStatus: 0,
    abortPercent: 100,
    version: "",
  };
  const routes = fault([RULE, ROUTES], REVIEWS, form).at(-1) as unknown as Shown;
  assert.deepEqual(routes.spec.http[0], {
    name: "injected-fault",
    match: [{ headers: { "x-user": { exact: "me" } } }],
    route: [{ destination: { host: "reviews.default.svc.cluster.local", subset: "one" } }],
    timeout: "2s",
    fault: { delay: { fixedDelay: "3s", percentage: { value: 100 } } },
  });
  assert.deepEqual(routes.spec.http.slice(1), (ROUTES.spec as unknown as Shown["spec"]).http);
});

test("mirrors and timeouts are put on the route of all requests", () => {
  const mirrored = mirror([RULE, ROUTES], REVIEWS, { version: "v3", percent: 20 }).at(-1) as unknown as Shown;
  assert.deepEqual(mirrored.spec.http[1]!["mirror"], { host: "reviews.default.svc.cluster.local", subset: "v3" });
  const timed = timeout([RULE, ROUTES], REVIEWS, { timeoutMs: 0, attempts: 0, perTryMs: 0, retryOn: "5xx" });
  assert.deepEqual((timed.at(-1) as unknown as Shown).spec.http[1]!["retries"], { attempts: 0 });
  assert.equal("timeout" in (timed.at(-1) as unknown as Shown).spec.http[1]!, false);
});

test("shares are whole numbers that add up to 100, whatever one is set to", () => {
  let weights: readonly { version: string; weight: number }[] = [90, 10, 0].map((weight, index) => ({
    version: `v${index}`,
    weight,
  }));
  for (const [version, weight] of [
    ["v2", 33],
    ["v0", 100],
    ["v1", 1],
    ["v2", -5],
    ["v0", 1000],
    ["v1", 49.6],
  ] as const) {
    weights = rebalance(weights, version, weight);
    assert.equal(
      weights.reduce((sum, one) => sum + one.weight, 0),
      100,
    );
    assert.ok(weights.every((one) => Number.isInteger(one.weight) && one.weight >= 0));
  }
});

test("YAML keeps its comments, its order and its style where nothing changes", () => {
  const text = "# by hand\nkind: A\nspec:\n  http:\n  - route: {a: 1} # here\n    weight: 90\n";
  assert.equal(editYaml(text, { kind: "A", spec: { http: [{ route: { a: 1 }, weight: 90 }] } }), text);
  assert.equal(
    editYaml(text, { kind: "A", spec: { http: [{ route: { a: 1 }, weight: 10 }] } }),
    text.replace("90", "10"),
  );
  const inserted = editYaml(text, { kind: "A", spec: { http: [{ name: "new" }, { route: { a: 1 }, weight: 90 }] } });
  assert.match(inserted, /- name: new\n {2}- route: \{a: 1\} # here/);
});

test("a difference is the lines that changed", () => {
  const lines = diffLines("a\nb\nc\nd\n", "a\nx\nc\nd\ne\n").map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(lines, ["same a", "removed b", "added x", "same c", "same d", "added e"]);
  assert.deepEqual(diffLines("", ""), []);
});

test("what is changed now is read off the rules, with until when", () => {
  const item: ObjectItem = {
    object: {
      ...ROUTES,
      metadata: { ...metadata, labels: { "tulle.dev/temporary-until": "20261129T151500Z" } },
      spec: {
        hosts: ["reviews"],
        http: [
          {
            match: [{ headers: { "x-user": { exact: "me" } } }],
            fault: { delay: { fixedDelay: "3s" }, abort: { httpStatus: 503, percentage: { value: 10 } } },
            route: [{ destination: { host: "reviews" } }],
          },
          {
            route: [
              { destination: { host: "reviews", subset: "v1" }, weight: 90 },
              { destination: { host: "reviews", subset: "v2" }, weight: 10 },
            ],
            mirror: { host: "reviews", subset: "v3" },
            retries: { attempts: 3, perTryTimeout: "1s" },
          },
        ],
      },
    },
    source: { file: "a.yaml", line: 1 },
    status: [],
  };
  assert.deepEqual(
    changesOf([item]).map(({ kind, scope, text, field }) => `${kind} | ${scope} | ${text} | ${field}`),
    [
      "match | x-user = me | to reviews | spec.http[0].match",
      "fault | x-user = me | delay 3s for 100 %, answer 503 for 10 % | spec.http[0].fault",
      "shift |  | 90 % reviews v1, 10 % reviews v2 | spec.http[1].route",
      "mirror |  | 100 % to reviews v3 | spec.http[1].mirror",
      "retries |  | 3 attempts, 1s each | spec.http[1].retries",
    ],
  );
  assert.equal(temporaryUntil(item.object), Date.UTC(2026, 10, 29, 15, 15, 0));
});
