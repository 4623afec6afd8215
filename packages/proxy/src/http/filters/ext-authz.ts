import type { JsonValue } from "@bufbuild/protobuf";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { metadataValue } from "../../plan/dynamic-metadata.ts";
import type { AuthzBodyPlan, AuthzServicePlan, ExtAuthzPlan, ExtAuthzRoutePlan } from "../../plan/filters/ext-authz.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { Cluster } from "../../upstream/cluster.ts";
import type { Exchange } from "../exchange.ts";
import { localReply } from "../local-replies.ts";
import { chooseRoute } from "../route-choice.ts";
import type { AuthzGrpcCall } from "./authz-grpc.ts";
import { AuthzHttpCall } from "./authz-http.ts";
import {
  type AuthzAllowed,
  type AuthzCall,
  type AuthzHeader,
  type AuthzOutcome,
  AUTHZ_ERROR,
  INVALID_REPLY,
  applyHeader,
  applyToRequest,
  denialReply,
  errorReply,
} from "./authz-outcome.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

/** Where findings are put, whatever the filter is called. */
const NAMESPACE = "envoy.filters.http.ext_authz";
const TOO_LARGE = localReply(413, "Payload Too Large", "", "request_payload_too_large");

/** One request that another server is asked about. */
interface Question {
  readonly service: AuthzServicePlan;
  readonly extensions: Readonly<Record<string, string>>;
  /** Null: its body is not told. */
  readonly body: AuthzBodyPlan | null;
  readonly pieces: Buffer[];
  /** Of the body, so far. */
  bytes: number;
  /** Null: the body is still awaited; or it has been answered. */
  call: AuthzCall | null;
  /** The cluster that the request would have gone to. */
  cluster: Cluster | null;
  startedAt: number;
  answered: boolean;
  /** For the response, if there is one. */
  responseHeaders: readonly AuthzHeader[];
}

/** Asks another server about every request: Envoy `source/extensions/filters/http/ext_authz/ext_authz.cc`. */
export class ExtAuthzFilter implements HttpFilter {
  private readonly plan: ExtAuthzPlan;
  private readonly context: FilterContext;
  private readonly stats: ExtAuthzStats;
  /** Null: not loaded. */
  private grpcCall: typeof AuthzGrpcCall | null = null;
  private readonly ofClusters = new WeakMap<Cluster, ClusterStats>();

  constructor(plan: ExtAuthzPlan, context: FilterContext) {
    this.plan = plan;
    this.context = context;
    this.stats = new ExtAuthzStats(context.stats, `http.${context.statPrefix}.ext_authz.${plan.statPrefix}`);
  }

  /** What gRPC takes is loaded where it is needed; routes may name a service of their own. */
  start(onReady: () => void): void {
    if (this.plan.service.kind !== "grpc") {
      onReady();
      return;
    }
    this.loadCall().then(onReady, (error: unknown) => {
      this.context.net.reportBug(error);
      onReady();
    });
  }

  // cold: once a listener
  private async loadCall(): Promise<void> {
    ({ AuthzGrpcCall: this.grpcCall } = await import("./authz-grpc.ts")); // cold: once a listener
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { plan } = this;
    const ofRoute = routeConfig as ExtAuthzRoutePlan | null;
    if (exchange.route === null || ofRoute?.disabled === true) return CONTINUE;
    if (!this.isEnabled(exchange)) {
      this.stats.disabled.value++;
      if (!plan.denyAtDisable.value) return CONTINUE;
      exchange.reply(errorReply(plan.statusOnError));
      return STOP;
    }
    const body = ofRoute?.withoutBody === true ? null : (ofRoute?.body ?? plan.body);
    const question: Question = {
      service: ofRoute?.service ?? plan.service,
      extensions: ofRoute?.contextExtensions ?? NO_EXTENSIONS,
      body,
      pieces: [],
      bytes: 0,
      call: null,
      cluster: null,
      startedAt: 0,
      answered: false,
      responseHeaders: NO_HEADERS,
    };
    exchange.filters.keepState(this, question);
    if (body !== null && !exchange.requestEnded && !exchange.switchesProtocol) {
      if (!body.allowsPartial) exchange.filters.holdLimitBytes = body.maxBytes;
      return STOP;
    }
    const outcome = this.ask(exchange, question);
    return outcome !== null && this.conclude(exchange, question, outcome) ? CONTINUE : STOP;
  }

