import { HeaderBlock } from "../codec/header-block.ts";
import type { RequestEncoder } from "../codec/messages.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";

/** The first `length` bytes of a buffer of its own. */
export interface BodyPiece {
  readonly buffer: ReadBuffer;
  readonly length: number;
}

/**
 * The part of a request's body that an upstream request may yet need: what came before there was a connection to send it to, and
 * everything, up to a limit, while the request may be sent again or mirrored.
 */
export class RequestBody {
  private readonly pieces: BodyPiece[] = [];
  private trailers: HeaderBlock | null = null;
  bytes = 0;

  get isEmpty(): boolean {
    return this.pieces.length === 0 && this.trailers === null;
  }

  /** Copies. An empty piece counts: it may be all that a chunked body has. */
  add(buffer: ReadBuffer, start: number, end: number): void {
    const copy = new ReadBuffer(end - start);
    buffer.bytes.copy(copy.bytes, 0, start, end);
    this.pieces.push({ buffer: copy, length: end - start });
    this.bytes += end - start;
  }

  /** Gives the copy that is kept. */
  addTrailers(trailers: HeaderBlock): HeaderBlock {
    this.trailers = new HeaderBlock();
    this.trailers.copyFrom(trailers);
    return this.trailers;
  }

  /** Takes the last piece back. */
  dropLast(): void {
    this.bytes -= this.pieces.pop()?.length ?? 0;
  }

  /** Gives everything away. */
  take(): { readonly pieces: readonly BodyPiece[]; readonly trailers: HeaderBlock | null } {
    const taken = { pieces: [...this.pieces], trailers: this.trailers };
    this.clear();
    return taken;
  }

  /** @param ended what is here ends the request */
  sendTo(encoder: RequestEncoder, ended: boolean): void {
    const { pieces, trailers } = this;
    for (let i = 0; i < pieces.length; i++) {
      const { buffer, length } = pieces[i];
      encoder.encodeData(buffer, 0, length, ended && trailers === null && i === pieces.length - 1);
    }
    if (trailers !== null) encoder.encodeTrailers(trailers);
  }

  /** Shares the bytes, which nobody changes. */
  copyFrom(other: RequestBody): void {
    this.pieces.push(...other.pieces);
    this.trailers = other.trailers;
    this.bytes = other.bytes;
  }

  clear(): void {
    if (this.pieces.length > 0) this.pieces.length = 0;
    this.trailers = null;
    this.bytes = 0;
  }
}
