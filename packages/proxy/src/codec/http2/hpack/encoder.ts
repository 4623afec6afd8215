import { AUTHORIZATION, COOKIE, HEADER_NAMES, KNOWN_HEADERS, SET_COOKIE } from "../../header-names.ts";
import { latin1, writeLatin1 } from "../../latin1.ts";
import { DEFAULT_TABLE_SIZE } from "./decoder.ts";
import { ENTRY_OVERHEAD, PSEUDO_NAMES } from "./field.ts";
import { STATIC_ENTRIES, STATIC_TABLE } from "./static-table.ts";

/** Values of a name that are remembered, and values that are kept in mind to see whether they come again. */
const VALUES = 4;
/** Names that are not known ones; then they are forgotten all at once. */
const MAX_NAMES = 256;
/** Longer entries are not worth the others that they would push out. */
const MAX_ENTRY = 1_024;

/** What a name's values are sent as. */
const KEPT = 0;
/** Another one each time: not even compared. */
const UNIQUE = 1;
/** Secrets: no table may hold them, neither ours nor any behind us (RFC 7541 §7.1.3). */
const NEVER = 2;

const UNIQUE_NAMES = [
  "x-request-id", "traceparent", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "b3", "x-client-trace-id", "content-length",
]; // prettier-ignore

/** What there is to know of a name beforehand. */
interface NameFacts {
  readonly handling: number;
  /** Of the static table, 0 if it is not there; and the values that stand there, with their indexes. */
  readonly index: number;
  readonly staticValues: readonly string[];
  readonly staticIndexes: readonly number[];
}

const SECRETS = [HEADER_NAMES[AUTHORIZATION], HEADER_NAMES[COOKIE], HEADER_NAMES[SET_COOKIE], "proxy-authorization"];

const FACTS: ReadonlyMap<string, NameFacts> = new Map(
  [...STATIC_TABLE.map(([name]) => name), ...UNIQUE_NAMES, ...SECRETS].map((name) => [name, factsOf(name)]),
);
const NO_FACTS: NameFacts = { handling: KEPT, index: 0, staticValues: [], staticIndexes: [] };

function factsOf(name: string): NameFacts {
  const rows = STATIC_TABLE.map(([each, value], i) => ({ each, value, index: i + 1 })).filter(
    ({ each }) => each === name,
  );
  const whole = rows.filter(({ value }) => value !== "");
  return {
    handling: SECRETS.includes(name) ? NEVER : UNIQUE_NAMES.includes(name) ? UNIQUE : KEPT,
    index: rows.length === 0 ? 0 : rows[0].index,
    staticValues: whole.map(({ value }) => value),
    staticIndexes: whole.map(({ index }) => index),
  };
}

/** A name, and which of its values are in the table. */
class NameState {
  readonly name: string;
  readonly facts: NameFacts;
  /** Values in the dynamic table, and which insertion they were (0: none). */
  readonly values: string[] = ["", "", "", ""];
  readonly insertions = new Float64Array(VALUES);
  private nextValue = 0;
  /** Hashes of values that were sent as literals. */
  private readonly seen = new Int32Array(VALUES);
  private nextSeen = 0;

  constructor(name: string) {
    this.name = name;
    this.facts = FACTS.get(name) ?? NO_FACTS;
  }

  keep(value: string, insertion: number): void {
    this.values[this.nextValue] = value;
    this.insertions[this.nextValue] = insertion;
    this.nextValue = (this.nextValue + 1) % VALUES;
  }

  /** Whether the value has been sent lately; it has been now. */
  hasSeen(value: string): boolean {
    let hash = value.length;
    for (let i = 0; i < value.length; i++) hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0;
    // 0 is an empty place.
    if (hash === 0) hash = 1;
    const { seen } = this;
    for (let i = 0; i < VALUES; i++) if (seen[i] === hash) return true;
    seen[this.nextSeen] = hash;
    this.nextSeen = (this.nextSeen + 1) % VALUES;
    return false;
  }
}

/**
 * HPACK as a writer (RFC 7541). A value enters the table when it comes for the second time: what is different in every message does not push
 * out what is not. Literals are sent as they are: decoding Huffman's code costs the reader more than the bytes that it saves
 * (docs/decisions/0049).
 */
export class HpackEncoder {
  private readonly known: (NameState | null)[] = emptyStates(KNOWN_HEADERS);
  private readonly pseudos: NameState[] = pseudoStates();
  private readonly others = new Map<string, NameState>();
  /** Sizes of the entries: that of the n-th insertion at n & mask. */
  private sizes = new Int32Array(64);
  private inserted = 0;
  private evicted = 0;
  private size = 0;
  private maxSize = DEFAULT_TABLE_SIZE;
  private readonly ownLimit: number;
  /** The next block begins with what the size is now; and with what it was meanwhile, if that was less. */
  private owesUpdate = false;
  private lowest = DEFAULT_TABLE_SIZE;

