/** The graph as a list of shapes, which a canvas draws and an SVG file holds. Pure: one list, two pens. */
import type { GraphEdge, GraphNode, Health } from "@tulle/telemetry/insight";
import { formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { edgeRate } from "./filter.ts";
import { edgeCurve, endAngle, pointOn } from "./geometry.ts";
import type { Box, Curve, Point } from "./geometry.ts";

/** Names of the console's colours. */
export type Colour =
  | "canvas"
  | "surface"
  | "raised"
  | "selected"
  | "line"
  | "line-strong"
  | "text"
  | "text-soft"
  | "accent"
  | "ok"
  | "warn"
  | "bad"
  | "info"
  | "warn-soft"
  | "bad-soft";

type Glyph =
  | "ok"
  | "warn"
  | "bad"
  | "none"
  | "lock"
  | "unlock"
  | "service"
  | "workload"
  | "external"
  | "fault"
  | "mirror"
  | "shift"
  | "timeout"
  | "breaker"
  | "config"
  | "security"
  | "proxy"
  | "undo";

export type Shape = { readonly alpha?: number } & (
  | {
      readonly kind: "rect";
      readonly box: Box;
      readonly radius: number;
      readonly fill?: Colour;
      readonly stroke?: Colour;
      readonly width?: number;
      readonly dash?: readonly number[];
    }
  | {
      readonly kind: "curve";
      readonly curve: Curve;
      readonly stroke: Colour;
      readonly width: number;
      readonly dash?: readonly number[];
    }
  | { readonly kind: "arrow"; readonly at: Point; readonly angle: number; readonly fill: Colour; readonly size: number }
  | {
      readonly kind: "text";
      readonly at: Point;
      readonly text: string;
      readonly size: number;
      readonly bold?: boolean;
      readonly fill: Colour;
      readonly align: "left" | "center";
    }
  | {
      readonly kind: "glyph";
      readonly at: Point;
      readonly glyph: Glyph;
      readonly stroke: Colour;
      readonly size: number;
    }
);

export type EdgeLabel = "rate" | "p50" | "p95" | "p99" | "share" | "none";
export type Layer = "health" | "delay" | "mtls";

export interface Scene {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly boxes: ReadonlyMap<string, Box>;
  readonly groups: ReadonlyMap<string, Box>;
  readonly label: EdgeLabel;
  readonly layer: Layer;
  /** Ids; what is connected with them is drawn clearly, the rest faintly. */
  readonly selected: string | undefined;
  /** What find matched; undefined: nobody searches. */
  readonly found: ReadonlySet<string> | undefined;
  /** The part that can be seen, and how large; undefined: all of it at full size. */
  readonly view: Box | undefined;
  readonly scale: number;
}

const FAINT = 0.22;
/** Below this, texts are too small to be read and are left out. */
const TEXT_SCALE = 0.42;
const LABEL_SCALE = 0.55;
/** About so wide is a letter, at size 1. */
const LETTER = 0.57;

const HEALTH_COLOURS: Readonly<Record<Health, Colour>> = {
  failure: "bad",
  degraded: "warn",
  "not-ready": "warn",
  healthy: "ok",
  idle: "line-strong",
};
const HEALTH_GLYPHS: Readonly<Partial<Record<Health, Glyph>>> = {
  failure: "bad",
  degraded: "warn",
  "not-ready": "warn",
};

const BADGE_GLYPHS: Readonly<Record<string, Glyph>> = {
  "virtual-service": "config",
  shifting: "shift",
  "tcp-shifting": "shift",
  fault: "fault",
  mirror: "mirror",
  timeout: "timeout",
  retries: "undo",
  "circuit-breaker": "breaker",
  fallback: "security",
  "rate-limit": "timeout",
  "missing-sidecar": "unlock",
};

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
  const labels: Shape[] = [];
  for (const edge of edges) {
    const source = boxes.get(edge.source);
    const target = boxes.get(edge.target);
    if (source === undefined || target === undefined || !seen(around(source, target))) continue;
    drawEdge(
      edge,
      edgeCurve(source, target),
      maxRate,
      clear === undefined || clear.has(edge.id),
      scene,
      shapes,
      labels,
    );
  }
  for (const node of nodes) {
    const box = boxes.get(node.id);
    if (box !== undefined && seen(box)) drawNode(node, box, clear === undefined || clear.has(node.id), scene, shapes);
  }
  shapes.push(...labels);
  return shapes;
}

