/** A map of a large mesh: there at once, and everybody stays where he was. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { SKIPPED, Visitor } from "./support/browser.ts";
import { eventually } from "./support/tulle.ts";
import { largeGraph, madeUpEdge, madeUpNode, serveGraph } from "./support/large-mesh.ts";
import type { LargeMesh } from "./support/large-mesh.ts";

const FIRST_PAINT_MS = 1000;
/** The rest of the second is the browser's and the network's. */
const OWN_CPU_MS = 600;
/** Takes YARDSTICK_MS of CPU on a machine that paints it within the second. A slower one, or one that shares its caches, is as much slower with it. */
const YARDSTICK = "let x = 1; for (let i = 0; i < 3e7; i++) x = (Math.imul(x, 1664525) + 1013904223) >>> 0; x";
const YARDSTICK_MS = 270;
/** The one in the middle counts. */
const ROUNDS = 7;

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

  interface Painted {
    readonly page: Page;
    /** From asking for the page. */
    readonly wallMs: number;
    /** Of the page's main thread. */
    readonly cpuMs: number;
    readonly yardstickMs: number;
  }

  async function open(): Promise<Painted> {
    const page = await visitor.page({ width: 1440 });
    await page.addInitScript(WATCH);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    await page.goto(`${mesh.url}/graph`, { waitUntil: "commit" });
    const wallMs = await eventually(
      "the nodes are drawn",
      30_000,
      () => page.evaluate("window.drawn.firstAt") as Promise<number | undefined>,
    );
    const cpuMs = async (): Promise<number> => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      return Math.round(metrics.find(({ name }) => name === "TaskDuration")!.value * 1000);
    };
    const painted = await cpuMs();
    await page.evaluate(YARDSTICK);
    return { page, wallMs: Math.round(wallMs), cpuMs: painted, yardstickMs: (await cpuMs()) - painted };
  }

  test("1,000 nodes: on the screen within a second of asking for the page", async (context) => {
    const rounds: Painted[] = [];
    // The first one also waits for the browser's processes to start: it is not counted.
    for (let round = 0; round <= ROUNDS; round++) {
      const painted = await open();
      await painted.page.context().close();
      if (round > 0) rounds.push(painted);
    }
    const [wall, cpu, yardstick] = (["wallMs", "cpuMs", "yardstickMs"] as const).map((name) =>
      rounds.map((one) => one[name]).sort((a, b) => a - b),
    );
    const told = `first paint after ${wall!.join(", ")} ms by the clock, of which ${cpu!.join(", ")} ms were the page's own CPU; the yardstick takes ${yardstick!.join(", ")} ms`;
    context.diagnostic(told);
    // Where more wants to run than can, a clock measures the others.
    const slowness = Math.max(1, yardstick![0]! / YARDSTICK_MS);
    assert.ok(wall![ROUNDS >> 1]! < FIRST_PAINT_MS || cpu![0]! < OWN_CPU_MS * slowness, told);
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
