import type { JsonValue } from "@bufbuild/protobuf";
import { ProtoWriter } from "@tulle/telemetry/proto";
import { CONTENT_TYPE, GRPC_STATUS } from "../../codec/header-names.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { GrpcStatsPlan } from "../../plan/filters/grpc-stats.ts";
import type { FilterStateObject } from "../../plan/format/stream-info.ts";
import { isGrpcContentType } from "../../codec/grpc/status.ts";
import { withoutQuery } from "../../plan/route-table.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter } from "./filter.ts";
import { GrpcFrames } from "../../codec/grpc/frames.ts";

/** Envoy's name for what is kept of a stream, whatever the filter is called. */
const STATE_NAME = "envoy.filters.http.grpc_stats";

/** Counters of a cluster, or of a method at a cluster, made when they first count. */
class Series {
  private readonly stats: StatsRegistry;
  private readonly prefix: string;
  private readonly counters = new Map<string, Counter>();

  constructor(stats: StatsRegistry, prefix: string) {
    this.stats = stats;
    this.prefix = prefix;
  }

  add(name: string, count: number): void {
    let counter = this.counters.get(name);
    if (counter === undefined) this.counters.set(name, (counter = this.stats.counter(this.prefix + name)));
    counter.value += count;
  }

  recordTime(ms: number): void {
    this.stats.histogram(`${this.prefix}upstream_rq_time`).record(ms);
  }
}

/** Statuses that get a counter: the upstream names them, so there must be an end to it. */
const KNOWN_STATUS = /^(?:\d{1,3}|-1)?$/;

/** Methods with counters of their own: clients name them, so there must be an end to it. */
const MAX_SERIES = 2_000;

/** One gRPC request. */
class GrpcCall implements FilterStateObject {
  readonly requestFrames = new GrpcFrames();
  readonly responseFrames = new GrpcFrames();
  /** Null: not counted. */
  readonly series: Series | null;
  countsResponse = false;

  constructor(series: Series | null) {
    this.series = series;
  }

  get typeName(): string {
    return "envoy.extensions.filters.http.grpc_stats.v3.FilterObject";
  }

  encode(): Uint8Array {
    const writer = new ProtoWriter();
    if (this.responseFrames.count > 0) writer.uint(2, this.responseFrames.count);
    if (this.requestFrames.count > 0) writer.uint(1, this.requestFrames.count);
    return writer.finish();
  }

  asText(): string {
    return `${this.requestFrames.count},${this.responseFrames.count}`;
  }

  asJson(): JsonValue {
    return {
      request_message_count: String(this.requestFrames.count),
      response_message_count: String(this.responseFrames.count),
    };
  }

  field(name: string): number | undefined {
    if (name === "request_message_count") return this.requestFrames.count;
    return name === "response_message_count" ? this.responseFrames.count : undefined;
  }
}

/** gRPC statistics, over whichever HTTP: Envoy `source/extensions/filters/http/grpc_stats/grpc_stats_filter.cc`. */
export class GrpcStats implements HttpFilter {
  private readonly plan: GrpcStatsPlan;
  private readonly stats: StatsRegistry;
  private readonly series = new Map<string, Series>();

  constructor(plan: GrpcStatsPlan, { stats }: FilterContext) {
    this.plan = plan;
    this.stats = stats;
  }

  onRequest(exchange: Exchange): FilterStatus {
    if (exchange.isGrpc) exchange.filters.keepState(this, new GrpcCall(this.seriesOf(exchange)));
    return CONTINUE;
  }

  onRequestData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number): FilterStatus {
    if (!exchange.isGrpc) return CONTINUE;
    const call = this.callOf(exchange);
    if (call === null) return CONTINUE;
    const before = call.requestFrames.count;
    if (call.requestFrames.read(buffer, start, end)) {
      this.emit(exchange, call);
      call.series?.add("request_message_count", call.requestFrames.count - before);
    }
    return CONTINUE;
  }

  onResponse(exchange: Exchange, _: unknown, endStream: boolean): void {
    if (!exchange.isGrpc) return;
    const call = this.callOf(exchange);
    if (call === null) return;
    const { status, headers } = exchange.response;
    if (headers.has(GRPC_STATUS)) chargeStatus(call, headers.get(GRPC_STATUS));
    call.countsResponse = !endStream && status === 200 && isGrpcContentType(headers.get(CONTENT_TYPE));
    if (endStream) this.recordTime(exchange, call);
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    if (!exchange.isGrpc) return CONTINUE;
    const call = this.callOf(exchange);
    if (call === null) return CONTINUE;
    const before = call.responseFrames.count;
    if (call.countsResponse && call.responseFrames.read(buffer, start, end)) {
      this.emit(exchange, call);
      call.series?.add("response_message_count", call.responseFrames.count - before);
    }
    if (endStream) this.recordTime(exchange, call);
    return CONTINUE;
  }

  onResponseTrailers(exchange: Exchange, trailers: HeaderBlock): FilterStatus {
    const call = exchange.isGrpc ? this.callOf(exchange) : null;
    if (call === null) return CONTINUE;
    const status = trailers.find("grpc-status");
    if (status !== undefined) chargeStatus(call, status);
    this.recordTime(exchange, call);
    return CONTINUE;
  }

  private callOf(exchange: Exchange): GrpcCall | null {
    return (exchange.filters.stateOf(this) as GrpcCall | undefined) ?? null;
  }

  private emit(exchange: Exchange, call: GrpcCall): void {
    if (this.plan.emitFilterState) (exchange.filterStateObjects ??= new Map()).set(STATE_NAME, call);
  }

  private recordTime(exchange: Exchange, call: GrpcCall): void {
    if (!this.plan.upstreamStats || exchange.upstreamStartedAt === 0) return;
    call.series?.recordTime(exchange.now - exchange.upstreamStartedAt);
  }

  /** By the cluster that the route names; null where there is none, or the path is no method's and methods are counted. */
  private seriesOf(exchange: Exchange): Series | null {
    const cluster = exchange.target?.cluster.current ?? null;
    if (cluster === null) return null;
    const { allMethods, methods, replaceDots } = this.plan;
    let method = "";
    if (allMethods || methods.size > 0) {
      const path = withoutQuery(exchange.request.path);
      if (allMethods) {
        // Exactly `/service/method`.
        const slash = path.indexOf("/", 1);
        if (slash < 2 || slash === path.length - 1 || path.includes("/", slash + 1)) return null;
        const service = path.slice(1, slash);
        method = `${replaceDots ? service.replaceAll(".", "_") : service}.${path.slice(slash + 1)}.`;
      } else if (methods.has(path)) method = `${path.slice(1).replace("/", ".")}.`;
    }
    const prefix = `cluster.${cluster.plan.statName}.grpc.${method}`;
    let series = this.series.get(prefix);
    if (series === undefined) {
      if (this.series.size >= MAX_SERIES) return null;
      this.series.set(prefix, (series = new Series(this.stats, prefix)));
    }
    return series;
  }
}

function chargeStatus({ series }: GrpcCall, status: string): void {
  if (series === null) return;
  if (KNOWN_STATUS.test(status)) series.add(status, 1);
  series.add(status === "0" ? "success" : "failure", 1);
  series.add("total", 1);
}
