/** Who calls whom, how often, how fast and how safely: a map that keeps its shape. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ReactNode } from "react";
import type { Graph, GraphEdge, GraphNode, GraphType } from "@tulle/telemetry/insight";
import { after, now } from "../clock.ts";
import { formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { GraphCanvas } from "../graph/canvas.tsx";
import type { CanvasHandle } from "../graph/canvas.tsx";
import { drawing } from "../graph/draw.ts";
import type { EdgeLabel, Layer } from "../graph/draw.ts";
import { entityOf } from "../graph/entity.ts";
import { edgeRate, parseExpression } from "../graph/filter.ts";
import { bounds, groupBoxes, nodeBoxes } from "../graph/geometry.ts";
import { EMPTY_LAYOUT, layOut } from "../graph/layout.ts";
import type { Layout } from "../graph/layout.ts";
import { currentPalette, toSvg } from "../graph/pens.ts";
import { useGraph } from "../graph/use-graph.ts";
import { HEALTH_ORDER, HealthStatus, MtlsBadge } from "../insight/parts.tsx";
import { useAddress } from "../url/use-address.ts";
import { Badge, Card, Command, Empty, Failure, Loading, Segments, Select } from "../ui/basics.tsx";
import { saveFile } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { formatClock } from "../ui/time.tsx";
import "../styles/graph.css";

const TYPES: readonly { readonly value: GraphType; readonly name: string }[] = [
  { value: "versionedApp", name: "Versions" },
  { value: "service", name: "Services" },
  { value: "workload", name: "Workloads" },
  { value: "app", name: "Apps" },
];
const LABELS: readonly { readonly value: EdgeLabel; readonly name: string }[] = [
  { value: "rate", name: "Requests/s" },
  { value: "p50", name: "p50" },
  { value: "p95", name: "p95" },
  { value: "p99", name: "p99" },
  { value: "share", name: "Share" },
  { value: "none", name: "No labels" },
];
const LAYERS: readonly { readonly value: Layer; readonly name: string }[] = [
  { value: "health", name: "Health" },
  { value: "delay", name: "Delay" },
  { value: "mtls", name: "mTLS" },
];

export default function GraphPage(): ReactNode {
  const { query, change } = useAddress();
  const type = oneOf(TYPES, query.get("type"));
  const label = oneOf(LABELS, query.get("label"));
  const layer = oneOf(LAYERS, query.get("layer"));
  const folded = query.get("fold") === "1";
  const unfolded = query.get("unfold") ?? "";
  const replayAt = query.get("at") === null ? undefined : Number(query.get("at"));
  const { graph, stream, error } = useGraph({ type, folded, unfolded, at: replayAt });
  const canvas = useRef<CanvasHandle>(null);
  const shown = useShown(graph, query.get("hide") ?? "", `${type} ${folded} ${unfolded}`);
  const find = query.get("find") ?? "";
  const expression = useMemo(() => parseExpression(find), [find]);
  const found = useMemo(() => foundIds(shown, expression), [shown, expression]);
  const about = query.get("about");
  const selected = useMemo(
    () =>
      graph === undefined
        ? undefined
        : [...graph.nodes, ...graph.edges].find((one) => entityOf(one, graph) === about)?.id,
    [graph, about],
  );
  const [focused, setFocused] = useState<string>();
  const scene = useMemo(
    () => ({ ...shown, label, layer, selected: focused ?? selected, found }),
    [shown, label, layer, selected, focused, found],
  );
  const select = useCallback(
    (one: GraphNode | GraphEdge | undefined) => {
      setFocused(one?.id);
      change({ about: one === undefined || graph === undefined ? null : entityOf(one, graph) });
    },
    [change, graph],
  );
  const save = (form: "svg" | "png" | "json"): void => void exportGraph(form, scene, graph);

  return (
    <div className="graph-page">
      <h1 className="visually-hidden">Graph</h1>
      <div className="graph-tools filters">
        <Segments label="What a node is" options={TYPES} value={type} onChange={(value) => change({ type: value })} />
        <Select
          aria-label="Labels of calls"
          value={label}
          options={LABELS}
          onChange={({ target }) => change({ label: target.value })}
        />
        <Segments
          label="What colours say"
          options={LAYERS}
          value={layer}
          onChange={(value) => change({ layer: value })}
        />
        <ExpressionInput name="find" placeholder="Find: p95 > 100" error={expression.error} />
        <ExpressionInput name="hide" placeholder="Hide: idle" error={parseExpression(query.get("hide") ?? "").error} />
        <NamespaceToggle graph={graph} folded={folded} unfolded={unfolded} />
        <Select
          aria-label="Save the graph"
          value=""
          options={[
            { value: "", name: "Save as …" },
            { value: "svg", name: "SVG" },
            { value: "png", name: "PNG" },
            { value: "json", name: "JSON" },
          ]}
          onChange={({ target }) => {
            if (target.value !== "") save(target.value as "svg" | "png" | "json");
          }}
        />
      </div>
      {error === null ? null : <Failure what="the graph" error={error} />}
      <div className="graph-stage">
        {graph === undefined ? (
          <Loading what="the graph" />
        ) : graph.nodes.length === 0 ? (
          <Empty title="No traffic to show">
            <p>{graph.emptyBecause}</p>
            <Command>tulle demo</Command>
          </Empty>
        ) : (
          <>
            <GraphCanvas
              ref={canvas}
              scene={scene}
              onSelect={select}
              label={`Graph of ${shown.nodes.length} nodes and ${shown.edges.length} calls. Arrow keys go from node to node, plus and minus zoom, 0 shows all. The table below has the same.`}
            />
            <div className="graph-zoom">
              <button
                type="button"
                className="button icon"
                aria-label="Larger"
                onClick={() => canvas.current?.zoom(1.25)}
              >
                +
              </button>
              <button
                type="button"
                className="button icon"
                aria-label="Smaller"
                onClick={() => canvas.current?.zoom(0.8)}
              >
                −
              </button>
              <button type="button" className="button icon" aria-label="Show all" onClick={() => canvas.current?.fit()}>
                <Icon name="fit" />
              </button>
            </div>
            <Legend layer={layer} />
            {found === undefined ? null : (
              <p className="graph-found" role="status">
                {found.size === 0 ? "Nothing found" : `${found.size} found`}
              </p>
            )}
          </>
        )}
      </div>
      <Replay at={replayAt} stream={stream} graph={graph} />
      {graph === undefined || graph.nodes.length === 0 ? null : (
        <Card title="Calls" note="The graph as a table" flush>
          <CallTable
            shown={shown}
            selected={focused ?? selected}
            onSelect={select}
            onShow={(id) => canvas.current?.show(id)}
          />
        </Card>
      )}
    </div>
  );
}

interface Shown {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly boxes: ReturnType<typeof nodeBoxes>;
  readonly groups: ReturnType<typeof groupBoxes>;
}

/** What is not hidden, each node where it was before. `shape`: another kind of graph has another layout. */
function useShown(graph: Graph | undefined, hide: string, shape: string): Shown {
  const layout = useRef<{ shape: string; layout: Layout }>({ shape, layout: EMPTY_LAYOUT });
  return useMemo(() => {
    const hidden = parseExpression(hide);
    const nodes = (graph?.nodes ?? []).filter((node) => hidden.node?.(node) !== true);
    const ids = new Set(nodes.map(({ id }) => id));
    const edges = (graph?.edges ?? []).filter(
      (edge) => ids.has(edge.source) && ids.has(edge.target) && hidden.edge?.(edge) !== true,
    );
    const before = layout.current.shape === shape ? layout.current.layout : EMPTY_LAYOUT;
    // Hidden nodes keep their places: they come back where they were.
    const next = layOut(
      before,
      (graph?.nodes ?? []).map(({ id, namespace }) => ({ id, group: namespace })),
      graph?.edges ?? [],
    );
    layout.current = { shape, layout: next };
    const all = nodeBoxes(next);
    const boxes = new Map([...all].filter(([id]) => ids.has(id)));
    const groupOf = new Map(nodes.map(({ id, namespace }) => [id, namespace]));
    return { nodes, edges, boxes, groups: groupBoxes(boxes, groupOf) };
  }, [graph, hide, shape]);
}

