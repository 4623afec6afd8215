/** `AccessLogFilter`: which streams an access log is told of, and which local replies a mapper concerns. Envoy `source/common/access_log/access_log_impl.cc`. */
import {
  type AccessLogFilter,
  type ComparisonFilter,
  ComparisonFilter_Op as Op,
  type GrpcStatusFilter,
  type MetadataFilter,
  type RuntimeFilter,
} from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { AccessLogType } from "@tulle/xds/gen/envoy/data/accesslog/v3/accesslog_pb.js";
import { X_REQUEST_ID } from "../codec/header-names.ts";
import { RequestHead } from "../codec/messages.ts";
import type { ExpressionFilter } from "@tulle/xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js";
import { compileCel } from "./cel.ts";
import { unpackExtension } from "./schemas.ts";
import { compileMetadataMatcher, metadataValue } from "./dynamic-metadata.ts";
import { grpcStatusOfResponse } from "./format/headers.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import { fractionParts } from "./fraction.ts";
import type { Place } from "./problems.ts";
import { compileHeaderMatcher } from "./request-matchers.ts";

/** A condition that a stream meets or not. */
export type StreamTest = (stream: StreamInfo) => boolean;

const always: StreamTest = () => true;

export function compileAccessLogFilter(filter: AccessLogFilter, place: Place): StreamTest {
  const { filterSpecifier } = filter;
  switch (filterSpecifier.case) {
    case "statusCodeFilter":
      return compare(filterSpecifier.value.comparison, place, (stream) => stream.status);
    case "durationFilter":
      return compare(filterSpecifier.value.comparison, place, (stream) => Math.floor(stream.now - stream.startedAt));
    case "notHealthCheckFilter":
      return (stream) => !stream.isHealthCheck;
    case "traceableFilter":
      return (stream) => stream.isTraceForced && !stream.isHealthCheck;
    case "extensionFilter": {
      const config = filterSpecifier.value.configType.value;
      // Reported by the reflection check.
      if (config === undefined) return always;
      const { expression } = (unpackExtension(config)?.message ?? { expression: "" }) as Pick<
        ExpressionFilter,
        "expression"
      >;
      return compileCel(expression, place.field("extension_filter.typed_config.expression"));
    }
    case "metadataFilter":
      return metadataTest(filterSpecifier.value, place.field("metadata_filter"));
    case "runtimeFilter":
      return sampled(filterSpecifier.value, place);
    case "andFilter": {
      const tests = filterSpecifier.value.filters.map((each, i) =>
        compileAccessLogFilter(each, place.item("and_filter.filters", i)),
      );
      return (stream) => tests.every((test) => test(stream));
    }
    case "orFilter": {
      const tests = filterSpecifier.value.filters.map((each, i) =>
        compileAccessLogFilter(each, place.item("or_filter.filters", i)),
      );
      return (stream) => tests.some((test) => test(stream));
    }
    case "headerFilter": {
      const { header } = filterSpecifier.value;
      if (header === undefined) return always;
      const test = compileHeaderMatcher(header, place.field("header_filter.header"));
      return ({ requestHeadDone, request }) => test.matches(requestHeadDone ? request : NO_REQUEST);
    }
    case "responseFlagFilter":
      return hasFlag(filterSpecifier.value.flags);
    case "grpcStatusFilter":
      return grpcStatusTest(filterSpecifier.value);
    case "logTypeFilter": {
      const { types, exclude } = filterSpecifier.value;
      const names = new Set<string>(types.map((type) => AccessLogType[type]));
      return (stream) => names.has(stream.accessLogType) !== exclude;
    }
    default:
      // Reported by the reflection check: the oneof is required, and its other members are not supported.
      return always;
  }
}

/** Whose head was malformed. */
const NO_REQUEST = new RequestHead();

function compare(
  comparison: ComparisonFilter | undefined,
  { runtime }: Place,
  read: (stream: StreamInfo) => number,
): StreamTest {
  const to = runtime.integer(comparison?.value?.runtimeKey ?? "", comparison?.value?.defaultValue ?? 0);
  switch (comparison?.op) {
    case Op.GE:
      return (stream) => read(stream) >= to.value;
    case Op.LE:
      return (stream) => read(stream) <= to.value;
    case Op.NE:
      return (stream) => read(stream) !== to.value;
    default:
      return (stream) => read(stream) === to.value;
  }
}

/** What filters have found out. `invert` has no effect here, as in Envoy. */
function metadataTest({ matcher, matchIfKeyNotFound = true }: MetadataFilter, place: Place): StreamTest {
  if (matcher === undefined) return () => matchIfKeyNotFound;
  const { namespace, path, test } = compileMetadataMatcher({ ...matcher, invert: false }, place.field("matcher"));
  return ({ dynamicMetadata }) => {
    const value = metadataValue(dynamicMetadata, namespace, path);
    return value === undefined ? matchIfKeyNotFound : test(value);
  };
}

/** A fraction of all streams: of those with a request id, the ones that every proxy on their way picks. */
function sampled(
  { percentSampled, useIndependentRandomness, runtimeKey }: RuntimeFilter,
  { runtime }: Place,
): StreamTest {
  const parts = fractionParts(percentSampled);
  const { denominator } = parts;
  // Not a share, but so many of the denominator.
  const numerator = runtime.integer(runtimeKey, parts.numerator);
  return (stream) => {
    const id = stream.requestHeadDone && !useIndependentRandomness ? stream.request.headers.get(X_REQUEST_ID) : "";
    const drawn = /^[0-9a-fA-F]{8}/.test(id)
      ? Number.parseInt(id.slice(0, 8), 16)
      : Math.floor(stream.random() * 2 ** 32);
    return drawn % denominator < numerator.value;
  };
}

/** One of these, or any if there are none. */
function hasFlag(flags: readonly string[]): StreamTest {
  if (flags.length === 0) return (stream) => stream.responseFlags !== "-";
  const wanted = new RegExp(`(?:^|,)(?:${flags.join("|")})(?:,|$)`);
  return (stream) => wanted.test(stream.responseFlags);
}

/** Of all streams, gRPC or not. What has no status counts as Unknown. */
function grpcStatusTest({ statuses, exclude }: GrpcStatusFilter): StreamTest {
  const wanted = new Set<number>(statuses);
  return (stream) => wanted.has(grpcStatusOfResponse(stream) ?? 2) !== exclude;
}
