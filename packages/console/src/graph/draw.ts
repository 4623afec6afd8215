/** The graph as a list of shapes, which a canvas draws and an SVG file holds. Pure: one list, two pens. */
import type { GraphEdge } from "@tulle/telemetry/insight";
import { formatMs, formatPercent } from "../format/numbers.ts";
import { formatVolume, HEALTH, HEALTH_ORDER, MTLS, requestsOf } from "../insight/signs.ts";
import { clip, colourOf, drawNode, FAINT, LETTER, TEXT_SCALE } from "./draw-node.ts";
import { edgeRate } from "./filter.ts";
import { edgeCurve, endAngle, overlaps, pointOn, sharedArea } from "./geometry.ts";
import type { Box, Curve } from "./geometry.ts";
import type { Colour, EdgeLabel, Layer, Picture, Scene, Shape } from "./scene.ts";

const LABEL_SCALE = 0.55;
const LABEL_SIZE = 11;
/** Where along a call, and how far beside it, its label may be, best first: none covers another while there is a place, and little if there is none. */
const LABEL_PLACES: readonly (readonly [number, number])[] = [0, -20, 20, -40, 40].flatMap((beside) =>
  [0.5, 0.38, 0.62, 0.26, 0.74].map((along) => [along, beside] as const),
);
/** Widths are counted in these steps, so that a label does not go elsewhere for one digit more. */
const LABEL_STEP = 24;

export function drawing(scene: Scene): readonly Shape[] {
  const { nodes, edges, boxes, groups, view, scale } = scene;
  const shapes: Shape[] = [];
  const seen = (box: Box): boolean => view === undefined || overlaps(box, view);
  for (const [name, box] of groups) {
    if (!seen(box)) continue;
    shapes.push({ kind: "rect", box, radius: 10, fill: "raised", stroke: "line", alpha: 0.55 });
    if (scale > TEXT_SCALE)
      shapes.push({
        kind: "text",
        at: { x: box.x + 14, y: box.y + 19 },
        text: clip(name, box.width - 28, 12),
        size: 12,
        bold: true,
        fill: "text-soft",
        align: "left",
      });
  }
  const clear = clearIds(scene);
  const maxRate = Math.max(1e-9, ...edges.map(edgeRate));
  const nodeBoxes = nodes.flatMap(({ id }) => boxes.get(id) ?? []).filter(seen);
  const labelled: { readonly edge: GraphEdge; readonly curve: Curve }[] = [];
  for (const edge of edges) {
    const source = boxes.get(edge.source);
    const target = boxes.get(edge.target);
    if (source === undefined || target === undefined || !seen(around(source, target))) continue;
    const curve = edgeCurve(source, target);
    const isClear = clear === undefined || clear.has(edge.id);
    drawEdge(edge, curve, maxRate, isClear, scene, shapes);
    if (isClear && scale >= LABEL_SCALE) labelled.push({ edge, curve });
  }
  const labels = new Labels(nodeBoxes);
  // What fails is to be read first: it takes its place first.
  labelled.sort((a, b) => HEALTH_ORDER.indexOf(a.edge.health.state) - HEALTH_ORDER.indexOf(b.edge.health.state));
  for (const { edge, curve } of labelled) labels.add(edge, curve, scene);
  for (const node of nodes) {
    const box = boxes.get(node.id);
    if (box !== undefined && seen(box)) drawNode(node, box, clear === undefined || clear.has(node.id), scene, shapes);
  }
  shapes.push(...labels.shapes);
  return shapes;
}

/** What is not to be faint; undefined: everything. */
function clearIds({ selected, found, nodes, edges }: Picture): ReadonlySet<string> | undefined {
  if (selected !== undefined && [...nodes, ...edges].some(({ id }) => id === selected)) {
    const clear = new Set([selected]);
    for (const { id, source, target } of edges) {
      if (id !== selected && source !== selected && target !== selected) continue;
      clear.add(id).add(source).add(target);
    }
    return clear;
  }
  return found;
}

