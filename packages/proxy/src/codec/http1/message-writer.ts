import type { ByteSink } from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";

/** Writes one message's body, chunked or as it is. */
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

  writeData(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    if (this.dropsBody) return;
    if (!this.chunked) {
      if (end > start) this.sink.writeBytes(buffer, start, end);
      return;
    }
    if (end > start) {
      this.sink.writeText(`${(end - start).toString(16)}\r\n`);
      this.sink.writeBytes(buffer, start, end);
      this.sink.writeText(last ? "\r\n0\r\n\r\n" : "\r\n");
    } else if (last) this.sink.writeText("0\r\n\r\n");
  }

  writeText(latin1: string, last: boolean): void {
    if (this.dropsBody) return;
    if (!this.chunked) this.sink.writeText(latin1);
    else {
      const chunk = latin1 === "" ? "" : `${latin1.length.toString(16)}\r\n${latin1}\r\n`;
      this.sink.writeText(last ? `${chunk}0\r\n\r\n` : chunk);
    }
  }

  /** Ends the message. @param lines serialised trailer lines, "" for none */
  writeTrailers(lines: string): void {
    if (this.chunked) this.sink.writeText(`0\r\n${lines}\r\n`);
  }
}
