import type { Message } from "@bufbuild/protobuf";
import { type BrotliOptions, type ZlibOptions, constants } from "node:zlib";
import {
  type Brotli,
  Brotli_EncoderMode as Mode,
} from "@tulle/xds/gen/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.js";
import {
  type Gzip,
  Gzip_CompressionLevel as Level,
  Gzip_CompressionStrategy as Strategy,
} from "@tulle/xds/gen/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.js";
import type {
  Compressor,
  CompressorPerRoute,
  Compressor_CommonDirectionConfig as CommonConfig,
} from "@tulle/xds/gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.js";
import { unpackExtension } from "../schemas.ts";
import { BROTLI_COMPRESSOR, COMPRESSOR_PER_ROUTE } from "../supported-fields/index.ts";
import type { Place } from "../problems.ts";
import type { RuntimeRef } from "../runtime-values.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** Which bodies of one direction are compressed. */
export interface CompressedBodies {
  readonly enabled: RuntimeRef<boolean>;
  readonly minContentLength: number;
  /** Lower case, without parameters. */
  readonly contentTypes: ReadonlySet<string>;
}

export interface CompressorPlan extends CompressedBodies {
  /** Null: requests stay as they are. */
  readonly request: CompressedBodies | null;
  readonly encoding: CompressionPlan["encoding"];
  readonly compression: CompressionPlan;
  /** Between `http.STAT_PREFIX.` and a stat's name. */
  readonly statPrefix: string;
  /** Before the name of a stat of responses. */
  readonly responsePrefix: string;
  readonly disableOnEtag: boolean;
  /** Else strong ones are removed. */
  readonly weakenEtag: boolean;
  readonly removeAcceptEncoding: boolean;
  readonly uncompressibleStatuses: readonly number[];
  /** Preferred to others that the client likes as much. */
  readonly chooseFirst: boolean;
}

/** How bytes are compressed. */
export type CompressionPlan =
  | { readonly encoding: "gzip"; readonly options: ZlibOptions }
  | { readonly encoding: "br"; readonly options: BrotliOptions };

export interface RouteCompressorPlan {
  /** Null: as the filter says. */
  readonly enabled: boolean | null;
  /** Null: as the filter says. */
  readonly removeAcceptEncoding: boolean | null;
}

/** Source: Envoy `source/extensions/filters/http/compressor/compressor_filter.cc`. */
const DEFAULT_MIN_CONTENT_LENGTH = 30;
const DEFAULT_CONTENT_TYPES: readonly string[] = [
  "text/html",
  "text/plain",
  "text/css",
  "application/javascript",
  "application/x-javascript",
  "text/javascript",
  "text/x-javascript",
  "text/ecmascript",
  "text/js",
  "text/jscript",
  "text/x-js",
  "application/ecmascript",
  "application/x-json",
  "application/xml",
  "application/json",
  "image/svg+xml",
  "text/xml",
  "application/xhtml+xml",
  "application/grpc-web",
  "application/grpc-web+proto",
];

export const compressor: FilterCompiler = {
  compile: ({ message }, _, place): CompressorPlan => {
    const {
      compressorLibrary: library,
      requestDirectionConfig: request,
      responseDirectionConfig: response,
      chooseFirst,
    } = message as Compressor;
    const extension = library?.typedConfig === undefined ? null : unpackExtension(library.typedConfig);
    const isBrotli = extension?.typeName === BROTLI_COMPRESSOR;
    const compression = compileLibrary(extension?.message ?? null, isBrotli);
    return {
      encoding: compression.encoding,
      compression,
      statPrefix: `compressor.${library?.name ?? ""}.${isBrotli ? "brotli" : "gzip"}.`,
      responsePrefix: response === undefined ? "" : "response.",
      request: request === undefined ? null : bodiesOf(request.commonConfig, place),
      ...bodiesOf(response?.commonConfig, place),
      disableOnEtag: response?.disableOnEtagHeader ?? false,
      weakenEtag: response?.weakenEtagOnCompress ?? false,
      removeAcceptEncoding: response?.removeAcceptEncodingHeader ?? false,
      uncompressibleStatuses: response?.uncompressibleResponseCodes ?? [],
      chooseFirst,
    };
  },
  compileRoute: {
    typeName: COMPRESSOR_PER_ROUTE,
    compile: ({ message }): RouteCompressorPlan => {
      const { override } = message as CompressorPerRoute;
      if (override.case !== "overrides") return { enabled: false, removeAcceptEncoding: null };
      const { responseDirectionConfig: response } = override.value;
      // Who says anything of responses wants them compressed.
      return response === undefined
        ? { enabled: null, removeAcceptEncoding: null }
        : { enabled: true, removeAcceptEncoding: response.removeAcceptEncodingHeader ?? null };
    },
    merge: null,
  },
};

function bodiesOf(common: CommonConfig | undefined, { runtime }: Place): CompressedBodies {
  const types = common?.contentType ?? [];
  return {
    enabled: runtime.flag(common?.enabled?.runtimeKey ?? "", common?.enabled?.defaultValue ?? true),
    minContentLength: common?.minContentLength ?? DEFAULT_MIN_CONTENT_LENGTH,
    contentTypes: new Set(types.length === 0 ? DEFAULT_CONTENT_TYPES : types.map((type) => type.toLowerCase())),
  };
}

const STRATEGIES: Readonly<Record<number, number>> = {
  [Strategy.DEFAULT_STRATEGY]: constants.Z_DEFAULT_STRATEGY,
  [Strategy.FILTERED]: constants.Z_FILTERED,
  [Strategy.HUFFMAN_ONLY]: constants.Z_HUFFMAN_ONLY,
  [Strategy.RLE]: constants.Z_RLE,
  [Strategy.FIXED]: constants.Z_FIXED,
};

const MODES: Readonly<Record<number, number>> = {
  [Mode.DEFAULT]: constants.BROTLI_MODE_GENERIC,
  [Mode.GENERIC]: constants.BROTLI_MODE_GENERIC,
  [Mode.TEXT]: constants.BROTLI_MODE_TEXT,
  [Mode.FONT]: constants.BROTLI_MODE_FONT,
};

/** Defaults: Envoy's gzip.proto and brotli.proto. */
function compileLibrary(message: Message | null, isBrotli: boolean): CompressionPlan {
  if (isBrotli) {
    const {
      quality = 3,
      encoderMode,
      windowBits = 18,
      inputBlockBits = 24,
      chunkSize = 4096,
      ...rest
    } = message as Brotli;
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_MODE]: MODES[encoderMode] ?? constants.BROTLI_MODE_GENERIC,
      [constants.BROTLI_PARAM_LGWIN]: windowBits,
      [constants.BROTLI_PARAM_LGBLOCK]: inputBlockBits,
      [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]: rest.disableLiteralContextModeling ? 1 : 0,
    };
    return { encoding: "br", options: { params, chunkSize } };
  }
  const { memoryLevel = 5, compressionLevel, compressionStrategy, windowBits = 12, chunkSize = 4096 } = message as Gzip;
  return {
    encoding: "gzip",
    options: {
      memLevel: memoryLevel,
      // 0 is zlib's "no compression", and Envoy's default.
      level: compressionLevel === Level.DEFAULT_COMPRESSION ? constants.Z_DEFAULT_COMPRESSION : compressionLevel,
      strategy: STRATEGIES[compressionStrategy] ?? constants.Z_DEFAULT_STRATEGY,
      windowBits,
      chunkSize,
    },
  };
}
