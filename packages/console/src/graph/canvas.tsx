/** The graph on a canvas: moved by dragging, the wheel, touch and keys; its contents are in a table below for everybody who does not see it. */
import { useCallback, useEffect, useImperativeHandle, useRef } from "react";
import type { ReactNode, Ref } from "react";
import type { GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import { focusDrawer, KEEPS_FOCUS } from "../shell/focus.ts";
import { onThemeChange } from "../shell/theme.ts";
import { dotsAt } from "./dots.ts";
import { drawing } from "./draw.ts";
import { hit, walk } from "./find.ts";
import { bounds, overlaps } from "./geometry.ts";
import type { Box, Point } from "./geometry.ts";
import { currentPalette, paint, paintDots } from "./pens.ts";
import type { Palette } from "./pens.ts";
import type { Picture } from "./scene.ts";

export interface CanvasHandle {
  fit(): void;
  zoom(factor: number): void;
  show(id: string): void;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface View {
  /** The drawing's point in the upper left corner. */
  x: number;
  y: number;
  scale: number;
}

const MIN_SCALE = 0.05;
const MAX_SCALE = 2.5;
const MARGIN = 36;
/** In pixels of the screen. */
const EDGE_REACH = 8;
const CLICK_REACH = 4;
/** Thirty pictures a second are smooth enough for dots. */
const DOT_FRAME_MS = 30;

export function GraphCanvas({
  scene,
  isMoving,
  onSelect,
  ref,
  label,
}: {
  readonly scene: Picture;
  /** Whether dots go along the calls. */
  readonly isMoving: boolean;
  readonly onSelect: (found: GraphNode | GraphEdge | undefined) => void;
  readonly ref: Ref<CanvasHandle>;
  readonly label: string;
}): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  /** Told by the browser after its own layout: to ask for it would make another one. */
  const size = useRef<Size>({ width: 0, height: 0 });
  const palette = useRef<Palette>(undefined);
  const current = useRef(scene);
  const frame = useRef(0);
  /** Until somebody moves it, everything is kept in sight. */
  const touched = useRef(false);

  const draw = useCallback(() => {
    frame.current = 0;
    const element = canvas.current;
    if (element === null || size.current.width === 0) return;
    palette.current ??= currentPalette();
    const context = prepared(element, size.current, view.current);
    const { scale } = view.current;
    paint(context, drawing({ ...current.current, view: visible(size.current, view.current), scale }), palette.current);
  }, []);

  const redraw = useCallback(() => {
    if (frame.current === 0) frame.current = requestAnimationFrame(draw);
  }, [draw]);

  const fit = useCallback(() => {
    const { width, height } = size.current;
    if (width === 0) return;
    const area = bounds([...current.current.groups.values(), ...current.current.boxes.values()]);
    const scale = Math.min(
      1.15,
      Math.max(MIN_SCALE, Math.min((width - 2 * MARGIN) / area.width, (height - 2 * MARGIN) / area.height)),
    );
    view.current = {
      scale,
      x: area.x + area.width / 2 - width / 2 / scale,
      y: area.y + area.height / 2 - height / 2 / scale,
    };
    redraw();
  }, [redraw]);

  const zoomAt = useCallback(
    (factor: number, at: Point) => {
      const { x, y, scale } = view.current;
      const next = Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale * factor));
      view.current = { scale: next, x: x + at.x / scale - at.x / next, y: y + at.y / scale - at.y / next };
      touched.current = true;
      redraw();
    },
    [redraw],
  );

  useImperativeHandle(
    ref,
    () => ({
      fit: () => {
        touched.current = false;
        fit();
      },
      zoom: (factor) => {
        zoomAt(factor, middleOf(size.current));
      },
      show: (id) => {
        const box = current.current.boxes.get(id);
        if (box === undefined) return;
        const { scale } = view.current;
        touched.current = true;
        view.current = {
          scale,
          x: box.x + box.width / 2 - size.current.width / 2 / scale,
          y: box.y + box.height / 2 - size.current.height / 2 / scale,
        };
        redraw();
      },
    }),
    [fit, redraw, zoomAt],
  );

  useEffect(() => {
    const before = current.current.boxes;
    current.current = scene;
    // A map that stays where it is: it is fitted again only for another graph, or when somebody has come beside the picture.
    const isOther = ![...scene.boxes.keys()].some((id) => before.has(id));
    const isBeside = (box: Box): boolean => !overlaps(box, visible(size.current, view.current));
    const isNew = [...scene.boxes].some(([id, box]) => !before.has(id) && isBeside(box));
    if (!touched.current && (before === scene.boxes || isOther || isNew)) fit();
    redraw();
  }, [scene, fit, redraw]);

  useEffect(() => {
    const element = overlay.current!;
    let last = 0;
    let request = 0;
    let isBlank = true;
    const step = (ms: number): void => {
      request = requestAnimationFrame(step);
      if (ms - last < DOT_FRAME_MS) return;
      last = ms;
      const dots = dotsAt(current.current, visible(size.current, view.current), view.current.scale, ms);
      if (dots.length === 0 && isBlank) return;
      isBlank = dots.length === 0;
      palette.current ??= currentPalette();
      paintDots(prepared(element, size.current, view.current), dots, palette.current);
    };
    if (isMoving) request = requestAnimationFrame(step);
    return () => {
      cancelAnimationFrame(request);
      element.getContext("2d")!.reset();
    };
  }, [isMoving]);

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(([entry]) => {
      size.current = entry!.contentRect;
      if (!touched.current) fit();
      redraw();
    });
    observer.observe(element);
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      if (event.ctrlKey || !event.shiftKey)
        zoomAt(Math.exp(-event.deltaY * 0.0015), { x: event.offsetX, y: event.offsetY });
      else {
        view.current = { ...view.current, x: view.current.x + event.deltaY / view.current.scale };
        redraw();
      }
    };
    // React's listeners for the wheel cannot keep the page from scrolling.
    element.addEventListener("wheel", onWheel, { passive: false });
    const stopTheme = onThemeChange(() => {
      palette.current = undefined;
      redraw();
    });
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", onWheel);
      stopTheme();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [fit, redraw, zoomAt]);

  const pointers = useRef(new Map<number, Point>());
  const moved = useRef(0);
  const at = (event: { clientX: number; clientY: number }): Point => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  return (
    <>
      <canvas
        ref={canvas}
        className="graph-canvas"
        {...{ [KEEPS_FOCUS]: "" }}
        tabIndex={0}
        role="img"
        aria-label={label}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          pointers.current.set(event.pointerId, at(event));
          moved.current = 0;
        }}
        onPointerMove={(event) => {
          const before = pointers.current.get(event.pointerId);
          const now = at(event);
          if (before === undefined) {
            const found = hit(current.current, toDrawing(now, view.current), EDGE_REACH / view.current.scale);
            event.currentTarget.style.cursor = found === undefined ? "grab" : "pointer";
            return;
          }
          const others = [...pointers.current].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
          pointers.current.set(event.pointerId, now);
          moved.current += Math.hypot(now.x - before.x, now.y - before.y);
          if (others.length === 1) {
            const other = others[0]!;
            const factor =
              Math.hypot(now.x - other.x, now.y - other.y) /
              Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
            zoomAt(factor, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
            return;
          }
          const { x, y, scale } = view.current;
          view.current = { scale, x: x - (now.x - before.x) / scale, y: y - (now.y - before.y) / scale };
          if (moved.current > CLICK_REACH) touched.current = true;
          redraw();
        }}
        onPointerUp={(event) => {
          pointers.current.delete(event.pointerId);
          if (moved.current > CLICK_REACH) return;
          onSelect(hit(current.current, toDrawing(at(event), view.current), EDGE_REACH / view.current.scale));
        }}
        onPointerCancel={(event) => pointers.current.delete(event.pointerId)}
        onKeyDown={(event) => {
          const next = walk(current.current, event.key);
          if (next !== undefined) onSelect(next);
          else if (event.key === "+" || event.key === "=") zoomAt(1.25, middleOf(size.current));
          else if (event.key === "-") zoomAt(0.8, middleOf(size.current));
          else if (event.key === "Enter") focusDrawer();
          else if (event.key === "Escape") onSelect(undefined);
          else if (event.key === "0") {
            touched.current = false;
            fit();
          } else return;
          event.preventDefault();
        }}
      />
      <canvas ref={overlay} className="graph-dots" aria-hidden />
    </>
  );
}

/** Empty, as large as it is shown, and in the drawing's coordinates. */
function prepared(element: HTMLCanvasElement, size: Size, { x, y, scale }: View): CanvasRenderingContext2D {
  const context = element.getContext("2d")!;
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  if (element.width !== width) element.width = width;
  if (element.height !== height) element.height = height;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio * scale, 0, 0, ratio * scale, -x * scale * ratio, -y * scale * ratio);
  return context;
}

function visible({ width, height }: Size, { x, y, scale }: View): Box {
  return { x, y, width: width / scale, height: height / scale };
}

function middleOf({ width, height }: Size): Point {
  return { x: width / 2, y: height / 2 };
}

function toDrawing({ x, y }: Point, view: View): Point {
  return { x: view.x + x / view.scale, y: view.y + y / view.scale };
}
