import type { ByteSink } from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";

const LAST_CHUNK = "0\r\n\r\n";

/** Writes one message's body, chunked or as it is. Methods give how many bytes that made, but for the last chunk without trailers, which Envoy does not count. */
export class MessageWriter {
  chunked = false;
  /** The message has a head only, whatever the body would be (HEAD, 204, 304). */
  dropsBody = false;
  private readonly sink: ByteSink;

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  start(): void {
    this.chunked = false;
    this.dropsBody = false;
  }

  writeData(buffer: ReadBuffer, start: number, end: number, last: boolean): number {
    if (this.dropsBody) return 0;
    const size = end - start;
    if (!this.chunked) {
      if (size > 0) this.sink.writeBytes(buffer, start, end);
      return size;
    }
    if (size === 0) {
      if (last) this.sink.writeText(LAST_CHUNK);
      return 0;
    }
    const before = `${size.toString(16)}\r\n`;
    this.sink.writeText(before);
    this.sink.writeBytes(buffer, start, end);
    this.sink.writeText(last ? `\r\n${LAST_CHUNK}` : "\r\n");
    return before.length + size + 2;
  }

  writeText(latin1: string, last: boolean): number {
    if (this.dropsBody) return 0;
    if (!this.chunked) {
      this.sink.writeText(latin1);
      return latin1.length;
    }
    const chunk = latin1 === "" ? "" : `${latin1.length.toString(16)}\r\n${latin1}\r\n`;
    this.sink.writeText(last ? chunk + LAST_CHUNK : chunk);
    return chunk.length;
  }

  /** Ends the message. @param lines serialised trailer lines, "" for none */
  writeTrailers(lines: string): number {
    if (!this.chunked) return 0;
    const text = `0\r\n${lines}\r\n`;
    this.sink.writeText(text);
    return lines === "" ? 0 : text.length;
  }
}
