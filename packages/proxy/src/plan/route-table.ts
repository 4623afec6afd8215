/**
 * Route choice: authority → virtual host → first route that matches. Everything is prepared; a request allocates nothing but what
 * its own conditions need (a regex on the path needs the path without its query).
 * Behaviour: Envoy `source/common/router/config_impl.cc`, RouteMatcher and VirtualHostImpl.
 */
import type { RequestTest, RequestView, RoutePlan, RouteTable } from "./plan.ts";
import type { TextTest } from "./regex.ts";

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
  /** Share of requests that may match, [0, 1]. */
  private readonly fraction: number;
  readonly plan: RoutePlan;

  constructor(
    path: { readonly kind: PathKind; readonly text: string; readonly test: TextTest },
    conditions: readonly RequestTest[],
    fraction: number,
    plan: RoutePlan,
  ) {
    this.kind = path.kind;
    this.text = path.text;
    this.test = path.test;
    this.conditions = conditions.length === 0 ? null : conditions;
    this.fraction = fraction;
    this.plan = plan;
  }

  matches(path: string, request: RequestView, random: number): boolean {
    if (!this.matchesPath(path)) return false;
    if (this.fraction < 1 && fractionDraw(random) >= this.fraction) return false;
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

/** One compiled virtual host. */
export interface VirtualHostEntry {
  readonly name: string;
  /** Lower-case. */
  readonly domains: readonly string[];
  readonly routes: readonly RouteEntry[];
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

  route(request: RequestView, random: number): RoutePlan | null {
    const host = this.sole ?? this.virtualHost(request.authority);
    if (host === null) return null;
    if (host.tlsRedirect !== null && mustUseTls(host, request)) return host.tlsRedirect;
    const path = this.ignoresPathParameters ? withoutParameters(request.path) : request.path;
    const routes = host.routes;
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i];
      if (route.matches(path, request, random)) return route.plan;
    }
    return null;
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
