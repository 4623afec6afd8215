import { CONTENT_LENGTH } from "../../codec/header-names.ts";
import { latin1 } from "../../codec/latin1.ts";
import { RequestHead, type ResponseHead } from "../../codec/messages.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { AuthzHttpPlan, ExtAuthzPlan, NameTest } from "../../plan/filters/ext-authz.ts";
import type { AsyncCallbacks, AsyncRequest } from "../async-client.ts";
import type { Exchange } from "../exchange.ts";
import { applyHeaderMutations } from "../header-mutations.ts";
import { AUTHZ_ERROR, type AuthzCall, type AuthzHeader, type AuthzOutcome, mayBeSet } from "./authz-outcome.ts";
import type { FilterContext } from "./filter.ts";

const OK = 200;
/** Of a denial that is told to the client; where nothing limits it, Envoy `source/common/http/async_client_impl.h`, kBufferLimitForResponse. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const SERVICE_TIME = "x-envoy-upstream-service-time";
const HEADERS_TO_REMOVE = "x-envoy-auth-headers-to-remove";

/** One question to an HTTP server: Envoy `source/extensions/filters/common/ext_authz/ext_authz_http_impl.cc`. */
export class AuthzHttpCall implements AsyncCallbacks, AuthzCall {
  private readonly plan: ExtAuthzPlan;
  private readonly service: AuthzHttpPlan;
  private readonly context: FilterContext;
  private readonly onOutcome: (outcome: AuthzOutcome) => void;
  private request: AsyncRequest | null = null;
  private response: ResponseHead | null = null;
  private body = "";
  private over = false;
  private startedAt = 0;
  private tellsLength = false;

  constructor(
    plan: ExtAuthzPlan,
    service: AuthzHttpPlan,
    context: FilterContext,
    onOutcome: (outcome: AuthzOutcome) => void,
  ) {
    this.plan = plan;
    this.service = service;
    this.context = context;
    this.onOutcome = onOutcome;
  }

  start(exchange: Exchange, body: Uint8Array, partial: boolean | null): void {
    const { client, net } = this.context;
    const { uri } = this.service;
    const cluster = this.context.findCluster(uri.cluster)?.current ?? null;
    if (cluster === null) {
      this.finish(AUTHZ_ERROR);
      return;
    }
    this.startedAt = net.turn.now;
    // These have a form of their own for local replies.
    this.tellsLength = !exchange.isGrpc && exchange.request.method !== "HEAD";
    const head = this.head(exchange, body.length, partial);
    const request = client.send(cluster, head, body, uri.timeoutMs, this, false);
    if (!this.over) this.request = request;
  }

  cancel(): void {
    this.over = true;
    this.request?.cancel();
  }

  private head(exchange: Exchange, bodyBytes: number, partial: boolean | null): RequestHead {
    const { service } = this;
    const { request } = exchange;
    const head = new RequestHead();
    head.method = request.method;
    head.path = service.pathOverride === "" ? service.pathPrefix + request.path : service.pathOverride;
    head.authority = request.authority;
    head.headers.append(CONTENT_LENGTH, String(bodyBytes));
    for (let i = 0; i < request.headers.count; i++) {
      if (request.headers.removed(i)) continue;
      const name = request.headers.nameAt(i);
      // Lines of one name are one; the first of them has them all.
      if (name === "content-length" || !this.tells(name) || request.headers.first(name) === undefined) continue;
      if (head.headers.first(name) === undefined) head.headers.appendNamed(name, request.headers.find(name) ?? "");
    }
    if (partial !== null) head.headers.appendNamed("x-envoy-auth-partial-body", partial ? "true" : "false");
    applyHeaderMutations(head.headers, service.headersToAdd, exchange, true);
    return head;
  }

  private tells(name: string): boolean {
    const { allowedHeaders, disallowedHeaders } = this.plan;
    if (disallowedHeaders !== null && disallowedHeaders(name)) return false;
    if (name === "authorization") return true;
    return allowedHeaders?.(name) === true || this.service.allowedHeaders?.(name) === true;
  }

  onHead(response: ResponseHead): void {
    this.response = response;
  }

