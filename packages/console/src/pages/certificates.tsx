/** Who vouches for whom, and until when. */
import type { ReactNode } from "react";
import { useAuthority, useObjects, useProxies, useRotation } from "../api/hooks.ts";
import { useOverview } from "../api/insight.ts";
import { ObjectLink } from "../config/object-link.tsx";
import { referenceOf } from "../config/objects.ts";
import type { AuthorityCertificate, ProxyStatus } from "../api/types.ts";
import { ApiError } from "../api/client.ts";
import { now } from "../clock.ts";
import { expiryTone, longExpiryTone } from "../config/proxy-state.ts";
import { inScope, useNamespace } from "../shell/scope.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Answer, Badge, Card, Command, Empty, Page, Status } from "../ui/basics.tsx";
import { Table } from "../ui/table.tsx";
import { formatDate, Moment } from "../ui/time.tsx";

export default function CertificatesPage(): ReactNode {
  return (
    <Page title="Certificates">
      <Gateways />
      <Authority />
      <Workloads />
    </Page>
  );
}

/** What gateways show to the world: people renew it, or a certificate manager does. */
function Gateways(): ReactNode {
  const overview = useOverview();
  const objects = useObjects();
  const rows = (overview.data?.certificates ?? []).filter(({ what }) => what === "gateway");
  if (rows.length === 0) return null;
  return (
    <Card title="Gateways" note="Secrets that gateways serve" flush>
      <Table
        label="Gateways' certificates"
        columns={[
          {
            id: "name",
            name: "Secret",
            cell: ({ name }) => {
              const item = objects.data?.items.find(
                ({ object }) =>
                  object.kind === "Secret" && `${object.metadata.namespace}/${object.metadata.name}` === name,
              );
              return item === undefined ? name : <ObjectLink reference={referenceOf(item)}>{name}</ObjectLink>;
            },
          },
          {
            id: "ends",
            name: "Ends",
            cell: ({ notAfter }) => (
              <Status tone={longExpiryTone(notAfter, now())}>
                <Moment at={notAfter} />
              </Status>
            ),
          },
          { id: "date", name: "On", cell: ({ notAfter }) => <span className="nowrap">{formatDate(notAfter)}</span> },
        ]}
        rows={rows}
        rowKey={({ name }) => name}
      />
    </Card>
  );
}

interface AuthorityRow extends AuthorityCertificate {
  readonly role: string;
  readonly certificates?: number;
}

function Authority(): ReactNode {
  const authority = useAuthority();
  const rotation = useRotation();
  if (authority.error instanceof ApiError && authority.error.status === 404) {
    return (
      <Card title="Authority" flush>
        <Empty title="This control plane gives nobody an identity">
          <p>Connections between workloads are not encrypted by the mesh.</p>
        </Empty>
      </Card>
    );
  }
  return (
    <Answer of={authority} what="the authority">
      {({ kind, roots, chain }) => {
        const rows: readonly AuthorityRow[] = [
          ...roots.map((root) => ({ ...root, role: root.signs ? "Root, signs" : "Root, trusted" })),
          ...chain.map((one) => ({ ...one, role: "Intermediate" })),
        ];
        return (
          <Card
            title="Authority"
            note={kind === "own" ? "The control plane's own" : "Plugged in"}
            flush
            actions={
              rotation.data?.next === undefined ? undefined : (
                <span className="soft small">
                  {roots.length > 1 ? `Roots are being replaced; next step: ${rotation.data.next}` : ""}
                </span>
              )
            }
          >
            <Table
              label="Certificates of the authority"
              columns={[
                { id: "role", name: "Role", cell: ({ role }) => role },
                { id: "subject", name: "Subject", cell: ({ subject }) => <span className="wrap">{subject}</span> },
                {
                  id: "ends",
                  name: "Ends",
                  cell: ({ notAfter }) => (
                    <Status tone={longExpiryTone(Date.parse(notAfter), now())}>
                      <Moment at={notAfter} />
                    </Status>
                  ),
                },
                {
                  id: "valid",
                  name: "Valid",
                  cell: ({ notBefore, notAfter }) => (
                    <span className="soft">
                      <span className="nowrap">{formatDate(Date.parse(notBefore))} –</span>{" "}
                      <span className="nowrap">{formatDate(Date.parse(notAfter))}</span>
                    </span>
                  ),
                },
                {
                  id: "certificates",
                  name: "Certificates in use",
                  numeric: true,
                  cell: ({ certificates }) => certificates ?? "",
                },
                {
                  id: "fingerprint",
                  name: "SHA-256",
                  cell: ({ sha256 }) => (
                    <code className="soft" title={sha256}>
                      {sha256.slice(0, 23)}…
                    </code>
                  ),
                },
              ]}
              rows={rows}
              rowKey={({ sha256 }) => sha256}
            />
          </Card>
        );
      }}
    </Answer>
  );
}

function Workloads(): ReactNode {
  const scope = useNamespace();
  const proxies = useProxies();
  return (
    <Card title="Workloads" note="Certificates are renewed by themselves when half of their life is over." flush>
      <Answer of={proxies} what="the workloads' certificates">
        {(all) => (
          <Table
            label="Workloads' certificates"
            columns={WORKLOAD_COLUMNS}
            rows={all.filter(({ namespace }) => inScope(namespace, scope))}
            rowKey={({ id, connectedSince }) => `${id} ${connectedSince}`}
            sortedBy="ends-asc"
            empty={
              <Empty title="No workload is connected">
                <Command>tulle run --service web --port 8080 -- node server.js</Command>
              </Empty>
            }
          />
        )}
      </Answer>
    </Card>
  );
}

const WORKLOAD_COLUMNS = [
  {
    id: "workload",
    name: "Workload",
    cell: ({ id, workload }: ProxyStatus) => (
      <Link to={pathOf("proxies", id)}>
        <strong>{workload}</strong>
      </Link>
    ),
    sort: ({ workload }: ProxyStatus) => workload,
  },
  {
    id: "namespace",
    name: "Namespace",
    cell: ({ namespace }: ProxyStatus) => namespace,
    sort: ({ namespace }: ProxyStatus) => namespace,
  },
  {
    id: "identity",
    name: "Identity",
    cell: ({ identity }: ProxyStatus) =>
      identity === undefined ? (
        <Badge tone="warn" icon="unlock">
          none
        </Badge>
      ) : (
        <code className="wrap">{identity}</code>
      ),
    sort: ({ identity }: ProxyStatus) => identity,
  },
  {
    id: "ends",
    name: "Ends",
    cell: ({ certificateExpires }: ProxyStatus) =>
      certificateExpires === undefined ? (
        <span className="soft">–</span>
      ) : (
        <Status tone={expiryTone(Date.parse(certificateExpires), now())}>
          <Moment at={certificateExpires} />
        </Status>
      ),
    sort: ({ certificateExpires }: ProxyStatus) => certificateExpires,
  },
] as const;
