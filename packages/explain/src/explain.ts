/** A request's way through the client's proxy, and through that of whoever answers. */
import { TrafficDirection } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { normalizePath } from "@tulle/proxy/matchers";
import type { RequestView, RoutePlan } from "@tulle/proxy/matchers";
import { HttpConnectionManager_PathWithEscapedSlashesAction as Escaped } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnectionManager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Listener } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { ExplainedEndpoint, Explanation, Fact, OriginLink, Outcome, Reason, Remedy, Step } from "./answer.ts";
import { durationText, walkCluster } from "./cluster.ts";
import type { Target } from "./cluster.ts";
import { clusterName } from "./destination-rule.ts";
import { metadataOf, walkFilters } from "./filters.ts";
import { walkInbound } from "./inbound.ts";
import { addressOf, findChain, managerOf, routesNameOf } from "./listener.ts";
import { fullHost, listAt, parsePath, textAt, valueAt } from "./origins.ts";
import type { Question } from "./question.ts";
import { requestView } from "./request.ts";
import { chooseRoute } from "./route.ts";
import type { ChosenRoute } from "./route.ts";
import { percent, Walk } from "./walk.ts";

/** (control/src/translate/names.ts) */
const HTTP_PROXY_ROUTES = "http_proxy";

export function explainRequest(question: Question): Explanation {
  const { request, client, principal } = question;
  const walk = new Walk("source");
  const found: Found = { virtualHost: "", route: "", clusters: [], endpoints: [] };
  const inbound: Walk[] = [];
  walk.step(
    "client",
    `${client.node.workload}.${client.node.namespace} sends ${request.method} ${request.scheme}://${request.authority}${request.path}`,
    {
      facts: [
        { name: "proxy", value: client.node.id },
        ...(principal === undefined ? [] : [{ name: "identity", value: principal }]),
      ],
    },
  );
  walkOutbound(walk, question, found, inbound);
  const walks = [walk, ...inbound];
  return {
    question: {
      client: `${client.node.workload}.${client.node.namespace}`,
      method: request.method,
      url: `${request.scheme}://${request.authority}${request.path}`,
      headers: request.headers,
    },
    steps: walks.flatMap(({ steps }): readonly Step[] => steps),
    outcomes: walks.flatMap(({ outcomes }): readonly Outcome[] => outcomes),
    remedies: walks.flatMap(({ remedies }): readonly Remedy[] => remedies),
    caveats: [...new Set(walks.flatMap(({ caveats }) => caveats))],
    virtualHost: found.virtualHost,
    route: found.route,
    clusters: found.clusters,
    endpoints: found.endpoints,
  };
}

interface Found {
  virtualHost: string;
  route: string;
  clusters: { name: string; share: number }[];
  endpoints: ExplainedEndpoint[];
}

function walkOutbound(walk: Walk, question: Question, found: Found, inbound: Walk[]): void {
  const { client, request, origins, held } = question;
  const taken = takeOutbound(question);
  if (taken === undefined) {
    walk.step("listener", `no listener of ${client.node.workload} takes requests for ${request.host}:${request.port}`, {
      lost: held.listeners.map((listener) => ({ what: `listener ${listener.name}`, why: "it is for others" })),
      ends: true,
    });
    walk.answer(1, 0, "", "", "the request does not go through the proxy, or is not read as HTTP");
    walk.caveat("connections that are not read as HTTP are not explained");
    return;
  }
  const { listener, manager, connection } = taken;
  const origin = origins.of(listener.metadata);
  walk.step("listener", `listener ${listener.name}: ${taken.why}`, { origin });
  const view = viewOf(walk, question, manager);
  if (view === undefined) return;
  const name = routesNameOf(manager);
  const configuration =
    manager.routeSpecifier.case === "routeConfig" ? manager.routeSpecifier.value : held.routes(name);
  if (configuration === undefined) {
    walk.step("route", `route configuration ${name} has not been delivered`, { ends: true });
    walk.answer(1, 404, "NR", "route_configuration_not_found", "the proxy has no routes yet");
    return;
  }
  const chosen = chooseRoute(walk, question, configuration, view);
  if (chosen === undefined) return;
  found.virtualHost = chosen.virtualHost.name;
  found.route = chosen.route.name;
  const targets = targetsOf(question, chosen);
  const forwards = chosen.plan.action.kind === "forward";
  const passed = walkFilters(walk, {
    question,
    manager,
    connection,
    request: view,
    configs: chosen.plan.filterConfigs,
    targetConfigs:
      chosen.plan.action.kind === "forward"
        ? chosen.plan.action.clusters.map(({ filterConfigs }) => filterConfigs)
        : [],
    route: chosen.origin,
    forwards,
    clusters: targets.map(({ name: cluster }) => cluster),
  });
  if (!passed) return;
  if (!forwards) {
    answerItself(walk, question, chosen, view);
    return;
  }
  const reached = walkDestinations(walk, question, chosen, targets, found);
  const rewritten = rewritePath(chosen.plan, view);
  for (const { target, share } of reached) {
    const part = new Walk("destination", share);
    walkInbound(part, question, target, { ...request, path: rewritten });
    merge(inbound, part);
  }
  walk.left = 0;
}

