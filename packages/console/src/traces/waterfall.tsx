/** Every hop in time, one below the other. */
import { useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import type { CriticalPath } from "@tulle/telemetry/insight";
import { formatMs } from "../format/numbers.ts";
import { useAddress } from "../url/use-address.ts";
import { Badge, Card, Facts } from "../ui/basics.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { coloursOf, shortHosts, shortNames, visibleSpans } from "./model.ts";
import type { Span, Trace } from "./model.ts";

export function Waterfall({
  trace,
  critical,
}: {
  readonly trace: Trace;
  readonly critical: CriticalPath | undefined;
}): ReactNode {
  const { query, change } = useAddress();
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const rows = visibleSpans(trace.spans, folded);
  const colours = useMemo(() => coloursOf(trace.services), [trace]);
  const names = useMemo(() => shortNames(trace.services), [trace]);
  const colourOf = (service: string): string => `var(--series-${colours.get(service)})`;
  const open = query.get("span");
  const list = useRef<HTMLOListElement>(null);
  const startMicros = trace.startMs * 1000;
  const sections = new Map<string, { left: number; width: number }[]>();
  for (const { spanId, startMicros: at, durationMicros } of critical?.sections ?? []) {
    const left = ((at - startMicros) / 1000 / trace.durationMs) * 100;
    sections.set(spanId, [
      ...(sections.get(spanId) ?? []),
      { left, width: (durationMicros / 1000 / trace.durationMs) * 100 },
    ]);
  }
  const toggle = (id: string): void => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
  const onKey = (event: KeyboardEvent, span: Span): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>("button.span-row") ?? [])];
    const at = buttons.indexOf(event.currentTarget as HTMLButtonElement);
    if (event.key === "ArrowDown") buttons[at + 1]?.focus();
    else if (event.key === "ArrowUp") buttons[at - 1]?.focus();
    else if (event.key === "ArrowLeft" && span.children > 0 && !folded.has(span.id)) toggle(span.id);
    else if (event.key === "ArrowRight" && folded.has(span.id)) toggle(span.id);
    else return;
    event.preventDefault();
  };
  return (
    <Card
      title="Waterfall"
      note={
        critical === undefined
          ? undefined
          : "The line below a bar is its part of the critical path: shorten that, and the request gets shorter."
      }
      actions={
        <button
          type="button"
          className="button small"
          onClick={() =>
            setFolded(
              folded.size > 0
                ? new Set()
                : new Set(trace.spans.filter(({ children, depth }) => children > 0 && depth > 0).map(({ id }) => id)),
            )
          }
        >
          {folded.size > 0 ? "Unfold all" : "Fold all"}
        </button>
      }
      flush
    >
      <div className="waterfall">
        <div className="span-scale" aria-hidden>
          {[0, 0.25, 0.5, 0.75, 1].map((part) => (
            <span key={part} style={{ left: `${part * 100}%` }}>
              {formatMs(trace.durationMs * part)}
            </span>
          ))}
        </div>
        <ol ref={list}>
          {rows.map((span) => (
            <li key={span.id}>
              <button
                type="button"
                className="span-row"
                aria-expanded={open === span.id}
                onClick={() => change({ span: open === span.id ? null : span.id }, { replace: true })}
                onKeyDown={(event) => onKey(event, span)}
              >
                <span
                  className="span-name"
                  style={{ paddingLeft: 10 + span.depth * 14 }}
                  title={`${span.service} ${span.name}`}
                >
                  <span className="span-dot" style={{ background: colourOf(span.service) }} />
                  {span.error ? <Icon name="bad" title="failed" /> : null}
                  <strong>{names.get(span.service)}</strong> <span className="soft">{shortHosts(span.name)}</span>
                  {span.depth === 0 && span.parent !== "" ? (
                    <Badge title="The span of whoever called was not sampled, or has not come yet">
                      caller not kept
                    </Badge>
                  ) : null}
                  {folded.has(span.id) ? <Badge>{span.children} below</Badge> : null}
                </span>
                <span className="span-lane">
                  <span
                    className="span-bar"
                    data-error={span.error}
                    style={{
                      left: `${(span.start / trace.durationMs) * 100}%`,
                      width: `max(2px, ${(span.duration / trace.durationMs) * 100}%)`,
                      background: colourOf(span.service),
                    }}
                  />
                  {(sections.get(span.id) ?? []).map(({ left, width }, index) => (
                    <span
                      key={index}
                      className="span-critical"
                      style={{ left: `${left}%`, width: `max(1px, ${width}%)` }}
                    />
                  ))}
                  <span
                    className="span-time"
                    style={
                      span.start / trace.durationMs > 0.6
                        ? { right: `${100 - (span.start / trace.durationMs) * 100}%` }
                        : { left: `${((span.start + span.duration) / trace.durationMs) * 100}%` }
                    }
                  >
                    {formatMs(span.duration)}
                  </span>
                </span>
              </button>
              {open === span.id ? (
                <SpanDetails
                  span={span}
                  onFold={span.children === 0 ? undefined : () => toggle(span.id)}
                  isFolded={folded.has(span.id)}
                />
              ) : null}
            </li>
          ))}
        </ol>
      </div>
    </Card>
  );
}

function SpanDetails({
  span,
  onFold,
  isFolded,
}: {
  readonly span: Span;
  readonly onFold: (() => void) | undefined;
  readonly isFolded: boolean;
}): ReactNode {
  return (
    <div className="span-details stack">
      <div className="row">
        <Badge>{span.kind || "internal"}</Badge>
        <span>
          from {formatMs(span.start)} for {formatMs(span.duration)}, of which {formatMs(span.selfMs)} its own
        </span>
        {onFold === undefined ? null : (
          <button type="button" className="button small" onClick={onFold}>
            {isFolded ? "Unfold" : "Fold"}
          </button>
        )}
        <CopyButton text={span.id} label="Copy the span's id" />
      </div>
      {span.events.length === 0 ? null : (
        <ul>
          {span.events.map(({ at, text }, index) => (
            <li key={index} className="wrap">
              <code>{formatMs(at)}</code> {text}
            </li>
          ))}
        </ul>
      )}
      <Facts>
        {span.tags.map(
          ([name, value]) =>
            [
              name,
              <code key={name} className="wrap">
                {value}
              </code>,
            ] as const,
        )}
      </Facts>
    </div>
  );
}
