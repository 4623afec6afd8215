/** The graph of a moment of the last hour, or of all its moments one after another. Marks say when the configuration was changed. */
import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import type { Graph } from "@tulle/telemetry/insight";
import type { StreamState } from "../api/stream.ts";
import { after, now } from "../clock.ts";
import { useChangeMarks } from "../config/use-history.ts";
import { formatPercent, formatRate } from "../format/numbers.ts";
import { useAddress } from "../url/use-address.ts";
import { Badge, Select } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { formatClock } from "../ui/time.tsx";
import { TONE_ICONS } from "../ui/tone.ts";
import type { Tone } from "../ui/tone.ts";

/** How far back, in steps of what is kept. */
const REPLAY_SECONDS = 3600;
const REPLAY_STEP = 15;
const FRAME_MS = 1000;
/** Seconds of then in a second of now. */
const SPEEDS = [
  { value: "15", name: "15 s a second" },
  { value: "60", name: "1 min a second" },
  { value: "300", name: "5 min a second" },
] as const;

/** Of a stream, in a word. */
const STREAM: Readonly<Record<StreamState, { readonly tone: Tone; readonly name: string }>> = {
  connecting: { tone: "none", name: "Connecting" },
  open: { tone: "ok", name: "Live" },
  lost: { tone: "bad", name: "Lost; trying again" },
};

export function Replay({
  at,
  stream,
  graph,
}: {
  readonly at: number | undefined;
  readonly stream: StreamState | undefined;
  readonly graph: Graph | undefined;
}): ReactNode {
  const { change } = useAddress();
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState("60");
  const end = Math.floor(now() / 1000 / REPLAY_STEP) * REPLAY_STEP;
  const start = end - REPLAY_SECONDS;
  const position = at === undefined ? 0 : Math.max(-REPLAY_SECONDS, Math.round(at / 1000) - end);
  useEffect(() => {
    if (!playing || at === undefined) return undefined;
    return after(FRAME_MS, () => {
      const next = at + Number(speed) * 1000;
      if (next >= now()) {
        setPlaying(false);
        change({ at: null }, { replace: true });
      } else change({ at: next }, { replace: true });
    });
  }, [playing, at, speed, change]);
  const { tone, name } = stream === undefined ? { tone: "none" as const, name: "Still" } : STREAM[stream];
  return (
    <div className="graph-replay">
      {at === undefined ? (
        <Badge tone={tone} icon={TONE_ICONS[tone]}>
          {name}
        </Badge>
      ) : (
        <button
          type="button"
          className="button small"
          onClick={() => {
            setPlaying(false);
            change({ at: null });
          }}
        >
          Back to live
        </button>
      )}
      <button
        type="button"
        className="button small icon"
        aria-label={playing ? "Pause" : "Play the last hour"}
        title={playing ? "Pause" : "Play the last hour"}
        onClick={() => {
          setPlaying(!playing);
          if (!playing && at === undefined) change({ at: start * 1000 });
        }}
      >
        <Icon name={playing ? "pause" : "play"} />
      </button>
      <span className="graph-track">
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
        <Changes from={start * 1000} to={end * 1000} />
      </span>
      <span className="soft nowrap">{graph === undefined ? "" : formatClock(graph.at)}</span>
      {at === undefined ? null : (
        <Select
          aria-label="Speed"
          value={speed}
          options={SPEEDS}
          onChange={({ target }) => setSpeed(target.value)}
          className="small"
        />
      )}
      {graph === undefined ? null : (
        <span className="soft nowrap graph-totals">
          {formatRate(graph.totals.rps)} · {formatPercent(graph.totals.errorShare)} failed
          {graph.totals.mtlsShare === null ? "" : ` · ${formatPercent(graph.totals.mtlsShare)} mTLS`}
        </span>
      )}
    </div>
  );
}

/** Where in the hour the configuration was changed: what somebody wants to look at before and after. */
function Changes({ from, to }: { readonly from: number; readonly to: number }): ReactNode {
  const { change } = useAddress();
  return useChangeMarks(from, to).map(({ id, at, title }) => (
    <button
      key={id}
      type="button"
      className="graph-change"
      style={{ left: `${((at - from) / (to - from)) * 100}%` }}
      title={`${formatClock(at)}: ${title}`}
      aria-label={`Go to ${formatClock(at)}: ${title}`}
      onClick={() => change({ at: Math.floor(at / 1000 / REPLAY_STEP) * REPLAY_STEP * 1000 })}
    />
  ));
}
