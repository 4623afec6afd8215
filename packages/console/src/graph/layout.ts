/**
 * Where the graph's nodes are: callers on the left, callees on the right, each namespace a band of its own. Pure and deterministic.
 *
 * The map is one that people learn: whoever has a place keeps it, whatever comes and goes. A new node gets the nearest free cell to where it
 * belongs; columns have no end, so there is always one. Only somebody who asks for it gets a new layout.
 */

export interface LayoutNode {
  readonly id: string;
  /** Its namespace: nodes of one are in one box. */
  readonly group: string;
}

export interface LayoutEdge {
  readonly source: string;
  readonly target: string;
}

/** In cells: columns from the left, rows from the top; rows may be halves. */
interface Cell {
  readonly column: number;
  readonly row: number;
}

/** The rows that belong to a namespace. */
interface Band {
  readonly start: number;
  readonly height: number;
}

export interface Layout {
  readonly cells: ReadonlyMap<string, Cell>;
  readonly bands: ReadonlyMap<string, Band>;
}

export const EMPTY_LAYOUT: Layout = { cells: new Map(), bands: new Map() };

/** Rounds of putting nodes beside those they talk to. */
const SWEEPS = 6;
/** Between bands: room for the name of the namespace. */
const BAND_GAP = 0.75;
/** A step to another column is as far as so many rows. */
const COLUMN_DISTANCE = 3;

/** Keeps the place of every node that has one; the others get theirs. */
export function layOut(previous: Layout, nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Layout {
  const missing = nodes.filter(({ id }) => !previous.cells.has(id));
  const present = new Set(nodes.map(({ id }) => id));
  const isSame = missing.length === 0 && present.size === previous.cells.size;
  if (isSame) return previous;
  // With nobody left whom it would move, everything is laid out anew.
  if (missing.length === nodes.length) return fresh(nodes, edges);
  const cells = new Map([...previous.cells].filter(([id]) => present.has(id)));
  const bands = new Map(previous.bands);
  const neighbours = new Neighbours(edges);
  const occupied = new Occupied();
  const groupOf = new Map(nodes.map(({ id, group }) => [id, group]));
  for (const [id, cell] of cells) occupied.add(groupOf.get(id)!, cell);
  // Those whose neighbours are known first.
  const order = [...missing].sort((a, b) => known(b.id) - known(a.id) || compare(a.id, b.id));
  function known(id: string): number {
    return [...neighbours.before(id), ...neighbours.after(id)].filter((one) => cells.has(one)).length;
  }
  for (const { id, group } of order) {
    const band = bands.get(group) ?? addBand(bands, group);
    const cell = occupied.nearest(group, band, wantedCell(id, band, cells, neighbours));
    occupied.add(group, cell);
    cells.set(id, cell);
  }
  return { cells, bands };
}

function wantedCell(id: string, band: Band, cells: ReadonlyMap<string, Cell>, neighbours: Neighbours): Cell {
  const placed = (ids: readonly string[]): readonly Cell[] =>
    ids.map((one) => cells.get(one)).filter((one) => one !== undefined);
  const callers = placed(neighbours.before(id));
  const callees = placed(neighbours.after(id));
  const column =
    callers.length > 0
      ? Math.max(...callers.map((cell) => cell.column)) + 1
      : callees.length > 0
        ? Math.max(0, Math.min(...callees.map((cell) => cell.column)) - 1)
        : 0;
  const around = [...callers, ...callees];
  const row = around.length === 0 ? band.start : mean(around.map((cell) => cell.row));
  return { column, row: clamp(Math.round(row * 2) / 2, band.start, band.start + band.height - 1) };
}

function addBand(bands: Map<string, Band>, group: string): Band {
  const end = Math.max(0, ...[...bands.values()].map(({ start, height }) => start + height + BAND_GAP));
  const band = { start: end, height: 2 };
  bands.set(group, band);
  return band;
}

function fresh(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Layout {
  const ordered = [...nodes].sort((a, b) => compare(a.id, b.id));
  const neighbours = new Neighbours(edges);
  const layers = layersOf(ordered, neighbours);
  const cells = new Map<string, Cell>();
  const bands = new Map<string, Band>();
  let start = 0;
  for (const [group, members] of groupsOf(ordered, layers)) {
    const height = bandHeight(members, layers);
    bands.set(group, { start, height });
    placeGroup(members, layers, neighbours, { start, height }, cells);
    start += height + BAND_GAP;
  }
  return { cells, bands };
}

/** Namespaces where traffic begins come first, then by name. */
function groupsOf(
  nodes: readonly LayoutNode[],
  layers: ReadonlyMap<string, number>,
): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const { id, group } of nodes) groups.set(group, [...(groups.get(group) ?? []), id]);
  const firstLayer = (ids: readonly string[]): number => Math.min(...ids.map((id) => layers.get(id)!));
  return [...groups].sort(([a, x], [b, y]) => firstLayer(x) - firstLayer(y) || compare(a, b));
}

/** As high as its fullest column, but no tower: what is beyond spills into the columns beside. */
function bandHeight(members: readonly string[], layers: ReadonlyMap<string, number>): number {
  const sizes = new Map<number, number>();
  for (const id of members) sizes.set(layers.get(id)!, (sizes.get(layers.get(id)!) ?? 0) + 1);
  return Math.min(Math.max(...sizes.values()), Math.max(4, Math.ceil(Math.sqrt(members.length * 2))));
}

