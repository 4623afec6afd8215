import type { SupportGroup } from "./message-support.ts";
import { OPAQUE } from "./reasons.ts";
import { DOWNSTREAM_TLS, RAW_BUFFER, UPSTREAM_PROXY_PROTOCOL, UPSTREAM_TLS } from "./type-names.ts";

export const CORE: SupportGroup = {
  // Unix sockets are for gRPC services of the proxy's own; other places refuse them.
  "envoy.config.core.v3.Address": { has: ["socket_address", "pipe"] },
  "envoy.config.core.v3.Pipe": { has: ["path"] },
  "envoy.config.core.v3.SocketAddress": {
    has: ["address", "port_value"],
    only: { protocol: ["TCP"], resolver_name: [""], ipv4_compat: [false] },
  },
  "envoy.config.core.v3.BindConfig": {
    has: ["source_address", "extra_source_addresses"],
    only: { freebind: [false] },
  },
  "envoy.config.core.v3.ExtraSourceAddress": { has: ["address"] },
  "envoy.config.core.v3.CidrRange": { has: ["address_prefix", "prefix_len"] },
  "envoy.config.core.v3.Metadata": { has: ["filter_metadata"], ignored: { typed_filter_metadata: OPAQUE } },
  "envoy.config.core.v3.TypedExtensionConfig": { has: ["name", "typed_config"] },
  "envoy.config.core.v3.TransportSocket": {
    has: ["name", "typed_config"],
    extensions: { typed_config: [RAW_BUFFER, DOWNSTREAM_TLS, UPSTREAM_TLS, UPSTREAM_PROXY_PROTOCOL] },
  },
  [RAW_BUFFER]: { has: [] },
  [UPSTREAM_PROXY_PROTOCOL]: { has: ["config", "transport_socket"] },
  "envoy.config.core.v3.ProxyProtocolConfig": { has: ["version", "pass_through_tlvs", "added_tlvs"] },
  "envoy.config.core.v3.ProxyProtocolPassThroughTLVs": { has: ["match_type", "tlv_type"] },
  "envoy.config.core.v3.TlvEntry": { has: ["type", "value"] },
  "envoy.config.core.v3.DataSource": { has: ["filename", "inline_bytes", "inline_string", "environment_variable"] },
  "envoy.config.core.v3.SchemeHeaderTransformation": {
    has: ["scheme_to_overwrite"],
    only: { match_upstream: [false] },
  },
  "envoy.config.core.v3.HeaderValue": { has: ["key", "value"] },
  "envoy.config.core.v3.HeaderValueOption": { has: ["header", "append", "append_action", "keep_empty_value"] },
  "envoy.config.core.v3.RuntimeFractionalPercent": { has: ["default_value", "runtime_key"] },
  "envoy.config.core.v3.RuntimeDouble": { has: ["default_value", "runtime_key"] },
  "envoy.type.metadata.v3.MetadataKey": { has: ["key", "path"] },
  "envoy.type.metadata.v3.MetadataKey.PathSegment": { has: ["key"] },
  "envoy.type.v3.FractionalPercent": { has: ["numerator", "denominator"] },
  "envoy.type.v3.Percent": { has: ["value"] },
  "envoy.type.v3.Int64Range": { has: ["start", "end"] },
  "envoy.type.matcher.v3.StringMatcher": {
    has: ["exact", "prefix", "suffix", "safe_regex", "contains", "ignore_case"],
  },
  "envoy.type.v3.Int32Range": { has: ["start", "end"] },
  "envoy.type.v3.DoubleRange": { has: ["start", "end"] },
  "envoy.type.matcher.v3.PathMatcher": { has: ["path"] },
  "envoy.type.matcher.v3.MetadataMatcher": { has: ["filter", "path", "value", "invert"] },
  "envoy.type.matcher.v3.MetadataMatcher.PathSegment": { has: ["key"] },
  "envoy.type.matcher.v3.ValueMatcher": {
    has: ["null_match", "double_match", "string_match", "bool_match", "present_match", "list_match", "or_match"],
  },
  "envoy.type.matcher.v3.ValueMatcher.NullMatch": { has: [] },
  "envoy.type.matcher.v3.DoubleMatcher": { has: ["range", "exact"] },
  "envoy.type.matcher.v3.ListMatcher": { has: ["one_of"] },
  "envoy.type.matcher.v3.OrMatcher": { has: ["value_matchers"] },
  "envoy.type.matcher.v3.RegexMatcher": { has: ["regex"], ignored: { google_re2: "there is one engine, RE2" } },
  "envoy.type.matcher.v3.RegexMatchAndSubstitute": { has: ["pattern", "substitution"] },
};
