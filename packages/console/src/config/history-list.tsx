/** Changes, newest first, each with what it did and the way back. */
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Command, Empty } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { Moment } from "../ui/time.tsx";
import { DiffView } from "./diff-view.tsx";
import { ObjectLink } from "./object-link.tsx";
import { useUndo } from "./use-apply.ts";
import { CHANGED_BY, useHistory } from "./use-history.ts";
import type { HistoryItem } from "./use-history.ts";
import type { Query } from "../api/client.ts";

export function HistoryList({ query = {} }: { readonly query?: Query }): ReactNode {
  const history = useHistory(query);
  return (
    <Answer of={history} what="the history">
      {({ items, total }) =>
        items.length === 0 ? (
          <Card flush>
            <Empty title="Nothing has been changed yet">
              <p>
                What is applied, changed here or saved in the configuration directory is listed here, each change with
                its difference and the way back.
              </p>
              <Command>tulle apply -f reviews.yaml</Command>
            </Empty>
          </Card>
        ) : (
          <>
            <ol className="stack">
              {items.map((item) => (
                <li key={item.id}>
                  <Change item={item} />
                </li>
              ))}
            </ol>
            {total > items.length ? (
              <p className="soft">
                The last {items.length} of {total}.
              </p>
            ) : null}
          </>
        )
      }
    </Answer>
  );
}

function Change({ item: { id, at, by, objects } }: { readonly item: HistoryItem }): ReactNode {
  const isAsked = useAddress().query.get("open") === String(id);
  const [open, setOpen] = useState(isAsked);
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isAsked) row.current?.scrollIntoView({ block: "center" });
  }, [isAsked]);
  const undo = useUndo();
  const undoable = objects.every(({ before, after }) => before !== null && after !== null);
  return (
    <div ref={row}>
      <Card
        title={
          <span className="row">
            {objects.slice(0, 4).map(({ key, before, after, ...reference }) => (
              <span key={key} className="row" style={{ gap: 4 }}>
                <Badge tone={before === undefined ? "ok" : after === undefined ? "bad" : "info"}>
                  {before === undefined ? "made" : after === undefined ? "removed" : "changed"}
                </Badge>
                <ObjectLink reference={reference} />
              </span>
            ))}
            {objects.length > 4 ? <span className="soft">and {objects.length - 4} more</span> : null}
          </span>
        }
        note={
          <>
            <Moment at={at} /> by {CHANGED_BY[by]}
          </>
        }
        actions={
          <>
            <button type="button" className="button small" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? "Hide" : "Show"} difference
            </button>
            <button
              type="button"
              className="button small"
              disabled={!undoable}
              title={undoable ? undefined : "Its text is not kept"}
              onClick={() => void undo(id)}
            >
              <Icon name="undo" />
              Undo
            </button>
          </>
        }
      >
        {open
          ? objects.map(({ key, before, after }) => (
              <DiffView key={key} label={`What changed in ${key}`} before={before ?? ""} after={after ?? ""} />
            ))
          : null}
      </Card>
    </div>
  );
}
