/** Which services there are and what they do, by the names of their spans: for whoever searches traces. Names are senders' choice: bounded. */
import type { SpanRecord } from "@tulle/telemetry/records";
import type { SeenOperation } from "./trace-file.ts";

const MAX_SERVICES = 2_000;
/** Somebody who puts ids into names of spans has as many as requests: the first so many are listed. */
const MAX_OPERATIONS = 500;
const MAX_ALL = 20_000;

interface Seen {
  readonly kind: SpanRecord["kind"];
  readonly name: string;
  seenMs: number;
  isWritten: boolean;
}

/** Written again after so long: what is seen once an hour is known for as long as traces are kept. */
const WRITE_AGAIN_MS = 3_600_000;

export class Operations {
  readonly #services = new Map<string, Map<string, Seen>>();
  #count = 0;

  /** False: there are too many. */
  see({ service, kind, name }: Pick<SpanRecord, "service" | "kind" | "name">, nowMs: number): boolean {
    let operations = this.#services.get(service);
    if (operations === undefined) {
      if (this.#services.size >= MAX_SERVICES) return false;
      this.#services.set(service, (operations = new Map()));
    }
    const key = `${kind} ${name}`;
    const seen = operations.get(key);
    if (seen === undefined) {
      if (operations.size >= MAX_OPERATIONS || this.#count >= MAX_ALL) return false;
      this.#count++;
      operations.set(key, { kind, name, seenMs: nowMs, isWritten: false });
    } else if (nowMs - seen.seenMs > WRITE_AGAIN_MS) {
      seen.seenMs = nowMs;
      seen.isWritten = false;
    }
    return true;
  }

  restore({ service, kind, name, seenMs }: SeenOperation): void {
    if (!this.see({ service, kind, name }, seenMs)) return;
    this.#services.get(service)!.get(`${kind} ${name}`)!.isWritten = true;
  }

  services(): readonly string[] {
    return [...this.#services.keys()].sort();
  }

  of(service: string): readonly { readonly name: string; readonly kind: SpanRecord["kind"] }[] {
    const operations = [...(this.#services.get(service)?.values() ?? [])];
    return operations.map(({ name, kind }) => ({ name, kind })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What is not in the file. `written` is called when it is. */
  unwritten(): { readonly operations: readonly SeenOperation[]; readonly written: () => void } {
    const fresh: Seen[] = [];
    const operations: SeenOperation[] = [];
    for (const [service, all] of this.#services) {
      for (const seen of all.values()) {
        if (seen.isWritten) continue;
        fresh.push(seen);
        operations.push({ service, kind: seen.kind, name: seen.name, seenMs: seen.seenMs });
      }
    }
    return {
      operations,
      written: () => {
        for (const seen of fresh) seen.isWritten = true;
      },
    };
  }

  rewrite(): void {
    for (const all of this.#services.values()) for (const seen of all.values()) seen.isWritten = false;
  }

  forget(beforeMs: number): void {
    for (const [service, all] of this.#services) {
      for (const [key, { seenMs }] of all) if (seenMs < beforeMs) all.delete(key);
      if (all.size === 0) this.#services.delete(service);
    }
    this.#count = [...this.#services.values()].reduce((count, { size }) => count + size, 0);
  }
}
