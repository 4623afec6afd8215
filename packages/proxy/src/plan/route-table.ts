/**
 * Route choice: authority → virtual host → first route that matches. Everything is prepared; a request allocates nothing but what
 * its own conditions need (a regex on the path needs the path without its query).
 * Behaviour: Envoy `source/common/router/config_impl.cc`, RouteMatcher and VirtualHostImpl.
 */
import type { RequestTest, RequestView } from "./request-views.ts";
import type { RoutePlan, RouteTable } from "./route-plan.ts";
import type { TextTest } from "./regex.ts";
import type { RuntimeFraction } from "./runtime-values.ts";

/** How a route looks at the path. Numbers, because each request compares them for each route it passes. */
export const PATH_PREFIX = 0;
export const PATH_EXACT = 1;
/** The text, and then the end or "/". */
export const PATH_SEPARATED_PREFIX = 2;
export const PATH_TEST = 3;
/** `connect_matcher`: CONNECT, whose target is no path, takes these routes and no others. */
export const PATH_CONNECT = 4;
export type PathKind =
  | typeof PATH_PREFIX
  | typeof PATH_EXACT
  | typeof PATH_SEPARATED_PREFIX
  | typeof PATH_TEST
  | typeof PATH_CONNECT;

const QUESTION_MARK = 0x3f;
const HASH = 0x23;
const SLASH = 0x2f;

export class RouteEntry {
  private readonly kind: PathKind;
  private readonly text: string;
  private readonly test: TextTest;
  private readonly conditions: readonly RequestTest[] | null;
  /** Share of requests that may match; null: all. */
  private readonly fraction: RuntimeFraction | null;
  readonly plan: RoutePlan;

  constructor(
    path: { readonly kind: PathKind; readonly text: string; readonly test: TextTest },
    conditions: readonly RequestTest[],
    fraction: RuntimeFraction | null,
    plan: RoutePlan,
  ) {
    this.kind = path.kind;
    this.text = path.text;
    this.test = path.test;
    this.conditions = conditions.length === 0 ? null : conditions;
    this.fraction = fraction;
    this.plan = plan;
  }

  /** What the path must begin with; "" if only a closer look tells. */
  get literal(): string {
    return this.text;
  }

  matches(path: string, request: RequestView, random: number): boolean {
    if (!this.matchesPath(path)) return false;
    if (this.fraction !== null && fractionDraw(random) >= this.fraction.share) return false;
    const conditions = this.conditions;
    if (conditions === null) return true;
    for (let i = 0; i < conditions.length; i++) if (!conditions[i].matches(request)) return false;
    return true;
  }

  private matchesPath(path: string): boolean {
    const text = this.text;
    // Only CONNECT has no path.
    if (path === "") return this.kind === PATH_CONNECT;
    switch (this.kind) {
      case PATH_PREFIX:
        return path.startsWith(text);
      case PATH_EXACT:
        return path.startsWith(text) && endsAt(path, text.length);
      case PATH_SEPARATED_PREFIX:
        return path.startsWith(text) && (endsAt(path, text.length) || path.charCodeAt(text.length) === SLASH);
      case PATH_CONNECT:
        return false;
      default:
        return this.test(withoutQuery(path));
    }
  }
}

/** The path part ends at `index`. */
export function endsAt(path: string, index: number): boolean {
  if (path.length === index) return true;
  const next = path.charCodeAt(index);
  return next === QUESTION_MARK || next === HASH;
}

/** Envoy matches and rewrites the path without query and fragment. */
export function withoutQuery(path: string): string {
  for (let i = 0; i < path.length; i++) {
    const char = path.charCodeAt(i);
    if (char === QUESTION_MARK || char === HASH) return path.slice(0, i);
  }
  return path;
}

/** The lower digits of the request's draw: the weighted cluster choice uses the upper ones, and the two must not depend on each other. */
function fractionDraw(random: number): number {
  const scaled = random * 0x100000;
  return scaled - Math.floor(scaled);
}

