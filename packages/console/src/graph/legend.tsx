import type { ReactNode } from "react";
import type { Layer } from "./scene.ts";

const LINES: Readonly<Record<Layer, readonly (readonly [string, string])[]>> = {
  health: [
    ["ok", "healthy"],
    ["warn", "degraded"],
    ["bad", "failing"],
    ["info", "TCP"],
  ],
  delay: [
    ["bad", "most of the time"],
    ["warn", "a part of it"],
  ],
  mtls: [
    ["ok", "all"],
    ["warn", "in part"],
    ["bad", "none"],
  ],
};

export function Legend({ layer, isMoving }: { readonly layer: Layer; readonly isMoving: boolean }): ReactNode {
  return (
    <ul className="graph-legend" aria-label="Legend">
      {LINES[layer].map(([colour, name]) => (
        <li key={name}>
          <span className={`swatch tone-${colour}`} />
          {name}
        </li>
      ))}
      {isMoving ? (
        <li className="graph-legend-dots">Dots: the more of them, the more requests; red squares fail</li>
      ) : null}
    </ul>
  );
}
