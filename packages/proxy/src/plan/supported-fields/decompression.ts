import type { SupportGroup } from "./message-support.ts";
import { BROTLI_DECOMPRESSOR, DECOMPRESSOR, GZIP_DECOMPRESSOR } from "./type-names.ts";

export const DECOMPRESSION: SupportGroup = {
  [DECOMPRESSOR]: {
    has: ["decompressor_library", "request_direction_config", "response_direction_config"],
    extensions: { decompressor_library: [GZIP_DECOMPRESSOR, BROTLI_DECOMPRESSOR] },
  },
  [`${DECOMPRESSOR}.CommonDirectionConfig`]: { has: ["enabled", "ignore_no_transform_header"] },
  [`${DECOMPRESSOR}.RequestDirectionConfig`]: { has: ["common_config", "advertise_accept_encoding"] },
  [`${DECOMPRESSOR}.ResponseDirectionConfig`]: { has: ["common_config"] },
  [GZIP_DECOMPRESSOR]: {
    has: ["window_bits", "chunk_size", "max_inflate_ratio"],
  },
  [BROTLI_DECOMPRESSOR]: {
    has: ["chunk_size"],
    ignored: { disable_ring_buffer_reallocation: "tunes memory use of Envoy's library" },
  },
};
