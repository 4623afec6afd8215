/** The spans of a trace as a tree of times that can be: clocks set right, children within their parents, orphans adopted. */
import type { SpanRecord } from "@tulle/telemetry/records";

export interface SpanNode {
  readonly span: SpanRecord;
  readonly parent: SpanNode | undefined;
  /** As the root's clock has it; µs since 1970. */
  readonly start: number;
  readonly end: number;
  /** Those that the span waited for, in the order in which they began. */
  readonly children: readonly SpanNode[];
}

/** A node before its times are settled. */
interface Draft {
  readonly span: SpanRecord;
  readonly children: Draft[];
  parent: Draft | undefined;
}

/** Looking for the parent of each costs a look at all: a trace with more orphans is no trace of a mesh. */
const MAX_SEARCHED = 64;

/** Undefined: there are no spans. Of several roots the one that began first is the trace's. */
export function spanTree(spans: readonly SpanRecord[]): SpanNode | undefined {
  const drafts = spans.map((span): Draft => ({ span, children: [], parent: undefined }));
  if (drafts.length === 0) return undefined;
  link(drafts);
  const roots = drafts.filter(({ parent }) => parent === undefined);
  const named = roots.filter(({ span }) => span.parentSpanId === "");
  const root = earliest(named.length > 0 ? named : roots);
  const orphans = roots.filter((draft) => draft !== root);
  const searched = orphans.length <= MAX_SEARCHED ? drafts : [];
  for (const orphan of orphans) adopt(orphan, root, searched);
  return settle(root, undefined, root.span.startMicros, endOf(root.span), 0);
}

/** By the parents' ids. Client and server of one call may share an id (Zipkin): then the server is the client's child. */
function link(drafts: readonly Draft[]): void {
  const byId = Map.groupBy(drafts, ({ span }) => span.spanId);
  for (const draft of drafts) {
    const { spanId, parentSpanId, kind } = draft.span;
    const twin = kind === "server" ? byId.get(spanId)?.find((other) => other.span.kind === "client") : undefined;
    const candidates = byId.get(parentSpanId) ?? [];
    // What a shared call led to was done by its server.
    const parent = twin ?? candidates.find((other) => other.span.kind === "server") ?? candidates[0];
    if (parent === undefined || parent === draft || isAncestor(draft, parent)) continue;
    draft.parent = parent;
    parent.children.push(draft);
  }
}

/** Whoever made ids that go in circles gets no tree that does. */
function isAncestor(draft: Draft, of: Draft): boolean {
  for (let at: Draft | undefined = of; at !== undefined; at = at.parent) if (at === draft) return true;
  return false;
}

/** A span whose parent was not reported is the child of the shortest span of the same service that it lies within, else of the root. */
function adopt(orphan: Draft, root: Draft, drafts: readonly Draft[]): void {
  const { span } = orphan;
  let best: Draft | undefined;
  for (const draft of drafts) {
    const other = draft.span;
    const encloses = other.startMicros <= span.startMicros && endOf(other) >= endOf(span);
    if (other.service !== span.service || other.kind !== "server" || !encloses || isAncestor(orphan, draft)) continue;
    if (best === undefined || other.durationMicros < best.span.durationMicros) best = draft;
  }
  const parent = best ?? root;
  if (isAncestor(orphan, parent)) return;
  orphan.parent = parent;
  parent.children.push(orphan);
}

/** @param shift what is added to the times of this span's clock */
function settle(draft: Draft, parent: SpanNode | undefined, start: number, end: number, shift: number): SpanNode {
  const children: SpanNode[] = [];
  const node: SpanNode = { span: draft.span, parent, start, end, children };
  const inOrder = draft.children.toSorted((a, b) => a.span.startMicros - b.span.startMicros);
  for (const child of inOrder) {
    if (!isWaitedFor(child.span)) continue;
    const childShift = shift + skew(draft.span, child.span);
    const from = child.span.startMicros + childShift;
    const to = from + child.span.durationMicros;
    // It began when its parent was over, or was over before that began: nobody waited for it. The other side of a call may take no time.
    const isOtherSide = child.span.kind === "server" && draft.span.kind === "client";
    if (isOtherSide ? from > end || to < start : from >= end || to <= start) continue;
    // It went on after its parent: a call that the parent gave up was waited for, whatever else was not.
    if (to > end + overrun(draft.span) && !gaveUp(draft.span) && child.span.kind !== "server") continue;
    children.push(settle(child, node, Math.max(from, start), Math.min(to, end), childShift));
  }
  return node;
}

/** Copies of requests and messages are sent and forgotten. */
function isWaitedFor({ kind, name }: SpanRecord): boolean {
  return kind !== "consumer" && kind !== "producer" && !(kind === "client" && name === "mirror");
}

/** By so much the end of a call may seem to come after that of what waited for it: the tick of a clock of ms. */
function overrun({ durationMicros }: SpanRecord): number {
  return Math.max(2_000, durationMicros / 20);
}

function gaveUp({ tags }: SpanRecord): boolean {
  return tags["canceled"] === "true" || /\b(?:DC|UT|DT|SI)\b/.test(tags["response_flags"] ?? "");
}

/**
 * How far the clock of the called is off: where its span sticks out of the caller's, it is moved to the middle, as if the way there had
 * taken as long as the way back. (Jaeger `model/adjuster/clockskew.go`)
 */
function skew(parent: SpanRecord, child: SpanRecord): number {
  if (hostOf(parent) === hostOf(child) || child.durationMicros > parent.durationMicros) return 0;
  const isWithin = child.startMicros >= parent.startMicros && endOf(child) <= endOf(parent);
  if (isWithin) return 0;
  return parent.startMicros + (parent.durationMicros - child.durationMicros) / 2 - child.startMicros;
}

/** Whose clock a span was measured by: an application and its sidecar have the same one. */
function hostOf({ service, tags }: SpanRecord): string {
  return `${service}/${tags["tulle.workload"] ?? tags["node_id"] ?? ""}`;
}

function endOf({ startMicros, durationMicros }: SpanRecord): number {
  return startMicros + durationMicros;
}

function earliest(drafts: readonly Draft[]): Draft {
  return drafts.reduce((first, draft) => (draft.span.startMicros < first.span.startMicros ? draft : first));
}
