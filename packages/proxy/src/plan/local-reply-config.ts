/** `local_reply_config`: what becomes of answers that the proxy gives by itself. Envoy `source/common/local_reply/local_reply.cc`. */
import type {
  LocalReplyConfig,
  ResponseMapper,
} from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { type StreamTest, compileAccessLogFilter } from "./access-log-filters.ts";
import { readDataSource } from "./data-source.ts";
import { type FormatString, compileFormatString } from "./format/compile-format-string.ts";
import { compileHeadersToAdd } from "./header-mutations.ts";
import type { HeaderMutation } from "./route-plan.ts";
import type { Place } from "./problems.ts";

export interface LocalReplyPlan {
  /** The first one that fits is applied. */
  readonly mappers: readonly LocalReplyMapper[];
  /** Of every body, null for the text itself. */
  readonly format: FormatString | null;
}

interface LocalReplyMapper {
  readonly filter: StreamTest;
  /** 0 leaves the status as it is. */
  readonly status: number;
  /** Null leaves the body as it is. */
  readonly body: string | null;
  readonly headers: readonly HeaderMutation[];
  /** In place of the format for all. */
  readonly format: FormatString | null;
}

/** Null where nothing is configured, so that it costs nothing. */
export function compileLocalReplies(message: LocalReplyConfig | undefined, place: Place): LocalReplyPlan | null {
  if (message === undefined) return null;
  const { bodyFormat } = message;
  return {
    mappers: message.mappers.flatMap((mapper, i) => compileMapper(mapper, place.item("mappers", i))),
    format: bodyFormat === undefined ? null : compileFormatString(bodyFormat, place.field("body_format")),
  };
}

function compileMapper(mapper: ResponseMapper, place: Place): LocalReplyMapper[] {
  const { filter, body, bodyFormatOverride: format } = mapper;
  // Reported by the reflection check: it is required.
  if (filter === undefined) return [];
  return [
    {
      filter: compileAccessLogFilter(filter, place.field("filter")),
      status: mapper.statusCode ?? 0,
      body: body === undefined ? null : readDataSource(body, place.field("body")),
      headers: compileHeadersToAdd(mapper.headersToAdd, place),
      format: format === undefined ? null : compileFormatString(format, place.field("body_format_override")),
    },
  ];
}
