/** How a node is drawn: its name, how it is, and what is changed about it. Pure. */
import type { GraphNode } from "@tulle/telemetry/insight";
import { formatCount, formatMs, formatPercent } from "../format/numbers.ts";
import { BADGE_ICONS, HEALTH, isWarning } from "../insight/signs.ts";
import type { IconName } from "../ui/icon.tsx";
import { TONE_ICONS } from "../ui/tone.ts";
import type { Tone } from "../ui/tone.ts";
import type { Box } from "./geometry.ts";
import type { Colour, Layer, Scene, Shape } from "./scene.ts";

/** What is not looked at. */
export const FAINT = 0.22;
/** Below this, texts are too small to be read and are left out. */
export const TEXT_SCALE = 0.42;
/** About so wide is a letter, at size 1. */
export const LETTER = 0.57;
/** More badges than these have no room. */
const BADGES = 5;

export function colourOf(tone: Tone): Colour {
  return tone === "none" ? "line-strong" : tone;
}

export function drawNode(node: GraphNode, box: Box, isClear: boolean, scene: Scene, shapes: Shape[]): void {
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
  const glyph: IconName =
    node.kind === "external" || node.kind === "outside"
      ? "external"
      : node.isGateway
        ? "proxy"
        : node.kind === "service"
          ? "service"
          : "workload";
  shapes.push({ kind: "glyph", at: { x: box.x + 12, y: box.y + 14 }, glyph, stroke: "text-soft", size: 16, ...faint });
  const detail = nodeDetail(node, layer);
  const { tone } = HEALTH[node.health.state];
  const isTroubled = tone === "bad" || tone === "warn";
  const room = box.width - 36 - (isTroubled ? 26 : 8);
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
  if (isTroubled)
    shapes.push({
      kind: "glyph",
      at: { x: box.x + box.width - 22, y: box.y + 7 },
      glyph: TONE_ICONS[tone],
      stroke: tone,
      size: 14,
      ...faint,
    });
  // A gateway's own glyph says so already.
  const kinds = node.badges.map(({ kind }) => kind).filter((kind) => kind !== "gateway");
  const badges = new Map(kinds.map((kind) => [BADGE_ICONS[kind], isWarning(kind)]));
  for (const [index, [glyph, warns]] of [...badges].slice(0, BADGES).entries()) {
    const x = box.x + box.width - 20 - index * 20;
    shapes.push({
      kind: "rect",
      box: { x: x - 1, y: box.y + box.height - 8, width: 18, height: 18 },
      radius: 9,
      fill: "raised",
      stroke: warns ? "warn" : "line-strong",
      ...faint,
    });
    shapes.push({
      kind: "glyph",
      at: { x: x + 2, y: box.y + box.height - 5 },
      glyph,
      stroke: warns ? "warn" : "text",
      size: 12,
      ...faint,
    });
  }
}

function nodeDetail(node: GraphNode, layer: Layer): string {
  if (layer === "delay" && node.contribution !== null)
    return `${formatMs(node.contribution.msPerRequest)} · ${formatPercent(node.contribution.share)}`;
  if (node.kind === "namespace") return formatCount(node.members, "node");
  return [node.version, node.isGateway ? "gateway" : "", node.kind === "outside" ? "no sidecar" : ""]
    .filter((part) => part !== "")
    .join(" · ");
}

function nodeColour(node: GraphNode, layer: Layer): Colour {
  if (layer === "health") return colourOf(HEALTH[node.health.state].tone);
  if (layer === "mtls") return "line-strong";
  const share = node.contribution?.share ?? 0;
  return share > 0.4 ? "bad" : share > 0.15 ? "warn" : "line-strong";
}

function delayFill(node: GraphNode): Colour {
  const share = node.contribution?.share ?? 0;
  return share > 0.4 ? "bad-soft" : share > 0.15 ? "warn-soft" : "surface";
}

/** As much of a text as there is room for. */
export function clip(text: string, width: number, size: number): string {
  const letters = Math.max(3, Math.floor(width / (size * LETTER)));
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}
