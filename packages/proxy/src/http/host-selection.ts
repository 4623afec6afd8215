import type { JsonValue } from "@bufbuild/protobuf";
import type { RequestHead } from "../codec/messages.ts";
import type { Hash64 } from "../hash/hash64.ts";
import { metadataValue } from "../plan/dynamic-metadata.ts";
import { LB_NAMESPACE, type MetadataMatch, mergeMatches } from "../plan/metadata-match.ts";
import { type HashedRequest, type IssuedCookie, connectionCookie } from "../plan/hash-policy.ts";
import type { CachedName, DnsCache } from "../upstream/dns/cache.ts";
import type { Host } from "../upstream/host.ts";
import type {
  LoadBalancerContext,
  OriginalDestinationView,
  RetryPriority,
  WantedHost,
} from "../upstream/load-balancer-context.ts";
import type { Exchange } from "./exchange.ts";
import type { RetryState } from "./retry-state.ts";

/** What the choice of a host may ask about an exchange; part of its router. */
export class HostSelection implements LoadBalancerContext, HashedRequest {
  /** Set-Cookie lines that the choice has brought about. */
  readonly cookies: string[] = [];
  /** Why there is no host; "" where no more is to be said than that. */
  details = "";
  /** Of the session that the request belongs to; null: of none. */
  sessionHost: WantedHost | null = null;
  /** The choice may take its time. */
  mayWait = true;
  private readonly exchange: Exchange;
  private readonly retry: RetryState;

  constructor(exchange: Exchange, retry: RetryState) {
    this.exchange = exchange;
    this.retry = retry;
  }

  // LoadBalancerContext

  requestMetadata(namespace: string, path: readonly string[]): JsonValue | undefined {
    return metadataValue(this.exchange.dynamicMetadata, namespace, path);
  }

  /** What filters have found holds before the route. Source: Envoy `source/common/router/router.h`, metadataMatchCriteria. */
  get metadataMatch(): MetadataMatch | null {
    const { action, target, dynamicMetadata } = this.exchange;
    const routed = target?.metadataMatch ?? action?.metadataMatch ?? null;
    return dynamicMetadata === null ? routed : mergeMatches(routed, dynamicMetadata[LB_NAMESPACE]);
  }

  /** Another attempt may go elsewhere. */
  get wantedHost(): WantedHost | null {
    return this.sessionHost === null || this.exchange.attemptCount > 1 ? null : this.sessionHost;
  }

  get originalDestination(): OriginalDestinationView | null {
    const { connection } = this.exchange;
    return connection === null ? null : connection.originalDestination;
  }

  get requestHost(): string {
    return this.exchange.request.authority;
  }

  awaitName(cache: DnsCache, name: CachedName): void {
    if (this.mayWait) this.exchange.lookup.start(cache, name, this.exchange.router);
  }

  get awaited(): boolean {
    return this.exchange.lookup.waiting;
  }

  explain(details: string): void {
    this.details = details;
  }

  get random(): () => number {
    return this.exchange.context.random;
  }

  hashRequest(hash: Hash64): boolean {
    const { action } = this.exchange;
    return action !== null && action.hashPolicy !== null && action.hashPolicy.hash(this, hash);
  }

  requestHeader(name: string): string | undefined {
    return this.exchange.request.headers.first(name);
  }

  get retryPriority(): RetryPriority | null {
    return this.retry.retryPriority;
  }

  get hostSelectionRetries(): number {
    return this.retry.hostSelectionRetries;
  }

  avoidsHost(host: Host): boolean {
    return this.retry.avoids(host);
  }

  reset(): void {
    if (this.cookies.length > 0) this.cookies.length = 0;
    this.details = "";
    this.sessionHost = null;
  }

  // HashedRequest

  get request(): RequestHead {
    return this.exchange.request;
  }

  get clientAddress(): string {
    const { request, connection } = this.exchange;
    return request.forwardedFor !== "" ? request.forwardedFor : (connection?.remoteAddress ?? "");
  }

  issueCookie({ name, attributes }: IssuedCookie): string {
    const { connection } = this.exchange;
    if (connection === null) return "";
    const value = connectionCookie(connection);
    this.cookies.push(`${name}="${value}"${attributes}`);
    return value;
  }
}
