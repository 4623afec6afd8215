/** A change to traffic: a form, what it means in YAML, the difference, and applying it, for a time or for good. */
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { ReactNode } from "react";
import { useParams } from "wouter";
import { get } from "../api/client.ts";
import { useObjects, useWorkloads } from "../api/hooks.ts";
import type { MeshObject, ObjectItem, Workload } from "../api/types.ts";
import { editYaml, toYaml } from "../config/edit-yaml.ts";
import { groupOf } from "../config/objects.ts";
import { Review } from "../config/review.tsx";
import type { ObjectAnswer } from "../config/use-object.ts";
import { BreakerFields, FaultFields, MirrorFields, ShiftFields, TimeoutFields } from "../traffic/forms.tsx";
import { routesOf, subsetsOf, destinationRuleOf, defaultRouteIndex, virtualServicesOf } from "../traffic/rules.ts";
import type { Fields, ServiceName } from "../traffic/rules.ts";
import { WIZARDS } from "../traffic/wizard-list.ts";
import type { WizardInfo } from "../traffic/wizard-list.ts";
import { objectApiPath } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Command, Empty, Field, Notice, Page, Select } from "../ui/basics.tsx";
import { compareTexts } from "../ui/table.tsx";
import "../styles/traffic.css";

export default function WizardPage(): ReactNode {
  const { wizard } = useParams<{ wizard: string }>();
  const info = WIZARDS.find(({ id }) => id === wizard);
  const objects = useObjects();
  const workloads = useWorkloads();
  return (
    <Page
      title={info?.name ?? "There is no such wizard"}
      crumbs={
        <>
          <Link to="/traffic">Traffic</Link> / {info?.name ?? wizard}
        </>
      }
    >
      {info === undefined ? null : (
        <Answer of={objects} what="the rules">
          {({ items }) => (
            <Answer of={workloads} what="the workloads">
              {({ items: running }) => <Wizard info={info} items={items} workloads={running} />}
            </Answer>
          )}
        </Answer>
      )}
    </Page>
  );
}

/** Name and namespace as one text, `default/reviews`. */
function servicesOf(items: readonly ObjectItem[], workloads: readonly Workload[]): readonly string[] {
  const names = new Set<string>();
  for (const { object } of items)
    if (object.kind === "Service") names.add(`${object.metadata.namespace}/${object.metadata.name}`);
  for (const { namespace, service } of workloads) if (service !== undefined) names.add(`${namespace}/${service}`);
  return [...names].sort(compareTexts);
}

function Wizard({
  info,
  items,
  workloads,
}: {
  readonly info: WizardInfo;
  readonly items: readonly ObjectItem[];
  readonly workloads: readonly Workload[];
}): ReactNode {
  const { query, change } = useAddress();
  const services = servicesOf(items, workloads);
  const chosen = query.get("service") ?? services[0] ?? "";
  const [namespace = "", name = ""] = chosen.split("/");
  if (services.length === 0) {
    return (
      <Card flush>
        <Empty title="There is no service yet">
          <Command>tulle run --service web --port 8080 -- node server.js</Command>
        </Empty>
      </Card>
    );
  }
  return (
    <WizardBody
      key={`${info.id} ${chosen}`}
      info={info}
      service={{ namespace, name }}
      objects={items.map(({ object }) => object)}
      versions={versionsOf(workloads, items, { namespace, name })}
      picker={
        <Field name="Service">
          <Select
            value={chosen}
            options={[...new Set([...services, chosen])].map((one) => ({ value: one, name: one }))}
            onChange={({ target }) => change({ service: target.value })}
          />
        </Field>
      }
    />
  );
}

/** Of what runs, and of what rules name. */
function versionsOf(
  workloads: readonly Workload[],
  items: readonly ObjectItem[],
  service: ServiceName,
): readonly string[] {
  const running = workloads
    .filter((one) => one.namespace === service.namespace && one.service === service.name)
    .map(({ labels }) => labels["version"] ?? "");
  const rule = destinationRuleOf(
    items.map(({ object }) => object),
    service,
  );
  const named = subsetsOf(rule).map(({ version }) => version);
  return [...new Set([...running, ...named])].filter((version) => version !== "").sort(compareTexts);
}

function WizardBody({
  info,
  service,
  objects,
  versions,
  picker,
}: {
  readonly info: WizardInfo;
  readonly service: ServiceName;
  readonly objects: readonly MeshObject[];
  readonly versions: readonly string[];
  readonly picker: ReactNode;
}): ReactNode {
  const { go } = useAddress();
  const [result, setResult] = useState<readonly Fields[]>();
  // The form begins with what is there; what arrives while one is filling it in does not change it.
  const [initial] = useState(objects);
  const text = useText(result ?? []);
  const form = { service, objects: initial, versions, onChange: setResult };
  const owners = virtualServicesOf(initial, service);
  const hasDefault = owners.length === 0 || defaultRouteIndex(routesOf(owners[0])) >= 0;
  return (
    <div className="wizard">
      <Card>
        <div className="stack">
          {picker}
          {owners.length > 1 ? (
            <Notice tone="warn">Several VirtualServices are for this host; the first one is changed.</Notice>
          ) : null}
          {hasDefault ? null : <Notice tone="info">No route takes all requests; one is added at the end.</Notice>}
          {info.id === "shift" ? <ShiftFields {...form} /> : null}
          {info.id === "fault" ? <FaultFields {...form} /> : null}
          {info.id === "mirror" ? <MirrorFields {...form} /> : null}
          {info.id === "timeout" ? <TimeoutFields {...form} /> : null}
          {info.id === "breaker" ? <BreakerFields {...form} /> : null}
        </div>
      </Card>
      <Card title="What it means">
        <Review
          text={text}
          temporary={info.id === "fault" ? "900" : ""}
          showYaml
          onApplied={() =>
            go(`/services/${encodeURIComponent(service.namespace)}/${encodeURIComponent(service.name)}`, {
              tab: info.id === "shift" ? "versions" : null,
            })
          }
        />
      </Card>
    </div>
  );
}

/** The objects as YAML; those that are there keep their comments and their order. */
function useText(result: readonly Fields[]): string {
  const references = result.map((object) => {
    const { apiVersion, kind, metadata } = object as unknown as MeshObject;
    return { group: groupOf(apiVersion), kind, namespace: metadata.namespace, name: metadata.name };
  });
  const existing = useQueries({
    queries: references.map((reference) => ({
      queryKey: [objectApiPath(reference), {}],
      queryFn: () => get<ObjectAnswer>(objectApiPath(reference)),
      retry: false,
    })),
  });
  const texts = existing.map(({ data }) => data?.text);
  return useMemo(
    () =>
      result
        .flatMap((object, index) => {
          const before = texts[index];
          if (before === undefined) return [toYaml(object)];
          const after = editYaml(before, withWritten(before, object));
          // What stays as it is need not be applied.
          return after === before ? [] : [after];
        })
        .map((text, index) => (index === 0 ? text : `---\n${text}`))
        .join(""),
    // Texts are compared by what they say.
    [result, texts.join("\0")],
  );
}

/** A namespace that was not written need not be written now. */
function withWritten(before: string, object: Fields): Fields {
  if (/^\s+namespace:|[{,]\s*namespace:/m.test(before)) return object;
  const { namespace: _, ...metadata } = object["metadata"] as Fields;
  return { ...object, metadata };
}
