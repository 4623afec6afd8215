import { latin1 } from "./latin1.ts";
import { HEADER_CLASSES, HEADER_NAMES, HeaderClass, KNOWN_HEADERS, headerId, isInline } from "./header-names.ts";

/** How a line leaves: as it came, or changed. */
const VERBATIM = 0;
/** As it came but for white space: `name: value` is written anew. */
const RESPACED = 1;
const REPLACED = 2;
const APPENDED = 3;
const REMOVED = 4;

const FIRST_CAPACITY = 40;

/** How a message's names are written, where that is not in lower case. */
export interface HeaderCasing {
  /** Serialised lines, with names as they are to be written. */
  apply(lines: string): string;
  /** Of a response, as it came; "": the status' usual one. */
  readonly reasonPhrase: string;
}

/**
 * The header lines of one message, of either protocol: the latin1 text of the head as it was read (names lower-cased by the
 * scanner), offsets into it, ids of known names, and the edits made since. Serialising cuts the text around the edits, so
 * what nobody touched is never copied header by header. Pooled: `reset` forgets everything of the last message.
 */
export class HeaderBlock {
  /** Lines, removed ones included. */
  count = 0;
  /** Lines that came from the text; the appended ones follow. */
  scanned = 0;
  /** Classes of the known names that are there, removed or not (HeaderClass). */
  classes = 0;
  /** Where the lines begin and end in `text`. */
  start = 0;
  end = 0;
  text = "";
  /** Of messages whose peer is to see names as they came; null: nobody remembers. */
  casing: HeaderCasing | null = null;
  /** Per line: start of the name (= of the line), end of the name, start of the value, end of the value. */
  offsets: Int32Array;
  /** Per line: id of a known name, else 0. */
  ids: Uint8Array;
  /** Id → its first line, -1 if absent. */
  readonly slots = new Int16Array(KNOWN_HEADERS).fill(-1);
  private state: Uint8Array;
  /** Of replaced and appended lines, by line; always as long as `ids`, so that no request allocates. */
  private readonly names: string[];
  private readonly values: string[];
  private edited = false;

  /** @param capacity lines that it has room for; it grows */
  constructor(capacity = FIRST_CAPACITY) {
    this.offsets = new Int32Array(4 * capacity);
    this.ids = new Uint8Array(capacity);
    this.state = new Uint8Array(capacity);
    this.names = emptyStrings(capacity);
    this.values = emptyStrings(capacity);
  }

  reset(): void {
    const { count } = this;
    if (count > 0) this.slots.fill(-1);
    if (this.edited) {
      const { state, names, values } = this;
      for (let i = 0; i < count; i++) {
        state[i] = VERBATIM;
        names[i] = "";
        values[i] = "";
      }
      this.edited = false;
    }
    this.count = 0;
    this.scanned = 0;
    this.classes = 0;
    this.start = 0;
    this.end = 0;
    this.text = "";
    this.casing = null;
  }

  /** Becomes a copy of another block. */
  copyFrom(other: HeaderBlock): void {
    while (this.ids.length < other.ids.length) this.grow();
    this.count = other.count;
    this.scanned = other.scanned;
    this.classes = other.classes;
    this.start = other.start;
    this.end = other.end;
    this.text = other.text;
    this.casing = other.casing;
    this.offsets.set(other.offsets);
    this.ids.set(other.ids);
    this.slots.set(other.slots);
    this.state.set(other.state);
    for (let i = 0; i < other.count; i++) {
      this.names[i] = other.names[i];
      this.values[i] = other.values[i];
    }
    this.edited = other.edited;
  }

  /** For the scanner: makes room for at least one more line. */
  grow(): void {
    const capacity = this.ids.length * 2;
    const offsets = new Int32Array(4 * capacity);
    offsets.set(this.offsets);
    this.offsets = offsets;
    const ids = new Uint8Array(capacity);
    ids.set(this.ids);
    this.ids = ids;
    const state = new Uint8Array(capacity);
    state.set(this.state);
    this.state = state;
    for (let i = this.names.length; i < capacity; i++) {
      this.names.push("");
      this.values.push("");
    }
  }

  /** For the scanner: line `index` has other white space than `name: value`. */
  markRespaced(index: number): void {
    this.state[index] = RESPACED;
    this.edited = true;
  }

  /** For the scanner, once the head is complete: repeated inline headers become one, joined with ",". */
  joinRepeated(inRequest: boolean): void {
    if ((this.classes & HeaderClass.repeated) === 0) return;
    for (let i = 0; i < this.count; i++) {
      const id = this.ids[i];
      if (id === 0 || this.slots[id] === i || !isInline(id, inRequest)) continue;
      const first = this.slots[id];
      const [before, value] = [this.valueAt(first), this.valueAt(i)];
      // Envoy `HeaderMapImpl::appendToHeader`: what is empty leaves no comma.
      if (value !== "") this.replaceAt(first, before === "" ? value : `${before},${value}`);
      this.removeAt(i);
    }
  }

