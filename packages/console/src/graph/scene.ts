/** What is to be drawn of a graph (`Scene`), and what drawings are made of (`Shape`). */
import type { GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import type { IconName } from "../ui/icon.tsx";
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
      readonly glyph: IconName;
      readonly stroke: Colour;
      readonly size: number;
    }
);

export type EdgeLabel = "rate" | "p50" | "p95" | "p99" | "share" | "none";
export type Layer = "health" | "delay" | "mtls";

/** The graph as it is shown, wherever one looks. */
export interface Picture {
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
}

export interface Scene extends Picture {
  /** The part that can be seen, and how large; undefined: all of it at full size. */
  readonly view: Box | undefined;
  readonly scale: number;
}