/** What is not to be faint; undefined: everything. */
function clearIds({ selected, found, nodes, edges }: Scene): ReadonlySet<string> | undefined {
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
  { label, layer, scale, selected }: Scene,
  shapes: Shape[],
  labels: Shape[],
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
    ...(isIdle ? { dash: [4, 4] } : edge.protocols.includes("tcp") && rate === 0 ? { dash: [9, 4] } : {}),
    ...faint,
  });
  shapes.push({ kind: "arrow", at: curve.to, angle: endAngle(curve), fill: colour, size: 6 + width, ...faint });
  if (!isClear || scale < LABEL_SCALE) return;
  const text = edgeText(edge, label);
  const glyph: Glyph | undefined = { all: "lock", some: "unlock", none: "unlock", unknown: undefined }[
    edge.mtls.state
  ] as Glyph | undefined;
  if (text === "" && glyph === undefined) return;
  const at = pointOn(curve, 0.5);
  const textWidth = text.length * 11 * LETTER;
  const whole = textWidth + (glyph === undefined ? 0 : 14) + 10;
  labels.push({
    kind: "rect",
    box: { x: at.x - whole / 2, y: at.y - 9, width: whole, height: 18 },
    radius: 9,
    fill: "canvas",
    stroke: "line",
  });
  if (glyph !== undefined)
    labels.push({
      kind: "glyph",
      at: { x: at.x - whole / 2 + 5, y: at.y - 5.5 },
      glyph,
      stroke: { all: "ok", some: "warn", none: "bad", unknown: "text-soft" }[edge.mtls.state] as Colour,
      size: 11,
    });
  if (text !== "")
    labels.push({
      kind: "text",
      at: { x: at.x + (glyph === undefined ? 0 : 7), y: at.y + 4 },
      text,
      size: 11,
      fill: "text",
      align: "center",
    });
}

function edgeText(edge: GraphEdge, label: EdgeLabel): string {
  const requests = edge.http ?? edge.grpc;
  const failed = requests !== null && requests.errorShare > 0 ? ` · ${formatPercent(requests.errorShare)} failed` : "";
  switch (label) {
    case "none":
      return "";
    case "share":
      return `${formatPercent(edge.shareOfSource)}${failed}`;
    case "rate":
      return requests === null ? "" : `${formatRate(edgeRate(edge))}${failed}`;
    default: {
      const value = edge.latency.source[`${label}Ms`] ?? edge.latency.destination[`${label}Ms`];
      return value === null ? "" : `${formatMs(value)}${failed}`;
    }
  }
}

function edgeColour(edge: GraphEdge, layer: Layer): Colour {
  if (layer === "mtls")
    return ({ all: "ok", some: "warn", none: "bad", unknown: "line-strong" } as const)[edge.mtls.state];
  if (layer === "delay") return "line-strong";
  return edge.http === null && edge.grpc === null && edge.tcp !== null && edge.health.state !== "failure"
    ? "info"
    : HEALTH_COLOURS[edge.health.state];
}

