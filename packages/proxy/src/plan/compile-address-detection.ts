import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { CustomHeaderConfig } from "@tulle/xds/gen/envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb.js";
import type { XffConfig } from "@tulle/xds/gen/envoy/extensions/http/original_ip_detection/xff/v3/xff_pb.js";
import type { HttpConnectionManager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { CUSTOM_HEADER_DETECTION } from "./supported-fields/index.ts";

/** Ways to learn where a request comes from; the first that finds something holds. */
export type AddressDetector = HeaderDetector | ForwardedForDetector;

interface HeaderDetector {
  readonly kind: "header";
  /** Lower-case. */
  readonly name: string;
  /** Such an address may be one of ours. */
  readonly trusted: boolean;
  /** Status for requests that do not say where they come from; 0: they go on. */
  readonly rejection: number;
}

interface ForwardedForDetector {
  readonly kind: "x-forwarded-for";
  readonly trustedHops: number;
}

/** Envoy's words (`source/extensions/filters/network/http_connection_manager/config.cc`). Null: as Envoy does without any. */
export function compileAddressDetection(
  message: HttpConnectionManager,
  place: Place,
): readonly AddressDetector[] | null {
  const extensions = message.originalIpDetectionExtensions;
  if (extensions.length === 0) return null;
  if (message.useRemoteAddress === true) {
    place.refuse("Original IP detection extensions and use_remote_address may not be mixed");
  }
  if (message.xffNumTrustedHops > 0) {
    place.refuse("Original IP detection extensions and xff_num_trusted_hops may not be mixed");
  }
  return extensions.flatMap((extension) => compileDetector(extension) ?? []);
}

function compileDetector({ typedConfig }: TypedExtensionConfig): AddressDetector | null {
  if (typedConfig === undefined) return null;
  const { typeName, message } = unpackExtension(typedConfig);
  if (typeName !== CUSTOM_HEADER_DETECTION) {
    return { kind: "x-forwarded-for", trustedHops: (message as XffConfig | null)?.xffNumTrustedHops ?? 0 };
  }
  const { headerName, allowExtensionToSetAddressAsTrusted, rejectWithStatus } = message as CustomHeaderConfig;
  const status: number = rejectWithStatus?.code ?? 0;
  return {
    kind: "header",
    name: headerName.toLowerCase(),
    trusted: allowExtensionToSetAddressAsTrusted,
    // Only an error can be an answer (Envoy `custom_header.cc`, toErrorCode).
    rejection: rejectWithStatus === undefined || status >= 400 ? status : 403,
  };
}