function foundIds(
  { nodes, edges }: Shown,
  { node, edge }: ReturnType<typeof parseExpression>,
): ReadonlySet<string> | undefined {
  if (node === undefined && edge === undefined) return undefined;
  const found = new Set<string>();
  if (node !== undefined) for (const one of nodes) if (node(one)) found.add(one.id);
  if (edge !== undefined) for (const one of edges) if (edge(one)) found.add(one.id).add(one.source).add(one.target);
  return found;
}

function ExpressionInput({
  name,
  placeholder,
  error,
}: {
  readonly name: "find" | "hide";
  readonly placeholder: string;
  readonly error: string | undefined;
}): ReactNode {
  const { query, change } = useAddress();
  return (
    <span className="labelled">
      <input
        type="search"
        className="input"
        aria-label={name === "find" ? "Find nodes and calls" : "Hide nodes and calls"}
        aria-invalid={error !== undefined}
        title={
          error ??
          "A part of a name, or conditions: rps, error, p50, p95, p99, name, ns, version; mtls, idle, healthy, fault, mirror, gateway; ! and or"
        }
        placeholder={placeholder}
        value={query.get(name) ?? ""}
        onChange={({ target }) => change({ [name]: target.value }, { replace: true })}
      />
      {error === undefined ? null : (
        <span className="tone-bad small" role="alert">
          {error}
        </span>
      )}
    </span>
  );
}