/** Servers that do the same are told once. */
function merge(walks: Walk[], next: Walk): void {
  const key = (each: Walk): string =>
    JSON.stringify([each.steps, each.outcomes.map((outcome) => ({ ...outcome, share: 0 }))]);
  const same = walks.find((each) => key(each) === key(next));
  if (same === undefined) {
    walks.push(next);
    return;
  }
  same.outcomes.splice(
    0,
    same.outcomes.length,
    ...same.outcomes.map((outcome, index) => ({ ...outcome, share: outcome.share + next.outcomes[index]!.share })),
  );
}

interface Taken {
  readonly listener: Listener;
  readonly manager: HttpConnectionManager;
  readonly why: string;
  readonly connection: Parameters<typeof walkFilters>[1]["connection"];
}

/** Where an application's requests come to its proxy, or a client's to a gateway. */
function takeOutbound({ held, client, request }: Question): Taken | undefined {
  const { node } = client;
  const candidates = held.listeners.flatMap((listener): Taken[] => {
    const bound = addressOf(listener);
    if (bound === undefined) return [];
    const tls =
      request.scheme === "https" && node.type === "router" ? { sni: request.host, alpn: ["http/1.1"] } : undefined;
    const connection = {
      localAddress: bound.address,
      localPort: bound.port,
      remoteAddress: "127.0.0.1",
      tls,
    };
    const chain = findChain(listener, connection);
    const manager = chain && managerOf(chain);
    if (manager === undefined) return [];
    return [
      {
        listener,
        manager,
        why: "",
        connection: { ...connection, serverName: tls?.sni ?? "", principal: tls === undefined ? undefined : "" },
      },
    ];
  });
  const places: readonly [(taken: Taken) => boolean, string][] =
    node.type === "router"
      ? [[({ listener }) => isAtPort(listener, request.port, node.gatewayPorts), `the gateway's port ${request.port}`]]
      : [
          [({ manager }) => routesNameOf(manager) === HTTP_PROXY_ROUTES, "where the application's HTTP_PROXY points"],
          [({ manager }) => routesNameOf(manager) === String(request.port), `what is sent to port ${request.port}`],
          [
            ({ listener }) =>
              listener.trafficDirection !== TrafficDirection.INBOUND && addressOf(listener)?.port === request.port,
            `what is sent to port ${request.port}`,
          ],
        ];
  for (const [fits, why] of places) {
    const taken = candidates.find(fits);
    if (taken !== undefined) return { ...taken, why };
  }
  return undefined;
}

function isAtPort(listener: Listener, port: number, bound: ReadonlyMap<number, { readonly port: number }>): boolean {
  const at = addressOf(listener)?.port;
  return at === (bound.get(port)?.port ?? port) || listener.name.endsWith(`_${port}`);
}

const SLASHES = {
  [Escaped.IMPLEMENTATION_SPECIFIC_DEFAULT]: "keep",
  [Escaped.KEEP_UNCHANGED]: "keep",
  [Escaped.REJECT_REQUEST]: "reject",
  [Escaped.UNESCAPE_AND_REDIRECT]: "unescape-and-redirect",
  [Escaped.UNESCAPE_AND_FORWARD]: "unescape-and-forward",
} as const;

