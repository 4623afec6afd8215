import type { SupportGroup } from "./message-support.ts";

const SERVICE_ONLY = "only filters that ask a rate limit service look at it";
const ACTION = "envoy.config.route.v3.RateLimit.Action";

export const RATE_LIMIT: SupportGroup = {
  "envoy.config.route.v3.RateLimit": {
    has: ["stage", "actions", "hits_addend"],
    ignored: { disable_key: SERVICE_ONLY, limit: SERVICE_ONLY },
  },
  "envoy.config.route.v3.RateLimit.HitsAddend": { has: ["number", "format"] },
  [ACTION]: {
    has: [
      "source_cluster",
      "destination_cluster",
      "request_headers",
      "query_parameters",
      "remote_address",
      "generic_key",
      "header_value_match",
      "metadata",
      "masked_remote_address",
      "query_parameter_value_match",
    ],
  },
  [`${ACTION}.SourceCluster`]: { has: [] },
  [`${ACTION}.DestinationCluster`]: { has: [] },
  [`${ACTION}.RequestHeaders`]: { has: ["header_name", "descriptor_key", "skip_if_absent"] },
  [`${ACTION}.QueryParameters`]: { has: ["query_parameter_name", "descriptor_key", "skip_if_absent"] },
  [`${ACTION}.RemoteAddress`]: { has: [] },
  [`${ACTION}.MaskedRemoteAddress`]: { has: ["v4_prefix_mask_len", "v6_prefix_mask_len"] },
  [`${ACTION}.GenericKey`]: { has: ["descriptor_key", "descriptor_value"] },
  [`${ACTION}.HeaderValueMatch`]: { has: ["descriptor_key", "descriptor_value", "headers", "expect_match"] },
  [`${ACTION}.QueryParameterValueMatch`]: {
    has: ["descriptor_key", "descriptor_value", "query_parameters", "expect_match"],
  },
  [`${ACTION}.MetaData`]: { has: ["descriptor_key", "metadata_key", "default_value", "source", "skip_if_absent"] },
  "envoy.type.metadata.v3.MetadataKey": { has: ["key", "path"] },
  "envoy.type.metadata.v3.MetadataKey.PathSegment": { has: ["key"] },
};