  has(id: number): boolean {
    return this.slots[id] >= 0;
  }

  /** Whether a line of a known name is there or was, before it was removed. */
  hasHad(id: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.ids[i] === id) return true;
    return false;
  }

  /** Value of the first line of a known name, "" if absent. */
  get(id: number): string {
    const index = this.slots[id];
    return index < 0 ? "" : this.valueAt(index);
  }

  /** Value by lower-case name, repeated lines joined with ","; undefined if absent. */
  find(name: string): string | undefined {
    const id = headerId(name);
    if (id !== 0) {
      const index = this.slots[id];
      if (index < 0) return undefined;
      if ((this.classes & HeaderClass.repeated) === 0) return this.valueAt(index);
    }
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (this.ids[i] !== id || this.state[i] === REMOVED || (id === 0 && !this.isNamed(i, name))) continue;
      found = found === undefined ? this.valueAt(i) : `${found},${this.valueAt(i)}`;
    }
    return found;
  }

  /** Whether one of the lines of a name passes, each by itself; undefined if there is none. */
  some(name: string, test: (value: string) => boolean): boolean | undefined {
    const id = headerId(name);
    if (id !== 0) {
      const index = this.slots[id];
      if (index < 0) return undefined;
      if ((this.classes & HeaderClass.repeated) === 0) return test(this.valueAt(index));
    }
    let passed: boolean | undefined;
    for (let i = 0; i < this.count && passed !== true; i++) {
      if (this.ids[i] !== id || this.state[i] === REMOVED || (id === 0 && !this.isNamed(i, name))) continue;
      passed = test(this.valueAt(i));
    }
    return passed;
  }

  /** Value of the first line of a lower-case name; undefined if absent. */
  first(name: string): string | undefined {
    const id = headerId(name);
    if (id !== 0) return this.slots[id] < 0 ? undefined : this.valueAt(this.slots[id]);
    for (let i = 0; i < this.count; i++) {
      if (this.ids[i] === 0 && this.state[i] !== REMOVED && this.isNamed(i, name)) return this.valueAt(i);
    }
    return undefined;
  }

  /** Adds the value of each line of a lower-case name. */
  collect(name: string, values: string[]): void {
    const id = headerId(name);
    if (id !== 0 && this.slots[id] < 0) return;
    for (let i = 0; i < this.count; i++) {
      if (this.ids[i] !== id || this.state[i] === REMOVED || (id === 0 && !this.isNamed(i, name))) continue;
      values.push(this.valueAt(i));
    }
  }

  /** Names and values of the lines that are there (Envoy `HeaderMap::byteSize`). */
  byteSize(): number {
    let bytes = 0;
    for (let i = 0; i < this.count; i++) {
      if (this.state[i] !== REMOVED) bytes += this.nameAt(i).length + this.valueAt(i).length;
    }
    return bytes;
  }

  /**
   * Right after it was read: what Envoy counts as header bytes received. Names, values, three for each line, and three where there is
   * no line (`source/common/http/http1/codec_impl.cc`, completeCurrentHeader).
   */
  receivedBytes(): number {
    const { count, edited, offsets } = this;
    if (count === 0) return 3;
    // `name: value` and a line end are four bytes beside name and value.
    if (!edited) return this.end - this.start - count;
    let bytes = 3 * count;
    for (let i = 0; i < count; i++) {
      const at = i << 2;
      bytes += offsets[at + 1] - offsets[at] + offsets[at + 3] - offsets[at + 2];
    }
    return bytes;
  }

  /** Removes what there is of that name and adds a line at the end, as Envoy sets headers that it does not store inline. */
  replace(id: number, value: string): void {
    this.remove(id);
    this.append(id, value);
  }

  removed(index: number): boolean {
    return this.state[index] === REMOVED;
  }

  nameAt(index: number): string {
    const id = this.ids[index];
    if (id !== 0) return HEADER_NAMES[id];
    return index >= this.scanned
      ? this.names[index]
      : this.text.slice(this.offsets[index << 2], this.offsets[(index << 2) + 1]);
  }

  valueAt(index: number): string {
    return this.state[index] >= REPLACED
      ? this.values[index]
      : this.text.slice(this.offsets[(index << 2) + 2], this.offsets[(index << 2) + 3]);
  }

  /** Adds a line at the end, whether or not there is one of that name. */
  append(id: number, value: string): void {
    const index = this.count++;
    if (index >= this.ids.length) this.grow();
    this.ids[index] = id;
    this.state[index] = APPENDED;
    this.names[index] = HEADER_NAMES[id];
    this.values[index] = value;
    this.classes |= HEADER_CLASSES[id];
    if (this.slots[id] < 0) this.slots[id] = index;
    else this.classes |= HeaderClass.repeated;
    this.edited = true;
  }

  /** As `append`, by lower-case name. */
  appendNamed(name: string, value: string): void {
    const id = headerId(name);
    if (id !== 0) {
      this.append(id, value);
      return;
    }
    const index = this.count++;
    if (index >= this.ids.length) this.grow();
    this.ids[index] = 0;
    this.state[index] = APPENDED;
    this.names[index] = name;
    this.values[index] = value;
    this.edited = true;
  }

  /** Adds to the value of the first line of a lower-case name, after a comma; nothing where there is none. */
  joinNamed(name: string, value: string): void {
    const id = headerId(name);
    for (let i = 0; i < this.count; i++) {
      if (this.ids[i] !== id || this.state[i] === REMOVED || (id === 0 && !this.isNamed(i, name))) continue;
      const before = this.valueAt(i);
      this.replaceAt(i, before === "" ? value : `${before},${value}`);
      return;
    }
  }

  /** Replaces the value in place, or appends a line. */
  set(id: number, value: string): void {
    const index = this.slots[id];
    if (index < 0) this.append(id, value);
    else this.replaceAt(index, value);
  }

  remove(id: number): void {
    const index = this.slots[id];
    if (index < 0) return;
    this.removeAt(index);
    this.slots[id] = -1;
    if ((this.classes & HeaderClass.repeated) === 0) return;
    for (let i = index + 1; i < this.count; i++) if (this.ids[i] === id) this.removeAt(i);
  }

  /** As `remove`, by lower-case name. */
  removeNamed(name: string): void {
    const id = headerId(name);
    if (id !== 0) {
      this.remove(id);
      return;
    }
    for (let i = 0; i < this.count; i++) if (this.ids[i] === 0 && this.isNamed(i, name)) this.removeAt(i);
  }

  /** Removes every line whose (lower-case) name passes. */
  removeMatching(test: (name: string) => boolean): void {
    for (let i = 0; i < this.count; i++) {
      if (this.state[i] === REMOVED || !test(this.nameAt(i))) continue;
      if (this.ids[i] === 0) this.removeAt(i);
      else this.remove(this.ids[i]);
    }
  }

  /** Removes every line whose known name has one of these classes. */
  removeClasses(classes: number): void {
    for (let i = 0; i < this.count; i++) {
      const id = this.ids[i];
      if ((HEADER_CLASSES[id] & classes) === 0) continue;
      this.removeAt(i);
      this.slots[id] = -1;
    }
    this.classes &= ~classes;
  }

  replaceAt(index: number, value: string): void {
    if (this.state[index] !== APPENDED) this.state[index] = REPLACED;
    this.values[index] = value;
    this.edited = true;
  }

  removeAt(index: number): void {
    this.state[index] = REMOVED;
    this.edited = true;
  }

  /** The lines as they leave, each ended by CRLF, without the empty line after them. */
  serialize(): string {
    if (!this.edited) return this.text.slice(this.start, this.end);
    const { text, offsets, state, scanned } = this;
    let out = "";
    let from = this.start;
    for (let i = 0; i < scanned; i++) {
      const how = state[i];
      if (how === VERBATIM) continue;
      const at = offsets[i << 2];
      if (at > from) out += text.slice(from, at);
      if (how !== REMOVED) out += this.lineAt(i);
      from = i + 1 < scanned ? offsets[(i + 1) << 2] : this.end;
    }
    if (this.end > from) out += text.slice(from, this.end);
    for (let i = scanned; i < this.count; i++) {
      if (state[i] === APPENDED) out += this.lineAt(i);
    }
    return out;
  }

  /** One line as it leaves. */
  private lineAt(index: number): string {
    const id = this.ids[index];
    const value = this.valueAt(index);
    return id === 0 ? this.nameAt(index) + ": " + value + "\r\n" : knownLine(id, value);
  }

  private isNamed(index: number, name: string): boolean {
    if (index >= this.scanned) return this.names[index] === name;
    const at = this.offsets[index << 2];
    return this.offsets[(index << 2) + 1] - at === name.length && this.text.startsWith(name, at);
  }
}

/** Per known name the value of the last line made for it, and that line once the value was seen twice in a row. */
const lastValues = emptyStrings(KNOWN_HEADERS);
const lastLines = emptyStrings(KNOWN_HEADERS);

/**
 * Most lines that a proxy adds have the value that they had last time: then the line is there already, in one piece, and neither
 * joined here nor flattened when it is written.
 */
function knownLine(id: number, value: string): string {
  if (lastValues[id] !== value) {
    lastValues[id] = value;
    lastLines[id] = "";
    return HEADER_NAMES[id] + ": " + value + "\r\n";
  }
  if (lastLines[id] === "") lastLines[id] = flat(HEADER_NAMES[id] + ": " + value + "\r\n");
  return lastLines[id];
}

/** V8 keeps a joined string as the tree of its parts; a slice of bytes is one piece. */
function flat(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  return latin1(bytes, 0, bytes.length);
}

function emptyStrings(count: number): string[] {
  // cold: once a block
  return Array.from({ length: count }, () => "");
}
