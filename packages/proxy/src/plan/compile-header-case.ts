/** `header_key_format` of HTTP/1.1 options. */
import type { Http1ProtocolOptions } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import {
  type PreserveCaseFormatterConfig,
  PreserveCaseFormatterConfig_FormatterTypeOnEnvoyHeaders as OnEnvoyHeaders,
} from "@tulle/xds/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js";
import type { HeaderCase } from "../codec/http1/header-case.ts";
import { unpackExtension } from "./schemas.ts";

/** The message must have passed `checkMessage`. */
export function compileHeaderCase(options: Http1ProtocolOptions | undefined): HeaderCase {
  const format = options?.headerKeyFormat?.headerFormat;
  if (format?.case === "properCaseWords") return "proper";
  if (format?.case !== "statefulFormatter" || format.value.typedConfig === undefined) return null;
  const { message } = unpackExtension(format.value.typedConfig);
  const { formatterTypeOnEnvoyHeaders: others, forwardReasonPhrase } = message as PreserveCaseFormatterConfig;
  return { othersProper: others === OnEnvoyHeaders.PROPER_CASE, reasonPhrase: forwardReasonPhrase };
}