function drawNode(node: GraphNode, box: Box, isClear: boolean, scene: Scene, shapes: Shape[]): void {
  const { scale, layer, selected } = scene;
  const faint = isClear ? {} : { alpha: FAINT };
  const isSelected = node.id === selected;
  const colour = nodeColour(node, layer);
  const isIdle = node.health.state === "idle";
  shapes.push({
    kind: "rect",
    box,
    radius: node.kind === "service" ? 22 : node.kind === "external" || node.kind === "outside" ? 2 : 8,
    fill: isSelected ? "selected" : layer === "delay" ? delayFill(node) : "surface",
    stroke: isSelected ? "accent" : colour,
    width: isSelected ? 2.5 : 1.5,
    ...(isIdle ? { dash: [4, 3] } : {}),
    ...faint,
  });
  if (scale < TEXT_SCALE) return;
  const glyph: Glyph =
    node.kind === "external" || node.kind === "outside"
      ? "external"
      : node.isGateway
        ? "proxy"
        : node.kind === "service"
          ? "service"
          : "workload";
  shapes.push({ kind: "glyph", at: { x: box.x + 12, y: box.y + 14 }, glyph, stroke: "text-soft", size: 16, ...faint });
  const detail = nodeDetail(node, layer);
  const room = box.width - 36 - (HEALTH_GLYPHS[node.health.state] === undefined ? 8 : 26);
  shapes.push({
    kind: "text",
    at: { x: box.x + 36, y: box.y + (detail === "" ? 27 : 19) },
    text: clip(node.name, room, 12.5),
    size: 12.5,
    bold: true,
    fill: "text",
    align: "left",
    ...faint,
  });
  if (detail !== "")
    shapes.push({
      kind: "text",
      at: { x: box.x + 36, y: box.y + 34 },
      text: clip(detail, box.width - 44, 11),
      size: 11,
      fill: "text-soft",
      align: "left",
      ...faint,
    });
  const health = HEALTH_GLYPHS[node.health.state];
  if (health !== undefined)
    shapes.push({
      kind: "glyph",
      at: { x: box.x + box.width - 22, y: box.y + 7 },
      glyph: health,
      stroke: HEALTH_COLOURS[node.health.state],
      size: 14,
      ...faint,
    });
  const glyphs = [...new Set(node.badges.map(({ kind }) => BADGE_GLYPHS[kind]).filter((one) => one !== undefined))];
  for (const [index, badge] of glyphs.slice(0, 5).entries()) {
    const x = box.x + box.width - 20 - index * 20;
    shapes.push({
      kind: "rect",
      box: { x: x - 1, y: box.y + box.height - 8, width: 18, height: 18 },
      radius: 9,
      fill: "raised",
      stroke: badge === "fault" || badge === "unlock" ? "warn" : "line-strong",
      ...faint,
    });
    shapes.push({
      kind: "glyph",
      at: { x: x + 2, y: box.y + box.height - 5 },
      glyph: badge,
      stroke: badge === "fault" || badge === "unlock" ? "warn" : "text",
      size: 12,
      ...faint,
    });
  }
}

function nodeDetail(node: GraphNode, layer: Layer): string {
  if (layer === "delay" && node.contribution !== null)
    return `${formatMs(node.contribution.msPerRequest)} · ${formatPercent(node.contribution.share)}`;
  if (node.kind === "namespace") return `${node.members} nodes`;
  return [node.version, node.isGateway ? "gateway" : "", node.kind === "outside" ? "no sidecar" : ""]
    .filter((part) => part !== "")
    .join(" · ");
}

function nodeColour(node: GraphNode, layer: Layer): Colour {
  if (layer === "health") return HEALTH_COLOURS[node.health.state];
  if (layer === "mtls") return "line-strong";
  const share = node.contribution?.share ?? 0;
  return share > 0.4 ? "bad" : share > 0.15 ? "warn" : "line-strong";
}

function delayFill(node: GraphNode): Colour {
  const share = node.contribution?.share ?? 0;
  return share > 0.4 ? "bad-soft" : share > 0.15 ? "warn-soft" : "surface";
}

/** As much of a text as there is room for. */
function clip(text: string, width: number, size: number): string {
  const letters = Math.max(3, Math.floor(width / (size * LETTER)));
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}

function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && a.x + a.width > b.x && a.y < b.y + b.height && a.y + a.height > b.y;
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
