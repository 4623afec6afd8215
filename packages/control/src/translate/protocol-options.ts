/** Which HTTP a cluster speaks. (istio/istio `cluster_builder.go` setUpstreamProtocol, `cluster_traffic_policy.go` applyH2Upgrade) */
import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { isHttpProtocol } from "@tulle/api";
import type { ConnectionPoolSettings, OutlierDetection, PortProtocol } from "@tulle/api";
import type { Http1ProtocolOptions } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import { HttpProtocolOptionsSchema } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import { httpCarrier } from "../model/service.ts";
import { commonHttpOptions } from "./connection-pool.ts";
import type { Capabilities } from "./data-plane.ts";
import { fromText } from "./durations.ts";
import { errorMatcher } from "./outlier-detection.ts";

type OptionsInit = Exclude<MessageInitShape<typeof HttpProtocolOptionsSchema>, { $typeName: string }>;
type UpstreamProtocol = NonNullable<OptionsInit["upstreamProtocolOptions"]>;

const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export interface ProtocolInput {
  readonly protocol: PortProtocol;
  readonly pool: ConnectionPoolSettings | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly mesh: MeshSettings;
  /** Of HTTP/1.1; undefined: its defaults. */
  readonly http1?: Http1ProtocolOptions | undefined;
  readonly capabilities: Capabilities;
}

/** `typed_extension_protocol_options` of a cluster; empty where Envoy's defaults do: HTTP/1.1. */
export function protocolOptions(input: ProtocolInput): Record<string, Any> {
  const { pool, outlierDetection, capabilities } = input;
  const upstreamProtocolOptions = upstreamProtocol(input) ?? http1Protocol(input);
  const commonHttpProtocolOptions = commonHttpOptions(pool, capabilities);
  const matcher = capabilities.clusterFeatures.has("outlier detection by status codes")
    ? errorMatcher(outlierDetection?.outlierDetectionHttpErrorCodes)
    : undefined;
  if (upstreamProtocolOptions === undefined && commonHttpProtocolOptions === undefined && matcher === undefined) {
    return {};
  }
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: upstreamProtocolOptions ?? HTTP1,
    ...(commonHttpProtocolOptions === undefined ? {} : { commonHttpProtocolOptions }),
    ...(matcher === undefined ? {} : { outlierDetection: { errorMatcher: matcher } }),
  });
  const value = toBinary(HttpProtocolOptionsSchema, options);
  return {
    [HTTP_PROTOCOL_OPTIONS]: create(AnySchema, { typeUrl: `type.googleapis.com/${HTTP_PROTOCOL_OPTIONS}`, value }),
  };
}

const HTTP1: UpstreamProtocol = {
  case: "explicitHttpConfig",
  value: { protocolConfig: { case: "httpProtocolOptions", value: {} } },
};

function http1Protocol({ http1, protocol, capabilities }: ProtocolInput): UpstreamProtocol | undefined {
  if (http1 === undefined || httpCarrier(protocol) !== "http1" || capabilities.apiListeners) return undefined;
  return { case: "explicitHttpConfig", value: { protocolConfig: { case: "httpProtocolOptions", value: http1 } } };
}

/** Whether connections carry HTTP/2 by themselves, not only if the client's do. */
export function speaksHttp2(input: ProtocolInput): boolean {
  const chosen = upstreamProtocol(input);
  return chosen?.case === "explicitHttpConfig" && chosen.value.protocolConfig?.case === "http2ProtocolOptions";
}

/** Undefined: HTTP/1.1, the default. */
function upstreamProtocol({ protocol, pool, mesh, http1, capabilities }: ProtocolInput): UpstreamProtocol | undefined {
  if (!capabilities.carriers.includes("http2")) return undefined;
  const { useClientProtocol = false, h2UpgradePolicy = "DEFAULT" } = pool?.http ?? {};
  if (useClientProtocol) {
    return {
      case: "useDownstreamProtocolConfig",
      value: { httpProtocolOptions: http1 ?? {}, http2ProtocolOptions: {} },
    };
  }
  const byMesh = isHttpProtocol(protocol) && mesh.config.h2UpgradePolicy === "UPGRADE";
  const upgraded = h2UpgradePolicy === "UPGRADE" || (h2UpgradePolicy === "DEFAULT" && byMesh);
  return upgraded || httpCarrier(protocol) === "http2" ? http2(pool) : undefined;
}

function http2(pool: ConnectionPoolSettings | undefined): UpstreamProtocol {
  const { maxConcurrentStreams = 0, http2KeepAlive } = pool?.http ?? {};
  return {
    case: "explicitHttpConfig",
    value: {
      protocolConfig: {
        case: "http2ProtocolOptions",
        value: {
          ...(maxConcurrentStreams === 0 ? {} : { maxConcurrentStreams }),
          ...(http2KeepAlive === undefined
            ? {}
            : {
                connectionKeepalive: {
                  interval: fromText(http2KeepAlive.interval),
                  timeout: fromText(http2KeepAlive.timeout),
                },
              }),
        },
      },
    },
  };
}
