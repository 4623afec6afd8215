/** The graph as it is now, by the stream, or as it was at a moment. */
import { useEffect, useRef, useState } from "react";
import type { Graph, GraphDelta } from "@tulle/telemetry/insight";
import { apiUrl } from "../api/client.ts";
import { graphQuery, useGraphAt } from "../api/insight.ts";
import type { GraphQuestion } from "../api/insight.ts";
import { openStream } from "../api/stream.ts";
import type { StreamState } from "../api/stream.ts";
import { useNamespace, useRange } from "../shell/scope.ts";
import { applyDelta } from "./live.ts";

export interface GraphState {
  readonly graph: Graph | undefined;
  /** Undefined: it is no stream. */
  readonly stream: StreamState | undefined;
  readonly error: unknown;
}

export function useGraph(question: GraphQuestion): GraphState {
  const ns = useNamespace();
  const range = useRange();
  const isLive = question.at === undefined && range.live;
  const [graph, setGraph] = useState<Graph>();
  const [stream, setStream] = useState<StreamState>("connecting");
  const still = useGraphAt(question, !isLive);
  const url = apiUrl("api/v1/graph/stream", graphQuery(question, ns, range));
  useEffect(() => {
    if (!isLive) return undefined;
    return openStream(url, {
      onState: setStream,
      on: {
        graph: (data) => setGraph(data as Graph),
        delta: (data) => setGraph((before) => (before === undefined ? before : applyDelta(before, data as GraphDelta))),
      },
    });
  }, [isLive, url]);
  // What was shown last stays until there is something else: nobody loses sight of a map while he goes through its past.
  const last = useRef<Graph>(undefined);
  const current = (isLive ? graph : still.data) ?? last.current;
  last.current = current;
  if (!isLive) return { graph: current, stream: undefined, error: still.error };
  return { graph: current, stream, error: null };
}
