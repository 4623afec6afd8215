import { Timer, type TimerOwner, type TimerWheel } from "../../clock/timer-wheel.ts";
import { AGE, CONTENT_LENGTH, HEADER_CLASSES, HeaderClass } from "../../codec/header-names.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import { latin1 } from "../../codec/latin1.ts";
import type { RequestHead, ResponseHead } from "../../codec/messages.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { freshnessMs, seconds, variedHeaders } from "./cacheability.ts";

/** What a store may hold, and for how long. */
export interface StoreLimits {
  readonly maxAgeMs: number;
  readonly maxEntryBytes: number;
  readonly maxBytes: number;
}

/** A response that is kept. */
export interface KeptResponse {
  /** Names and values by turns. */
  readonly lines: readonly string[];
  readonly body: string;
  /** Since the origin made it. */
  readonly ageMs: number;
  /** Until it goes stale, by its own word; below zero since it has. */
  readonly freshMs: number;
}

interface Entry {
  readonly key: string;
  /** Request headers that the response depends on, and their values. */
  readonly varied: readonly (readonly [name: string, value: string])[];
  /** Lines as they came, each followed by a line feed; off V8's heap, as the body. */
  readonly head: Buffer;
  readonly body: Buffer;
  readonly bytes: number;
  readonly keptAt: number;
  readonly ageMs: number;
  readonly freshnessMs: number;
}

/** What an entry costs beside its text. */
const ENTRY_OVERHEAD = 256;

/** Of one key, as they vary: a client that makes up headers shall not make looking for one slow. */
const MAX_VARIANTS = 64;

/** A good response on its way to the client, while it is not known whether all of it will come. */
export class Capture {
  readonly key: string;
  readonly varied: Entry["varied"];
  readonly head: string;
  readonly ageMs: number;
  readonly freshnessMs: number;
  readonly limits: StoreLimits;
  body = "";

  /** The upstream's head is there, and nothing has been done to it. */
  constructor(key: string, request: RequestHead, response: ResponseHead, limits: StoreLimits) {
    this.key = key;
    this.varied = variedHeaders(response).map((name) => [name, request.header(name) ?? ""]);
    this.head = linesOf(response.headers);
    this.ageMs = seconds(response.headers.get(AGE)) * 1000;
    this.freshnessMs = freshnessMs(response);
    this.limits = limits;
  }

  get bytes(): number {
    return this.head.length + this.body.length + this.key.length + ENTRY_OVERHEAD;
  }

  get isTooLong(): boolean {
    return this.bytes > this.limits.maxEntryBytes;
  }

  add(buffer: ReadBuffer, start: number, end: number): void {
    this.body += latin1(buffer.bytes, start, end);
  }
}

/** The last good responses under one policy, by key and by what they vary in. The oldest go where there is no more room. */
export class ResponseStore implements TimerOwner {
  private readonly byKey = new Map<string, Entry[]>();
  /** Oldest first. */
  private readonly entries = new Set<Entry>();
  private readonly timers: TimerWheel;
  private readonly clock: { readonly now: number };
  private readonly onChange: (responses: number, bytes: number) => void;
  private readonly timer = new Timer(this, 0);
  private maxAgeMs = 0;
  private bytes = 0;

  /** @param onChange what it holds now */
  constructor(
    timers: TimerWheel,
    clock: { readonly now: number },
    onChange: (responses: number, bytes: number) => void,
  ) {
    this.timers = timers;
    this.clock = clock;
    this.onChange = onChange;
  }

  /** All of it has come. It takes the place of what was kept of the same request. */
  keep({ key, varied, head, body, bytes, ageMs, freshnessMs, limits }: Capture): void {
    const { clock } = this;
    this.maxAgeMs = limits.maxAgeMs;
    const variants = this.byKey.get(key) ?? [];
    const before = variants.find((each) => isSame(each.varied, varied));
    if (before !== undefined) this.remove(before);
    else if (variants.length === MAX_VARIANTS) this.remove(variants[0]);
    const entry = {
      key,
      varied,
      head: bytesOf(head),
      body: bytesOf(body),
      bytes,
      keptAt: clock.now,
      ageMs,
      freshnessMs,
    };
    const others = this.byKey.get(key);
    if (others === undefined) this.byKey.set(key, [entry]);
    else others.push(entry);
    this.entries.add(entry);
    this.bytes += bytes;
    for (const oldest of this.entries) {
      if (this.bytes <= limits.maxBytes) break;
      this.remove(oldest);
    }
    if (!this.timer.armed) this.timers.arm(this.timer, clock.now, limits.maxAgeMs);
    this.onChange(this.entries.size, this.bytes);
  }

  find(key: string, request: RequestHead, maxAgeMs: number): KeptResponse | null {
    const entry = this.byKey.get(key)?.find((each) => isFor(each, request));
    if (entry === undefined) return null;
    const keptMs = this.clock.now - entry.keptAt;
    if (keptMs > maxAgeMs) return null;
    const ageMs = entry.ageMs + keptMs;
    return {
      // cold: the upstream has failed
      lines: latin1(entry.head, 0, entry.head.length).split("\n").slice(0, -1),
      body: latin1(entry.body, 0, entry.body.length),
      ageMs,
      freshMs: entry.freshnessMs - ageMs,
    };
  }

  /** What is too old goes by itself: a policy that is gone leaves nothing behind. */
  onTimer(): void {
    const { now } = this.clock;
    for (const entry of this.entries) {
      const leftMs = entry.keptAt + this.maxAgeMs - now;
      if (leftMs > 0) {
        this.timers.arm(this.timer, now, leftMs);
        break;
      }
      this.remove(entry);
    }
    this.onChange(this.entries.size, this.bytes);
  }

  private remove(entry: Entry): void {
    const { key, bytes } = entry;
    this.entries.delete(entry);
    this.bytes -= bytes;
    const left = (this.byKey.get(key) ?? []).filter((each) => each !== entry);
    if (left.length === 0) this.byKey.delete(key);
    else this.byKey.set(key, left);
  }
}

function isFor({ varied }: Entry, request: RequestHead): boolean {
  return varied.every(([name, value]) => (request.header(name) ?? "") === value);
}

function isSame(a: Entry["varied"], b: Entry["varied"]): boolean {
  return a.length === b.length && a.every(([name, value], i) => name === b[i][0] && value === b[i][1]);
}

function linesOf(headers: HeaderBlock): string {
  let text = "";
  for (let i = 0; i < headers.count; i++) {
    const id = headers.ids[i];
    // What is of the upstream's connection, or is going to be written anew.
    const left = (HEADER_CLASSES[id] & HeaderClass.hopByHop) !== 0 || id === AGE || id === CONTENT_LENGTH;
    if (left || headers.removed(i)) continue;
    text += `${headers.nameAt(i)}\n${headers.valueAt(i)}\n`;
  }
  return text;
}

/** Memory of its own: a small Buffer would keep the pool that it was cut from. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, "latin1");
  return bytes;
}
