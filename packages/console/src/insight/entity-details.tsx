/** Services, workloads and calls in the drawer: how they are, and the ways on. */
import type { ReactNode } from "react";
import type { EdgeRow, Party } from "@tulle/telemetry/insight";
import { useGet } from "../api/hooks.ts";
import { useService, useWorkload, windowOf } from "../api/insight.ts";
import { formatCount, formatMs, formatPercent, formatRate } from "../format/numbers.ts";
import { useRange } from "../shell/scope.ts";
import { ServiceTiles, TrafficActions } from "../pages/service.tsx";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Answer, Card, Empty, Facts } from "../ui/basics.tsx";
import { EdgeRows } from "./edge-rows.tsx";
import { HealthReasons, HealthStatus, MtlsBadge, ObjectRefLink, servicePath } from "./parts.tsx";
import { requestsOf } from "./signs.ts";

function split(id: string): { readonly namespace: string; readonly name: string } {
  const slash = id.indexOf("/");
  return { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}

export function ServiceEntity({ id }: { readonly id: string }): ReactNode {
  const { namespace, name } = split(id);
  const answer = useService(namespace === "" ? "-" : namespace, name);
  return (
    <Answer of={answer} what="the service">
      {(service) => (
        <>
          <div className="row">
            <Link to={servicePath(namespace, name)} className="button primary">
              Open
            </Link>
            <Link to="/traces" parameters={{ service: `${name}.${namespace}` }} className="button">
              Traces
            </Link>
            <Link to="/requests" parameters={{ subject: `${name}.${namespace}`, mode: "recorded" }} className="button">
              Requests
            </Link>
          </div>
          <ServiceTiles service={service} />
          <div className="row">
            <TrafficActions namespace={namespace} name={name} />
          </div>
          <Card title="Who calls it" flush>
            <EdgeRows label="Callers" rows={service.callers} show="from" parameter="callers" empty="Nobody has" />
          </Card>
          <Card title="Whom it calls" flush>
            <EdgeRows label="Callees" rows={service.callees} show="to" parameter="callees" empty="Nobody" />
          </Card>
          <Objects objects={service.objects} />
        </>
      )}
    </Answer>
  );
}

function Objects({
  objects,
}: {
  readonly objects: readonly Parameters<typeof ObjectRefLink>[0]["reference"][];
}): ReactNode {
  if (objects.length === 0) return null;
  return (
    <Card title="What is configured">
      <ul className="stack" style={{ gap: 4 }}>
        {objects.map((reference) => (
          <li key={`${reference.kind} ${reference.namespace}/${reference.name} ${reference.field ?? ""}`}>
            <ObjectRefLink reference={reference} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function WorkloadEntity({ id }: { readonly id: string }): ReactNode {
  const { namespace, name } = split(id);
  const answer = useWorkload(namespace, name);
  return (
    <Answer of={answer} what="the workload">
      {(workload) => (
        <>
          <div className="row">
            <Link to={pathOf("workloads", namespace, name)} className="button primary">
              Open
            </Link>
            <HealthStatus health={workload.health} />
            <MtlsBadge mtls={workload.mtls} />
          </div>
          <HealthReasons health={workload.health} />
          <Card title="Who calls it" flush>
            <EdgeRows label="Callers" rows={workload.callers} show="from" parameter="callers" empty="Nobody has" />
          </Card>
          <Card title="Whom it calls" flush>
            <EdgeRows label="Callees" rows={workload.callees} show="to" parameter="callees" empty="Nobody" />
          </Card>
          <Objects objects={workload.objects} />
        </>
      )}
    </Answer>
  );
}

/** `NS/NAME/VERSION~NS/NAME/VERSION`. */
export function CallEntity({ id }: { readonly id: string }): ReactNode {
  const [source = "", target = ""] = id.split("~");
  const answer = useGet<{ readonly edges: readonly EdgeRow[] }>("api/v1/edges", windowOf(useRange()));
  const fits = (party: Party, text: string): boolean => {
    const [namespace, name, version] = text.split("/");
    return (
      party.namespace === namespace &&
      (party.name === name || party.workload === name) &&
      (version === "" || version === undefined || party.version === version)
    );
  };
  return (
    <Answer of={answer} what="the call">
      {({ edges }) => {
        const found = edges.filter(({ from, to }) => fits(from, source) && fits(to, target));
        if (found.length === 0) return <Empty title="This call has not been made in this time" />;
        return found.map((edge) => <CallDetails key={JSON.stringify([edge.from, edge.to])} edge={edge} />);
      }}
    </Answer>
  );
}

function CallDetails({ edge }: { readonly edge: EdgeRow }): ReactNode {
  const { from, to, health, mtls, latency, sourcePrincipal, destinationPrincipal, shareOfSource } = edge;
  const requests = requestsOf(edge);
  return (
    <Card
      title={
        <>
          {from.name} {from.version} → {to.name} {to.version}
        </>
      }
      actions={<HealthStatus health={health} />}
    >
      <div className="stack">
        <HealthReasons health={health} />
        <div className="row">
          <MtlsBadge mtls={mtls} />
          <Link to={servicePath(to.namespace, to.name)} className="button small">
            {to.name}
          </Link>
          <Link
            to="/requests"
            parameters={{ subject: `${to.name}.${to.namespace}`, status: "error", mode: "recorded" }}
            className="button small"
          >
            Failed requests
          </Link>
        </div>
        <Facts>
          {[
            ["Requests", `${formatRate(requests?.rps)}, ${formatPercent(shareOfSource)} of what ${from.name} sends`],
            ["Failed", formatPercent(requests?.errorShare)],
            [
              "As the client measures",
              `p50 ${formatMs(latency.source.p50Ms)}, p95 ${formatMs(latency.source.p95Ms)}, p99 ${formatMs(latency.source.p99Ms)}`,
            ],
            [
              "As the server measures",
              `p50 ${formatMs(latency.destination.p50Ms)}, p95 ${formatMs(latency.destination.p95Ms)}, p99 ${formatMs(latency.destination.p99Ms)}`,
            ],
            ...Object.entries(requests?.byFlags ?? {}).map(
              ([flag, count]) => [`Flag ${flag}`, formatCount(count, "request")] as const,
            ),
            sourcePrincipal === "" ? null : (["Client", <code key="client">{sourcePrincipal}</code>] as const),
            destinationPrincipal === ""
              ? null
              : (["Server", <code key="server">{destinationPrincipal}</code>] as const),
          ]}
        </Facts>
      </div>
    </Card>
  );
}
