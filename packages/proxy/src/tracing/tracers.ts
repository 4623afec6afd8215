import type { Clock } from "../clock/clock.ts";
import type { RandomHex } from "../random-hex.ts";
import type { TracerPlan } from "../plan/tracing-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";
import { OpenTelemetryTracer } from "./opentelemetry-tracer.ts";
import type { ReporterContext } from "./span-reporter.ts";
import { TraceIds } from "./trace-ids.ts";
import type { Tracer } from "./tracer.ts";
import { ZipkinTracer } from "./zipkin-tracer.ts";

/** Who this proxy is, as spans say it. */
export interface TracedNode {
  readonly id: string;
  /** The name of the service, for Zipkin. */
  readonly cluster: string;
  readonly zone: string;
  readonly address: string;
}

/** The tracers of a data plane: listeners that configure the same share one, so that their spans leave together. */
export class Tracers {
  readonly node: TracedNode;
  private readonly ids: TraceIds;
  private readonly context: ReporterContext;
  private readonly stats: StatsRegistry;
  /** A tracer that no listener and no exchange holds any more may go. */
  private readonly byFingerprint = new Map<string, WeakRef<Tracer>>();

  constructor(node: TracedNode, random: RandomHex, clock: Clock, context: ReporterContext, stats: StatsRegistry) {
    this.node = node;
    this.ids = new TraceIds(random, clock);
    this.context = context;
    this.stats = stats;
  }

  get(plan: TracerPlan): Tracer {
    const known = this.byFingerprint.get(plan.fingerprint)?.deref();
    if (known !== undefined) return known;
    for (const [fingerprint, ref] of this.byFingerprint) {
      if (ref.deref() === undefined) this.byFingerprint.delete(fingerprint);
    }
    const made = this.make(plan);
    this.byFingerprint.set(plan.fingerprint, new WeakRef(made));
    return made;
  }

  private make(plan: TracerPlan): Tracer {
    const { ids, context, stats, node } = this;
    if (plan.kind === "opentelemetry") return new OpenTelemetryTracer(plan, ids, context, stats);
    return new ZipkinTracer(plan, { serviceName: node.cluster, address: node.address }, ids, context, stats);
  }
}
