/** The graph's layout: people learn a map, so nobody is moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, nat, property, record, tuple, uniqueArray } from "fast-check";
import { groupBoxes, nodeBoxes } from "../src/graph/geometry.ts";
import { EMPTY_LAYOUT, layOut } from "../src/graph/layout.ts";
import type { Layout, LayoutEdge, LayoutNode } from "../src/graph/layout.ts";

const mesh = record({
  nodes: uniqueArray(record({ number: nat(60), group: constantFrom("a", "b", "c") }), {
    selector: ({ number }) => number,
    minLength: 1,
    maxLength: 40,
  }),
  pairs: array(tuple(nat(60), nat(60)), { maxLength: 80 }),
}).map(({ nodes, pairs }) => ({
  nodes: nodes.map(({ number, group }): LayoutNode => ({ id: `n${number}`, group })),
  edges: pairs.map(([a, b]): LayoutEdge => ({ source: `n${a}`, target: `n${b}` })),
}));

function overlaps({ cells }: Layout, nodes: readonly LayoutNode[]): readonly string[] {
  const groupOf = new Map(nodes.map(({ id, group }) => [id, group]));
  const boxes = [...nodeBoxes({ cells, bands: new Map() })];
  const found: string[] = [];
  for (const [index, [id, a]] of boxes.entries())
    for (const [other, b] of boxes.slice(index + 1))
      if (a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)
        found.push(`${id} (${groupOf.get(id)}) and ${other} (${groupOf.get(other)})`);
  return found;
}

test("a node that comes moves no other, and one that goes neither", () => {
  check(
    property(mesh, mesh, nat(39), (first, second, gone) => {
      const before = layOut(EMPTY_LAYOUT, first.nodes, first.edges);
      const kept = first.nodes.filter((_, index) => index !== gone % Math.max(2, first.nodes.length));
      const ids = new Set(kept.map(({ id }) => id));
      const nodes = [...kept, ...second.nodes.filter(({ id }) => !ids.has(id) && !before.cells.has(id))];
      if (kept.length === 0) return;
      const after = layOut(before, nodes, [...first.edges, ...second.edges]);
      for (const { id } of kept) assert.deepEqual(after.cells.get(id), before.cells.get(id));
      assert.equal(after.cells.size, nodes.length);
    }),
  );
});

test("a refresh with other numbers and another order changes nothing at all", () => {
  check(
    property(mesh, ({ nodes, edges }) => {
      const before = layOut(EMPTY_LAYOUT, nodes, edges);
      assert.equal(layOut(before, nodes.toReversed(), edges.toReversed()), before);
      assert.deepEqual(layOut(EMPTY_LAYOUT, nodes.toReversed(), edges.toReversed()).cells, before.cells);
    }),
  );
});

test("no two nodes are in one place, also after many have come one by one", () => {
  check(
    property(mesh, ({ nodes, edges }) => {
      assert.deepEqual(overlaps(layOut(EMPTY_LAYOUT, nodes, edges), nodes), []);
      let layout = EMPTY_LAYOUT;
      for (let count = 1; count <= nodes.length; count++) layout = layOut(layout, nodes.slice(0, count), edges);
      assert.deepEqual(overlaps(layout, nodes), []);
    }),
    { numRuns: 50 },
  );
});

test("callers are left of whom they call, where there is no loop", () => {
  const ids = ["ingress", "page", "details", "reviews", "ratings"];
  const nodes = ids.map((id) => ({ id, group: "default" }));
  const pairs = [
    ["ingress", "page"],
    ["page", "details"],
    ["page", "reviews"],
    ["reviews", "ratings"],
  ];
  const edges = pairs.map(([source, target]) => ({ source: source!, target: target! }));
  const { cells } = layOut(EMPTY_LAYOUT, nodes, edges);
  for (const { source, target } of edges)
    assert.ok(cells.get(source)!.column < cells.get(target)!.column, `${source} ${target}`);
});

test("namespaces that were laid out together have boxes of their own", () => {
  check(
    property(mesh, ({ nodes, edges }) => {
      const boxes = nodeBoxes(layOut(EMPTY_LAYOUT, nodes, edges));
      const groups = [...groupBoxes(boxes, new Map(nodes.map(({ id, group }) => [id, group]))).values()];
      for (const [index, a] of groups.entries())
        for (const b of groups.slice(index + 1))
          assert.ok(a.y + a.height <= b.y || b.y + b.height <= a.y, JSON.stringify([a, b]));
    }),
  );
});

test("a chain of thousands is no recursion, and loops end", () => {
  const nodes = Array.from({ length: 5000 }, (_, index) => ({ id: `n${index}`, group: "a" }));
  const edges = nodes.map(({ id }, index) => ({ source: id, target: `n${(index + 1) % nodes.length}` }));
  assert.equal(layOut(EMPTY_LAYOUT, nodes, edges).cells.size, 5000);
});