/** Longest path from a root, loops left out. */
function layersOf(nodes: readonly LayoutNode[], neighbours: Neighbours): ReadonlyMap<string, number> {
  const ids = nodes.map(({ id }) => id);
  const known = new Set(ids);
  const order = topological(ids, known, neighbours);
  const rank = new Map(order.map((id, index) => [id, index]));
  const layers = new Map<string, number>();
  for (const id of order) {
    const callers = neighbours.before(id).filter((one) => known.has(one) && rank.get(one)! < rank.get(id)!);
    layers.set(id, callers.length === 0 ? 0 : Math.max(...callers.map((one) => layers.get(one)!)) + 1);
  }
  // Somebody whom nobody calls stands right before whom he calls, not at the far left.
  for (const id of [...order].reverse()) {
    if (neighbours.before(id).some((one) => known.has(one))) continue;
    const callees = neighbours.after(id).filter((one) => known.has(one) && one !== id);
    if (callees.length > 0) layers.set(id, Math.max(0, Math.min(...callees.map((one) => layers.get(one)!)) - 1));
  }
  return layers;
}

/** Depth first, so that an edge that closes a loop goes backwards. Without recursion: chains may be long. */
function topological(ids: readonly string[], known: ReadonlySet<string>, neighbours: Neighbours): readonly string[] {
  const roots = ids.filter((id) => !neighbours.before(id).some((one) => known.has(one) && one !== id));
  const state = new Map<string, "open" | "done">();
  const reversed: string[] = [];
  for (const root of [...roots, ...ids]) {
    if (state.has(root)) continue;
    const stack: { readonly id: string; readonly next: readonly string[]; at: number }[] = [];
    const enter = (id: string): void => {
      state.set(id, "open");
      stack.push({ id, next: neighbours.after(id), at: 0 });
    };
    enter(root);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const next = top.next[top.at++];
      if (next === undefined) {
        state.set(top.id, "done");
        reversed.push(top.id);
        stack.pop();
      } else if (known.has(next) && !state.has(next)) enter(next);
    }
  }
  return reversed.reverse();
}

function placeGroup(
  members: readonly string[],
  layers: ReadonlyMap<string, number>,
  neighbours: Neighbours,
  band: Band,
  cells: Map<string, Cell>,
): void {
  const columns = new Map<number, string[]>();
  for (const id of members) columns.set(layers.get(id)!, [...(columns.get(layers.get(id)!) ?? []), id]);
  const ordered = [...columns].sort(([a], [b]) => a - b);
  orderColumns(ordered, neighbours, cells);
  const occupied = new Occupied();
  for (const [column, ids] of ordered) {
    const first = ids.slice(0, band.height);
    const start = band.start + Math.floor(((band.height - first.length) / 2) * 2) / 2;
    for (const [index, id] of ids.entries()) {
      const wanted = { column, row: index < band.height ? start + index : band.start };
      const cell = occupied.nearest("", band, wanted);
      occupied.add("", cell);
      cells.set(id, cell);
    }
  }
}

/** Barycentres, forth and back; nodes of other namespaces count where they already are. */
function orderColumns(
  columns: readonly (readonly [number, string[]])[],
  neighbours: Neighbours,
  cells: ReadonlyMap<string, Cell>,
): void {
  const position = new Map<string, number>();
  const note = (ids: readonly string[]): void => {
    for (const [index, id] of ids.entries()) position.set(id, index - (ids.length - 1) / 2);
  };
  for (const [, ids] of columns) note(ids);
  const placeOf = (id: string): number | undefined => position.get(id) ?? cells.get(id)?.row;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0;
    for (const [, ids] of forth ? columns : [...columns].reverse()) {
      const weight = new Map(
        ids.map((id) => {
          const around = (forth ? neighbours.before(id) : neighbours.after(id))
            .map(placeOf)
            .filter((at) => at !== undefined);
          return [id, around.length === 0 ? position.get(id)! : mean(around)];
        }),
      );
      ids.sort((a, b) => weight.get(a)! - weight.get(b)! || compare(a, b));
      note(ids);
    }
  }
}

class Neighbours {
  readonly #before = new Map<string, string[]>();
  readonly #after = new Map<string, string[]>();

  constructor(edges: readonly LayoutEdge[]) {
    for (const { source, target } of edges) {
      if (source === target) continue;
      push(this.#after, source, target);
      push(this.#before, target, source);
    }
    for (const lists of [this.#before, this.#after]) for (const list of lists.values()) list.sort(compare);
  }

  before(id: string): readonly string[] {
    return this.#before.get(id) ?? NOBODY;
  }

  after(id: string): readonly string[] {
    return this.#after.get(id) ?? NOBODY;
  }
}

const NOBODY: readonly string[] = [];

/** Which cells of a namespace are taken. */
class Occupied {
  readonly #rows = new Map<string, Set<number>>();

  add(group: string, { column, row }: Cell): void {
    const key = `${column} ${group}`;
    const rows = this.#rows.get(key);
    if (rows === undefined) this.#rows.set(key, new Set([row]));
    else rows.add(row);
  }

  nearest(group: string, band: Band, wanted: Cell): Cell {
    let best: Cell | undefined;
    let bestDistance = Infinity;
    // No column further away than the best one found can be nearer.
    for (let step = 0; step * COLUMN_DISTANCE < bestDistance; step++) {
      for (const column of step === 0 ? [wanted.column] : [wanted.column + step, wanted.column - step]) {
        if (column < 0) continue;
        const rows = this.#rows.get(`${column} ${group}`);
        for (let row = band.start; row <= band.start + band.height - 1; row += 0.5) {
          if (rows !== undefined && (rows.has(row) || rows.has(row - 0.5) || rows.has(row + 0.5))) continue;
          const distance = Math.abs(row - wanted.row) + step * COLUMN_DISTANCE;
          if (distance < bestDistance) {
            best = { column, row };
            bestDistance = distance;
          }
        }
      }
    }
    return best!;
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
