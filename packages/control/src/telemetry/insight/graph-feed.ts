/** The live graph: computed once for all who watch the same, told as changes. */
import type { Graph } from "@tulle/telemetry/insight";
import type { Clock, Log } from "@tulle/xds";
import { GraphChanges } from "./graph-changes.ts";
import type { GraphOptions } from "./graph.ts";
import type { Insight } from "./insight.ts";

export interface GraphWatch extends GraphOptions {
  readonly windowSeconds: number;
  readonly intervalMs: number;
  /** The last `rev` that the watcher has seen; 0: none. */
  readonly since: number;
}

export interface GraphEvent {
  /** What the text is: a `Graph`, or a `GraphDelta`. */
  readonly name: "graph" | "delta";
  readonly rev: number;
  /** JSON, as it goes to whoever watches: it may be large, and there may be many. */
  readonly text: string;
}

/** Deltas that are kept for watchers that come back. */
const KEPT_DELTAS = 24;
const MAX_FEEDS = 16;

export class GraphFeeds {
  readonly #insight: Insight;
  readonly #clock: Clock;
  readonly #log: Log;
  /** The longest unused one first. */
  readonly #feeds = new Map<string, Feed>();
  #rev = 0;

  constructor(insight: Insight, clock: Clock, log: Log) {
    this.#insight = insight;
    this.#clock = clock;
    this.#log = log;
  }

  watch({ since, ...what }: GraphWatch, tell: (event: GraphEvent) => void): () => void {
    const key = JSON.stringify(what);
    const feed = this.#feeds.get(key) ?? this.#newFeed(what);
    this.#feeds.delete(key);
    this.#feeds.set(key, feed);
    for (const [old, { isWatched }] of this.#feeds) {
      if (this.#feeds.size > MAX_FEEDS && !isWatched) this.#feeds.delete(old);
    }
    return feed.watch(since, tell);
  }

  #newFeed(what: Omit<GraphWatch, "since">): Feed {
    const { windowSeconds, intervalMs, ...options } = what;
    return new Feed(this.#clock, this.#log, intervalMs, () => {
      const at = this.#clock.now();
      // Rising whatever happens to this thread: there are never more revisions than milliseconds.
      this.#rev = Math.max(this.#rev + 1, at);
      return { rev: this.#rev, ...this.#insight.graph({ at, windowSeconds }, options) };
    });
  }
}

class Feed {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #intervalMs: number;
  readonly #compute: () => Graph;
  readonly #watchers = new Set<(event: GraphEvent) => void>();
  /** Each with the revision that it follows. */
  readonly #deltas: { readonly from: number; readonly event: GraphEvent }[] = [];
  #changes: GraphChanges | undefined;
  #rev = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, log: Log, intervalMs: number, compute: () => Graph) {
    this.#clock = clock;
    this.#log = log;
    this.#intervalMs = intervalMs;
    this.#compute = compute;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  watch(since: number, tell: (event: GraphEvent) => void): () => void {
    if (this.#changes === undefined) {
      const graph = this.#compute();
      this.#changes = new GraphChanges(graph);
      this.#rev = graph.rev;
    } else if (!this.isWatched) this.#advance(this.#changes);
    const missed = this.#missed(since);
    if (missed === undefined) tell({ name: "graph", rev: this.#rev, text: this.#changes.whole() });
    else for (const event of missed) tell(event);
    this.#watchers.add(tell);
    this.#cancel ??= this.#clock.after(this.#intervalMs, () => this.#tick());
    return () => {
      this.#watchers.delete(tell);
      if (this.isWatched) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  /** Undefined: more than is kept, or what was never told here. */
  #missed(since: number): readonly GraphEvent[] | undefined {
    if (since === this.#rev) return [];
    const at = this.#deltas.findIndex(({ from }) => from === since);
    return at < 0 ? undefined : this.#deltas.slice(at).map(({ event }) => event);
  }

  #tick(): void {
    this.#cancel = this.#clock.after(this.#intervalMs, () => this.#tick());
    try {
      const event = this.#advance(this.#changes!);
      for (const tell of this.#watchers) tell(event);
    } catch (error) {
      // What a graph cannot be made of now costs one, not the thread that keeps everything else.
      this.#log("error", "the live graph failed", { error });
    }
  }

  #advance(changes: GraphChanges): GraphEvent {
    const from = this.#rev;
    const graph = this.#compute();
    const event: GraphEvent = { name: "delta", rev: graph.rev, text: changes.next(graph) };
    this.#rev = graph.rev;
    this.#deltas.push({ from, event });
    if (this.#deltas.length > KEPT_DELTAS) this.#deltas.shift();
    return event;
  }
}
