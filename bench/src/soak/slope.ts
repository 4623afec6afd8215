/** A slope and the interval that holds it with 95 % confidence. */
export interface Slope {
  value: number;
  low: number;
  high: number;
}

/** How many blocks the points are averaged in: neighbouring samples of memory are no independent measurements. */
const BLOCKS = 20;
/** Student's t, 97.5 %, for 18 degrees of freedom. */
const T_18 = 2.101;

/** Least squares through the means of twenty blocks of points, in order. */
export function slope(points: readonly { x: number; y: number }[]): Slope {
  const blocks = Array.from({ length: BLOCKS }, (_, i) => {
    const from = Math.floor((i * points.length) / BLOCKS);
    const to = Math.floor(((i + 1) * points.length) / BLOCKS);
    return mean(points.slice(from, Math.max(to, from + 1)));
  });
  const centre = mean(blocks);
  let sxx = 0;
  let sxy = 0;
  for (const { x, y } of blocks) {
    sxx += (x - centre.x) ** 2;
    sxy += (x - centre.x) * (y - centre.y);
  }
  const value = sxy / sxx;
  let residual = 0;
  for (const { x, y } of blocks) residual += (y - centre.y - value * (x - centre.x)) ** 2;
  const error = Math.sqrt(residual / (BLOCKS - 2) / sxx);
  return { value, low: value - T_18 * error, high: value + T_18 * error };
}

function mean(points: readonly { x: number; y: number }[]): { x: number; y: number } {
  let x = 0;
  let y = 0;
  for (const point of points) {
    x += point.x;
    y += point.y;
  }
  return { x: x / points.length, y: y / points.length };
}
