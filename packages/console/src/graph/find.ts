/** What is under a point, and where the arrow keys go. Pure. */
import type { GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import { contains, distanceTo, edgeCurve } from "./geometry.ts";
import type { Box, Point } from "./geometry.ts";
import type { Picture } from "./scene.ts";

/** `reach`: how far beside a call still hits it. */
export function hit(scene: Picture, point: Point, reach: number): GraphNode | GraphEdge | undefined {
  const node = scene.nodes.find(({ id }) => {
    const box = scene.boxes.get(id);
    return box !== undefined && contains(box, point);
  });
  if (node !== undefined) return node;
  let best: GraphEdge | undefined;
  let bestDistance = reach;
  for (const edge of scene.edges) {
    const source = scene.boxes.get(edge.source);
    const target = scene.boxes.get(edge.target);
    if (source === undefined || target === undefined) continue;
    const distance = distanceTo(edgeCurve(source, target), point);
    if (distance >= bestDistance) continue;
    best = edge;
    bestDistance = distance;
  }
  return best;
}

/** Arrows go from node to node: right to who is called, left to who calls, up and down among those beside. */
export function walk(scene: Picture, key: string): GraphNode | undefined {
  const { nodes, edges, boxes, selected } = scene;
  if (!key.startsWith("Arrow")) return undefined;
  const here = nodes.find(({ id }) => id === selected);
  const boxOf = (node: GraphNode): Box => boxes.get(node.id)!;
  const placed = nodes.filter(({ id }) => boxes.has(id));
  if (here === undefined || !boxes.has(here.id)) {
    return [...placed].sort((a, b) => boxOf(a).x - boxOf(b).x || boxOf(a).y - boxOf(b).y)[0];
  }
  const origin = boxOf(here);
  const near = (candidates: readonly GraphNode[]): GraphNode | undefined =>
    [...candidates].sort((a, b) => Math.abs(boxOf(a).y - origin.y) - Math.abs(boxOf(b).y - origin.y))[0];
  const ids = (list: readonly string[]): readonly GraphNode[] => placed.filter(({ id }) => list.includes(id));
  if (key === "ArrowRight")
    return near(ids(edges.filter(({ source }) => source === here.id).map(({ target }) => target)));
  if (key === "ArrowLeft")
    return near(ids(edges.filter(({ target }) => target === here.id).map(({ source }) => source)));
  const beside = placed.filter((node) => node.id !== here.id && Math.abs(boxOf(node).x - origin.x) < 1);
  return near(beside.filter((node) => (key === "ArrowDown" ? boxOf(node).y > origin.y : boxOf(node).y < origin.y)));
}