  onData({ bytes }: ReadBuffer, start: number, end: number): void {
    if (this.body.length + end - start > MAX_BODY_BYTES) this.request?.cancel();
    else this.body += latin1(bytes, start, end);
  }

  onResponse(status: number): void {
    const { response } = this;
    if (this.over) return;
    // A server that fails has not decided.
    if (status >= 500 || response === null) this.finish(AUTHZ_ERROR);
    else if (status === OK) this.finish(this.allowed(response));
    else this.finish(this.denied(response));
  }

  onReset(): void {
    this.finish(AUTHZ_ERROR);
  }

  onCancel(): void {
    this.finish(AUTHZ_ERROR);
  }

  private finish(outcome: AuthzOutcome): void {
    if (this.over) return;
    this.over = true;
    this.onOutcome(outcome);
  }

  private allowed(response: ResponseHead): AuthzOutcome {
    const { upstreamHeaders, upstreamHeadersToAppend, clientHeadersOnSuccess } = this.service;
    const requestHeaders: AuthzHeader[] = [];
    collect(response, upstreamHeaders, "set", requestHeaders);
    collect(response, upstreamHeadersToAppend, "append", requestHeaders);
    const responseHeaders: AuthzHeader[] = [];
    collect(response, clientHeadersOnSuccess, "append", responseHeaders);
    return {
      kind: "ok",
      requestHeaders,
      headersToRemove: namesToRemove(response),
      responseHeaders,
      queryToSet: NONE,
      queryToRemove: NONE,
      metadata: this.metadata(response),
    };
  }

  private denied(response: ResponseHead): AuthzOutcome {
    const { maxDeniedBodyBytes } = this.plan;
    const { clientHeaders } = this.service;
    const headers: AuthzHeader[] = [];
    collect(response, clientHeaders ?? always, "append", headers, this.tellsLength);
    // Envoy's client says how long it took, and that is a header like others.
    if (clientHeaders === null || clientHeaders(SERVICE_TIME)) this.setServiceTime(headers);
    return {
      kind: "denied",
      status: response.status,
      body: maxDeniedBodyBytes === 0 ? this.body : this.body.slice(0, maxDeniedBodyBytes),
      headers,
      metadata: this.metadata(response),
    };
  }

  private setServiceTime(headers: AuthzHeader[]): void {
    const value = String(Math.max(0, Math.floor(this.context.net.turn.now - this.startedAt)));
    const header: AuthzHeader = { op: "append", name: SERVICE_TIME, value };
    const at = headers.findIndex(({ name }) => name === SERVICE_TIME);
    if (at < 0) headers.push(header);
    else headers[at] = header;
  }

  private metadata(response: ResponseHead): Record<string, string> | null {
    const { metadataHeaders } = this.service;
    if (metadataHeaders === null) return null;
    const found: AuthzHeader[] = [];
    collect(response, metadataHeaders, "set", found);
    if (found.length === 0) return null;
    const metadata: Record<string, string> = {};
    for (const { name, value } of found) metadata[name] = Buffer.from(value, "latin1").toString("utf8");
    return metadata;
  }
}

const NONE: readonly never[] = [];

function always(): boolean {
  return true;
}

/** The headers whose names pass, in order. */
/** @param withLength the place of content-length counts, too; its value is the local reply's */
function collect(
  { headers }: ResponseHead,
  test: NameTest | null,
  op: AuthzHeader["op"],
  found: AuthzHeader[],
  withLength = false,
): void {
  if (test === null) return;
  for (let i = 0; i < headers.count; i++) {
    if (headers.removed(i)) continue;
    const name = headers.nameAt(i);
    const mayPass = mayBeSet(name) || (withLength && name === "content-length");
    if (name === HEADERS_TO_REMOVE || !mayPass || !test(name)) continue;
    found.push({ op, name, value: headers.valueAt(i) });
  }
}

function namesToRemove({ headers }: ResponseHead): readonly string[] {
  const lists: string[] = [];
  headers.collect(HEADERS_TO_REMOVE, lists);
  return lists.flatMap((list) =>
    list
      // cold: for servers that say so
      .split(",")
      .map((name) => name.trim().toLowerCase()),
  );
}
