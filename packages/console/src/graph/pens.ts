/** The two pens of a drawing: a canvas, and the text of an SVG file. */
import { ICON_PATHS } from "../ui/icon.tsx";
import type { Dot } from "./dots.ts";
import type { Box } from "./geometry.ts";
import type { Colour, Shape } from "./scene.ts";

export type Palette = (colour: Colour) => string;

/** The colours that are in force now: a canvas and a file know no custom properties. */
export function currentPalette(): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const known = new Map<Colour, string>();
  const names = [
    "canvas",
    "surface",
    "raised",
    "selected",
    "line",
    "line-strong",
    "text",
    "text-soft",
    "accent",
    "ok",
    "warn",
    "bad",
    "info",
    "warn-soft",
    "bad-soft",
  ] as const;
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    known.set(name, getComputedStyle(probe).color);
  }
  probe.remove();
  return (colour) => known.get(colour)!;
}

const FONT = `ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif`;
const paths = new Map<string, Path2D>();

export function paint(context: CanvasRenderingContext2D, shapes: readonly Shape[], palette: Palette): void {
  for (const shape of shapes) {
    context.globalAlpha = shape.alpha ?? 1;
    switch (shape.kind) {
      case "rect": {
        const { box, radius, fill, stroke, width = 1, dash } = shape;
        context.beginPath();
        context.roundRect(box.x, box.y, box.width, box.height, radius);
        if (fill !== undefined) {
          context.fillStyle = palette(fill);
          context.fill();
        }
        if (stroke !== undefined) {
          context.setLineDash(dash === undefined ? [] : [...dash]);
          context.lineWidth = width;
          context.strokeStyle = palette(stroke);
          context.stroke();
        }
        break;
      }
      case "curve": {
        const { from, c1, c2, to } = shape.curve;
        context.beginPath();
        context.moveTo(from.x, from.y);
        context.bezierCurveTo(c1.x, c1.y, c2.x, c2.y, to.x, to.y);
        context.setLineDash(shape.dash === undefined ? [] : [...shape.dash]);
        context.lineWidth = shape.width;
        context.strokeStyle = palette(shape.stroke);
        context.stroke();
        break;
      }
      case "arrow": {
        const { at, angle, size, fill } = shape;
        context.fillStyle = palette(fill);
        context.beginPath();
        context.moveTo(at.x, at.y);
        context.lineTo(at.x - size * Math.cos(angle - 0.42), at.y - size * Math.sin(angle - 0.42));
        context.lineTo(at.x - size * Math.cos(angle + 0.42), at.y - size * Math.sin(angle + 0.42));
        context.fill();
        break;
      }
      case "text":
        context.font = `${shape.bold === true ? 600 : 400} ${shape.size}px ${FONT}`;
        context.textAlign = shape.align;
        context.fillStyle = palette(shape.fill);
        context.fillText(shape.text, shape.at.x, shape.at.y);
        break;
      default: {
        const d = ICON_PATHS[shape.glyph];
        let path = paths.get(d);
        if (path === undefined) paths.set(d, (path = new Path2D(d)));
        context.save();
        context.translate(shape.at.x, shape.at.y);
        context.scale(shape.size / 16, shape.size / 16);
        context.setLineDash([]);
        context.lineCap = "round";
        context.lineJoin = "round";
        context.lineWidth = 1.6;
        context.strokeStyle = palette(shape.stroke);
        context.stroke(path);
        context.restore();
      }
    }
  }
  context.globalAlpha = 1;
}

const DOT = 2.6;

export function paintDots(context: CanvasRenderingContext2D, dots: readonly Dot[], palette: Palette): void {
  for (const isFailed of [false, true]) {
    context.fillStyle = palette(isFailed ? "bad" : "text-soft");
    context.beginPath();
    for (const { at, isFailed: own } of dots) {
      if (own !== isFailed) continue;
      if (isFailed) context.rect(at.x - DOT - 0.6, at.y - DOT - 0.6, 2 * DOT + 1.2, 2 * DOT + 1.2);
      else {
        context.moveTo(at.x + DOT, at.y);
        context.arc(at.x, at.y, DOT, 0, 2 * Math.PI);
      }
    }
    context.fill();
  }
}

export function toSvg(shapes: readonly Shape[], area: Box, palette: Palette): string {
  const body = shapes.map((shape) => svgOf(shape, palette)).join("\n");
  const { x, y, width, height } = area;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x} ${y} ${width} ${height}" width="${width}" height="${height}" font-family="${escape(FONT)}">
<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${palette("canvas")}"/>
${body}
</svg>
`;
}

function svgOf(shape: Shape, palette: Palette): string {
  const alpha = shape.alpha === undefined ? "" : ` opacity="${shape.alpha}"`;
  const dash = "dash" in shape && shape.dash !== undefined ? ` stroke-dasharray="${shape.dash.join(" ")}"` : "";
  switch (shape.kind) {
    case "rect": {
      const { box, radius, fill, stroke, width = 1 } = shape;
      const line = stroke === undefined ? "" : ` stroke="${palette(stroke)}" stroke-width="${width}"`;
      return `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="${radius}" fill="${fill === undefined ? "none" : palette(fill)}"${line}${dash}${alpha}/>`;
    }
    case "curve": {
      const { from, c1, c2, to } = shape.curve;
      return `<path d="M${from.x} ${from.y}C${c1.x} ${c1.y} ${c2.x} ${c2.y} ${to.x} ${to.y}" fill="none" stroke="${palette(shape.stroke)}" stroke-width="${shape.width}"${dash}${alpha}/>`;
    }
    case "arrow": {
      const { at, angle, size } = shape;
      const side = (turn: number): string =>
        `${at.x - size * Math.cos(angle + turn)} ${at.y - size * Math.sin(angle + turn)}`;
      return `<path d="M${at.x} ${at.y}L${side(-0.42)}L${side(0.42)}Z" fill="${palette(shape.fill)}"${alpha}/>`;
    }
    case "text":
      return `<text x="${shape.at.x}" y="${shape.at.y}" font-size="${shape.size}"${shape.bold === true ? ' font-weight="600"' : ""} text-anchor="${shape.align === "center" ? "middle" : "start"}" fill="${palette(shape.fill)}"${alpha}>${escape(shape.text)}</text>`;
    default:
      return `<path transform="translate(${shape.at.x} ${shape.at.y}) scale(${shape.size / 16})" d="${ICON_PATHS[shape.glyph]}" fill="none" stroke="${palette(shape.stroke)}" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"${alpha}/>`;
  }
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
