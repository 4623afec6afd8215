import type { DnsCachePlan } from "../../plan/compile-dns-cache.ts";
import type { ForwardedHostPlan } from "../../plan/filters/dynamic-forward-proxy.ts";
import { firstHeader } from "../../plan/request-matchers.ts";
import type { CachedName, DnsCache } from "../../upstream/dns/cache.ts";
import type { Exchange } from "../exchange.ts";
import { LOCAL_REPLIES } from "../local-replies.ts";
import type { LookupOwner } from "../name-lookup.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

/**
 * Requests to a cluster of named hosts wait here until the address of theirs is known. The cluster would look it up, too, but says less of
 * what goes wrong. Envoy `source/extensions/filters/http/dynamic_forward_proxy/proxy_filter.cc`.
 */
export class DynamicForwardProxy implements HttpFilter, LookupOwner {
  private readonly cache: DnsCache;

  constructor(plan: DnsCachePlan, { dnsCaches }: FilterContext) {
    this.cache = dnsCaches.of(plan);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { target, request } = exchange;
    const { cache } = this;
    const cluster = target === null ? null : target.cluster.current;
    if (cluster === null || cluster.plan.discovery !== "forwarding") return CONTINUE;
    if (routeConfig !== null) rewriteHost(exchange, routeConfig as ForwardedHostPlan);
    if (!cache.mayWait()) {
      exchange.reply(LOCAL_REPLIES.forwardingOverflow);
      return STOP;
    }
    if (request.authority === "") {
      exchange.reply(LOCAL_REPLIES.emptyHost);
      return STOP;
    }
    const name = cache.load(request.authority);
    if (name === null) exchange.reply(LOCAL_REPLIES.dnsCacheOverflow);
    else if (!name.known) exchange.lookup.start(cache, name, this);
    else if (name.addresses.length > 0) return CONTINUE;
    else exchange.reply({ ...LOCAL_REPLIES.dnsResolutionFailure, details: name.details });
    return STOP;
  }

  onNameKnown(exchange: Exchange, { addresses, details }: CachedName): void {
    if (addresses.length > 0) exchange.filters.continueRequest();
    else exchange.reply({ ...LOCAL_REPLIES.dnsResolutionFailure, details });
  }
}

function rewriteHost(exchange: Exchange, { literal, header }: ForwardedHostPlan): void {
  const { request } = exchange;
  if (literal !== "") request.authority = literal;
  if (header !== "" && request.headers.first(header) !== undefined) request.authority = firstHeader(request, header);
}
