/** Redirects that are followed in place of the client. Behaviour: Envoy `source/common/router/router.cc`, setupRedirect. */
import { CONTENT_LENGTH, X_ENVOY_ORIGINAL_URL } from "../codec/header-names.ts";
import { HeaderBlock } from "../codec/header-block.ts";
import { type Url, readUrl } from "../codec/http1/request-target.ts";
import type { RequestHead, ResponseHead } from "../codec/messages.ts";
import type { InternalRedirectPlan } from "../plan/route-plan.ts";
import type { ConnectionManagerStats } from "./connection-manager-stats.ts";
import type { Exchange } from "./exchange.ts";
import { chooseRoute } from "./route-choice.ts";

/** What a request has followed so far. */
export class RedirectHistory {
  count = 0;
  private readonly steps = new Set<string>();

  /** False if this step has been made before. Names of routes have no line ends that matter: they only keep pairs apart. */
  addStep(from: string, to: string): boolean {
    const step = `${from}\n${to}`;
    if (this.steps.has(step)) return false;
    this.steps.add(step);
    return true;
  }
}

/** Makes the request the one that the redirect asks for, and chooses its route. False: it is as it was, and the redirect is the client's. */
export function turnToLocation(
  exchange: Exchange,
  response: ResponseHead,
  policy: InternalRedirectPlan,
  stats: ConnectionManagerStats,
): boolean {
  const { request, connection, route } = exchange;
  const location = response.headers.find("location");
  if (location === undefined || request.path === "") return false;
  const url = readUrl(location);
  if (url === null) {
    stats.redirectBadLocation.value++;
    return false;
  }
  const fromHttp = isHttp(request.scheme) || connection === null || connection.tls === null;
  const toHttp = isHttp(url.scheme);
  if (fromHttp !== toHttp && !policy.allowsOtherScheme) {
    stats.redirectUnsafeScheme.value++;
    return false;
  }
  const history = (exchange.redirects ??= new RedirectHistory());
  if (history.count >= policy.max) {
    stats.redirectTooMany.value++;
    return false;
  }
  const before = new Before(exchange);
  rewrite(request, response, url, policy);
  chooseRoute(exchange);
  if (exchange.route === null) {
    stats.redirectNoRoute.value++;
    before.restore(exchange);
    return false;
  }
  if (!agree(policy, history, route?.name ?? "", exchange.route.name, fromHttp, toHttp)) {
    stats.redirectPredicate.value++;
    before.restore(exchange);
    return false;
  }
  history.count++;
  request.headers.set(X_ENVOY_ORIGINAL_URL, `${fromHttp ? "http" : "https"}://${before.authority}${before.path}`);
  return true;
}

/** RFC 9110 §15.4.4: what comes after 303 is asked for without what was sent. */
export function becomesGet(request: RequestHead, status: number): boolean {
  if (status !== 303 || request.method === "GET" || request.method === "HEAD") return false;
  request.method = "GET";
  request.headers.remove(CONTENT_LENGTH);
  return true;
}

function rewrite(
  request: RequestHead,
  response: ResponseHead,
  url: Url,
  { copiedHeaders }: InternalRedirectPlan,
): void {
  const values: string[] = [];
  for (const name of copiedHeaders) {
    values.length = 0;
    response.headers.collect(name, values);
    request.headers.removeNamed(name);
    for (const value of values) request.headers.appendNamed(name, value);
  }
  request.scheme = url.scheme;
  request.authority = url.authority;
  request.hasAuthority = true;
  request.path = url.path;
}

function agree(
  { predicates }: InternalRedirectPlan,
  history: RedirectHistory,
  from: string,
  to: string,
  fromHttp: boolean,
  toHttp: boolean,
): boolean {
  for (const predicate of predicates) {
    if (predicate.kind === "allow-listed-routes" && !predicate.names.has(to)) return false;
    if (predicate.kind === "previous-routes" && !history.addStep(from, to)) return false;
    if (predicate.kind === "safe-cross-scheme" && fromHttp && !toHttp) return false;
  }
  return true;
}

function isHttp(scheme: string): boolean {
  return scheme.toLowerCase() === "http";
}

/** A request and its route, before a redirect is tried. */
class Before {
  readonly authority: string;
  readonly path: string;
  private readonly scheme: string;
  private readonly headers = new HeaderBlock();
  private readonly route: Exchange["route"];
  private readonly target: Exchange["target"];
  private readonly cluster: Exchange["cluster"];
  private readonly filterConfigs: Exchange["filterConfigs"];

  constructor({ request, route, target, cluster, filterConfigs }: Exchange) {
    this.authority = request.authority;
    this.path = request.path;
    this.scheme = request.scheme;
    this.headers.copyFrom(request.headers);
    this.route = route;
    this.target = target;
    this.cluster = cluster;
    this.filterConfigs = filterConfigs;
  }

  restore(exchange: Exchange): void {
    const { request } = exchange;
    request.authority = this.authority;
    request.path = this.path;
    request.scheme = this.scheme;
    request.headers.copyFrom(this.headers);
    exchange.route = this.route;
    exchange.target = this.target;
    exchange.cluster = this.cluster;
    exchange.filterConfigs = this.filterConfigs;
  }
}
