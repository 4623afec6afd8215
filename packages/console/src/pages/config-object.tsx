/** One object: what became of it, line by line. */
import type { ReactNode } from "react";
import { useObject } from "../config/use-object.ts";
import type { ObjectAnswer } from "../config/use-object.ts";
import { useDelete } from "../config/use-apply.ts";
import { HistoryList } from "../config/history-list.tsx";
import { keyOf } from "../config/objects.ts";
import { MainStatus, StatusList } from "../config/status-list.tsx";
import type { ObjectReference } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Facts, Page, Status } from "../ui/basics.tsx";
import { Code } from "../ui/code.tsx";
import { CopyButton, saveFile } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { Moment } from "../ui/time.tsx";

export default function ObjectPage(): ReactNode {
  const [group, kind, namespace, name] = [usePathPart(1), usePathPart(2), usePathPart(3), usePathPart(4)];
  const reference = { group: group === "core" ? "" : group, kind, namespace: namespace === "-" ? "" : namespace, name };
  const answer = useObject(reference);
  return (
    <Page
      title={name}
      crumbs={
        <>
          <Link to="/config">Config</Link> / {kind}
          {namespace === "-" ? null : ` / ${namespace}`}
        </>
      }
      actions={
        answer.data === undefined ? undefined : (
          <>
            <CopyButton named text={answer.data.text} label="Copy YAML" />
            <button
              type="button"
              className="button"
              onClick={() =>
                saveFile(`${kind.toLowerCase()}-${name}.yaml`, answer.data?.text ?? "", "application/yaml")
              }
            >
              <Icon name="download" />
              Download
            </button>
            <DeleteButton reference={reference} />
            <Link to="/config/edit" parameters={{ object: keyOf(reference) }} className="button primary">
              Edit
            </Link>
          </>
        )
      }
    >
      <Answer of={answer} what={`${kind} ${name}`}>
        {(data) => <ObjectBody data={data} />}
      </Answer>
    </Page>
  );
}

/** It can be taken back, so nobody is asked twice. */
function DeleteButton({ reference }: { readonly reference: ObjectReference }): ReactNode {
  const { go } = useAddress();
  const remove = useDelete(() => go("/config"));
  return (
    <button
      type="button"
      className="button danger"
      disabled={remove.isPending}
      onClick={() => remove.mutate(reference)}
    >
      Remove
    </button>
  );
}

function ObjectBody({ data }: { readonly data: ObjectAnswer }): ReactNode {
  const { object, source, status, text, firstLine, diagnostics } = data;
  const { query } = useAddress();
  const line = Number(query.get("line") ?? 0);
  const notes = new Map<number, ReactNode>();
  for (const { line, message } of diagnostics) {
    notes.set(
      line,
      <>
        {notes.get(line)}
        {"   "}
        <Status tone="warn">{message}</Status>
      </>,
    );
  }
  return (
    <>
      <div className="grid">
        <Card title="Status" actions={<MainStatus statuses={status} />}>
          <StatusList statuses={status} />
        </Card>
        <Card title="Object">
          <Facts>
            {[
              ["API version", object.apiVersion],
              ["Namespace", object.metadata.namespace === "" ? "none" : object.metadata.namespace],
              [
                "Written in",
                <code key="file">
                  {source.file}:{source.line}
                </code>,
              ],
              ["Created", <Moment key="created" at={object.metadata.creationTimestamp ?? ""} />],
              Object.keys(object.metadata.labels ?? {}).length === 0
                ? null
                : [
                    "Labels",
                    <span key="labels" className="row" style={{ gap: 4 }}>
                      {Object.entries(object.metadata.labels ?? {}).map(([name, value]) => (
                        <code key={name} className="chip">
                          {name}={value}
                        </code>
                      ))}
                    </span>,
                  ],
            ]}
          </Facts>
        </Card>
      </div>
      <Card title="YAML" note={`Line numbers are those of ${source.file}.`} flush>
        <div style={{ marginTop: 9 }}>
          <Code
            label="The object's YAML"
            text={text}
            firstLine={firstLine}
            marked={line > 0 ? line : undefined}
            notes={notes}
          />
        </div>
      </Card>
      <h2>History</h2>
      <HistoryList query={{ kind: object.kind, namespace: object.metadata.namespace, name: object.metadata.name }} />
    </>
  );
}
