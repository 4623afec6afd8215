/** Lines over time. What they say is in a table as well, for whoever does not see them. */
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import UPlot from "uplot";
import { formatCount } from "../format/numbers.ts";
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
  /** Absent: it concerns the moment as a whole. */
  readonly value?: number;
  readonly title: string;
  readonly go: () => void;
}

const HEIGHT = 168;
/** Shorter is a click with an unsteady hand. */
const SMALLEST_DRAG = 6;
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
  const latest = useRef({ marks, format, change });
  latest.current = { marks, format, change };
  /** Of several charts that share their cursor the one that is dragged in. */
  const isDragged = useRef(false);

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
          { ...axis, space: 52, size: 26, values: (_, ticks) => ticks.map((at) => formatClock(at * 1000).slice(0, 5)) },
          { ...axis, size: 58, values: (_, ticks) => ticks.map((value) => latest.current.format(value)) },
        ],
        series: [
          { value: (_, at) => (at === null ? "" : formatClock(at * 1000)), label: "" },
          ...lines.map((name, index) => ({
            label: name,
            stroke: colour(`series-${(index % 8) + 1}`),
            width: 1.6,
            // More lines than colours are told apart by their dashes.
            ...(index >= 8 ? { dash: [6, 3] } : {}),
            points: { show: false },
            // Where nobody points, what was last.
            value: ({ data }: UPlot, value: number | null, series: number, index: number | null) =>
              latest.current.format(index === null ? lastOf(data[series]) : value),
          })),
        ],
        hooks: {
          draw: [(self) => drawMarks(self, latest.current.marks, colour("accent"), colour("canvas"))],
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (width === 0) return;
              // The others follow by the address; one that is gone may still hear that the button was let go.
              const isMeant = isDragged.current && plot.current === self && width >= SMALLEST_DRAG;
              isDragged.current = false;
              const [from, to] = [self.posToVal(left, "x"), self.posToVal(left + width, "x")];
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              if (isMeant) latest.current.change({ range: absoluteRange(from * 1000, to * 1000) });
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
      markAt(created, latest.current.marks, event.clientX - box.left, event.clientY - box.top)?.go();
    };
    const onMove = (event: MouseEvent): void => {
      const box = created.over.getBoundingClientRect();
      const mark = markAt(created, latest.current.marks, event.clientX - box.left, event.clientY - box.top);
      created.over.title = mark?.title ?? "";
      created.over.style.cursor = mark === undefined ? "crosshair" : "pointer";
    };
    created.over.addEventListener("mousedown", () => (isDragged.current = true));
    created.over.addEventListener("click", onClick);
    created.over.addEventListener("mousemove", onMove);
    const observer = new ResizeObserver(() =>
      created.setSize({ width: Math.max(120, element.clientWidth), height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = undefined;
    };
  }, [names, theme, asTable]);

  useEffect(() => {
    plot.current?.setData([
      columns.times as number[],
      ...columns.lines.map(({ values }) => values as (number | null)[]),
    ]);
  }, [columns, names, theme, asTable]);
  useEffect(() => plot.current?.redraw(false), [marks]);

  return (
    <figure className="chart">
      <figcaption className="row spread">
        <h3>{label}</h3>
        <button type="button" className="button quiet small" onClick={() => setAsTable(!asTable)}>
          {asTable ? "Chart" : "Table"}
        </button>
      </figcaption>
      {asTable ? <ChartTable label={label} columns={columns} format={format} /> : <div ref={host} aria-hidden />}
      {marks.length === 0 ? null : <Marks marks={marks} />}
    </figure>
  );
}

/** The same for whoever cannot point at them. */
function Marks({ marks }: { readonly marks: readonly Mark[] }): ReactNode {
  const changes = marks.filter(({ value }) => value === undefined).length;
  const traces = marks.length - changes;
  const names = [
    changes === 0 ? "" : formatCount(changes, "change"),
    traces === 0 ? "" : `traces of ${formatCount(traces, "request")}`,
  ];
  return (
    <details className="small">
      <summary>{names.filter((name) => name !== "").join(", ")}</summary>
      <ul className="chart-marks">
        {marks.map(({ at, title, go }, index) => (
          <li key={index}>
            <code>{formatClock(at * 1000)}</code>{" "}
            <button type="button" className="button link" onClick={go}>
              {title}
            </button>
          </li>
        ))}
      </ul>
    </details>
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

function lastOf(values: UPlot.AlignedData[number] | undefined): number | undefined {
  return Array.from(values ?? []).findLast((value) => value !== null) ?? undefined;
}

const MARK_SIZE = 5;

function drawMarks(plot: UPlot, marks: readonly Mark[], colour: string, edge: string): void {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const { at, value } of marks) {
    const x = plot.valToPos(at, "x", true);
    const { left, top, width, height } = plot.bbox;
    if (x < left || x > left + width) continue;
    const size = MARK_SIZE * ratio;
    ctx.fillStyle = colour;
    ctx.strokeStyle = value === undefined ? colour : edge;
    ctx.setLineDash(value === undefined ? [3 * ratio, 3 * ratio] : []);
    ctx.beginPath();
    if (value === undefined) {
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - size, top);
      ctx.lineTo(x + size, top);
      ctx.lineTo(x, top + 1.6 * size);
      ctx.fill();
      continue;
    }
    const y = markTop(plot, value, true);
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

/** What is above the scale is at its upper edge: an outlier is to be seen, and not to make everything else flat. */
function markTop(plot: UPlot, value: number, onCanvas: boolean): number {
  const top = onCanvas ? plot.bbox.top : 0;
  return Math.max(top + MARK_SIZE * (onCanvas ? devicePixelRatio : 1), plot.valToPos(value, "y", onCanvas));
}

function markAt(plot: UPlot, marks: readonly Mark[], x: number, y: number): Mark | undefined {
  return marks.find(({ at, value }) => {
    const beside = plot.valToPos(at, "x") - x;
    return value === undefined
      ? Math.abs(beside) < MARK_SIZE * 1.5 && y < MARK_SIZE * 3
      : Math.hypot(beside, markTop(plot, value, false) - y) < MARK_SIZE * 2.5;
  });
}
