/** The graph on a canvas: moved by dragging, the wheel, touch and keys; its contents are in a table below for everybody who does not see it. */
import { useCallback, useEffect, useImperativeHandle, useRef } from "react";
import type { ReactNode, Ref } from "react";
import type { GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import { onThemeChange } from "../shell/theme.ts";
import { drawing } from "./draw.ts";
import type { Scene } from "./draw.ts";
import { bounds, contains, distanceTo, edgeCurve } from "./geometry.ts";
import type { Box, Point } from "./geometry.ts";
import { currentPalette, paint } from "./pens.ts";
import type { Palette } from "./pens.ts";

export interface CanvasHandle {
  fit(): void;
  zoom(factor: number): void;
  show(id: string): void;
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

export function GraphCanvas({
  scene,
  onSelect,
  ref,
  label,
}: {
  readonly scene: Omit<Scene, "view" | "scale">;
  readonly onSelect: (found: GraphNode | GraphEdge | undefined) => void;
  readonly ref: Ref<CanvasHandle>;
  readonly label: string;
}): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  const palette = useRef<Palette>(undefined);
  const current = useRef(scene);
  const frame = useRef(0);
  /** Until somebody moves it, everything is kept in sight. */
  const touched = useRef(false);

  const draw = useCallback(() => {
    frame.current = 0;
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    palette.current ??= currentPalette();
    const { clientWidth: width, clientHeight: height } = element;
    const ratio = devicePixelRatio;
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
    }
    const { x, y, scale } = view.current;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(ratio * scale, 0, 0, ratio * scale, -x * scale * ratio, -y * scale * ratio);
    const visible = { x, y, width: width / scale, height: height / scale };
    paint(context, drawing({ ...current.current, view: visible, scale }), palette.current);
  }, []);

  const redraw = useCallback(() => {
    if (frame.current === 0) frame.current = requestAnimationFrame(draw);
  }, [draw]);

  const fit = useCallback(() => {
    const element = canvas.current;
    if (!element) return;
    const area = bounds([...current.current.groups.values(), ...current.current.boxes.values()]);
    const { clientWidth: width, clientHeight: height } = element;
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
        const element = canvas.current;
        if (element) zoomAt(factor, { x: element.clientWidth / 2, y: element.clientHeight / 2 });
      },
      show: (id) => {
        const element = canvas.current;
        const box = current.current.boxes.get(id);
        if (!element || box === undefined) return;
        const { scale } = view.current;
        touched.current = true;
        view.current = {
          scale,
          x: box.x + box.width / 2 - element.clientWidth / 2 / scale,
          y: box.y + box.height / 2 - element.clientHeight / 2 / scale,
        };
        redraw();
      },
    }),
    [fit, redraw, zoomAt],
  );

  // Nodes that come extend the picture; nobody's own view is changed.
  const size = scene.boxes.size;
  useEffect(() => {
    current.current = scene;
    if (!touched.current) fit();
    redraw();
  }, [scene, fit, redraw, size]);

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => {
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
    <canvas
      ref={canvas}
      className="graph-canvas"
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
        else if (event.key === "+" || event.key === "=")
          zoomAt(1.25, { x: event.currentTarget.clientWidth / 2, y: event.currentTarget.clientHeight / 2 });
        else if (event.key === "-")
          zoomAt(0.8, { x: event.currentTarget.clientWidth / 2, y: event.currentTarget.clientHeight / 2 });
        else if (event.key === "0") {
          touched.current = false;
          fit();
        } else return;
        event.preventDefault();
      }}
    />
  );
}

function toDrawing({ x, y }: Point, view: View): Point {
  return { x: view.x + x / view.scale, y: view.y + y / view.scale };
}

function hit(scene: Omit<Scene, "view" | "scale">, point: Point, reach: number): GraphNode | GraphEdge | undefined {
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
function walk(scene: Omit<Scene, "view" | "scale">, key: string): GraphNode | undefined {
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
