/** The demo's table, as text. */
import { style } from "../terminal/style.ts";
import { formatTable } from "../terminal/table.ts";
import type { Edge } from "./edges.ts";

const HEADER = ["FROM", "TO", "VERSION", "SHARE", "REQ/S", "P50", "P99", "REQUESTS", "FAILED", "MTLS"];
const NUMBERS = [3, 4, 5, 6, 7, 8];

/**
 * `total` are the edges since the start, `recent` those of the last `seconds`: share, rate and latency are recent, so
 * that a change shows at once.
 */
export function edgeTable(total: readonly Edge[], recent: readonly Edge[], seconds: number): string {
  const rows = total.map((edge) => {
    const now = recent.find((other) => sameEdge(edge, other));
    const calls = recent.filter(({ from, to }) => from === edge.from && to === edge.to);
    const all = calls.reduce((sum, { requests }) => sum + requests, 0);
    return [
      edge.from,
      edge.to,
      edge.version,
      all === 0 ? "-" : `${(((now?.requests ?? 0) / all) * 100).toFixed(0)} %`,
      ((now?.requests ?? 0) / seconds).toFixed(1),
      milliseconds(now?.p50Ms),
      milliseconds(now?.p99Ms),
      `${edge.requests}`,
      edge.failed === 0 ? "0" : style.bad(`${edge.failed}`),
      edge.mutualTls ? "yes" : "no",
    ];
  });
  return formatTable(rows, { header: HEADER, right: NUMBERS });
}

function sameEdge(a: Edge, b: Edge): boolean {
  return a.from === b.from && a.to === b.to && a.version === b.version;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "-" : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
