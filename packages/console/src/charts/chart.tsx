/** Lines over time. What they say is in a table as well, for whoever does not see them. */
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import UPlot from "uplot";
import { onThemeChange } from "../shell/theme.ts";
import { absoluteRange } from "../url/time-range.ts";
import { useAddress } from "../url/use-address.ts";
import { Table } from "../ui/table.tsx";
import { formatClock } from "../ui/time.tsx";
import type { Columns } from "./series.ts";
import "../styles/chart.css";

/** A moment that one can go to: an exemplar's trace, a change of the configuration. */
export interface Mark {
  /** Seconds. */
  readonly at: number;
  readonly value?: number;
  readonly title: string;
  readonly go?: () => void;
}

const HEIGHT = 168;
const SYNC = "time";

export function Chart({
  label,
  columns,
  format,
  marks = [],
}: {
  readonly label: string;
  readonly columns: Columns;
  readonly format: (value: number | null | undefined) => string;
  readonly marks?: readonly Mark[];
}): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const { change } = useAddress();
  const [theme, setTheme] = useState(0);
  const [asTable, setAsTable] = useState(false);
  useEffect(() => onThemeChange(() => setTheme((count) => count + 1)), []);
  const names = columns.lines.map(({ name }) => name).join("\n");
  const plot = useRef<UPlot>(undefined);
  const latest = useRef({ marks, format });
  latest.current = { marks, format };

  useEffect(() => {
    const element = host.current;
    if (element === null || asTable) return undefined;
    const style = getComputedStyle(element);
    const colour = (name: string): string => {
      const probe = document.createElement("span");
      probe.style.color = `var(--${name})`;
      element.append(probe);
      const found = getComputedStyle(probe).color;
      probe.remove();
      return found;
    };
    const axis = {
      stroke: colour("text-soft"),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
    };
    const lines = names === "" ? [] : names.split("\n");
    const created = new UPlot(
      {
        width: Math.max(120, element.clientWidth),
        height: HEIGHT,
        cursor: { sync: { key: SYNC }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        legend: { live: true },
        scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
        axes: [
          { ...axis, space: 70, values: (_, ticks) => ticks.map((at) => formatClock(at * 1000).slice(0, 5)) },
          { ...axis, size: 58, values: (_, ticks) => ticks.map((value) => latest.current.format(value)) },
        ],
        series: [
          { value: (_, at) => (at === null ? "" : formatClock(at * 1000)), label: "At" },
          ...lines.map((name, index) => ({
            label: name,
            stroke: colour(`series-${(index % 8) + 1}`),
            width: 1.6,
            // More lines than colours are told apart by their dashes.
            ...(index >= 8 ? { dash: [6, 3] } : {}),
            points: { show: false },
            value: (_: UPlot, value: number | null) => latest.current.format(value),
          })),
        ],
        hooks: {
          draw: [(self) => drawMarks(self, latest.current.marks, colour("accent"), colour("canvas"))],
          setSelect: [
            (self) => {
              if (self.select.width < 6) return;
              const from = self.posToVal(self.select.left, "x");
              const to = self.posToVal(self.select.left + self.select.width, "x");
              change({ range: absoluteRange(from * 1000, to * 1000) });
            },
          ],
        },
      },
      [[0], ...lines.map(() => [null])],
      element,
    );
    plot.current = created;
    const onClick = (event: MouseEvent): void => {
      const box = created.over.getBoundingClientRect();
      markAt(created, latest.current.marks, event.clientX - box.left, event.clientY - box.top)?.go?.();
    };
    created.over.addEventListener("click", onClick);
    const observer = new ResizeObserver(() =>
      created.setSize({ width: Math.max(120, element.clientWidth), height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = undefined;
    };
  }, [names, theme, asTable, change]);

  useEffect(() => {
    plot.current?.setData([
      columns.times as number[],
      ...columns.lines.map(({ values }) => values as (number | null)[]),
    ]);
  }, [columns, names, theme, asTable]);

  return (
    <figure className="chart">
      <figcaption className="row spread">
        <h3>{label}</h3>
        <button type="button" className="button quiet small" onClick={() => setAsTable(!asTable)}>
          {asTable ? "Chart" : "Table"}
        </button>
      </figcaption>
      {asTable ? <ChartTable label={label} columns={columns} format={format} /> : <div ref={host} aria-hidden />}
      {marks.some(({ go }) => go !== undefined) ? (
        <p className="visually-hidden">
          {marks.map((mark, index) =>
            mark.go === undefined ? null : (
              <button key={index} type="button" onClick={mark.go}>
                {mark.title}
              </button>
            ),
          )}
        </p>
      ) : null}
    </figure>
  );
}

function ChartTable({
  label,
  columns,
  format,
}: {
  readonly label: string;
  readonly columns: Columns;
  readonly format: (value: number | null | undefined) => string;
}): ReactNode {
  const rows = columns.times.map((at, index) => ({ at, index })).reverse();
  return (
    <div style={{ maxHeight: HEIGHT + 40, overflow: "auto" }} tabIndex={0} role="region" aria-label={label}>
      <Table
        label={label}
        dense
        parameter="chart"
        columns={[
          { id: "at", name: "At", cell: ({ at }) => formatClock(at * 1000) },
          ...columns.lines.map(({ name, values }) => ({
            id: name,
            name,
            numeric: true,
            cell: ({ index }: { readonly index: number }) => format(values[index]),
          })),
        ]}
        rows={rows}
        rowKey={({ at }) => String(at)}
      />
    </div>
  );
}

const MARK_SIZE = 5;

function drawMarks(plot: UPlot, marks: readonly Mark[], colour: string, edge: string): void {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const { at, value } of marks) {
    const x = plot.valToPos(at, "x", true);
    if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
    if (value === undefined) {
      ctx.strokeStyle = colour;
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, plot.bbox.top);
      ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      ctx.stroke();
      continue;
    }
    const y = plot.valToPos(value, "y", true);
    if (y < plot.bbox.top) continue;
    const size = MARK_SIZE * ratio;
    ctx.setLineDash([]);
    ctx.fillStyle = colour;
    ctx.strokeStyle = edge;
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

function markAt(plot: UPlot, marks: readonly Mark[], x: number, y: number): Mark | undefined {
  return marks.find(
    ({ at, value }) =>
      value !== undefined && Math.hypot(plot.valToPos(at, "x") - x, plot.valToPos(value, "y") - y) < MARK_SIZE * 2.5,
  );
}
