/** Who may call whom, what is encrypted, and which rules say so. */
import type { ReactNode } from "react";
import { useOverview } from "../api/insight.ts";
import { useObjects } from "../api/hooks.ts";
import type { ObjectItem } from "../api/types.ts";
import { ObjectLink } from "../config/object-link.tsx";
import { keyOf, referenceOf } from "../config/objects.ts";
import { MainStatus } from "../config/status-list.tsx";
import { formatPercent } from "../format/numbers.ts";
import { inScope, useNamespace } from "../shell/scope.ts";
import { AccessTable } from "../security/access-table.tsx";
import { describePolicy } from "../security/policies.ts";
import { Link } from "../url/link.tsx";
import { Answer, Card, Empty, Page, Tile } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { EdgeRows } from "../insight/edge-rows.tsx";
import { MtlsBadge } from "../insight/parts.tsx";

const KINDS = ["PeerAuthentication", "AuthorizationPolicy", "RequestAuthentication"];

const COLUMNS: readonly Column<ObjectItem>[] = [
  { id: "kind", name: "Kind", cell: ({ object }) => object.kind, sort: ({ object }) => object.kind },
  {
    id: "name",
    name: "Rule",
    cell: (item) => (
      <ObjectLink reference={referenceOf(item)}>
        <strong>
          {item.object.metadata.namespace}/{item.object.metadata.name}
        </strong>
      </ObjectLink>
    ),
    sort: ({ object }) => `${object.metadata.namespace}/${object.metadata.name}`,
  },
  {
    id: "says",
    name: "What it says",
    cell: ({ object }) => (
      <ul>
        {describePolicy(object).map((line) => (
          <li key={line} className="wrap">
            {line}
          </li>
        ))}
      </ul>
    ),
  },
  { id: "status", name: "Status", cell: ({ status }) => <MainStatus statuses={status} /> },
  {
    id: "source",
    name: "Written in",
    cell: ({ source }) => (
      <code className="soft">
        {source.file}:{source.line}
      </code>
    ),
  },
];

export default function SecurityPage(): ReactNode {
  const scope = useNamespace();
  const overview = useOverview();
  const objects = useObjects();
  return (
    <Page title="Security">
      <Answer of={overview} what="what is encrypted">
        {({ mtls, namespaces }) => (
          <>
            <div className="grid narrow">
              <Tile
                label="mTLS"
                value={formatPercent(mtls.share)}
                tone={mtls.state === "all" ? "ok" : mtls.state === "unknown" ? "none" : "warn"}
                note="of the requests that servers have counted"
              />
              {namespaces.slice(0, 6).map(({ namespace, mtls }) => (
                <Tile
                  key={namespace}
                  label={namespace}
                  value={formatPercent(mtls.share)}
                  note={<MtlsBadge mtls={mtls} />}
                />
              ))}
            </div>
            <Card title="Not encrypted" note="Calls in plaintext, seen in this time" flush>
              <EdgeRows
                label="Calls in plaintext"
                rows={mtls.plain}
                show="both"
                parameter="plain"
                empty={mtls.state === "unknown" ? "Nothing was called" : "Every call that was counted was encrypted"}
              />
            </Card>
          </>
        )}
      </Answer>
      <AccessTable />
      <Card title="Rules" note="In the order in which they are asked: tokens, then DENY, then ALLOW" flush>
        <Answer of={objects} what="the rules">
          {({ items }) => (
            <Table
              label="Rules"
              columns={COLUMNS}
              rows={items.filter(
                ({ object }) => KINDS.includes(object.kind) && inScope(object.metadata.namespace, scope),
              )}
              rowKey={(item) => keyOf(referenceOf(item))}
              sortedBy="kind-asc"
              parameter="rules"
              empty={
                <Empty title="No rule says who may call whom">
                  <p>Every workload may call every other one; between sidecars calls are encrypted all the same.</p>
                  <Link to="/config/edit" parameters={{ template: "authorization-policy" }} className="button">
                    Write an AuthorizationPolicy
                  </Link>
                </Empty>
              }
            />
          )}
        </Answer>
      </Card>
    </Page>
  );
}
