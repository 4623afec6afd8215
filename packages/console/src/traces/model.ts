/** Traces as Jaeger's API has them, made into what a waterfall shows. Pure. */

export interface JaegerAnswer {
  readonly data: readonly JaegerTrace[];
}

export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string; readonly tags?: readonly JaegerTag[] }>>;
}

interface JaegerTag {
  readonly key: string;
  readonly value: unknown;
}

interface JaegerSpan {
  readonly spanID: string;
  readonly operationName: string;
  readonly references?: readonly { readonly refType: string; readonly spanID: string }[];
  /** µs. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags?: readonly JaegerTag[];
  readonly logs?: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[];
  readonly processID: string;
}

export interface Span {
  readonly id: string;
  readonly parent: string;
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  /** ms since the trace's start. */
  readonly start: number;
  readonly duration: number;
  readonly depth: number;
  readonly children: number;
  readonly error: boolean;
  readonly tags: readonly (readonly [string, string])[];
  readonly events: readonly { readonly at: number; readonly text: string }[];
  /** Not covered by any child. */
  readonly selfMs: number;
}

export interface Trace {
  readonly id: string;
  /** ms since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly root: Span | undefined;
  readonly services: readonly string[];
  readonly errors: number;
  /** Parents before their children, children by start. */
  readonly spans: readonly Span[];
}

/** A chain of so many calls is no trace but an accident, and is drawn flat from there. */
const MAX_DEPTH = 200;

export function traceOf({ traceID, spans, processes }: JaegerTrace): Trace {
  const start = Math.min(...spans.map(({ startTime }) => startTime));
  const end = Math.max(...spans.map(({ startTime, duration }) => startTime + duration));
  const ids = new Set(spans.map(({ spanID }) => spanID));
  const childrenOf = new Map<string, JaegerSpan[]>();
  const roots: JaegerSpan[] = [];
  for (const span of spans) {
    const parent = parentOf(span);
    if (parent === "" || !ids.has(parent) || parent === span.spanID) roots.push(span);
    else childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), span]);
  }
  const ordered: Span[] = [];
  const done = new Set<string>();
  const visit = (span: JaegerSpan, depth: number): void => {
    if (done.has(span.spanID)) return;
    done.add(span.spanID);
    const children = (childrenOf.get(span.spanID) ?? []).sort((a, b) => a.startTime - b.startTime);
    ordered.push(spanOf(span, children, depth, start, processes[span.processID]?.serviceName ?? "?"));
    for (const child of children) visit(child, Math.min(depth + 1, MAX_DEPTH));
  };
  for (const root of roots.sort((a, b) => a.startTime - b.startTime)) visit(root, 0);
  // Loops have no root; nothing is left out for that.
  for (const span of spans) visit(span, 0);
  return {
    id: traceID,
    startMs: start / 1000,
    durationMs: (end - start) / 1000,
    root: ordered[0],
    services: [...new Set(ordered.map(({ service }) => service))],
    errors: ordered.filter(({ error }) => error).length,
    spans: ordered,
  };
}

function spanOf(
  span: JaegerSpan,
  children: readonly JaegerSpan[],
  depth: number,
  start: number,
  service: string,
): Span {
  const tags = (span.tags ?? []).map(({ key, value }) => [key, String(value)] as const);
  const tag = (name: string): string => tags.find(([key]) => key === name)?.[1] ?? "";
  return {
    id: span.spanID,
    parent: parentOf(span),
    service,
    name: span.operationName,
    kind: tag("span.kind"),
    start: (span.startTime - start) / 1000,
    duration: span.duration / 1000,
    depth,
    children: children.length,
    error: tag("error") === "true" || tag("http.status_code").startsWith("5"),
    tags,
    events: (span.logs ?? []).map(({ timestamp, fields }) => ({
      at: (timestamp - start) / 1000,
      text: fields
        .map(({ key, value }) => (key === "event" || key === "message" ? String(value) : `${key}=${String(value)}`))
        .join(" "),
    })),
    selfMs: selfMicros(span, children) / 1000,
  };
}

