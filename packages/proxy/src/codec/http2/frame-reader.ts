import { ReadBuffer } from "../read-buffer.ts";
import { DATA, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, PADDED } from "./frames.ts";

/** What a frame reader has found. Each call may end the connection: `stop` is asked after it. */
export interface FrameHandler {
  /** Nothing more is to be read. */
  readonly stopped: boolean;
  /** A frame that is not DATA, whole. */
  onFrame(type: number, flags: number, streamId: number, buffer: ReadBuffer, start: number, end: number): void;
  /** A DATA frame begins. @param length of its payload, padding included */
  onDataFrame(streamId: number, flags: number, length: number): void;
  /** Bytes of its data; padding is left out. @param last there are no more in this frame */
  onDataPiece(buffer: ReadBuffer, start: number, end: number, last: boolean): void;
  /** The padding is longer than the frame. */
  onBadPadding(): void;
  onFrameTooLarge(): void;
}

const HEADER = 0;
/** A frame that is taken whole. */
const PAYLOAD = 1;
const PAD_LENGTH = 2;
const DATA_BYTES = 3;
const PADDING = 4;

/** Cuts bytes into frames, wherever reads cut them. What is not DATA is handed on whole, from where it lies if it lies there whole. */
export class FrameReader {
  private readonly handler: FrameHandler;
  private state = HEADER;
  private type = 0;
  private flags = 0;
  private streamId = 0;
  /** Of the payload; of DATA, what is left of its data. */
  private length = 0;
  private padding = 0;
  /** The beginning of a frame, header included. */
  private kept = NOTHING;
  private keptBytes = 0;

  constructor(handler: FrameHandler) {
    this.handler = handler;
  }

  read(buffer: ReadBuffer, i: number, end: number): void {
    const { handler } = this;
    while (i < end && !handler.stopped) {
      switch (this.state) {
        case HEADER:
          if (this.keptBytes === 0 && end - i >= FRAME_HEADER_BYTES) {
            this.readHeader(buffer.bytes, i);
            i += FRAME_HEADER_BYTES;
          } else {
            i = this.keep(buffer, i, end, FRAME_HEADER_BYTES);
            if (this.keptBytes < FRAME_HEADER_BYTES) return;
            this.readHeader(this.kept.bytes, 0);
            this.keptBytes = 0;
          }
          this.beginFrame();
          break;
        case PAYLOAD: {
          const { length } = this;
          if (this.keptBytes === 0 && end - i >= length) {
            this.state = HEADER;
            handler.onFrame(this.type, this.flags, this.streamId, buffer, i, i + length);
            i += length;
          } else {
            i = this.keep(buffer, i, end, length);
            if (this.keptBytes < length) return;
            const { kept } = this;
            this.keptBytes = 0;
            this.state = HEADER;
            // Idle connections hold no large buffers.
            if (kept.capacity > SMALL) this.kept = NOTHING;
            handler.onFrame(this.type, this.flags, this.streamId, kept, 0, length);
          }
          break;
        }
        case PAD_LENGTH:
          this.padding = buffer.bytes[i++];
          this.length -= 1 + this.padding;
          if (this.length < 0) {
            handler.onBadPadding();
            return;
          }
          this.state = DATA_BYTES;
          if (this.length === 0) this.endData(buffer, i, i);
          break;
        case DATA_BYTES: {
          const available = end - i;
          const size = available < this.length ? available : this.length;
          this.length -= size;
          if (this.length === 0) this.endData(buffer, i, i + size);
          else handler.onDataPiece(buffer, i, i + size, false);
          i += size;
          break;
        }
        default: {
          const available = end - i;
          const size = available < this.padding ? available : this.padding;
          this.padding -= size;
          if (this.padding === 0) this.state = HEADER;
          i += size;
        }
      }
    }
  }

  private readHeader(bytes: Buffer, at: number): void {
    this.length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    this.type = bytes[at + 3];
    this.flags = bytes[at + 4];
    this.streamId = ((bytes[at + 5] & 0x7f) << 24) | (bytes[at + 6] << 16) | (bytes[at + 7] << 8) | bytes[at + 8];
  }

  private beginFrame(): void {
    const { handler, type, length } = this;
    if (length > MAX_FRAME_BYTES) {
      handler.onFrameTooLarge();
      return;
    }
    if (type !== DATA) {
      this.state = PAYLOAD;
      // There may be no byte to come that would bring us back here.
      if (length === 0) {
        this.state = HEADER;
        handler.onFrame(type, this.flags, this.streamId, NOTHING, 0, 0);
      }
      return;
    }
    this.padding = 0;
    handler.onDataFrame(this.streamId, this.flags, length);
    if (handler.stopped) return;
    if ((this.flags & PADDED) !== 0) {
      if (length === 0) handler.onBadPadding();
      this.state = PAD_LENGTH;
      return;
    }
    this.state = DATA_BYTES;
    if (length === 0) this.endData(NOTHING, 0, 0);
  }

  private endData(buffer: ReadBuffer, start: number, end: number): void {
    this.state = this.padding > 0 ? PADDING : HEADER;
    this.handler.onDataPiece(buffer, start, end, true);
  }

  /** Copies up to `wanted` bytes of a frame that the read has cut. Gives where the rest begins. */
  private keep(buffer: ReadBuffer, i: number, end: number, wanted: number): number {
    if (this.kept.capacity < wanted) {
      const larger = new ReadBuffer(wanted, true);
      this.kept.bytes.copy(larger.bytes, 0, 0, this.keptBytes);
      this.kept = larger;
    }
    const size = Math.min(wanted - this.keptBytes, end - i);
    buffer.bytes.copy(this.kept.bytes, this.keptBytes, i, i + size);
    this.keptBytes += size;
    return i + size;
  }
}

const NOTHING = new ReadBuffer(0, true);
const SMALL = 64;