  onRequestData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    const question = this.awaitingBody(exchange);
    const body = question?.body;
    if (question === null || !body) return CONTINUE;
    const room = body.maxBytes - question.bytes;
    if (room > 0 && end > start) question.pieces.push(copyOf(buffer, start, Math.min(end, start + room)));
    question.bytes += end - start;
    if (question.bytes > body.maxBytes && !body.allowsPartial) {
      exchange.connection?.closeAfterResponse();
      exchange.reply(TOO_LARGE);
      return STOP;
    }
    if (endStream || (body.allowsPartial && question.bytes >= body.maxBytes)) this.askWithBody(exchange, question);
    return CONTINUE;
  }

  onRequestTrailers(exchange: Exchange, _trailers: HeaderBlock): FilterStatus {
    const question = this.awaitingBody(exchange);
    if (question !== null) this.askWithBody(exchange, question);
    return CONTINUE;
  }

  onResponse(exchange: Exchange): void {
    const question = exchange.filters.stateOf(this) as Question | undefined;
    if (question === undefined) return;
    for (const header of question.responseHeaders) applyHeader(exchange.response.headers, header);
  }

  onComplete(exchange: Exchange): void {
    (exchange.filters.stateOf(this) as Question | undefined)?.call?.cancel();
  }

  private isEnabled({ dynamicMetadata }: Exchange): boolean {
    const { enabled, enabledMetadata } = this.plan;
    if (enabledMetadata !== null) {
      const { namespace, path, test } = enabledMetadata;
      if (!test(metadataValue(dynamicMetadata, namespace, path))) return false;
    }
    return enabled.share >= 1 || (enabled.share > 0 && this.context.random() < enabled.share);
  }

  private awaitingBody(exchange: Exchange): Question | null {
    const question = exchange.filters.stateOf(this) as Question | undefined;
    return question === undefined || question.call !== null || question.answered ? null : question;
  }

  private askWithBody(exchange: Exchange, question: Question): void {
    const outcome = this.ask(exchange, question);
    if (outcome !== null && this.conclude(exchange, question, outcome)) exchange.filters.continueRequest();
  }

  /** Null where the answer is yet to come. */
  private ask(exchange: Exchange, question: Question): AuthzOutcome | null {
    const { service, body, pieces, bytes } = question;
    question.cluster = exchange.cluster;
    question.startedAt = exchange.now;
    if (service.kind === "grpc" && this.grpcCall === null) {
      this.askWhenLoaded(exchange, question);
      return null;
    }
    let atOnce: AuthzOutcome | null = null;
    let asking = true;
    const onOutcome = (outcome: AuthzOutcome): void => {
      if (asking) atOnce = outcome;
      else if (this.conclude(exchange, question, outcome)) exchange.filters.continueRequest();
    };
    const call = this.callTo(service, question.extensions, onOutcome);
    if (call === null) return AUTHZ_ERROR;
    question.call = call;
    const partial = body === null || bytes === 0 ? null : bytes > body.maxBytes;
    call.start(exchange, joined(pieces), partial);
    pieces.length = 0;
    asking = false;
    return atOnce;
  }

  /** A route asks a gRPC server where the filter asks none: what that takes is loaded when the first request needs it. */
  private askWhenLoaded(exchange: Exchange, question: Question): void {
    let cancelled = false;
    question.call = {
      start: () => {},
      cancel: () => {
        cancelled = true;
      },
    };
    const then = (): void => {
      const { turn } = this.context.net;
      if (cancelled) return;
      turn.begin();
      const outcome = this.grpcCall === null ? AUTHZ_ERROR : this.ask(exchange, question);
      if (outcome !== null && this.conclude(exchange, question, outcome)) exchange.filters.continueRequest();
      turn.end();
    };
    this.loadCall().then(then, (error: unknown) => {
      this.context.net.reportBug(error);
      then();
    });
  }

  private callTo(
    service: AuthzServicePlan,
    extensions: Question["extensions"],
    onOutcome: (outcome: AuthzOutcome) => void,
  ): AuthzCall | null {
    const { plan, context, grpcCall: GrpcCall } = this;
    if (service.kind === "http") return new AuthzHttpCall(plan, service, context, onOutcome);
    return GrpcCall === null ? null : new GrpcCall(plan, service, extensions, context, onOutcome);
  }

  /** False if the request has been answered. */
  private conclude(exchange: Exchange, question: Question, outcome: AuthzOutcome): boolean {
    const { plan, stats } = this;
    const { cluster } = question;
    const ofCluster = cluster === null ? null : this.clusterStats(cluster);
    question.call = null;
    question.answered = true;
    this.tell(exchange, question, outcome);
    switch (outcome.kind) {
      case "ok":
        ofCluster?.count("ok");
        stats.ok.value++;
        this.allow(exchange, question, outcome);
        return true;
      case "denied":
        stats.denied.value++;
        ofCluster?.count("denied");
        if (plan.chargeCluster) cluster?.stats.countStatus(outcome.status, true, null);
        exchange.reply(denialReply(outcome));
        return false;
      case "invalid":
        stats.invalid.value++;
        exchange.reply(INVALID_REPLY);
        return false;
      default:
        ofCluster?.count("error");
        stats.error.value++;
        if (!plan.failureModeAllow) {
          exchange.reply(errorReply(plan.statusOnError));
          return false;
        }
        stats.failureModeAllowed.value++;
        ofCluster?.count("failure_mode_allowed");
        if (plan.failureModeHeader) exchange.request.headers.appendNamed(FAILURE_MODE_ALLOWED, "true");
        return true;
    }
  }

  private tell(exchange: Exchange, question: Question, outcome: AuthzOutcome): void {
    if (outcome.kind === "error" || outcome.kind === "invalid" || outcome.metadata === null) return;
    const found: Record<string, JsonValue> = { ...outcome.metadata };
    if (outcome.kind === "ok") found["ext_authz_duration"] = Math.floor(exchange.now - question.startedAt);
    exchange.addDynamicMetadata({ [NAMESPACE]: found });
  }

  private allow(exchange: Exchange, question: Question, outcome: AuthzAllowed): void {
    question.responseHeaders = outcome.responseHeaders;
    if (!changesRequest(outcome)) return;
    applyToRequest(exchange, outcome);
    if (this.plan.clearRouteCache) chooseRoute(exchange);
  }

  private clusterStats(cluster: Cluster): ClusterStats {
    let stats = this.ofClusters.get(cluster);
    if (stats === undefined) {
      const prefix = `cluster.${cluster.plan.statName}.ext_authz.${this.plan.statPrefix}`;
      this.ofClusters.set(cluster, (stats = new ClusterStats(this.context.stats, prefix)));
    }
    return stats;
  }
}