function drawEdge(
  edge: GraphEdge,
  curve: Curve,
  maxRate: number,
  isClear: boolean,
  { layer, selected }: Picture,
  shapes: Shape[],
): void {
  const rate = edgeRate(edge);
  const colour = edgeColour(edge, layer);
  const isIdle = edge.health.state === "idle";
  const width = 1.25 + 2.25 * Math.sqrt(rate / maxRate) + (edge.id === selected ? 1.5 : 0);
  const faint = isClear ? {} : { alpha: FAINT };
  shapes.push({
    kind: "curve",
    curve,
    stroke: colour,
    width,
    ...(isIdle || edge.isCopies
      ? { dash: [4, 4] }
      : edge.protocols.includes("tcp") && rate === 0
        ? { dash: [9, 4] }
        : {}),
    ...faint,
  });
  shapes.push({ kind: "arrow", at: curve.to, angle: endAngle(curve), fill: colour, size: 6 + width, ...faint });
}

/** Labels of calls, each where it covers no other one and no node. */
class Labels {
  readonly shapes: Shape[] = [];
  readonly #taken: Box[];

  constructor(taken: readonly Box[]) {
    this.#taken = [...taken];
  }

  add(edge: GraphEdge, curve: Curve, { label, layer }: Picture): void {
    const text = edgeText(edge, label, layer);
    const { icon, tone } = MTLS[edge.mtls.state];
    const hasGlyph = edge.mtls.state !== "unknown";
    if (text === "" && !hasGlyph) return;
    const width = text.length * LABEL_SIZE * LETTER + (hasGlyph ? 14 : 0) + 10;
    const box = this.#place(curve, width);
    this.shapes.push({ kind: "rect", box, radius: 9, fill: "canvas", stroke: "line" });
    if (hasGlyph)
      this.shapes.push({
        kind: "glyph",
        at: { x: box.x + 5, y: box.y + 3.5 },
        glyph: icon,
        stroke: colourOf(tone),
        size: LABEL_SIZE,
      });
    if (text !== "")
      this.shapes.push({
        kind: "text",
        at: { x: box.x + width / 2 + (hasGlyph ? 7 : 0), y: box.y + 13 },
        text,
        size: LABEL_SIZE,
        fill: "text",
        align: "center",
      });
  }

  #place(curve: Curve, width: number): Box {
    const room = Math.ceil(width / LABEL_STEP) * LABEL_STEP;
    const boxAt = ([along, beside]: readonly [number, number], wide: number): Box => {
      const { x, y } = pointOn(curve, along);
      return { x: x - wide / 2, y: y - 9 + beside, width: wide, height: 18 };
    };
    let place = LABEL_PLACES[0]!;
    let least = Infinity;
    for (const one of LABEL_PLACES) {
      const covered = this.#covered(boxAt(one, room));
      if (covered < least) [place, least] = [one, covered];
      if (least === 0) break;
    }
    this.#taken.push(boxAt(place, room));
    return boxAt(place, width);
  }

  #covered(box: Box): number {
    let sum = 0;
    for (const other of this.#taken) sum += sharedArea(box, other);
    return sum;
  }
}

function edgeText(edge: GraphEdge, label: EdgeLabel, layer: Layer): string {
  const { mtls, latency, shareOfSource } = edge;
  if (layer === "mtls" && mtls.state === "some") return `${formatPercent(mtls.share)} mTLS`;
  const errorShare = requestsOf(edge)?.errorShare ?? 0;
  const failed = errorShare > 0 ? ` · ${formatPercent(errorShare)} failed` : "";
  switch (label) {
    case "none":
      return "";
    case "share":
      return `${formatPercent(shareOfSource)}${failed}`;
    case "rate":
      return `${formatVolume(edge)}${edge.isCopies ? " copied" : ""}${failed}`;
    default: {
      const value = latency.source[`${label}Ms`] ?? latency.destination[`${label}Ms`];
      return value === null ? "" : `${formatMs(value)}${failed}`;
    }
  }
}

function edgeColour({ mtls, http, grpc, tcp, health }: GraphEdge, layer: Layer): Colour {
  if (layer === "mtls") return colourOf(MTLS[mtls.state].tone);
  if (layer === "delay") return "line-strong";
  return http === null && grpc === null && tcp !== null && health.state !== "failure"
    ? "info"
    : colourOf(HEALTH[health.state].tone);
}

function around(a: Box, b: Box): Box {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y + 60,
  };
}
