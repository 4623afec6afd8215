/** Who calls whom, how often, how fast and how safely: a map that keeps its shape. */
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import type { ReactNode } from "react";
import type { GraphEdge, GraphNode } from "@tulle/telemetry/insight";
import { CallTable } from "../graph/call-table.tsx";
import { GraphCanvas } from "../graph/canvas.tsx";
import type { CanvasHandle } from "../graph/canvas.tsx";
import { LABELS, LAYERS, oneOf, TYPES } from "../graph/choices.ts";
import { entityOf, idOf } from "../graph/entity.ts";
import { parseExpression } from "../graph/filter.ts";
import { Legend } from "../graph/legend.tsx";
import { Replay } from "../graph/replay.tsx";
import { saveGraph } from "../graph/save.ts";
import type { GraphFile } from "../graph/save.ts";
import type { Picture } from "../graph/scene.ts";
import { GraphTools } from "../graph/tools.tsx";
import { useGraph } from "../graph/use-graph.ts";
import { foundIds, useShown } from "../graph/use-shown.ts";
import { useReducedMotion } from "../ui/motion.ts";
import { useAddress } from "../url/use-address.ts";
import { Card, Command, Empty, Failure, Loading, Select } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { formatClock } from "../ui/time.tsx";
import "../styles/graph.css";

const NOTHING_YET = { nodes: [], edges: [] };

export default function GraphPage(): ReactNode {
  const { query, change } = useAddress();
  const type = oneOf(TYPES, query.get("type"));
  const folded = query.get("fold") === "1";
  const unfolded = query.get("unfold") ?? "";
  const at = query.get("at") === null ? undefined : Number(query.get("at"));
  const { graph, stream, error } = useGraph({ type, folded, unfolded, at });
  const canvas = useRef<CanvasHandle>(null);
  const shown = useShown(graph, query.get("hide") ?? "", `${type} ${folded} ${unfolded}`);
  // The picture first: the table has many more elements, and can wait for it.
  const tabled = useDeferredValue<Pick<Picture, "nodes" | "edges">>(shown, NOTHING_YET);
  const find = query.get("find") ?? "";
  const found = useMemo(() => foundIds(shown, parseExpression(find)), [shown, find]);
  const about = query.get("about");
  const selected = useMemo(() => (graph === undefined ? undefined : idOf(about, graph)), [graph, about]);
  const [focused, setFocused] = useState<string>();
  const label = oneOf(LABELS, query.get("label"));
  const layer = oneOf(LAYERS, query.get("layer"));
  const picture = useMemo<Picture>(
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
  const isLive = stream === "open";
  const mayMove = !useReducedMotion();
  const isMoving = isLive && mayMove && query.get("dots") !== "off";
  const isEmpty = graph !== undefined && graph.nodes.length === 0;

  return (
    <div className="graph-page">
      <h1 className="visually-hidden">Graph</h1>
      <GraphTools graph={graph} />
      {error === null ? null : <Failure what="the graph" error={error} />}
      <div className="graph-stage">
        {graph === undefined ? (
          error === null ? (
            <Loading what="the graph" />
          ) : null
        ) : isEmpty && at === undefined ? (
          <Empty title="No traffic to show">
            <p>{graph.emptyBecause}</p>
            <Command>tulle demo</Command>
          </Empty>
        ) : (
          <>
            <GraphCanvas
              ref={canvas}
              scene={picture}
              isMoving={isMoving}
              onSelect={select}
              label={`Graph of ${shown.nodes.length} nodes and ${shown.edges.length} calls. Arrow keys go from node to node, Enter to its details, plus and minus zoom, 0 shows all. The table below has the same.`}
            />
            <div className="graph-zoom">
              <ZoomButton name="Larger" onClick={() => canvas.current?.zoom(1.25)}>
                <Icon name="plus" />
              </ZoomButton>
              <ZoomButton name="Smaller" onClick={() => canvas.current?.zoom(0.8)}>
                <Icon name="minus" />
              </ZoomButton>
              <ZoomButton name="Show all" onClick={() => canvas.current?.fit()}>
                <Icon name="fit" />
              </ZoomButton>
              {isLive && mayMove ? (
                <ZoomButton
                  name={isMoving ? "Stop the dots" : "Show requests as dots"}
                  onClick={() => change({ dots: isMoving ? "off" : null }, { replace: true })}
                >
                  <Icon name={isMoving ? "pause" : "play"} />
                </ZoomButton>
              ) : null}
            </div>
            <Legend layer={layer} hasCopies={shown.edges.some(({ isCopies }) => isCopies)} isMoving={isMoving} />
            {isEmpty && at !== undefined ? (
              <p className="graph-found" role="status">
                Nothing is kept of {formatClock(at)}
              </p>
            ) : found === undefined ? null : (
              <p className="graph-found" role="status">
                {found.size === 0 ? "Nothing found" : `${found.size} found`}
              </p>
            )}
          </>
        )}
      </div>
      <Replay at={at} stream={stream} graph={graph} />
      {graph === undefined || isEmpty ? null : (
        <Card
          title="Calls"
          note="The graph as a table"
          actions={<SaveAs onChoose={(form) => void saveGraph(form, picture, graph)} />}
          flush
        >
          <CallTable
            shown={tabled}
            selected={focused ?? selected}
            onSelect={select}
            onShow={(id) => canvas.current?.show(id)}
          />
        </Card>
      )}
    </div>
  );
}

function ZoomButton({
  name,
  onClick,
  children,
}: {
  readonly name: string;
  readonly onClick: () => void;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <button type="button" className="button icon" aria-label={name} title={name} onClick={onClick}>
      {children}
    </button>
  );
}

const FILES: readonly { readonly value: GraphFile | ""; readonly name: string }[] = [
  { value: "", name: "Save as …" },
  { value: "svg", name: "SVG" },
  { value: "png", name: "PNG" },
  { value: "json", name: "JSON" },
];

function SaveAs({ onChoose }: { readonly onChoose: (form: GraphFile) => void }): ReactNode {
  return (
    <Select
      aria-label="Save the graph"
      value=""
      options={FILES}
      onChange={({ target }) => {
        if (target.value !== "") onChoose(target.value as GraphFile);
      }}
    />
  );
}
