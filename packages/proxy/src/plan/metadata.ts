import type { Metadata as MetadataMessage } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Metadata } from "./format/stream-info.ts";

export const NO_METADATA: Metadata = Object.freeze({});

/** `filter_metadata`; what is typed has no reader. */
export function filterMetadata(message: MetadataMessage | undefined): Metadata {
  return message?.filterMetadata ?? NO_METADATA;
}