function parentOf({ references }: JaegerSpan): string {
  return references?.find(({ refType }) => refType === "CHILD_OF")?.spanID ?? "";
}

/** Of overlapping children the time counts once. */
function selfMicros(span: JaegerSpan, children: readonly JaegerSpan[]): number {
  const end = span.startTime + span.duration;
  let covered = 0;
  let until = span.startTime;
  for (const child of [...children].sort((a, b) => a.startTime - b.startTime)) {
    const from = Math.max(until, child.startTime);
    const to = Math.min(end, child.startTime + child.duration);
    if (to > from) covered += to - from;
    until = Math.max(until, to);
  }
  return Math.max(0, span.duration - covered);
}

/** Rows of a waterfall, without those below what is folded. */
export function visibleSpans(spans: readonly Span[], folded: ReadonlySet<string>): readonly Span[] {
  const visible: Span[] = [];
  let below = Infinity;
  for (const span of spans) {
    if (span.depth > below) continue;
    below = folded.has(span.id) ? span.depth : Infinity;
    visible.push(span);
  }
  return visible;
}

/** What a service did under one name. */
export interface SpanSum {
  readonly service: string;
  readonly name: string;
  readonly count: number;
  readonly totalMs: number;
  readonly selfMs: number;
  readonly longestMs: number;
}

export function sumsOf({ spans }: Trace): readonly SpanSum[] {
  const sums = new Map<string, SpanSum>();
  for (const { service, name, duration, selfMs } of spans) {
    const key = `${service}\0${name}`;
    const before = sums.get(key) ?? nothing(service, name);
    sums.set(key, {
      service,
      name,
      count: before.count + 1,
      totalMs: before.totalMs + duration,
      selfMs: before.selfMs + selfMs,
      longestMs: Math.max(before.longestMs, duration),
    });
  }
  return [...sums.values()];
}

function nothing(service: string, name: string): SpanSum {
  return { service, name, count: 0, totalMs: 0, selfMs: 0, longestMs: 0 };
}

export interface Comparison {
  readonly service: string;
  readonly name: string;
  readonly a: SpanSum;
  readonly b: SpanSum;
}

/** Two traces side by side: what each service and operation did in both. The largest difference first. */
export function compareTraces(a: Trace, b: Trace): readonly Comparison[] {
  const [before, after] = [a, b].map(
    (trace) => new Map(sumsOf(trace).map((sum) => [`${sum.service}\0${sum.name}`, sum])),
  );
  const keys = new Map([...before!, ...after!]);
  return [...keys]
    .map(([key, { service, name }]) => ({
      service,
      name,
      a: before!.get(key) ?? nothing(service, name),
      b: after!.get(key) ?? nothing(service, name),
    }))
    .sort((x, y) => Math.abs(y.b.selfMs - y.a.selfMs) - Math.abs(x.b.selfMs - x.a.selfMs));
}

const COLOURS = 8;

/** The same service has the same colour everywhere, unless another one on the same page has it already and there are others left. */
export function coloursOf(services: Iterable<string>): ReadonlyMap<string, number> {
  const colours = new Map<string, number>();
  const taken = new Set<number>();
  for (const service of [...services].sort()) {
    let hash = 0;
    for (let index = 0; index < service.length; index++) hash = (hash * 31 + service.charCodeAt(index)) >>> 0;
    let colour = hash % COLOURS;
    while (taken.has(colour) && taken.size < COLOURS) colour = (colour + 1) % COLOURS;
    taken.add(colour);
    colours.set(service, colour + 1);
  }
  return colours;
}

/** Hosts of the mesh without the domain that all of them share: `productpage.default:9080/*`. */
export function shortHosts(text: string): string {
  return text.replaceAll(".svc.cluster.local", "");
}

/** Without the namespace, unless two services are told apart by it. */
export function shortNames(services: Iterable<string>): ReadonlyMap<string, string> {
  const all = [...new Set(services)];
  const short = (service: string): string => service.split(".")[0]!;
  return new Map(
    all.map((service) => {
      const isUnique = all.filter((other) => short(other) === short(service)).length === 1;
      return [service, isUnique ? short(service) : service];
    }),
  );
}