/** With fewer routes, trying all of them is as fast. */
const WORTH_AN_INDEX = 8;
/** Places in the path that may be the one that tells routes apart. */
const PLACES = 64;

/** A virtual host's routes. */
export interface Routes {
  readonly all: readonly RouteEntry[];
  /** Null if none matches. */
  find(path: string, request: RequestView, random: number): RouteEntry | null;
}

/**
 * Routes that are tried in order. Where there are many, one place in the path is chosen whose character tells most of them apart: a
 * request looks only at those routes that could have this character there.
 */
export class RouteList implements Routes {
  readonly all: readonly RouteEntry[];
  /** Offset in the path; -1: there is no index. */
  private readonly place: number;
  /** By character at the place; each list holds the routes that do not care, too. */
  private readonly byCharacter = new Map<number, readonly RouteEntry[]>();
  /** The routes that do not care. */
  private readonly others: readonly RouteEntry[];

  constructor(all: readonly RouteEntry[]) {
    this.all = all;
    this.place = all.length < WORTH_AN_INDEX ? -1 : bestPlace(all);
    const { place } = this;
    this.others = all.filter(({ literal }) => literal.length <= place);
    if (place < 0) return;
    for (const { literal } of all) {
      const character = literal.charCodeAt(place);
      if (Number.isNaN(character) || this.byCharacter.has(character)) continue;
      this.byCharacter.set(
        character,
        all.filter((route) => route.literal.length <= place || route.literal.charCodeAt(place) === character),
      );
    }
  }

  /** The first that matches. */
  find(path: string, request: RequestView, random: number): RouteEntry | null {
    const { place } = this;
    let routes = this.all;
    if (place >= 0) {
      routes = path.length > place ? (this.byCharacter.get(path.charCodeAt(place)) ?? this.others) : this.others;
    }
    for (let i = 0; i < routes.length; i++) if (routes[i].matches(path, request, random)) return routes[i];
    return null;
  }
}

/** Where the routes differ most: the place that leaves the fewest of them to try. */
function bestPlace(routes: readonly RouteEntry[]): number {
  let best = -1;
  let fewest = Infinity;
  for (let place = 1; place < PLACES; place++) {
    const sizes = new Map<number, number>();
    for (const { literal } of routes) {
      if (literal.length > place) {
        const character = literal.charCodeAt(place);
        sizes.set(character, (sizes.get(character) ?? 0) + 1);
      }
    }
    let told = 0;
    for (const size of sizes.values()) told += size;
    let tries = routes.length - told;
    for (const size of sizes.values()) tries += (size * size) / told;
    if (tries < fewest) [best, fewest] = [place, tries];
  }
  return best;
}

/** One compiled virtual host. */
export interface VirtualHostEntry {
  readonly name: string;
  /** Lower-case. */
  readonly domains: readonly string[];
  readonly routes: Routes;
  /** `require_tls`: what a request that did not come by TLS is answered; null if anything may. */
  readonly tlsRedirect: RoutePlan | null;
  /** `EXTERNAL_ONLY`: internal requests may come without. */
  readonly tlsExternalOnly: boolean;
}

export interface RouteTableOptions {
  /** `ignore_port_in_host_matching`. */
  readonly ignorePort: boolean;
  /** `ignore_path_parameters_in_path_matching`. */
  readonly ignorePathParameters: boolean;
}

/** Wildcard domains of one length: `*.example.com` by `.example.com`, `example.*` by `example.`. */
interface WildcardGroup {
  readonly length: number;
  readonly hosts: ReadonlyMap<string, VirtualHostEntry>;
}

export class HostRouteTable implements RouteTable {
  readonly name: string;
  readonly ignoresPathParameters: boolean;
  readonly virtualHosts: readonly VirtualHostEntry[];
  private readonly options: RouteTableOptions;
  private readonly exact = new Map<string, VirtualHostEntry>();
  /** Longest first. */
  private readonly suffixes: readonly WildcardGroup[];
  private readonly prefixes: readonly WildcardGroup[];
  private readonly any: VirtualHostEntry | null;
  /** The virtual host for every request, if there is but one and it takes all. */
  private readonly sole: VirtualHostEntry | null;