function NamespaceToggle({
  graph,
  folded,
  unfolded,
}: {
  readonly graph: Graph | undefined;
  readonly folded: boolean;
  readonly unfolded: string;
}): ReactNode {
  const { change } = useAddress();
  const names = [...new Set((graph?.nodes ?? []).map(({ namespace }) => namespace))]
    .filter((name) => name !== "")
    .sort();
  if (names.length < 2 && !folded) return null;
  const open = unfolded.split(",").filter((name) => name !== "");
  return (
    <>
      <button
        type="button"
        className="button"
        aria-pressed={folded}
        onClick={() => change({ fold: !folded, unfold: null })}
      >
        {folded ? "Unfold all" : "Fold namespaces"}
      </button>
      {folded ? (
        <Select
          aria-label="Unfold a namespace"
          value=""
          options={[
            { value: "", name: "Unfold …" },
            ...names.map((name) => ({ value: name, name: open.includes(name) ? `Fold ${name}` : name })),
          ]}
          onChange={({ target: { value } }) =>
            change({
              unfold: (open.includes(value) ? open.filter((name) => name !== value) : [...open, value]).join(","),
            })
          }
        />
      ) : null}
    </>
  );
}

/** How far back, in steps of what is kept. */
const REPLAY_SECONDS = 3600;
const REPLAY_STEP = 15;
const FRAME_MS = 1000;

function Replay({
  at,
  stream,
  graph,
}: {
  readonly at: number | undefined;
  readonly stream: string | undefined;
  readonly graph: Graph | undefined;
}): ReactNode {
  const { change } = useAddress();
  const [playing, setPlaying] = useState(false);
  const end = Math.floor(now() / 1000 / REPLAY_STEP) * REPLAY_STEP;
  const position = at === undefined ? 0 : Math.max(-REPLAY_SECONDS, Math.round(at / 1000) - end);
  useEffect(() => {
    if (!playing || at === undefined) return undefined;
    return after(FRAME_MS, () => {
      const next = at + REPLAY_STEP * 1000;
      if (next >= now()) {
        setPlaying(false);
        change({ at: null }, { replace: true });
      } else change({ at: next }, { replace: true });
    });
  }, [playing, at, change]);
  return (
    <div className="graph-replay">
      {at === undefined ? (
        <Badge
          tone={stream === "lost" ? "bad" : stream === "open" ? "ok" : "none"}
          icon={stream === "lost" ? "bad" : "ok"}
        >
          {stream === "lost"
            ? "Lost; trying again"
            : stream === undefined
              ? "Still"
              : stream === "open"
                ? "Live"
                : "Connecting"}
        </Badge>
      ) : (
        <button type="button" className="button small" onClick={() => change({ at: null })}>
          Back to live
        </button>
      )}
      <button
        type="button"
        className="button small icon"
        aria-label={playing ? "Pause" : "Play the last hour"}
        onClick={() => {
          setPlaying(!playing);
          if (!playing && at === undefined) change({ at: (end - REPLAY_SECONDS) * 1000 });
        }}
      >
        <Icon name={playing ? "pause" : "play"} />
      </button>
      <input
        type="range"
        aria-label="Moment of the last hour"
        aria-valuetext={at === undefined ? "now" : formatClock(at)}
        min={-REPLAY_SECONDS}
        max={0}
        step={REPLAY_STEP}
        value={position}
        onChange={({ target }) => {
          const seconds = Number(target.value);
          change({ at: seconds === 0 ? null : (end + seconds) * 1000 }, { replace: true });
        }}
      />
      <span className="soft nowrap">{graph === undefined ? "" : formatClock(graph.at)}</span>
      {graph === undefined ? null : (
        <span className="soft nowrap graph-totals">
          {formatRate(graph.totals.rps)} · {formatPercent(graph.totals.errorShare)} failed
          {graph.totals.mtlsShare === null ? "" : ` · ${formatPercent(graph.totals.mtlsShare)} mTLS`}
        </span>
      )}
    </div>
  );
}

