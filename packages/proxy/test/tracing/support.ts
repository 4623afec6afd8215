import { TraceContext } from "@tulle/telemetry/tracing";
import { FakeClock } from "../../src/clock/fake-clock.ts";
import { TimerWheel } from "../../src/clock/timer-wheel.ts";
import { RequestHead } from "../../src/codec/messages.ts";
import type { AsyncCallbacks, AsyncClient } from "../../src/http/async-client.ts";
import { noOriginalDestination } from "../../src/net/original-destination.ts";
import { ReadBuffers } from "../../src/net/read-buffers.ts";
import { Turn } from "../../src/net/turn.ts";
import type { CollectorPlan, OpenTelemetryPlan, ZipkinPlan } from "../../src/plan/tracing-plan.ts";
import { RandomHex } from "../../src/random-hex.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { OpenTelemetryTracer } from "../../src/tracing/opentelemetry-tracer.ts";
import type { ReporterContext } from "../../src/tracing/span-reporter.ts";
import { TraceIds } from "../../src/tracing/trace-ids.ts";
import type { Tracer } from "../../src/tracing/tracer.ts";
import { ZipkinTracer } from "../../src/tracing/zipkin-tracer.ts";
import type { Cluster } from "../../src/upstream/cluster.ts";

/** A report on its way. */
export interface Report {
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly callbacks: AsyncCallbacks;
}

/** One that leaves by gRPC. */
interface GrpcReport {
  readonly authority: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where tracers run without sockets: ids count up, reports are kept. */
export class Laboratory {
  readonly clock = new FakeClock();
  readonly turn: Turn;
  readonly stats = new StatsRegistry();
  readonly reports: Report[] = [];
  readonly calls: GrpcReport[] = [];
  readonly collector: CollectorPlan = {
    // Only looked at for whether it is there.
    cluster: { name: "collector", current: {} as Cluster },
    authority: "collector.example",
    path: "/spans",
    isGrpc: false,
    headers: [],
    timeoutMs: { value: 5_000 },
    minFlushSpans: { value: 5 },
    flushIntervalMs: { value: 5_000 },
  };
  private readonly context: ReporterContext;
  private readonly ids: TraceIds;

  constructor() {
    this.turn = new Turn(this.clock);
    const { turn } = this;
    const timers = new TimerWheel(this.clock, (timer) => timer.owner.onTimer(timer.kind));
    const client: Pick<AsyncClient, "send" | "callGrpc"> = {
      callGrpc: (_cluster, { authority, path, timeoutMs, headers: metadata = {} }) => {
        this.calls.push({ authority, path, timeoutMs, metadata });
        return null;
      },
      send: (_cluster, head, body, timeoutMs, callbacks) => {
        this.reports.push({ head, body, timeoutMs, callbacks });
        return null;
      },
    };
    this.context = {
      net: {
        turn,
        timers,
        buffers: new ReadBuffers(),
        readsIntoBuffers: false,
        originalDestination: noOriginalDestination,
        wallMs: () => 0,
        nextConnectionId: () => 0,
        connect() {
          throw new TypeError("no sockets here");
        },
        reportBug(error) {
          throw error;
        },
      },
      client: client as AsyncClient,
    };
    let next = 0;
    const random = new RandomHex((bytes) => bytes.forEach((_, i) => void (bytes[i] = i % 8 === 7 ? ++next : 0)));
    this.ids = new TraceIds(random, this.clock);
  }

  zipkin(changes: Partial<ZipkinPlan> = {}): ZipkinTracer {
    const plan: ZipkinPlan = {
      kind: "zipkin",
      collector: this.collector,
      format: "json",
      traceId128Bit: false,
      timestampTraceIds: false,
      sharedSpanContext: true,
      withW3c: false,
      splitSpans: false,
      fingerprint: "",
      ...changes,
    };
    const who = { serviceName: "svc", address: "192.0.2.2" };
    return new ZipkinTracer(plan, who, this.ids, this.context, this.stats);
  }

  opentelemetry(changes: Partial<OpenTelemetryPlan> = {}): OpenTelemetryTracer {
    const plan: OpenTelemetryPlan = {
      kind: "opentelemetry",
      collector: this.collector,
      resource: [],
      withScope: true,
      sampler: null,
      maxCacheSize: 1_024,
      fingerprint: "",
      ...changes,
    };
    return new OpenTelemetryTracer(plan, this.ids, this.context, this.stats);
  }

  counter(name: string): number {
    return this.stats.counter(name).value;
  }
}

/** The n-th id that a laboratory gives. */
export function id(n: number): string {
  return n.toString(16).padStart(16, "0");
}

export function request(headers: Readonly<Record<string, string>> = {}): RequestHead {
  const head = new RequestHead();
  head.authority = "h.example";
  for (const [name, value] of Object.entries(headers)) head.headers.appendNamed(name, value);
  return head;
}

/** What an upstream is told, `name: value` joined by spaces; null: the request has no span. */
export function told(
  tracer: Tracer,
  headers: Readonly<Record<string, string>>,
  options: { readonly egress?: boolean; readonly independentHop?: boolean; readonly wanted?: boolean } = {},
): string | null {
  const { egress = false, independentHop = false, wanted = true } = options;
  const head = request(headers);
  const context = new TraceContext();
  const kinds = tracer.kinds(egress, independentHop);
  if (!tracer.begin(head, kinds.request, wanted, context)) return null;
  tracer.inject(context, head.headers);
  return head.headers.serialize().trimEnd().replaceAll("\r\n", " ");
}
