import type { ByteSink } from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";

/** Writes one message's body, chunked or as it is. Methods give how many bytes that made. */
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
    if (size === 0) return last ? this.write("0\r\n\r\n") : 0;
    const before = this.write(`${size.toString(16)}\r\n`);
    this.sink.writeBytes(buffer, start, end);
    return before + size + this.write(last ? "\r\n0\r\n\r\n" : "\r\n");
  }

  writeText(latin1: string, last: boolean): number {
    if (this.dropsBody) return 0;
    if (!this.chunked) return this.write(latin1);
    const chunk = latin1 === "" ? "" : `${latin1.length.toString(16)}\r\n${latin1}\r\n`;
    return this.write(last ? `${chunk}0\r\n\r\n` : chunk);
  }

  /** Ends the message. @param lines serialised trailer lines, "" for none */
  writeTrailers(lines: string): number {
    return this.chunked ? this.write(`0\r\n${lines}\r\n`) : 0;
  }

  private write(text: string): number {
    this.sink.writeText(text);
    return text.length;
  }
}
