/** Virtual host, then the first route that matches, with every route before it and why it lost. */
import type { Path } from "@tulle/api";
import {
  HostRouteTable,
  NO_RUNTIME,
  Place,
  compileRouteConfigDefaults,
  compileVirtualHost,
} from "@tulle/proxy/matchers";
import type { ClusterRef, RequestView, RoutePlan } from "@tulle/proxy/matchers";
import type { Route, VirtualHost } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import type { Lost, OriginLink, Reason } from "./answer.ts";
import { conditionsOf, quoted } from "./conditions.ts";
import type { Condition } from "./conditions.ts";
import type { Question } from "./question.ts";
import { fullHost, listAt, originOf, parsePath, textAt, valueAt } from "./origins.ts";
import type { OriginOf } from "./origins.ts";
import type { Walk } from "./walk.ts";

export interface ChosenRoute {
  readonly virtualHost: VirtualHost;
  readonly route: Route;
  readonly plan: RoutePlan;
  readonly origin: OriginOf | undefined;
}

/** Undefined: there is none, and the walk has ended. */
export function chooseRoute(
  walk: Walk,
  question: Question,
  configuration: RouteConfiguration,
  request: RequestView,
): ChosenRoute | undefined {
  const host = chooseHost(walk, question, configuration, request);
  if (host === undefined) return undefined;
  const { message, routes, tlsRedirect } = host;
  if (tlsRedirect !== null && request.scheme !== "https") {
    const origin = question.origins.of(message.metadata);
    const title = `${message.name} takes requests by TLS only`;
    walk.step("route", title, { origin, ends: true });
    walk.answer(1, 301, "", "direct_response", "redirected to https");
    return undefined;
  }
  const lost: Lost[] = [];
  for (const [index, entry] of routes.entries()) {
    const route = message.routes[index]!;
    const conditions = conditionsOf(route.match!, request, request.path);
    const origin = originOf(route.metadata);
    if (!entry.matches(request.path, request, 0)) {
      lost.push(lostRoute(question, route, origin, conditions, index));
      continue;
    }
    if (route.match?.runtimeFraction !== undefined) {
      walk.caveat("a route is for a share of requests only; it is taken here as if it were for all");
    }
    const reasons = conditions.map((condition) => reasonOf(question, origin, condition));
    const link = origin && question.origins.link(origin, parsePath(origin.field));
    if (reasons.length === 0) reasons.push({ text: "it takes every request", ...(link && { origin: link }) });
    const after = message.routes.slice(index + 1);
    walk.step("route", `route ${describeRoute(route, origin, index)}`, {
      origin: link,
      reasons,
      lost: [
        ...lost,
        ...after.map((other, offset) => ({
          what: `route ${describeRoute(other, originOf(other.metadata), index + 1 + offset)}`,
          why: "it comes after the one that matches",
          ...linked(question, originOf(other.metadata)),
        })),
      ],
    });
    return { virtualHost: message, route, plan: entry.plan, origin };
  }
  const rule = originOf(message.metadata);
  const origin = rule && hostLink(question, rule, message);
  const count = lost.length === 0 ? "has no routes" : `none of the ${lost.length} routes of ${message.name} matches`;
  walk.step("route", lost.length === 0 ? `${message.name} ${count}` : count, { origin, lost, ends: true });
  walk.answer(1, 404, "NR", "route_not_found", "no route matches");
  walk.remedy(
    `no route of ${message.name} matches the request`,
    "Add a route without `match` at the end, or change a condition above.",
    origin,
  );
  return undefined;
}

interface ChosenHost {
  readonly message: VirtualHost;
  readonly routes: readonly {
    readonly plan: RoutePlan;
    matches(path: string, request: RequestView, random: number): boolean;
  }[];
  readonly tlsRedirect: RoutePlan | null;
}