  constructor(name: string, virtualHosts: readonly VirtualHostEntry[], options: RouteTableOptions) {
    this.name = name;
    this.ignoresPathParameters = options.ignorePathParameters;
    this.virtualHosts = virtualHosts;
    this.options = options;
    const suffixes = new Map<number, Map<string, VirtualHostEntry>>();
    const prefixes = new Map<number, Map<string, VirtualHostEntry>>();
    let any: VirtualHostEntry | null = null;
    for (const host of virtualHosts) {
      for (const domain of host.domains) {
        if (domain === "*") any ??= host;
        else if (domain.startsWith("*")) addWildcard(suffixes, domain.slice(1), host);
        else if (domain.endsWith("*")) addWildcard(prefixes, domain.slice(0, -1), host);
        else if (!this.exact.has(domain)) this.exact.set(domain, host);
      }
    }
    this.suffixes = longestFirst(suffixes);
    this.prefixes = longestFirst(prefixes);
    this.any = any;
    const onlyAny = this.exact.size === 0 && suffixes.size === 0 && prefixes.size === 0;
    this.sole = onlyAny ? any : null;
  }

  get takesAll(): boolean {
    return this.sole !== null;
  }

  route(request: RequestView, random: number): RoutePlan | null {
    const host = this.sole ?? this.virtualHost(request.authority);
    if (host === null) return null;
    if (host.tlsRedirect !== null && mustUseTls(host, request)) return host.tlsRedirect;
    const path = this.ignoresPathParameters ? withoutParameters(request.path) : request.path;
    const route = host.routes.find(path, request, random);
    return route === null ? null : route.plan;
  }

  /** Exact, then the longest `*suffix`, then the longest `prefix*`, then `*`. A wildcard stands for at least one character. */
  virtualHost(authority: string): VirtualHostEntry | null {
    let host = authority.toLowerCase();
    if (this.options.ignorePort) host = withoutPort(host);
    const exact = this.exact.get(host);
    if (exact !== undefined) return exact;
    for (const group of this.suffixes) {
      if (group.length >= host.length) continue;
      const found = group.hosts.get(host.slice(host.length - group.length));
      if (found !== undefined) return found;
    }
    for (const group of this.prefixes) {
      if (group.length >= host.length) continue;
      const found = group.hosts.get(host.slice(0, group.length));
      if (found !== undefined) return found;
    }
    return this.any;
  }
}

function mustUseTls(host: VirtualHostEntry, request: RequestView): boolean {
  if (request.header("x-forwarded-proto") === "https") return false;
  return !(host.tlsExternalOnly && request.header("x-envoy-internal") === "true");
}

function addWildcard(groups: Map<number, Map<string, VirtualHostEntry>>, text: string, host: VirtualHostEntry): void {
  let group = groups.get(text.length);
  if (group === undefined) groups.set(text.length, (group = new Map()));
  if (!group.has(text)) group.set(text, host);
}

function longestFirst(groups: ReadonlyMap<number, Map<string, VirtualHostEntry>>): readonly WildcardGroup[] {
  return [...groups].map(([length, hosts]) => ({ length, hosts })).sort((a, b) => b.length - a.length);
}

/** `example.com:8080` → `example.com`, `[::1]:8080` → `[::1]`. */
function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || host.endsWith("]")) return host;
  if (host.startsWith("[") ? host[colon - 1] !== "]" : host.indexOf(":") !== colon) return host;
  return host.slice(0, colon);
}

/** Takes `;name=value` out of each segment; the query stays. */
export function withoutParameters(path: string): string {
  if (!path.includes(";")) return path;
  const bare = withoutQuery(path);
  return bare.replace(/;[^/]*/g, "") + path.slice(bare.length);
}
