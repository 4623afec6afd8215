import type { HeaderBlock } from "../header-block.ts";
import {
  CONNECTION,
  HOST,
  KEEP_ALIVE,
  KNOWN_HEADERS,
  PROXY_CONNECTION,
  TRANSFER_ENCODING,
  UPGRADE,
} from "../header-names.ts";
import type { ByteSink } from "../messages.ts";
import { ReadBuffer } from "../read-buffer.ts";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER_BYTES,
  HEADERS,
  MAX_FRAME_BYTES,
  RST_STREAM,
  WINDOW_UPDATE,
} from "./frames.ts";
import { HpackEncoder } from "./hpack/encoder.ts";

/** What says something about an HTTP/1 connection, and `host`, which is `:authority` here. */
const LEFT_OUT = new Uint8Array(KNOWN_HEADERS);
for (const id of [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE, HOST]) LEFT_OUT[id] = 1;

/** Data up to here is copied beside its frame header: one piece for the connection. */
const SMALL_DATA = 1_024;
/** What an encoder may need for a field beside its name and value. */
const FIELD_ROOM = 24;

/** Where frames are put together, of all connections: each is handed on before another is begun. */
let scratch = new ReadBuffer(32_768, true);

/** Writes frames. */
export class FrameWriter {
  readonly hpack: HpackEncoder;
  /** The largest that the peer takes, as far as we use it. */
  maxFrame = MAX_FRAME_BYTES;
  /** Bytes, all that there have been. */
  written = 0;
  /** Of the present header block: names and values. */
  plainBytes = 0;
  private readonly sink: ByteSink;
  private at = 0;

  constructor(sink: ByteSink, tableSize: number) {
    this.sink = sink;
    this.hpack = new HpackEncoder(tableSize);
  }

  // Header blocks: begin, fields, end.

  beginBlock(): void {
    this.plainBytes = 0;
    this.at = this.hpack.begin(scratch.bytes, FRAME_HEADER_BYTES);
  }

  pseudo(which: number, name: string, value: string): void {
    this.plainBytes += name.length + value.length;
    if (this.at + value.length + FIELD_ROOM > scratch.capacity) grow(this.at, value.length + FIELD_ROOM);
    this.at = this.hpack.pseudo(which, value, scratch.bytes, this.at);
  }

  field(id: number, name: string, value: string): void {
    const bytes = name.length + value.length;
    this.plainBytes += bytes;
    if (this.at + bytes + FIELD_ROOM > scratch.capacity) grow(this.at, bytes + FIELD_ROOM);
    this.at = this.hpack.field(id, name, value, scratch.bytes, this.at);
  }

  /** The lines that are there and mean something in HTTP/2. */
  fields(block: HeaderBlock): void {
    const { ids, count } = block;
    for (let i = 0; i < count; i++) {
      const id = ids[i];
      if (LEFT_OUT[id] === 1 || block.removed(i)) continue;
      this.field(id, block.nameAt(i), block.valueAt(i));
    }
  }

  /** Gives the bytes on the wire. */
  endBlock(streamId: number, endStream: boolean): number {
    const length = this.at - FRAME_HEADER_BYTES;
    const flags = endStream ? END_STREAM : 0;
    if (length <= this.maxFrame) {
      header(length, HEADERS, flags | END_HEADERS, streamId);
      return this.put(scratch, 0, this.at);
    }
    return this.endLongBlock(streamId, flags);
  }

  private endLongBlock(streamId: number, flags: number): number {
    const block = scratch;
    // The frames' headers are put together somewhere else.
    scratch = new ReadBuffer(32_768, true);
    let bytes = 0;
    for (let start = FRAME_HEADER_BYTES; start < this.at; start += this.maxFrame) {
      const end = Math.min(this.at, start + this.maxFrame);
      const type = start === FRAME_HEADER_BYTES ? HEADERS : CONTINUATION;
      const last = end === this.at ? END_HEADERS : 0;
      header(end - start, type, (type === HEADERS ? flags : 0) | last, streamId);
      bytes += this.put(scratch, 0, FRAME_HEADER_BYTES) + this.put(block, start, end);
    }
    return bytes;
  }

  // Other frames

  /** One frame. Gives the bytes on the wire. */
  data(streamId: number, buffer: ReadBuffer, start: number, end: number, endStream: boolean): number {
    const length = end - start;
    header(length, DATA, endStream ? END_STREAM : 0, streamId);
    if (length > SMALL_DATA) return this.put(scratch, 0, FRAME_HEADER_BYTES) + this.put(buffer, start, end);
    buffer.bytes.copy(scratch.bytes, FRAME_HEADER_BYTES, start, end);
    return this.put(scratch, 0, FRAME_HEADER_BYTES + length);
  }

  resetStream(streamId: number, code: number): number {
    header(4, RST_STREAM, 0, streamId);
    word(FRAME_HEADER_BYTES, code);
    return this.put(scratch, 0, FRAME_HEADER_BYTES + 4);
  }

  windowUpdate(streamId: number, increment: number): number {
    header(4, WINDOW_UPDATE, 0, streamId);
    word(FRAME_HEADER_BYTES, increment);
    return this.put(scratch, 0, FRAME_HEADER_BYTES + 4);
  }

  /** A frame that is not frequent. */
  frame(type: number, flags: number, streamId: number, payload: string): number {
    header(payload.length, type, flags, streamId);
    scratch.bytes.write(payload, FRAME_HEADER_BYTES, "latin1");
    return this.put(scratch, 0, FRAME_HEADER_BYTES + payload.length);
  }

  preface(text: string): void {
    this.sink.writeText(text);
    this.written += text.length;
  }

  private put(buffer: ReadBuffer, start: number, end: number): number {
    this.sink.writeBytes(buffer, start, end);
    this.written += end - start;
    return end - start;
  }
}

function grow(used: number, room: number): void {
  const larger = new ReadBuffer((used + room) * 2, true);
  scratch.bytes.copy(larger.bytes, 0, 0, used);
  scratch = larger;
}

function header(length: number, type: number, flags: number, streamId: number): void {
  const { bytes } = scratch;
  bytes[0] = length >> 16;
  bytes[1] = length >> 8;
  bytes[2] = length;
  bytes[3] = type;
  bytes[4] = flags;
  word(5, streamId);
}

function word(at: number, value: number): void {
  const { bytes } = scratch;
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

/** 32 bits as latin1. */
export function wordText(value: number): string {
  return String.fromCharCode(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}