function chooseHost(
  walk: Walk,
  question: Question,
  configuration: RouteConfiguration,
  request: RequestView,
): ChosenHost | undefined {
  const place = new Place("", []);
  const defaults = compileRouteConfigDefaults(configuration, COMPILING, place);
  const entries = configuration.virtualHosts.map((host) => compileVirtualHost(uncounted(host), defaults, place));
  const table = new HostRouteTable(configuration.name, entries, defaults.options);
  const found = table.virtualHost(request.authority);
  if (found === null) {
    walk.step("virtual-host", `no virtual host of ${configuration.name} is for ${quoted(request.authority)}`, {
      lost: similarHosts(question, configuration, request.authority),
      ends: true,
    });
    walk.answer(1, 404, "NR", "route_not_found", "no virtual host is for the request's Host");
    walk.remedy(
      `nothing is called ${quoted(request.authority)} here`,
      "Check the host and the port of the URL, and the hosts of VirtualServices and Gateways.",
    );
    return undefined;
  }
  const message = configuration.virtualHosts[entries.indexOf(found)]!;
  const origin = originOf(message.metadata);
  const link = origin && hostLink(question, origin, message);
  const domain = matchedDomain(message, request.authority);
  walk.step("virtual-host", `virtual host ${message.name}`, {
    origin: link,
    reasons: [
      { text: `Host ${quoted(request.authority)} is its domain ${quoted(domain)}`, ...(link && { origin: link }) },
    ],
    lost: [
      ...(message.domains.includes("*") ? similarHosts(question, configuration, request.authority) : []),
      ...shadowed(question, origin, message),
    ],
  });
  return { message, routes: found.routes.all, tlsRedirect: found.tlsRedirect };
}

/** Where nothing is counted, nothing has to be there to count with. */
function uncounted(host: VirtualHost): VirtualHost {
  return { ...host, virtualClusters: [], routes: host.routes.map((route) => ({ ...route, statPrefix: "" })) };
}

const COMPILING = {
  clusterRef: (name: string): ClusterRef => ({ name, current: null }),
  runtime: NO_RUNTIME,
  routeStats: (): never => {
    throw new TypeError("nothing is counted in an explanation");
  },
  knownClusters: new Set<string>(),
  validateClusters: false,
};

/** For texts alone: which one it was is found out by the table. */
function matchedDomain({ domains }: VirtualHost, authority: string): string {
  const host = authority.toLowerCase();
  const bare = host.replace(/:\d+$/, "");
  return (
    domains.find((domain) => domain.toLowerCase() === host || domain.toLowerCase() === bare) ??
    domains.find((domain) => domain.startsWith("*") && domain !== "*" && host.endsWith(domain.slice(1))) ??
    "*"
  );
}

/** The line under `hosts` by which a VirtualService is for the host, or the object. */
function hostLink({ origins, world }: Question, origin: OriginOf, { name, domains }: VirtualHost): OriginLink {
  if (origin.kind !== "VirtualService") return origins.link(origin, parsePath(origin.field));
  const object = origins.find(origin)?.loaded.object;
  const index = listAt(object, ["spec", "hosts"]).findIndex((host) => {
    const full = typeof host === "string" ? fullHost(host, origin.namespace, world.domain) : "";
    return name.startsWith(`${full}:`) || domains.includes(full);
  });
  return origins.link(origin, index < 0 ? ["spec", "hosts"] : ["spec", "hosts", index]);
}

/** Rules that would be for the host if another were not, or that never are. */
function shadowed({ origins, world }: Question, winner: OriginOf | undefined, { name }: VirtualHost): Lost[] {
  const host = name.replace(/:\d+$/, "");
  return origins.ofKind("VirtualService").flatMap((stored): Lost[] => {
    const { metadata, kind } = stored.loaded.object;
    const own = { kind, namespace: metadata.namespace, name: metadata.name };
    if (winner !== undefined && own.name === winner.name && own.namespace === winner.namespace) return [];
    const hosts = listAt(stored.loaded.object, ["spec", "hosts"]);
    const index = hosts.findIndex((each) => {
      return typeof each === "string" && fullHost(each, own.namespace, world.domain) === host;
    });
    if (index < 0) return [];
    const status = world.statusOf(stored).find(({ type }) => type === "Shadowed" || type === "Ignored");
    if (status === undefined) return [];
    const why = `${status.type === "Shadowed" ? "shadowed" : "ignored"}: ${status.message}${status.by === undefined ? "" : ` (${status.by})`}`;
    const origin = origins.link(own, ["spec", "hosts", index]);
    return [{ what: `VirtualService ${own.namespace}/${own.name}`, why, origin }];
  });
}