const FAILURE_MODE_ALLOWED = "x-envoy-auth-failure-mode-allowed";
const NO_EXTENSIONS: Readonly<Record<string, string>> = {};
const NO_HEADERS: readonly AuthzHeader[] = [];

function changesRequest({ requestHeaders, headersToRemove, queryToSet, queryToRemove }: AuthzAllowed): boolean {
  return requestHeaders.length + headersToRemove.length + queryToSet.length + queryToRemove.length > 0;
}

function copyOf({ bytes }: ReadBuffer, start: number, end: number): Buffer {
  return Buffer.from(bytes.subarray(start, end));
}

function joined(pieces: readonly Buffer[]): Uint8Array {
  // cold: where bodies are told to the server, which has to have them in one piece
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** What has been decided of requests that would have gone to one cluster; each counter is there when it first counts, as Envoy's. */
class ClusterStats {
  private readonly registry: StatsRegistry;
  private readonly prefix: string;
  private readonly counters = new Map<Decision, Counter>();

  constructor(registry: StatsRegistry, prefix: string) {
    this.registry = registry;
    this.prefix = prefix;
  }

  count(decision: Decision): void {
    let counter = this.counters.get(decision);
    if (counter === undefined) this.counters.set(decision, (counter = this.registry.counter(this.prefix + decision)));
    counter.value++;
  }
}

type Decision = "ok" | "denied" | "error" | "failure_mode_allowed";

class ExtAuthzStats {
  readonly ok: Counter;
  readonly denied: Counter;
  readonly error: Counter;
  readonly failureModeAllowed: Counter;
  readonly disabled: Counter;
  readonly invalid: Counter;

  constructor(registry: StatsRegistry, prefix: string) {
    this.ok = registry.counter(`${prefix}ok`);
    this.denied = registry.counter(`${prefix}denied`);
    this.error = registry.counter(`${prefix}error`);
    this.failureModeAllowed = registry.counter(`${prefix}failure_mode_allowed`);
    this.disabled = registry.counter(`${prefix}disabled`);
    this.invalid = registry.counter(`${prefix}invalid`);
  }
}
