/** What a trace waited for, from its beginning to its end: sections that follow each other without gaps and add up to its duration. */
import type { CriticalPath, PathSection } from "@tulle/telemetry/insight";
import type { SpanRecord } from "@tulle/telemetry/records";
import type { Place } from "./span-place.ts";
import { placeOf } from "./span-place.ts";
import type { SpanNode } from "./span-tree.ts";
import { spanTree } from "./span-tree.ts";

export interface Section {
  readonly node: SpanNode;
  readonly place: Place;
  readonly start: number;
  readonly end: number;
}

/**
 * From the end backwards: of what was going on at a moment, the child that ended last is what the span waited for; between its end and
 * that moment the span was busy itself. (Eaton and others, "Distributed Latency Profiling through Critical Path Tracing", 2022)
 */
export function criticalPath(root: SpanNode): readonly Section[] {
  const sections: Section[] = [];
  // Not recursive: whoever sends a trace of 2,000 spans in one line gets an answer as well.
  const stack: { node: SpanNode; start: number; until: number }[] = [];
  walk(root, root.start, root.end, sections, stack);
  while (stack.length > 0) {
    const { node, start, until } = stack.pop()!;
    walk(node, start, until, sections, stack);
  }
  return sections.sort((a, b) => a.start - b.start);
}

function walk(
  node: SpanNode,
  start: number,
  until: number,
  sections: Section[],
  stack: { node: SpanNode; start: number; until: number }[],
): void {
  let at = until;
  for (;;) {
    const last = lastEnding(node, start, at);
    const from = last === undefined ? start : Math.min(last.end, at);
    if (at > from) sections.push({ node, place: placeOf(node, last === undefined), start: from, end: at });
    if (last === undefined) return;
    const begun = Math.max(last.start, start);
    stack.push({ node: last, start: begun, until: from });
    at = begun;
    if (at <= start) return;
  }
}

/** The child that ended last of those that began before `at` and took any time after `start`. */
function lastEnding(node: SpanNode, start: number, at: number): SpanNode | undefined {
  let found: SpanNode | undefined;
  for (const child of node.children) {
    if (child.start >= at || Math.min(child.end, at) <= Math.max(child.start, start)) continue;
    if (found === undefined || Math.min(child.end, at) > Math.min(found.end, at)) found = child;
    // Of two that end after `at` the one that began later was waited for last.
    else if (child.end >= at && found.end >= at && child.start > found.start) found = child;
  }
  return found;
}

/** Undefined: there are no spans. */
export function criticalPathOf(traceId: string, spans: readonly SpanRecord[]): CriticalPath | undefined {
  const root = spanTree(spans);
  if (root === undefined) return undefined;
  return {
    traceId,
    rootSpanId: root.span.spanId,
    durationMs: (root.end - root.start) / 1000,
    sections: criticalPath(root).map(sectionOf),
  };
}

function sectionOf({ node, place, start, end }: Section): PathSection {
  const { kind, namespace, service, version, route } = place;
  const { spanId } = node.span;
  return { spanId, kind, namespace, service, version, route, startMicros: start, durationMicros: end - start };
}