/** The request as routes see it. Undefined: the path is refused. */
function viewOf(walk: Walk, question: Question, manager: HttpConnectionManager): RequestView | undefined {
  const { request } = question;
  const normalized = normalizePath(request.path, {
    normalizePath: manager.normalizePath ?? false,
    mergeSlashes: manager.mergeSlashes,
    escapedSlashes: SLASHES[manager.pathWithEscapedSlashesAction],
  });
  if (normalized !== null && normalized.kind !== "ok") {
    const status = normalized.kind === "reject" ? 400 : 307;
    walk.step("filter", `the path ${JSON.stringify(request.path)} is ${status === 400 ? "refused" : "redirected"}`, {
      ends: true,
    });
    walk.answer(1, status, "", "path_normalization_failed", "the path is not one that is taken as it is");
    return undefined;
  }
  const path = normalized?.path ?? request.path;
  const own = request.headers.some(([name]) => name === "x-forwarded-proto");
  return requestView(request, path, metadataOf(question, manager), own ? [] : [["x-forwarded-proto", request.scheme]]);
}

function answerItself(
  walk: Walk,
  { origins }: Question,
  { plan, origin, route }: ChosenRoute,
  request: RequestView,
): void {
  const { action } = plan;
  const link = (field: string): OriginLink | undefined => {
    if (origin === undefined) return undefined;
    const path = [...parsePath(origin.field), field];
    const inner = field === "directResponse" ? "status" : "redirectCode";
    const written = valueAt(origins.find(origin)?.loaded.object, [...path, inner]) !== undefined;
    return origins.link(origin, written ? [...path, inner] : path);
  };
  if (action.kind === "redirect") {
    const to = action.location(request);
    const title = `redirected (${action.status}) to ${to}`;
    walk.step("application", title, { origin: link("redirect"), ends: true });
    walk.answer(1, action.status, "", "direct_response", title);
  } else if (action.kind === "direct") {
    const title = `answered by the route itself with ${action.status}`;
    const own = route.name === "block_all" ? undefined : link("directResponse");
    walk.step("application", title, { origin: own, ends: true });
    walk.answer(1, action.status, "", "direct_response", title);
    if (route.name === "block_all") {
      walk.remedy(
        "the host is not known, and unknown hosts are not let through (REGISTRY_ONLY)",
        "Check the name, or add a ServiceEntry for it.",
      );
    }
  }
}

interface Destination {
  readonly name: string;
  readonly share: number;
  /** `destination` of the route. */
  readonly link: OriginLink | undefined;
  readonly weight: OriginLink | undefined;
}

function targetsOf(question: Question, chosen: ChosenRoute): readonly Destination[] {
  const { action } = chosen.plan;
  if (action.kind !== "forward" || action.clusterHeader !== "") return [];
  return action.clusters.map(({ cluster, weight }) => {
    const { name } = cluster;
    const place = destinationPath(question, chosen, name);
    const link =
      place && question.origins.link(chosen.origin!, [...place, "destination", ...decisive(question, chosen, place)]);
    return {
      name,
      share: action.clusters.length === 1 ? 1 : weight / action.totalWeight,
      link,
      weight: place && question.origins.link(chosen.origin!, [...place, "weight"]),
    };
  });
}

/** The subset if one is named, else the host. */
function decisive(
  { origins }: Question,
  { origin }: ChosenRoute,
  place: readonly (string | number)[],
): readonly string[] {
  const object = origins.find(origin!)?.loaded.object;
  return valueAt(object, [...place, "destination", "subset"]) === undefined ? ["host"] : ["subset"];
}

/** Which item under `route` is the cluster. */
function destinationPath(
  { origins, world }: Question,
  { origin }: ChosenRoute,
  name: string,
): readonly (string | number)[] | undefined {
  const parts = clusterName(name);
  if (origin === undefined || origin.kind !== "VirtualService" || parts === undefined) return undefined;
  const base = [...parsePath(origin.field), "route"];
  const items = listAt(origins.find(origin)?.loaded.object, base);
  const fits = (item: unknown): boolean =>
    fullHost(textAt(item, "destination", "host"), origin.namespace, world.domain) === parts.host &&
    textAt(item, "destination", "subset") === parts.subset &&
    ["", String(parts.port)].includes(textAt(item, "destination", "port", "number"));
  const weighted = items.findIndex((item) => fits(item) && textAt(item, "weight") !== "0");
  const index = weighted >= 0 ? weighted : items.findIndex(fits);
  return index < 0 ? undefined : [...base, index];
}

