/** Who carries the traffic, and whether each has what it should have. */
import type { ReactNode } from "react";
import { useProxies } from "../api/hooks.ts";
import type { ProxyStatus } from "../api/types.ts";
import { describeSync, expiryTone, NACK, syncTone } from "../config/proxy-state.ts";
import { inScope, useNamespace } from "../shell/scope.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Answer, Badge, Card, Command, Empty, Notice, Page, Status } from "../ui/basics.tsx";
import { now } from "../clock.ts";
import { NameFilter, useNameFilter } from "../ui/name-filter.tsx";
import { Table } from "../ui/table.tsx";
import type { Column } from "../ui/table.tsx";
import { Moment } from "../ui/time.tsx";

const COLUMNS: readonly Column<ProxyStatus>[] = [
  {
    id: "workload",
    name: "Workload",
    cell: ({ id, workload }) => (
      <Link to={pathOf("proxies", id)}>
        <strong>{workload}</strong>
      </Link>
    ),
    sort: ({ workload }) => workload,
  },
  { id: "namespace", name: "Namespace", cell: ({ namespace }) => namespace, sort: ({ namespace }) => namespace },
  {
    id: "sync",
    name: "Configuration",
    cell: ({ types }) => <Status tone={syncTone(types)}>{describeSync(types)}</Status>,
    sort: ({ types }) => describeSync(types),
  },
  {
    id: "healthy",
    name: "Takes requests",
    cell: ({ healthy }) =>
      healthy === undefined ? (
        <span className="soft">–</span>
      ) : (
        <Status tone={healthy ? "ok" : "bad"}>{healthy ? "Yes" : "No"}</Status>
      ),
    sort: ({ healthy }) => String(healthy),
  },
  {
    id: "security",
    name: "Channel",
    cell: ({ security }) =>
      security === "mtls" ? (
        <Badge tone="ok" icon="lock">
          mTLS
        </Badge>
      ) : (
        <Badge icon={security === "plaintext" ? "unlock" : "lock"}>{security}</Badge>
      ),
    sort: ({ security }) => security,
  },
  {
    id: "certificate",
    name: "Certificate ends",
    cell: ({ certificateExpires }) =>
      certificateExpires === undefined ? (
        <span className="soft">none</span>
      ) : (
        <Status tone={expiryTone(Date.parse(certificateExpires), now())}>
          <Moment at={certificateExpires} />
        </Status>
      ),
    sort: ({ certificateExpires }) => certificateExpires,
  },
  { id: "data-plane", name: "Data plane", cell: ({ userAgent }) => userAgent, sort: ({ userAgent }) => userAgent },
  {
    id: "since",
    name: "Connected",
    cell: ({ connectedSince }) => <Moment at={connectedSince} />,
    sort: ({ connectedSince }) => connectedSince,
  },
];

export function ProxiesPage(): ReactNode {
  const scope = useNamespace();
  const proxies = useProxies();
  const fits = useNameFilter();
  return (
    <Page title="Proxies">
      <div className="filters">
        <NameFilter what="workload" />
      </div>
      <Answer of={proxies} what="the proxies">
        {(all) => (
          <>
            <Refusals proxies={all} />
            <Card flush>
              <Table
                label="Proxies"
                columns={COLUMNS}
                rows={all.filter(
                  ({ namespace, workload }) => inScope(namespace, scope) && fits(`${namespace}/${workload}`),
                )}
                rowKey={({ id, connectedSince }) => `${id} ${connectedSince}`}
                sortedBy="workload-asc"
                empty={
                  all.length === 0 ? (
                    <Empty title="No proxy is connected">
                      <p>Start a program with a sidecar, and it appears here.</p>
                      <Command>tulle run --service web --port 8080 -- node server.js</Command>
                    </Empty>
                  ) : (
                    <Empty title="No proxy fits the filters">
                      <Link parameters={{ q: null, ns: null }}>Show all {all.length}</Link>
                    </Empty>
                  )
                }
              />
            </Card>
          </>
        )}
      </Answer>
    </Page>
  );
}

/** What proxies would not take, in their own words: it concerns everybody who changed something. */
function Refusals({ proxies }: { readonly proxies: readonly ProxyStatus[] }): ReactNode {
  const refused = proxies.flatMap(({ id, workload, types }) =>
    Object.entries(types)
      .filter(([, { state }]) => state === NACK)
      .map(([type, { error }]) => ({ id, workload, type, error })),
  );
  return refused.map(({ id, workload, type, error }) => (
    <Notice key={`${id} ${type}`} tone="bad">
      <strong>
        <Link to={pathOf("proxies", id)}>{workload}</Link> refuses its {type}
      </strong>{" "}
      and works on with what it had: <code>{error ?? "it did not say why"}</code>
    </Notice>
  ));
}
