import { constants, createBrotliDecompress, createInflateRaw } from "node:zlib";
import type { HeaderBlock } from "../../codec/header-block.ts";
import type { DecompressionPlan } from "../../plan/filters/decompressor.ts";
import { GzipHeader } from "./gzip-header.ts";
import type { Recoder } from "./recoding.ts";

const NOTHING = Buffer.alloc(0);

/**
 * Takes the compression from one body. As Envoy does: what is none ends the body without a word, so does what grows too much, and what
 * follows the end of the compressed bytes is dropped.
 */
export class Decompression implements Recoder {
  readonly stream: Recoder["stream"];
  readonly flushKind = -1;
  readonly forgiving = true;
  readonly reports = true;
  private readonly plan: DecompressionPlan;
  private readonly header: GzipHeader | null;
  private taken = 0;
  private made = 0;
  /** Too much has come out. */
  private cutOff = false;

  constructor(plan: DecompressionPlan) {
    this.plan = plan;
    this.header = plan.encoding === "gzip" ? new GzipHeader() : null;
    this.stream =
      plan.encoding === "gzip"
        ? createInflateRaw({
            flush: constants.Z_SYNC_FLUSH,
            finishFlush: constants.Z_SYNC_FLUSH,
            chunkSize: plan.chunkSize,
          })
        : createBrotliDecompress({
            flush: constants.BROTLI_OPERATION_FLUSH,
            finishFlush: constants.BROTLI_OPERATION_FLUSH,
            chunkSize: plan.chunkSize,
          });
  }

  take(bytes: Buffer): Buffer {
    this.taken += bytes.length;
    const { header } = this;
    if (header === null || header.isOver) return bytes;
    const rest = header.take(bytes);
    if (header.isBroken) this.cutOff = true;
    return rest ?? NOTHING;
  }

  admits(bytes: Buffer): boolean {
    if (this.cutOff) return false;
    this.made += bytes.length;
    if (this.made > this.plan.maxInflateRatio * this.taken) this.cutOff = true;
    return true;
  }

  report(trailers: HeaderBlock): void {
    const { trailerPrefix } = this.plan;
    trailers.appendNamed(`${trailerPrefix}compressed-bytes`, String(this.taken));
    trailers.appendNamed(`${trailerPrefix}uncompressed-bytes`, String(this.made));
  }
}
