/** From cells to pixels: boxes of nodes and namespaces, the curves between them, and what is under a point. Pure. */
import type { Layout } from "./layout.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** Room for `istio-ingressgateway`. */
const NODE_WIDTH = 196;
const NODE_HEIGHT = 44;
/** Room for a call's label between two nodes. */
const COLUMN_STEP = 352;
const ROW_STEP = 72;
const GROUP_PADDING = 16;
/** Of a namespace's name above its nodes. */
const GROUP_HEADER = 22;

/** A cubic curve. */
export interface Curve {
  readonly from: Point;
  readonly c1: Point;
  readonly c2: Point;
  readonly to: Point;
}

export function nodeBoxes({ cells }: Layout): ReadonlyMap<string, Box> {
  return new Map(
    [...cells].map(([id, { column, row }]) => [
      id,
      { x: column * COLUMN_STEP, y: row * ROW_STEP, width: NODE_WIDTH, height: NODE_HEIGHT },
    ]),
  );
}

export function groupBoxes(
  boxes: ReadonlyMap<string, Box>,
  groupOf: ReadonlyMap<string, string>,
): ReadonlyMap<string, Box> {
  const edges = new Map<string, { left: number; top: number; right: number; bottom: number }>();
  for (const [id, { x, y, width, height }] of boxes) {
    const group = groupOf.get(id);
    if (group === undefined || group === "") continue;
    const known = edges.get(group);
    edges.set(group, {
      left: Math.min(known?.left ?? Infinity, x),
      top: Math.min(known?.top ?? Infinity, y),
      right: Math.max(known?.right ?? -Infinity, x + width),
      bottom: Math.max(known?.bottom ?? -Infinity, y + height),
    });
  }
  return new Map(
    [...edges].map(([group, { left, top, right, bottom }]) => [
      group,
      {
        x: left - GROUP_PADDING,
        y: top - GROUP_PADDING - GROUP_HEADER,
        width: right - left + 2 * GROUP_PADDING,
        height: bottom - top + 2 * GROUP_PADDING + GROUP_HEADER,
      },
    ]),
  );
}

/** From the right side of who calls to the left side of who is called; backwards, under both. */
export function edgeCurve(source: Box, target: Box): Curve {
  const from = { x: source.x + source.width, y: source.y + source.height / 2 };
  const to = { x: target.x, y: target.y + target.height / 2 };
  if (to.x > from.x) {
    const bend = Math.max(36, (to.x - from.x) * 0.45);
    return { from, c1: { x: from.x + bend, y: from.y }, c2: { x: to.x - bend, y: to.y }, to };
  }
  const below = Math.max(source.y + source.height, target.y + target.height) + 46;
  const start = { x: source.x + source.width / 2, y: source.y + source.height };
  const end = { x: target.x + target.width / 2, y: target.y + target.height };
  return { from: start, c1: { x: start.x, y: below }, c2: { x: end.x, y: below }, to: end };
}

export function pointOn({ from, c1, c2, to }: Curve, t: number): Point {
  const u = 1 - t;
  const a = u * u * u;
  const b = 3 * u * u * t;
  const c = 3 * u * t * t;
  const d = t * t * t;
  return { x: a * from.x + b * c1.x + c * c2.x + d * to.x, y: a * from.y + b * c1.y + c * c2.y + d * to.y };
}

/** Radians at the curve's end. */
export function endAngle({ c2, to }: Curve): number {
  return Math.atan2(to.y - c2.y, to.x - c2.x);
}

export function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && a.x + a.width > b.x && a.y < b.y + b.height && a.y + a.height > b.y;
}

/** 0: they do not overlap. */
export function sharedArea(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

export function contains({ x, y, width, height }: Box, point: Point): boolean {
  return point.x >= x && point.x <= x + width && point.y >= y && point.y <= y + height;
}

const SAMPLES = 24;

export function distanceTo(curve: Curve, point: Point): number {
  let best = Infinity;
  for (let index = 0; index <= SAMPLES; index++) {
    const { x, y } = pointOn(curve, index / SAMPLES);
    best = Math.min(best, Math.hypot(x - point.x, y - point.y));
  }
  return best;
}

export function bounds(boxes: Iterable<Box>): Box {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const { x, y, width, height } of boxes) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  if (left > right) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left, height: bottom - top };
}
