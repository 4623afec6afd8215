/** Which objects there are, what became of each, and what is wrong with the files. */
import type { ReactNode } from "react";
import { useDiagnostics, useObjects } from "../api/hooks.ts";
import type { ObjectItem } from "../api/types.ts";
import { DiagnosticList } from "../config/diagnostic-list.tsx";
import { FAMILY_NAMES, familyOf, keyOf, mainStatus, referenceOf, STATUS_NAMES } from "../config/objects.ts";
import { ObjectLink } from "../config/object-link.tsx";
import { MainStatus } from "../config/status-list.tsx";
import { inScope, useNamespace } from "../shell/scope.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Command, Empty, Page, Select } from "../ui/basics.tsx";
import { Icon } from "../ui/icon.tsx";
import { NameFilter, useNameFilter } from "../ui/name-filter.tsx";
import { compareTexts, Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { Moment } from "../ui/time.tsx";

const COLUMNS: readonly Column<ObjectItem>[] = [
  {
    id: "name",
    name: "Name",
    cell: (item) => (
      <ObjectLink reference={referenceOf(item)}>
        <strong>{item.object.metadata.name}</strong>
      </ObjectLink>
    ),
    sort: ({ object }) => object.metadata.name,
  },
  { id: "kind", name: "Kind", cell: ({ object }) => object.kind, sort: ({ object }) => object.kind },
  {
    id: "namespace",
    name: "Namespace",
    cell: ({ object }) => object.metadata.namespace,
    sort: ({ object }) => object.metadata.namespace,
  },
  {
    id: "status",
    name: "Status",
    cell: ({ status }) => <MainStatus statuses={status} />,
    sort: ({ status }) => mainStatus(status)?.type,
  },
  {
    id: "message",
    name: "What it does",
    cell: ({ status }) => <span className="wrap">{mainStatus(status)?.message}</span>,
  },
  {
    id: "source",
    name: "Written in",
    cell: ({ source }) => (
      <code className="soft">
        {source.file}
        {source.line > 0 ? `:${source.line}` : ""}
      </code>
    ),
    sort: ({ source }) => source.file,
  },
  {
    id: "age",
    name: "Created",
    cell: ({ object }) => <Moment at={object.metadata.creationTimestamp ?? ""} />,
    sort: ({ object }) => object.metadata.creationTimestamp,
  },
];

export function ConfigPage(): ReactNode {
  const scope = useNamespace();
  const { query, change } = useAddress();
  const objects = useObjects();
  const isNamed = useNameFilter();
  const family = query.get("family") ?? "";
  const status = query.get("status") ?? "";
  const fits = (item: ObjectItem): boolean => {
    const { kind, metadata } = item.object;
    return (
      inScope(metadata.namespace, scope) &&
      (family === "" || familyOf(kind) === family) &&
      (status === "" || mainStatus(item.status)?.type === status) &&
      isNamed(`${kind} ${metadata.namespace}/${metadata.name}`)
    );
  };
  return (
    <Page
      title="Config"
      actions={
        <Link to="/config/edit" className="button primary">
          <Icon name="plus" />
          New object
        </Link>
      }
    >
      <FileProblems />
      <div className="filters">
        <NameFilter what="name or kind" />
        <Select
          aria-label="What for"
          value={family}
          options={[{ value: "", name: "Everything" }, ...FAMILY_NAMES.map((name) => ({ value: name, name }))]}
          onChange={({ target }) => change({ family: target.value })}
        />
        <Select
          aria-label="Status"
          value={status}
          options={[
            { value: "", name: "Any status" },
            ...Object.entries(STATUS_NAMES).map(([value, name]) => ({ value, name })),
          ]}
          onChange={({ target }) => change({ status: target.value })}
        />
      </div>
      <Card flush>
        <Answer of={objects} what="the objects">
          {({ items }) => (
            <Table
              label="Objects"
              columns={COLUMNS}
              rows={[...items].filter(fits).sort((a, b) => compareTexts(keyOf(referenceOf(a)), keyOf(referenceOf(b))))}
              rowKey={(item) => keyOf(referenceOf(item))}
              sortedBy="kind-asc"
              empty={
                items.length === 0 ? (
                  <Empty title="There are no objects yet">
                    <p>Apply Istio's YAML, or put files into the configuration directory: the mesh follows at once.</p>
                    <Command>tulle apply -f reviews.yaml</Command>
                  </Empty>
                ) : (
                  <Empty title="No object fits the filters">
                    <Link parameters={{ q: null, family: null, status: null, ns: null }}>Show all {items.length}</Link>
                  </Empty>
                )
              }
            />
          )}
        </Answer>
      </Card>
    </Page>
  );
}

function FileProblems(): ReactNode {
  const { data } = useDiagnostics();
  if (data === undefined || data.diagnostics.length === 0) return null;
  return (
    <Card
      title="What is wrong with the files"
      note={data.files.map(({ path, inForce }) => `${path}: ${inForce} is in force`).join(" · ")}
    >
      <DiagnosticList diagnostics={data.diagnostics} />
    </Card>
  );
}
