/** One proxy: whether it has what it should have, and what that is, back to the line of YAML. */
import { useMemo } from "react";
import type { ReactNode } from "react";
import { useConfigDump, useObjects, useProxies } from "../api/hooks.ts";
import type { ProxyStatus } from "../api/types.ts";
import { effectiveConfiguration } from "../config/effective.ts";
import type { Origin, Resource } from "../config/effective.ts";
import { groupOf } from "../config/objects.ts";
import { describeSync, expiryTone, NACK, stateName, stateTone, syncTone } from "../config/proxy-state.ts";
import { now } from "../clock.ts";
import { objectPath } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { useAddress } from "../url/use-address.ts";
import { Answer, Badge, Card, Command, Empty, Facts, Notice, Page, Status, Tabs } from "../ui/basics.tsx";
import { Code } from "../ui/code.tsx";
import { Table } from "../ui/table.tsx";
import { Moment } from "../ui/time.tsx";

export default function ProxyPage(): ReactNode {
  const id = usePathPart(1);
  const { query } = useAddress();
  const proxies = useProxies();
  // The newest connection of that node counts, as everywhere.
  const proxy = proxies.data?.findLast((one) => one.id === id);
  const tab = query.get("tab") ?? "overview";
  return (
    <Page
      title={proxy?.workload ?? id.split("~")[2] ?? id}
      crumbs={
        <>
          <Link to="/proxies">Proxies</Link> / {proxy?.namespace ?? ""}
        </>
      }
    >
      <Answer of={proxies} what="the proxy">
        {() =>
          proxy === undefined ? (
            <Card flush>
              <Empty title="This proxy is not connected">
                <p>It may have stopped, or it serves on with what it has and will connect again.</p>
                <code className="wrap">{id}</code>
              </Empty>
            </Card>
          ) : (
            <>
              <Tabs
                label="Of the proxy"
                current={tab}
                tabs={[
                  { id: "overview", name: "Overview", parameters: { tab: null, resource: null } },
                  { id: "listeners", name: "Listeners", parameters: { tab: "listeners", resource: null } },
                  { id: "routes", name: "Routes", parameters: { tab: "routes", resource: null } },
                  { id: "clusters", name: "Clusters", parameters: { tab: "clusters", resource: null } },
                  { id: "endpoints", name: "Endpoints", parameters: { tab: "endpoints", resource: null } },
                ]}
              />
              {tab === "overview" ? <Overview proxy={proxy} /> : <Effective proxy={proxy} group={tab} />}
            </>
          )
        }
      </Answer>
    </Page>
  );
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  LDS: "Listeners",
  RDS: "Routes",
  VHDS: "Virtual hosts",
  CDS: "Clusters",
  EDS: "Endpoints",
  SDS: "Secrets",
};

function Overview({ proxy }: { readonly proxy: ProxyStatus }): ReactNode {
  const { types, certificateExpires } = proxy;
  const refused = Object.entries(types).filter(([, { state }]) => state === NACK);
  return (
    <>
      {refused.map(([type, { error }]) => (
        <Notice key={type} tone="bad">
          <strong>{TYPE_NAMES[type] ?? type} were refused</strong>, and what was there before stays:{" "}
          <code>{error}</code>
        </Notice>
      ))}
      <div className="grid">
        <Card title="Proxy" actions={<Status tone={syncTone(types)}>{describeSync(types)}</Status>}>
          <Facts>
            {[
              ["Service", proxy.service ?? "none"],
              ["Version", proxy.version ?? "none"],
              ["Kind", proxy.type],
              ["Data plane", proxy.userAgent],
              ["Address", proxy.address],
              ["Connected", <Moment key="since" at={proxy.connectedSince} />],
              ["Protocol", `ADS, ${proxy.protocol}`],
              [
                "Node",
                <code key="node" className="wrap">
                  {proxy.id}
                </code>,
              ],
            ]}
          </Facts>
        </Card>
        <Card title="Identity">
          <Facts>
            {[
              [
                "Identity",
                proxy.identity === undefined ? "none: it has proved nothing" : <code key="id">{proxy.identity}</code>,
              ],
              [
                "Certificate ends",
                certificateExpires === undefined ? (
                  "none"
                ) : (
                  <Status key="ends" tone={expiryTone(Date.parse(certificateExpires), now())}>
                    <Moment at={certificateExpires} />
                  </Status>
                ),
              ],
              [
                "Channel to the control plane",
                <Badge key="channel" icon={proxy.security === "plaintext" ? "unlock" : "lock"}>
                  {proxy.security}
                </Badge>,
              ],
            ]}
          </Facts>
        </Card>
      </div>
      <Card title="What it was sent" flush>
        <Table
          label="Types of resources"
          columns={[
            {
              id: "type",
              name: "Type",
              cell: ([type]) => (
                <>
                  {TYPE_NAMES[type] ?? type} <span className="soft">{type}</span>
                </>
              ),
            },
            {
              id: "state",
              name: "State",
              cell: ([, { state }]) => <Status tone={stateTone(state)}>{stateName(state)}</Status>,
            },
            {
              id: "version",
              name: "Version it has",
              cell: ([, { version }]) => <code className="wrap">{version ?? "–"}</code>,
            },
          ]}
          rows={Object.entries(types)}
          rowKey={([type]) => type}
          empty={<Empty title="It has asked for nothing" />}
        />
      </Card>
      <Card title="The same in a terminal">
        <Command>{`tulle proxies ${proxy.workload}`}</Command>
      </Card>
    </>
  );
}