function walkDestinations(
  walk: Walk,
  question: Question,
  chosen: ChosenRoute,
  destinations: readonly Destination[],
  found: Found,
): readonly { target: Target; share: number }[] {
  const arrived = walk.left;
  const facts = routeFacts(question, chosen);
  if (destinations.length === 0) {
    walk.step("split", "the request's own header names the cluster", { facts });
    walk.caveat("clusters that requests name by a header are not explained");
    return [];
  }
  const reasons = destinations.flatMap(({ name, share, link, weight }): Reason[] => [
    { text: `${percent(share)} to ${name}`, ...(link && { origin: link }) },
    ...(destinations.length > 1 && weight !== undefined ? [{ text: "weight", origin: weight }] : []),
  ]);
  const [first] = destinations;
  const title =
    destinations.length === 1 ? `to cluster ${first!.name}` : `shared between ${destinations.length} clusters`;
  walk.step("split", title, { origin: first!.link, reasons, facts });
  const reached: { target: Target; share: number }[] = [];
  const notFound = chosen.plan.action.kind === "forward" ? chosen.plan.action.clusterNotFoundStatus : 503;
  for (const { name, share, link } of destinations) {
    found.clusters.push({ name, share });
    // Each answer is for its own share of what has arrived here.
    const part = new Walk("source", arrived * share);
    const targets = walkCluster(part, question, name, 1, notFound, link);
    take(walk, part);
    for (const target of targets) reached.push({ target, share: arrived * share * target.share });
    found.endpoints.push(...targets.map(({ explained }) => explained));
    if (targets.length === 0 && part.left > 0) passedOn(walk, part, question, name);
  }
  return reached;
}

function take(walk: Walk, part: Walk): void {
  walk.steps.push(...part.steps);
  walk.outcomes.push(...part.outcomes);
  walk.remedies.push(...part.remedies);
  for (const caveat of part.caveats) walk.caveat(caveat);
}

/** Where no endpoint is known before. */
function passedOn(walk: Walk, { left }: Walk, { request }: Question, name: string): void {
  const text = `${request.host}:${request.port} answers, if it can be reached`;
  walk.outcomes.push({ share: left, by: "application", status: 0, flags: "", details: "via_upstream", text });
  if (name === "PassthroughCluster") {
    walk.remedy(
      `${request.host}:${request.port} is no service that this client sees: the request leaves the mesh`,
      "If a service was meant, check its name and port.",
    );
  }
}

/** Timeouts, retries, mirrors and rewrites of the route, each with its line. */
function routeFacts({ origins }: Question, { plan, origin, route }: ChosenRoute): readonly Fact[] {
  if (plan.action.kind !== "forward" || route.action.case !== "route") return [];
  const facts: Fact[] = [];
  const link = (...fields: string[]): OriginLink | undefined => {
    if (origin === undefined) return undefined;
    const path = [...parsePath(origin.field), ...fields];
    return valueAt(origins.find(origin)?.loaded.object, path) === undefined ? undefined : origins.link(origin, path);
  };
  const add = (name: string, value: string, at: OriginLink | undefined): void => {
    facts.push({ name, value, ...(at && { origin: at }) });
  };
  const { timeoutMs, retryPolicy, mirrors } = plan.action;
  add("timeout", timeoutMs === 0 ? "none" : `${timeoutMs} ms`, link("timeout"));
  if (retryPolicy !== null && retryPolicy.numRetries > 0) {
    const on = route.action.value.retryPolicy?.retryOn ?? "";
    const per = retryPolicy.perTryTimeoutMs === 0 ? "" : `, ${retryPolicy.perTryTimeoutMs} ms each`;
    add("retries", `${retryPolicy.numRetries}${per}, on ${on}`, link("retries", "attempts") ?? link("retries"));
  }
  for (const { cluster, fraction } of mirrors) {
    add(
      "mirror",
      `${percent(fraction.share)} also to ${cluster?.name ?? "the cluster that a header names"}`,
      link("mirror", "host") ?? link("mirrors"),
    );
  }
  const { prefixRewrite, hostRewriteSpecifier: host, idleTimeout } = route.action.value;
  if (prefixRewrite !== "") add("path becomes", prefixRewrite, link("rewrite", "uri"));
  if (host.case === "hostRewriteLiteral") add("Host becomes", host.value, link("rewrite", "authority"));
  if (idleTimeout !== undefined) add("idle timeout", durationText(idleTimeout), undefined);
  return facts;
}

function rewritePath({ action }: RoutePlan, { path }: RequestView): string {
  const rewritten = action.kind === "forward" && action.rewritePath !== null ? action.rewritePath(path) : "";
  return rewritten === "" ? path : rewritten;
}
