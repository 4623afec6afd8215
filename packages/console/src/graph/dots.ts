/**
 * Dots on calls, one for a share of the requests that pass: the busier a call, the closer they follow each other. Where requests fail, as
 * large a share of the dots is squares in the colour of failure. Pure: where they are follows from the time alone.
 */
import type { GraphEdge } from "@tulle/telemetry/insight";
import { requestsOf } from "../insight/signs.ts";
import { edgeRate } from "./filter.ts";
import { edgeCurve, overlaps, pointOn } from "./geometry.ts";
import type { Box, Point } from "./geometry.ts";
import type { Picture } from "./scene.ts";

export interface Dot {
  readonly at: Point;
  readonly isFailed: boolean;
}

/** Calm enough to read beside. In the drawing's pixels. */
const SPEED_PER_SECOND = 55;
const CLOSEST = 34;
/** The distance between two dots of the call that is hardly used. */
const WIDEST = 260;
/** Distances are counted in these steps, so that dots go on calmly while rates change a little. */
const STEP = 32;
/** A large mesh has fewer on each call: it is not to cost more than the graph itself. */
const MOST = 400;
/** Smaller than this, dots are noise. */
const SMALLEST_SCALE = 0.25;

export function dotsAt(
  { edges, boxes }: Pick<Picture, "edges" | "boxes">,
  view: Box,
  scale: number,
  ms: number,
): readonly Dot[] {
  if (scale < SMALLEST_SCALE) return [];
  const maxRate = Math.max(1e-9, ...edges.map(edgeRate));
  const lanes = edges.flatMap((edge) => {
    const rate = edgeRate(edge);
    const source = boxes.get(edge.source);
    const target = boxes.get(edge.target);
    if (rate === 0 || source === undefined || target === undefined) return [];
    if (!overlaps(source, view) && !overlaps(target, view)) return [];
    const curve = edgeCurve(source, target);
    const length = Math.hypot(curve.to.x - curve.from.x, curve.to.y - curve.from.y) * 1.1;
    const spacing = WIDEST - (WIDEST - CLOSEST) * Math.sqrt(rate / maxRate);
    return [{ edge, curve, length, spacing: Math.max(CLOSEST, Math.round(spacing / STEP) * STEP) }];
  });
  const wanted = lanes.reduce((sum, { length, spacing }) => sum + length / spacing, 0);
  const thinning = Math.max(1, Math.ceil(wanted / MOST));
  return lanes.flatMap(({ edge, curve, length, spacing }) => {
    const distance = spacing * thinning;
    const gone = (ms / 1000) * SPEED_PER_SECOND;
    const newest = Math.floor(gone / distance);
    const dots: Dot[] = [];
    for (let number = newest; gone - number * distance <= length; number--)
      dots.push({ at: pointOn(curve, (gone - number * distance) / length), isFailed: isFailed(edge, number) });
    return dots;
  });
}

/** Of every hundred dots as many as of every hundred requests, evenly spread. */
function isFailed(edge: GraphEdge, number: number): boolean {
  const share = requestsOf(edge)?.errorShare ?? 0;
  return Math.floor((number + 1) * share) > Math.floor(number * share);
}
