/** What a change of the mesh would change: routes of which proxies, and where recorded requests would go. */
import type { EncodedResource, ResourceView } from "@tulle/xds";
import { TYPE } from "@tulle/xds";
import { toBinary } from "@bufbuild/protobuf";
import { RouteSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { Route, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { ExplainWorld, HeldProxy, WorldChange } from "@tulle/control/explainer";
import type { RequestRecord } from "@tulle/telemetry/records";
import type {
  AffectedProxy,
  ChangeAnswer,
  ChangedResource,
  ChangedRoute,
  ChangedTraffic,
  Explanation,
} from "./answer.ts";
import { conditionsOf } from "./conditions.ts";
import { explainRequest } from "./explain.ts";
import { heldOf } from "./held.ts";
import type { Held } from "./held.ts";
import { Origins, originOf } from "./origins.ts";
import { describeRoute } from "./route.ts";
import { requestView } from "./request.ts";
import { questionOf } from "./ask.ts";
import { percent } from "./walk.ts";

export function explainChange(
  { results, diagnostics, before, after }: WorldChange,
  records: readonly RequestRecord[] | undefined,
): ChangeAnswer {
  const origins = { before: new Origins(before), after: new Origins(after) };
  const proxies: AffectedProxy[] = [];
  for (const proxy of after.proxies) {
    const old = before.proxies.find(({ node }) => node.id === proxy.node.id);
    if (old === undefined) continue;
    const changed = changedProxy(old, proxy, origins);
    if (changed !== undefined) proxies.push(changed);
  }
  return {
    objects: results.map(({ action, kind, namespace, name }) => ({ change: action, kind, namespace, name })),
    diagnostics,
    proxies,
    unaffected: after.proxies.length - proxies.length,
    ...(records === undefined ? {} : { traffic: changedTraffic(records, before, after) }),
  };
}

const TYPES: readonly (readonly [string, ChangedResource["type"]])[] = [
  [TYPE.listener, "listener"],
  [TYPE.cluster, "cluster"],
  [TYPE.endpoints, "endpoints"],
  [TYPE.secret, "secret"],
];

interface BothOrigins {
  readonly before: Origins;
  readonly after: Origins;
}

/** Undefined: it stays as it is. */
function changedProxy(before: HeldProxy, after: HeldProxy, origins: BothOrigins): AffectedProxy | undefined {
  const resources = TYPES.flatMap(([typeUrl, type]) => changedResources(before.view, after.view, typeUrl, type));
  const routes = changedRoutes(heldOf(before.view), heldOf(after.view), origins);
  return resources.length === 0 && routes.length === 0 ? undefined : { id: after.node.id, routes, resources };
}

function changedResources(
  before: ResourceView,
  after: ResourceView,
  typeUrl: string,
  type: ChangedResource["type"],
): ChangedResource[] {
  const resourcesOf = (view: ResourceView): ReadonlyMap<string, { readonly version: string }> =>
    view.set(typeUrl)?.resources ?? new Map<string, EncodedResource>();
  const [old, now] = [resourcesOf(before), resourcesOf(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((name): ChangedResource[] => {
    const [one, other] = [old.get(name), now.get(name)];
    if (one?.version === other?.version) return [];
    return [{ type, name, change: one === undefined ? "added" : other === undefined ? "removed" : "changed" }];
  });
}

function changedRoutes(before: Held, after: Held, origins: BothOrigins): ChangedRoute[] {
  const names = [...new Set([...before.routeConfigurations, ...after.routeConfigurations])].sort();
  return names.flatMap((name) => {
    const [old, now] = [hostsOf(before, name), hostsOf(after, name)];
    return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((host) => {
      return changedHost(`${name} / ${host}`, old.get(host)?.routes ?? [], now.get(host)?.routes ?? [], origins);
    });
  });
}

function hostsOf(held: Held, name: string): ReadonlyMap<string, VirtualHost> {
  return new Map((held.routes(name)?.virtualHosts ?? []).map((host) => [host.name, host]));
}

/** Routes are the same that have the same conditions; positions of objects in files are no change of a route. */
function changedHost(
  virtualHost: string,
  before: readonly Route[],
  after: readonly Route[],
  { before: oldOrigins, after: newOrigins }: BothOrigins,
): ChangedRoute[] {
  const key = (route: Route): string => bytes({ match: route.match });
  const changes: ChangedRoute[] = [];
  const left = [...before];
  for (const [index, route] of after.entries()) {
    const same = left.findIndex((each) => key(each) === key(route));
    const old = same < 0 ? undefined : left.splice(same, 1)[0];
    const description = `route ${describeRoute(route, originOf(route.metadata), index)}${when(route)}`;
    const origin = newOrigins.of(route.metadata);
    const base = { virtualHost, description, ...(origin && { origin }) };
    if (old === undefined) changes.push({ ...base, change: "added", after: describeAction(route) });
    else if (bytes(bare(old)) !== bytes(bare(route))) {
      changes.push({ ...base, change: "changed", before: describeAction(old), after: describeAction(route) });
    }
  }
  for (const [index, route] of left.entries()) {
    const description = `route ${describeRoute(route, originOf(route.metadata), index)}${when(route)}`;
    const origin = oldOrigins.of(route.metadata);
    changes.push({
      virtualHost,
      description,
      change: "removed",
      before: describeAction(route),
      ...(origin && { origin }),
    });
  }
  return changes;
}

function bare(route: Route): Partial<Route> {
  const { metadata: _, $unknown: __, ...rest } = route;
  return rest;
}

function bytes(route: Partial<Route>): string {
  const { match, ...rest } = route;
  const message = { ...rest, ...(match === undefined ? {} : { match }) };
  return Buffer.from(toBinary(RouteSchema, { ...EMPTY_ROUTE, ...message } as Route)).toString("base64");
}

const EMPTY_ROUTE = {
  $typeName: RouteSchema.typeName,
  name: "",
  action: { case: undefined },
  typedPerFilterConfig: {},
  requestHeadersToAdd: [],
  requestHeadersToRemove: [],
  responseHeadersToAdd: [],
  responseHeadersToRemove: [],
  statPrefix: "",
};

function when({ match }: Route): string {
  if (match === undefined) return "";
  const view = requestView(
    { method: "", scheme: "", authority: "", host: "", port: 0, path: "/", headers: [], claims: undefined },
    "/",
    undefined,
  );
  const texts = conditionsOf(match, view, "/").map(({ text }) => text);
  return texts.length === 0 ? "" : ` where ${texts.join(" and ")}`;
}

function describeAction({ action, typedPerFilterConfig }: Route): string {
  const faulty = typedPerFilterConfig["envoy.filters.http.fault"] === undefined ? "" : ", with faults";
  if (action.case === "redirect") return "redirect";
  if (action.case === "directResponse") return `answer ${action.value.status}`;
  if (action.case !== "route") return "nothing";
  const { clusterSpecifier: clusters, timeout, retryPolicy, requestMirrorPolicies } = action.value;
  const seconds = Number(timeout?.seconds ?? 0n) + (timeout?.nanos ?? 0) / 1e9;
  const rest = [
    ...(seconds > 0 ? [`timeout ${seconds} s`] : []),
    ...(retryPolicy?.numRetries === undefined ? [] : [`${retryPolicy.numRetries} retries`]),
    ...requestMirrorPolicies.map(({ cluster }) => `mirrored to ${cluster}`),
  ];
  const more = `${rest.length === 0 ? "" : `, ${rest.join(", ")}`}${faulty}`;
  if (clusters.case === "cluster") return `to ${clusters.value}${more}`;
  if (clusters.case !== "weightedClusters") return `to the cluster that a header names${more}`;
  const total = clusters.value.clusters.reduce((sum, { weight = 0 }) => sum + weight, 0);
  return `${clusters.value.clusters.map(({ name, weight = 0 }) => `${percent(weight / total)} to ${name}`).join(", ")}${more}`;
}

/** Requests of one kind are asked for once. */
function changedTraffic(
  records: readonly RequestRecord[],
  before: ExplainWorld,
  after: ExplainWorld,
): NonNullable<ChangeAnswer["traffic"]> {
  const sent = records.filter(({ reporter, method }) => reporter === "source" && method !== "");
  const groups = Map.groupBy(sent, ({ proxy, method, authority, path }) =>
    JSON.stringify([proxy, method, authority, path.split("?")[0]]),
  );
  const changed: ChangedTraffic[] = [];
  for (const group of groups.values()) {
    const [first] = group;
    const { proxy, method, authority, path } = first!;
    const ask = { from: proxy, method, url: `http://${authority}${path}` };
    const [old, now] = [before, after].map((world) => whereTo(ask, world));
    if (old === undefined || now === undefined || old === now) continue;
    const client = `${first!.workload}.${first!.namespace}`;
    changed.push({ client, method, url: ask.url, requests: group.length, before: old, after: now });
  }
  changed.sort((a, b) => b.requests - a.requests);
  const elsewhere = changed.reduce((sum, { requests }) => sum + requests, 0);
  return { requests: sent.length, elsewhere, groups: changed.slice(0, MOST_GROUPS) };
}

/** Of kinds of requests that are told one by one. */
const MOST_GROUPS = 100;

/** Undefined: who sent it is not here any more, or it cannot be asked again. */
function whereTo(ask: Parameters<typeof questionOf>[0], world: ExplainWorld): string | undefined {
  if (!world.proxies.some(({ node }) => node.id === ask.from)) return undefined;
  if (!URL.canParse(ask.url ?? "")) return undefined;
  return summary(explainRequest(questionOf(ask, world)));
}

/** Where requests go and what they get, in one line. */
function summary({ clusters, outcomes }: Explanation): string {
  const own = outcomes.filter(({ by }) => by !== "application");
  const answers = own.map(
    ({ share, status, flags }) => `${percent(share)} get ${status}${flags === "" ? "" : ` ${flags}`}`,
  );
  const forwarded = clusters.map(({ name, share }) => `${percent(share)} to ${name}`);
  return [...forwarded, ...answers].join(", ");
}
