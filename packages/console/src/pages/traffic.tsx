/** What the rules change about traffic now, and the ways to change it. */
import type { ReactNode } from "react";
import { useObjects } from "../api/hooks.ts";
import { ObjectLink } from "../config/object-link.tsx";
import { useUndo } from "../config/use-apply.ts";
import { useHistory } from "../config/use-history.ts";
import { inScope, useNamespace } from "../shell/scope.ts";
import { CHANGE_NAMES, changesOf } from "../traffic/changes.ts";
import type { ChangeKind, TrafficChange } from "../traffic/changes.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Empty, Notice, Page, Segments } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import type { IconName } from "../ui/icon.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { Moment } from "../ui/time.tsx";
import { WIZARDS } from "../traffic/wizard-list.ts";
import "../styles/traffic.css";

const ICONS: Readonly<Record<ChangeKind, IconName>> = {
  shift: "shift",
  fault: "fault",
  mirror: "mirror",
  timeout: "timeout",
  retries: "undo",
  breaker: "breaker",
  fallback: "security",
  "rate-limit": "timeout",
  match: "traffic",
};

const COLUMNS: readonly Column<TrafficChange>[] = [
  {
    id: "kind",
    name: "Change",
    cell: ({ kind }) => (
      <Badge icon={ICONS[kind]} tone={kind === "fault" ? "warn" : "none"}>
        {CHANGE_NAMES[kind]}
      </Badge>
    ),
    sort: ({ kind }) => kind,
  },
  { id: "host", name: "For", cell: ({ host }) => <strong className="wrap">{host}</strong>, sort: ({ host }) => host },
  {
    id: "scope",
    name: "Which requests",
    cell: ({ scope }) => (scope === "" ? <span className="soft">all</span> : <code className="wrap">{scope}</code>),
  },
  {
    id: "text",
    name: "What",
    cell: ({ text, copiesTo }) => (
      <span className="wrap">
        {text}{" "}
        {copiesTo === undefined ? null : (
          <Link parameters={{ about: `mirror:${copiesTo}` }} className="button small">
            Copies
          </Link>
        )}
      </span>
    ),
  },
  {
    id: "object",
    name: "Object",
    cell: ({ object, field, source }) => (
      <>
        <ObjectLink reference={object} /> <code className="chip">{field}</code>{" "}
        <code className="soft">
          {source.file}:{source.line}
        </code>
      </>
    ),
    sort: ({ object }) => `${object.kind} ${object.name}`,
  },
  {
    id: "until",
    name: "Ends",
    cell: ({ until }) => (until === undefined ? <span className="soft">stays</span> : <Moment at={until} />),
    sort: ({ until }) => until,
  },
];

export function TrafficPage(): ReactNode {
  const scope = useNamespace();
  const objects = useObjects();
  const { query, change } = useAddress();
  const kind = query.get("kind") ?? "";
  return (
    <Page title="Traffic" lead="What the rules change about traffic now, and the ways to change it.">
      <ul className="wizards">
        {WIZARDS.map(({ id, name, what, icon }) => (
          <li key={id}>
            <Link to={`/traffic/${id}`} className="card tile">
              <span className="row">
                <Icon name={icon} />
                <strong>{name}</strong>
              </span>
              <span className="note">{what}</span>
            </Link>
          </li>
        ))}
      </ul>
      <Answer of={objects} what="the rules">
        {({ items }) => {
          const all = changesOf(items).filter(({ namespace }) => inScope(namespace, scope));
          const kinds = [...new Set(all.map((one) => one.kind))];
          const shown = all.filter((one) => kind === "" || one.kind === kind);
          return (
            <>
              {all
                .filter((one) => one.until !== undefined)
                .map(({ kind, host, text, until, object, field }) => (
                  <Notice
                    key={`${object.name} ${field}`}
                    tone="warn"
                    actions={<UndoTemporary name={object.name} namespace={object.namespace} />}
                  >
                    <strong>{CHANGE_NAMES[kind]}</strong> for {host}: {text}, ends <Moment at={until!} />
                  </Notice>
                ))}
              <Card
                title="Changed now"
                flush
                actions={
                  kinds.length < 2 ? undefined : (
                    <Segments
                      label="Kind of change"
                      value={kind}
                      options={[
                        { value: "", name: "All" },
                        ...kinds.map((one) => ({ value: one as string, name: CHANGE_NAMES[one] })),
                      ]}
                      onChange={(value) => change({ kind: value })}
                    />
                  )
                }
              >
                <Table
                  label="What is changed now"
                  columns={COLUMNS}
                  rows={shown}
                  rowKey={({ object, field, kind }) =>
                    `${object.kind} ${object.namespace}/${object.name} ${field} ${kind}`
                  }
                  sortedBy="kind-asc"
                  empty={
                    <Empty title="Nothing is changed">
                      <p>
                        Requests go to every version of a service alike, without timeouts. The wizards above change
                        that.
                      </p>
                    </Empty>
                  }
                />
              </Card>
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

/** What is temporary can end now: by taking back the change that made it. */
function UndoTemporary({ name, namespace }: { readonly name: string; readonly namespace: string }): ReactNode {
  const history = useHistory({ name, namespace });
  const undo = useUndo();
  const last = history.data?.items[0];
  if (last === undefined) return null;
  return (
    <button type="button" className="button small" onClick={() => void undo(last.id)}>
      End it now
    </button>
  );
}