function Legend({ layer }: { readonly layer: Layer }): ReactNode {
  const lines: Readonly<Record<Layer, readonly (readonly [string, string])[]>> = {
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
  return (
    <ul className="graph-legend" aria-label="Legend">
      {lines[layer].map(([colour, name]) => (
        <li key={name}>
          <span className={`swatch tone-${colour}`} />
          {name}
        </li>
      ))}
    </ul>
  );
}

function CallTable({
  shown,
  selected,
  onSelect,
  onShow,
}: {
  readonly shown: Shown;
  readonly selected: string | undefined;
  readonly onSelect: (edge: GraphEdge) => void;
  readonly onShow: (id: string) => void;
}): ReactNode {
  const names = useMemo(() => new Map(shown.nodes.map((node) => [node.id, node])), [shown]);
  const name = (id: string): string => {
    const node = names.get(id);
    return node === undefined
      ? id
      : `${node.name}${node.version === "" || node.name.includes(node.version) ? "" : ` ${node.version}`}`;
  };
  const columns: readonly Column<GraphEdge>[] = [
    {
      id: "from",
      name: "From",
      cell: (edge) => (
        <button
          type="button"
          className="button quiet small"
          onClick={() => {
            onShow(edge.source);
            onSelect(edge);
          }}
        >
          {name(edge.source)}
        </button>
      ),
      sort: (edge) => name(edge.source),
    },
    { id: "to", name: "To", cell: (edge) => name(edge.target), sort: (edge) => name(edge.target) },
    {
      id: "health",
      name: "Health",
      cell: ({ health }) => <HealthStatus health={health} />,
      sort: ({ health }) => HEALTH_ORDER.indexOf(health.state),
    },
    {
      id: "rate",
      name: "Requests",
      numeric: true,
      descending: true,
      cell: (edge) => formatRate(edgeRate(edge)),
      sort: edgeRate,
    },
    {
      id: "share",
      name: "Share",
      numeric: true,
      descending: true,
      cell: ({ shareOfSource }) => formatPercent(shareOfSource),
      sort: ({ shareOfSource }) => shareOfSource,
    },
    {
      id: "failed",
      name: "Failed",
      numeric: true,
      descending: true,
      cell: ({ http, grpc }) => formatPercent((http ?? grpc)?.errorShare),
      sort: ({ http, grpc }) => (http ?? grpc)?.errorShare,
    },
    ...(["p50Ms", "p95Ms", "p99Ms"] as const).map((field): Column<GraphEdge> => ({
      id: field,
      name: field.slice(0, -2),
      numeric: true,
      descending: true,
      cell: ({ latency }) => formatMs(latency.source[field] ?? latency.destination[field]),
      sort: ({ latency }) => latency.source[field] ?? undefined,
    })),
    {
      id: "mtls",
      name: "mTLS",
      cell: ({ mtls }) => <MtlsBadge mtls={mtls} />,
      sort: ({ mtls }) => mtls.share ?? undefined,
    },
  ];
  return (
    <Table
      label="Calls"
      columns={columns}
      rows={shown.edges}
      rowKey={({ id }) => id}
      sortedBy="rate-desc"
      dense
      selected={({ id }) => id === selected}
      empty={<Empty title="Everything is hidden" />}
    />
  );
}

function oneOf<T extends string>(options: readonly { readonly value: T }[], text: string | null): T {
  return options.find(({ value }) => value === text)?.value ?? options[0]!.value;
}

async function exportGraph(
  form: "svg" | "png" | "json",
  scene: Omit<Parameters<typeof drawing>[0], "view" | "scale">,
  graph: Graph | undefined,
): Promise<void> {
  if (form === "json") {
    saveFile("graph.json", `${JSON.stringify(graph, null, 2)}\n`, "application/json");
    return;
  }
  const inner = bounds([...scene.groups.values(), ...scene.boxes.values()]);
  const area = { x: inner.x - 24, y: inner.y - 24, width: inner.width + 48, height: inner.height + 48 };
  const svg = toSvg(drawing({ ...scene, view: undefined, scale: 1 }), area, currentPalette());
  if (form === "svg") {
    saveFile("graph.svg", svg, "image/svg+xml");
    return;
  }
  const picture = new Image();
  picture.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = area.width * 2;
  canvas.height = area.height * 2;
  canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(picture.src);
  canvas.toBlob((blob) => {
    if (blob !== null) saveFile("graph.png", blob);
  });
}
