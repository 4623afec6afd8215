/** A map of a large mesh: there at once, and everybody stays where he was. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { SKIPPED, Visitor } from "./support/browser.ts";
import { eventually } from "./support/tulle.ts";
import { largeGraph, madeUpEdge, madeUpNode, serveGraph } from "./support/large-mesh.ts";
import type { LargeMesh } from "./support/large-mesh.ts";

const FIRST_PAINT_MS = 1000;

/** Notes when the canvas has its first nodes, and where each box of the last picture was. */
const WATCH = `
  window.drawn = { firstAt: undefined, boxes: [], before: [] };
  const { roundRect, clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (window.drawn.boxes.length > 0) window.drawn.before = window.drawn.boxes;
    window.drawn.boxes = [];
    return clearRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.roundRect = function (x, y, width, height, radius) {
    const { a, e, f } = this.getTransform();
    window.drawn.boxes.push([x, y, width, a, e, f].map((value) => Math.round(value * 100) / 100).join(" "));
    if (window.drawn.boxes.length === 1000 && window.drawn.firstAt === undefined)
      requestAnimationFrame(() => requestAnimationFrame(() => (window.drawn.firstAt = performance.now())));
    return roundRect.call(this, x, y, width, height, radius);
  };
`;

async function boxes(page: Page): Promise<readonly string[]> {
  return (await page.evaluate("window.drawn.boxes")) as readonly string[];
}

describe("the graph of a large mesh", { skip: SKIPPED }, () => {
  const graph = largeGraph(1000);
  let mesh: LargeMesh;
  let visitor: Visitor;
  before(async () => {
    mesh = await serveGraph(graph);
    visitor = await Visitor.arrive();
  });
  after(async () => {
    await visitor?.leave();
    await mesh?.close();
  });

  async function open(): Promise<{ readonly page: Page; readonly paintedMs: number }> {
    const page = await visitor.page({ width: 1440 });
    await page.addInitScript(WATCH);
    await page.goto(`${mesh.url}/graph`);
    const paintedMs = await eventually(
      "the nodes are drawn",
      30_000,
      () => page.evaluate("window.drawn.firstAt") as Promise<number | undefined>,
    );
    return { page, paintedMs };
  }

  test("1,000 nodes: on the screen within a second of asking for the page", async (context) => {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const { page, paintedMs } = await open();
      times.push(Math.round(paintedMs));
      await page.context().close();
    }
    context.diagnostic(`first paint: ${times.join(", ")} ms`);
    // Others work on this machine, too: what is possible counts.
    assert.ok(Math.min(...times) < FIRST_PAINT_MS, `first paint after ${times.join(", ")} ms`);
  });

  test("a refresh moves nobody: other numbers, some who come and some who go", async () => {
    const { page } = await open();
    const first = await boxes(page);
    const gone = graph.nodes.slice(-20);
    const goneIds = new Set(gone.map(({ id }) => id));
    const come = Array.from({ length: 20 }, (_, index) => madeUpNode("team-07", `newcomer-${index}`, 3));
    mesh.tell({
      rev: 2,
      at: graph.at + 5000,
      nodes: [...graph.nodes.slice(100, 300).map((node) => ({ ...node, in: { ...node.in, rps: 77 } })), ...come],
      edges: come.map(({ id }) => madeUpEdge(graph.nodes[7]!.id, id, 2)),
      removedNodes: [...goneIds],
      removedEdges: graph.edges
        .filter(({ source, target }) => goneIds.has(source) || goneIds.has(target))
        .map(({ id }) => id),
      totals: graph.totals,
      emptyBecause: "",
    });
    const then = new Set(
      await eventually("the newcomers are drawn", 30_000, async () => {
        const now = await boxes(page);
        return now.length > 1000 && now.join() !== first.join() ? now : undefined;
      }),
    );
    const nodeWidth = first.at(-1)!.split(" ")[2];
    const moved = first.filter((box) => box.split(" ")[2] === nodeWidth && !then.has(box));
    // Who has gone is not there any more; everybody else is where he was.
    assert.ok(moved.length <= gone.length, `${moved.length} boxes are somewhere else`);
    await page.context().close();
  });

  test("no page broke", () => assert.deepEqual(visitor.errors, []));
});
