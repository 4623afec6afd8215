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

export function Legend({
  layer,
  hasCopies,
  isMoving,
}: {
  readonly layer: Layer;
  readonly hasCopies: boolean;
  readonly isMoving: boolean;
}): ReactNode {
  return (
    <ul className="graph-legend" aria-label="Legend">
      {LINES[layer].map(([colour, name]) => (
        <li key={name}>
          <span className={`swatch tone-${colour}`} />
          {name}
        </li>
      ))}
      {hasCopies ? <li className="graph-legend-note">Dashed: copies, in no other number</li> : null}
      {isMoving ? (
        <li className="graph-legend-note">Dots: the more of them, the more requests; red squares fail</li>
      ) : null}
    </ul>
  );
}
