import type { SupportGroup } from "./message-support.ts";
import { BROTLI_COMPRESSOR, COMPRESSOR, COMPRESSOR_PER_ROUTE, GZIP_COMPRESSOR } from "./type-names.ts";

const FILTER = "envoy.extensions.filters.http.compressor.v3";

export const COMPRESSION: SupportGroup = {
  [COMPRESSOR]: {
    has: ["compressor_library", "request_direction_config", "response_direction_config", "choose_first"],
    extensions: { compressor_library: [GZIP_COMPRESSOR, BROTLI_COMPRESSOR] },
  },
  [`${COMPRESSOR}.ResponseDirectionConfig`]: {
    has: [
      "common_config",
      "disable_on_etag_header",
      "remove_accept_encoding_header",
      "uncompressible_response_codes",
      "weaken_etag_on_compress",
    ],
  },
  [`${COMPRESSOR}.RequestDirectionConfig`]: { has: ["common_config"] },
  [`${COMPRESSOR}.CommonDirectionConfig`]: { has: ["enabled", "min_content_length", "content_type"] },
  "envoy.config.core.v3.RuntimeFeatureFlag": { has: ["default_value", "runtime_key"] },
  [COMPRESSOR_PER_ROUTE]: { has: ["disabled", "overrides"] },
  [`${FILTER}.CompressorOverrides`]: { has: ["response_direction_config"] },
  [`${FILTER}.ResponseDirectionOverrides`]: { has: ["remove_accept_encoding_header"] },
  [GZIP_COMPRESSOR]: {
    has: ["memory_level", "compression_level", "compression_strategy", "window_bits", "chunk_size"],
  },
  [BROTLI_COMPRESSOR]: {
    has: [
      "quality",
      "encoder_mode",
      "window_bits",
      "input_block_bits",
      "chunk_size",
      "disable_literal_context_modeling",
    ],
  },
};