function Effective({ proxy, group }: { readonly proxy: ProxyStatus; readonly group: string }): ReactNode {
  const dump = useConfigDump(proxy.id);
  const { query, change } = useAddress();
  const groups = useMemo(() => (dump.data === undefined ? [] : effectiveConfiguration(dump.data)), [dump.data]);
  const resources = groups.find(({ id }) => id === group)?.resources ?? [];
  const chosen = resources.find(({ name }) => name === query.get("resource"));
  const text = query.get("q") ?? "";
  return (
    <Answer of={dump} what="the configuration">
      {() => (
        <>
          <div className="filters">
            <input
              type="search"
              className="input"
              aria-label="Filter by name"
              placeholder="Filter by name"
              value={text}
              onChange={({ target }) => change({ q: target.value }, { replace: true })}
            />
            <span className="soft">What the control plane last sent it; the origin is the YAML that made it so.</span>
          </div>
          {chosen === undefined ? null : (
            <Card
              title={chosen.name}
              note={chosen.summary}
              actions={
                <Link parameters={{ resource: null }} className="button small">
                  Close
                </Link>
              }
              flush
            >
              <div style={{ marginTop: 9 }}>
                <Code label={`${chosen.name} as JSON`} text={JSON.stringify(chosen.json, null, 2)} />
              </div>
            </Card>
          )}
          <Card flush>
            <Table
              label="Resources"
              columns={RESOURCE_COLUMNS}
              rows={resources.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))}
              rowKey={({ name }) => name}
              sortedBy="name-asc"
              dense
              selected={({ name }) => name === chosen?.name}
              empty={<Empty title={resources.length === 0 ? "It has none" : "None has that name"} />}
            />
          </Card>
        </>
      )}
    </Answer>
  );
}

const RESOURCE_COLUMNS = [
  {
    id: "name",
    name: "Name",
    cell: ({ name }: Resource) => (
      <Link parameters={{ resource: name }} className="wrap">
        {name}
      </Link>
    ),
    sort: ({ name }: Resource) => name,
  },
  { id: "summary", name: "What it is", cell: ({ summary }: Resource) => <span className="wrap">{summary}</span> },
  { id: "origin", name: "Origin", cell: ({ origins }: Resource) => <Origins origins={origins} /> },
] as const;

const SHOWN = 3;

function Origins({ origins }: { readonly origins: readonly Origin[] }): ReactNode {
  if (origins.length === 0) return <span className="soft">the mesh's defaults</span>;
  return (
    <ul className="stack" style={{ gap: 2 }}>
      {origins.slice(0, SHOWN).map((origin) => (
        <li key={`${origin.kind} ${origin.namespace}/${origin.name} ${origin.field}`} className="wrap">
          <OriginLink origin={origin} />
        </li>
      ))}
      {origins.length > SHOWN ? <li className="soft">and {origins.length - SHOWN} more</li> : null}
    </ul>
  );
}

function OriginLink({ origin }: { readonly origin: Origin }): ReactNode {
  const objects = useObjects();
  const { kind, namespace, name, field, file, line } = origin;
  const item = objects.data?.items.find(
    ({ object }) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace,
  );
  const text = `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
  return (
    <>
      {item === undefined ? (
        text
      ) : (
        <Link
          to={objectPath({ group: groupOf(item.object.apiVersion), kind, namespace, name })}
          parameters={{ line: line > 0 ? line : null }}
        >
          {text}
        </Link>
      )}{" "}
      {field === "" ? null : <code className="chip">{field}</code>}{" "}
      {file === "" ? null : (
        <code className="soft">
          {file}:{line}
        </code>
      )}
    </>
  );
}