  /** @param limit more memory is not used, whatever the peer allows */
  constructor(limit: number) {
    this.ownLimit = limit;
    this.setMaxSize(DEFAULT_TABLE_SIZE);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setMaxSize(size: number): void {
    const max = Math.min(size, this.ownLimit);
    if (max === this.maxSize) return;
    if (!this.owesUpdate || max < this.lowest) this.lowest = max;
    this.owesUpdate = true;
    this.maxSize = max;
    this.evict(0);
  }

  /** A block begins. Needs 12 bytes of room; gives the offset after it. */
  begin(bytes: Buffer, at: number): number {
    if (!this.owesUpdate) return at;
    this.owesUpdate = false;
    if (this.lowest < this.maxSize) at = integer(bytes, at, 0x20, 0x1f, this.lowest);
    return integer(bytes, at, 0x20, 0x1f, this.maxSize);
  }

  /** A pseudo-header (`Pseudo`). Needs 12 bytes of room beside the value's. */
  pseudo(which: number, value: string, bytes: Buffer, at: number): number {
    return this.write(this.pseudos[which], value, bytes, at);
  }

  /** Any other field. Needs 18 bytes of room beside the name's and the value's. */
  field(id: number, name: string, value: string, bytes: Buffer, at: number): number {
    const state = id === 0 ? this.others.get(name) : this.known[id];
    return this.write(state ?? this.newState(id, name), value, bytes, at);
  }

  private newState(id: number, name: string): NameState {
    // Not a piece of the message that it came with.
    const state = new NameState(id === 0 ? detached(name) : HEADER_NAMES[id]);
    if (id !== 0) this.known[id] = state;
    else {
      if (this.others.size >= MAX_NAMES) this.others.clear();
      this.others.set(state.name, state);
    }
    return state;
  }

  private write(state: NameState, value: string, bytes: Buffer, at: number): number {
    const { handling, staticValues, staticIndexes } = state.facts;
    if (handling === KEPT) {
      const { values, insertions } = state;
      for (let i = 0; i < staticValues.length; i++) {
        if (staticValues[i] === value) return integer(bytes, at, 0x80, 0x7f, staticIndexes[i]);
      }
      for (let i = 0; i < VALUES; i++) {
        if (insertions[i] > this.evicted && values[i] === value) {
          return integer(bytes, at, 0x80, 0x7f, STATIC_ENTRIES + 1 + this.inserted - insertions[i]);
        }
      }
      const size = state.name.length + value.length + ENTRY_OVERHEAD;
      if (size <= MAX_ENTRY && size <= this.maxSize && state.hasSeen(value)) {
        at = this.nameOf(state, bytes, at, 0x40, 0x3f);
        const end = text(bytes, at, value);
        this.insert(size);
        state.keep(latin1(bytes, end - value.length, end), this.inserted);
        return end;
      }
    }
    return text(bytes, this.nameOf(state, bytes, at, handling === NEVER ? 0x10 : 0, 0x0f), value);
  }

  private nameOf(state: NameState, bytes: Buffer, at: number, pattern: number, mask: number): number {
    const { facts, insertions } = state;
    if (facts.index !== 0) return integer(bytes, at, pattern, mask, facts.index);
    for (let i = 0; i < VALUES; i++) {
      if (insertions[i] > this.evicted) {
        return integer(bytes, at, pattern, mask, STATIC_ENTRIES + 1 + this.inserted - insertions[i]);
      }
    }
    bytes[at] = pattern;
    return text(bytes, at + 1, state.name);
  }

  private insert(size: number): void {
    this.evict(size);
    if (this.inserted - this.evicted === this.sizes.length) this.grow();
    this.inserted++;
    this.sizes[this.inserted & (this.sizes.length - 1)] = size;
    this.size += size;
  }

  private evict(room: number): void {
    while (this.size + room > this.maxSize && this.evicted < this.inserted) {
      this.evicted++;
      this.size -= this.sizes[this.evicted & (this.sizes.length - 1)];
    }
  }

  private grow(): void {
    const before = this.sizes;
    const after = new Int32Array(before.length * 2);
    for (let i = this.evicted + 1; i <= this.inserted; i++) {
      after[i & (after.length - 1)] = before[i & (before.length - 1)];
    }
    this.sizes = after;
  }
}

function integer(bytes: Buffer, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    bytes[at] = pattern | value;
    return at + 1;
  }
  bytes[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at] = rest;
  return at + 1;
}

/** Shorter texts are written faster here than by a call of the runtime. */
const SHORT = 16;

function text(bytes: Buffer, at: number, value: string): number {
  const { length } = value;
  at = integer(bytes, at, 0, 0x7f, length);
  if (length > SHORT) return at + writeLatin1(bytes, value, at);
  for (let i = 0; i < length; i++) bytes[at + i] = value.charCodeAt(i);
  return at + length;
}

function detached(name: string): string {
  const bytes = Buffer.from(name, "latin1");
  return latin1(bytes, 0, bytes.length);
}

function emptyStates(count: number): (NameState | null)[] {
  // cold: once a connection
  return Array.from({ length: count }, () => null);
}

function pseudoStates(): NameState[] {
  return PSEUDO_NAMES.map((name) => new NameState(name));
}
