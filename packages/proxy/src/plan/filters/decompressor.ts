import type { Message } from "@bufbuild/protobuf";
import type { Gzip } from "@tulle/xds/gen/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.js";
import type { Brotli } from "@tulle/xds/gen/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.js";
import type {
  Decompressor,
  Decompressor_CommonDirectionConfig as CommonConfig,
} from "@tulle/xds/gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.js";
import type { Place } from "../problems.ts";
import type { RuntimeRef } from "../runtime-values.ts";
import { unpackExtension } from "../schemas.ts";
import { BROTLI_DECOMPRESSOR } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface DecompressorPlan {
  readonly decompression: DecompressionPlan;
  /** Between `http.STAT_PREFIX.` and a stat's name. */
  readonly statPrefix: string;
  readonly request: DirectionPlan;
  readonly response: DirectionPlan;
  /** Upstreams are told what is understood here. */
  readonly advertises: boolean;
  /** `accept-encoding` with this encoding in it. */
  accepting(value: string): string;
}

export interface DirectionPlan {
  readonly enabled: RuntimeRef<boolean>;
  readonly ignoresNoTransform: boolean;
}

export interface DecompressionPlan {
  readonly encoding: "gzip" | "br";
  readonly chunkSize: number;
  /** More than so many times its size in one body is cut off. */
  readonly maxInflateRatio: number;
  /** Of the trailers that tell how many bytes there were. */
  readonly trailerPrefix: string;
}

/** Source: Envoy `source/extensions/compression/{gzip,brotli}/decompressor/config.cc`. */
const DEFAULT_CHUNK_SIZE = 4096;
const DEFAULT_MAX_INFLATE_RATIO = 100;

export const decompressor: FilterCompiler = {
  compile: ({ message }, _, place): DecompressorPlan => {
    const { decompressorLibrary: library, requestDirectionConfig, responseDirectionConfig } = message as Decompressor;
    const name = library?.name ?? "";
    const extension = library?.typedConfig === undefined ? null : unpackExtension(library.typedConfig);
    const isBrotli = extension?.typeName === BROTLI_DECOMPRESSOR;
    const encoding = isBrotli ? "br" : "gzip";
    return {
      decompression: { encoding, ...sizes(extension?.message ?? null, isBrotli), trailerPrefix: `x-envoy-decompressor-${name.toLowerCase()}-` }, // prettier-ignore
      statPrefix: `decompressor.${name}.${isBrotli ? "brotli" : "gzip"}.`,
      request: direction(requestDirectionConfig?.commonConfig, place),
      response: direction(responseDirectionConfig?.commonConfig, place),
      advertises: requestDirectionConfig?.advertiseAcceptEncoding ?? true,
      accepting: (value) => accepting(value, encoding),
    };
  },
  compileRoute: null,
};

function direction(config: CommonConfig | undefined, { runtime }: Place): DirectionPlan {
  const { enabled, ignoreNoTransformHeader = false } = config ?? {};
  return {
    enabled: runtime.flag(enabled?.runtimeKey ?? "", enabled?.defaultValue ?? true),
    ignoresNoTransform: ignoreNoTransformHeader,
  };
}

function sizes(library: Message | null, isBrotli: boolean): Pick<DecompressionPlan, "chunkSize" | "maxInflateRatio"> {
  if (isBrotli) {
    return {
      chunkSize: (library as Brotli | null)?.chunkSize ?? DEFAULT_CHUNK_SIZE,
      maxInflateRatio: DEFAULT_MAX_INFLATE_RATIO,
    };
  }
  const { chunkSize = DEFAULT_CHUNK_SIZE, maxInflateRatio = DEFAULT_MAX_INFLATE_RATIO } =
    (library as Gzip | null) ?? {};
  return { chunkSize, maxInflateRatio };
}

/** At the end, once, and without a weight. (Envoy `HeaderUtility::addEncodingToAcceptEncoding`) */
function accepting(value: string, encoding: string): string {
  const others = value
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "" && each.split(";", 1)[0] !== encoding);
  return [...others, encoding].join(",");
}
