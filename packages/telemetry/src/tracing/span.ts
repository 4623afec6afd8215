import { TraceContext } from "./trace-context.ts";

export type SpanKind = "client" | "server";

/** Something that happened at one time during a span. */
export interface SpanEvent {
  readonly name: string;
  /** µs since 1970. */
  readonly atMicros: number;
}

/**
 * One span that will be reported, while it goes on and until it has left. Texts are latin1: each character stands for one byte, as
 * everywhere in the data plane; encoders read them as UTF-8.
 */
export class Span {
  readonly kind: SpanKind;
  readonly context = new TraceContext();
  /** The parent is a span of another program. */
  readonly parentIsRemote: boolean;
  readonly startMicros: number;
  name: string;
  durationMicros = 0;
  /** Name, value, name, value … in the order in which they were first set. */
  readonly tags: string[] = [];
  readonly events: SpanEvent[] = [];

  constructor(kind: SpanKind, context: TraceContext, parentIsRemote: boolean, name: string, startMicros: number) {
    this.kind = kind;
    this.context.copyFrom(context);
    this.parentIsRemote = parentIsRemote;
    this.name = name;
    this.startMicros = startMicros;
  }

  get endMicros(): number {
    return this.startMicros + this.durationMicros;
  }

  /** Replaces what a tag of that name said before. */
  setTag(name: string, value: string): void {
    const { tags } = this;
    for (let i = 0; i < tags.length; i += 2) {
      if (tags[i] !== name) continue;
      tags[i + 1] = value;
      return;
    }
    tags.push(name, value);
  }

  addEvent(name: string, atMicros: number): void {
    this.events.push({ name, atMicros });
  }
}
