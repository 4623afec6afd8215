import { constants, createBrotliCompress, createGzip } from "node:zlib";
import type { CompressionPlan } from "../../plan/filters/compressor.ts";
import type { Recoder } from "./recoding.ts";

/** Compresses one body. */
export function compression(plan: CompressionPlan): Recoder {
  const isGzip = plan.encoding === "gzip";
  return {
    stream: isGzip ? createGzip(plan.options) : createBrotliCompress(plan.options),
    flushKind: isGzip ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH,
    take: (bytes) => bytes,
    admits: () => true,
    forgiving: false,
    reports: false,
    report: () => {},
  };
}