/** Hosts that are nearly the one that is asked for. */
function similarHosts({ origins }: Question, { virtualHosts }: RouteConfiguration, authority: string): Lost[] {
  const [bare = ""] = authority.toLowerCase().split(":");
  const first = bare.split(".")[0]!;
  return virtualHosts
    .filter(({ domains }) => domains.some((domain) => domain.split(/[.:]/)[0] === first))
    .slice(0, 5)
    .map(({ name, domains, metadata }) => {
      const origin = origins.of(metadata);
      const best = domains.find((domain) => domain.startsWith(bare)) ?? domains[0] ?? "";
      const why = `it is for ${quoted(best)}, not for ${quoted(authority)}`;
      return { what: `virtual host ${name}`, why, ...(origin && { origin }) };
    });
}

export function describeRoute(route: Route, origin: OriginOf | undefined, index: number): string {
  const name = route.name === "" ? "" : ` ${quoted(route.name)}`;
  if (origin === undefined) return `${index + 1}${name}`;
  const where = origin.field === "" ? "" : `${origin.field} of `;
  const object = `${origin.kind} ${origin.namespace === "" ? "" : `${origin.namespace}/`}${origin.name}`;
  return `${where}${object}${name}`;
}

function linked({ origins }: Question, origin: OriginOf | undefined): { origin?: OriginLink } {
  return origin === undefined ? {} : { origin: origins.link(origin, parsePath(origin.field)) };
}

function lostRoute(
  question: Question,
  route: Route,
  origin: OriginOf | undefined,
  conditions: readonly Condition[],
  index: number,
): Lost {
  const failed = conditions.find(({ holds }) => !holds);
  const what = `route ${describeRoute(route, origin, index)}`;
  if (failed === undefined) return { what, why: "it is for another share of requests", ...linked(question, origin) };
  const link = conditionLink(question, origin, failed);
  return { what, why: `it asks that ${failed.text}; ${failed.found}`, ...(link && { origin: link }) };
}

function reasonOf(question: Question, origin: OriginOf | undefined, condition: Condition): Reason {
  const link = condition.vacuous === true ? undefined : conditionLink(question, origin, condition);
  return { text: condition.text, ...(link && { origin: link }) };
}

/** Where in a VirtualService a condition is written. */
function conditionLink(
  { origins }: Question,
  origin: OriginOf | undefined,
  condition: Condition,
): OriginLink | undefined {
  if (origin === undefined) return undefined;
  const route = parsePath(origin.field);
  const object = origins.find(origin)?.loaded.object;
  const matches =
    origin.match === undefined ? listAt(object, [...route, "match"]).map((_, index) => index) : [origin.match];
  for (const match of matches) {
    for (const field of condition.fields) {
      const found = writtenPath(object, [...route, "match", match], field);
      if (found !== undefined) return origins.link(origin, found);
    }
  }
  return origins.link(origin, route);
}

/** With the value itself, whose line it is that has to change; header names are compared as HTTP does. */
function writtenPath(object: Parameters<typeof valueAt>[0], match: Path, field: Path): Path | undefined {
  const [group, name] = field;
  const values = valueAt(object, [...match, group!]);
  if (values === undefined) return undefined;
  let path: Path = [...match, group!];
  if (name !== undefined) {
    const key = Object.keys(values as object).find((each) => each.toLowerCase() === String(name).toLowerCase());
    if (key === undefined) return undefined;
    path = [...path, key];
  }
  const value = valueAt(object, path);
  for (const kind of ["exact", "prefix", "regex"]) {
    if (textAt(value, kind) !== "") return [...path, kind];
  }
  return path;
}
