/** One workload: how it is, whom it serves and whom it calls, and its proxies. */
import { lazy, Suspense } from "react";
import type { ReactNode } from "react";
import { useWorkload } from "../api/insight.ts";
import { quote } from "../charts/series.ts";
import { EdgeRows } from "../insight/edge-rows.tsx";
import { Badges, HealthReasons, HealthStatus, MtlsBadge, ServiceLinks } from "../insight/parts.tsx";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { usePathPart } from "../url/use-part.ts";
import { Answer, Card, Empty, Facts, Loading, Page, Status } from "../ui/basics.tsx";

const GoldenSignals = lazy(async () => ({ default: (await import("../charts/golden.tsx")).GoldenSignals }));

export default function WorkloadPage(): ReactNode {
  const namespace = usePathPart(1);
  const name = usePathPart(2);
  const answer = useWorkload(namespace, name);
  return (
    <Page
      title={name}
      crumbs={
        <>
          <Link to="/workloads">Workloads</Link> / {namespace}
        </>
      }
    >
      <Answer
        of={answer}
        what={`workload ${name}`}
        absent={
          <Card flush>
            <Empty title="Nothing is known of this workload">
              <p>It is not running, and nobody has called it in this time.</p>
              <Link to="/workloads" className="button">
                All workloads
              </Link>
            </Empty>
          </Card>
        }
      >
        {(workload) => (
          <>
            <div className="row">
              <HealthStatus health={workload.health} />
              <MtlsBadge mtls={workload.mtls} />
              <Badges badges={workload.badges} />
            </div>
            <HealthReasons health={workload.health} />
            <Card title="Golden signals" note="As it measures them itself, by who calls">
              <Suspense fallback={<Loading what="the charts" />}>
                <GoldenSignals
                  selector={`reporter="destination",destination_workload=${quote(name)},destination_workload_namespace=${quote(namespace)}`}
                  by="source_workload"
                  service={`${workload.app}.${namespace}`}
                />
              </Suspense>
            </Card>
            <div className="grid">
              <Card title="Instances">
                <Facts>
                  {[
                    ["Ready", workload.instances === 0 ? "not known" : `${workload.ready} of ${workload.instances}`],
                    ["App", workload.app],
                    ["Version", workload.version === "" ? "none" : workload.version],
                    [
                      "Services",
                      workload.services.length === 0 ? (
                        "none"
                      ) : (
                        <ServiceLinks key="services" services={workload.services} />
                      ),
                    ],
                  ]}
                </Facts>
              </Card>
              <Card title="Proxies">
                <ul className="stack" style={{ gap: 6 }}>
                  {workload.proxies.map(({ id, state, error }) => (
                    <li key={id} className="wrap">
                      <Status tone={state === "SYNCED" ? "ok" : state === "NACKED" ? "bad" : "warn"}>
                        {state === "SYNCED" ? "Up to date" : state === "NACKED" ? "Refuses" : "On its way"}
                      </Status>{" "}
                      <Link to={pathOf("proxies", id)}>{id.split("~")[2] ?? id}</Link> <code>{error}</code>
                    </li>
                  ))}
                </ul>
              </Card>
            </div>
            <Card title="Who calls it" flush>
              <EdgeRows
                label="Callers"
                rows={workload.callers}
                show="from"
                parameter="callers"
                empty="Nobody has called it"
              />
            </Card>
            <Card title="Whom it calls" flush>
              <EdgeRows
                label="Callees"
                rows={workload.callees}
                show="to"
                parameter="callees"
                empty="It has called nobody"
              />
            </Card>
          </>
        )}
      </Answer>
    </Page>
  );
}
