/** What MeshConfig says about headers and paths. (istio/istio `pilot/pkg/networking/util/proxy_headers.go`, `listener_builder.go`) */
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnectionManagerSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { MeshSettings } from "../model/mesh-settings.ts";
import type { Reporter } from "./http-filters.ts";

export type ConnectionManagerInit = Exclude<
  MessageInitShape<typeof HttpConnectionManagerSchema>,
  MessageShape<typeof HttpConnectionManagerSchema>
>;

/** In `server:` of what leaves a workload or a gateway: Istio's `istio-envoy`. What comes to a workload has Envoy's own name. */
const SERVER_NAME = "tulle";

export function headerSettings({ config }: MeshSettings, reporter: Reporter): ConnectionManagerInit {
  const { server, requestId } = config.defaultConfig?.proxyHeaders ?? {};
  const generateRequestId = requestId?.disabled !== true;
  if (server?.disabled === true) {
    return { generateRequestId, serverHeaderTransformation: ServerHeader.PASS_THROUGH };
  }
  const serverName = server?.value || (reporter === "SIDECAR_OUTBOUND" ? "" : SERVER_NAME);
  return { generateRequestId, serverName, serverHeaderTransformation: ServerHeader.OVERWRITE };
}

/** Whether the proxy leaves out its own x-envoy headers. */
export function suppressesEnvoyHeaders({ config }: MeshSettings): boolean {
  return config.defaultConfig?.proxyHeaders?.envoyDebugHeaders?.disabled === true;
}

/** Whether backends are told with x-envoy-attempt-count how often a request was tried. */
export function countsAttempts({ config }: MeshSettings): boolean {
  return config.defaultConfig?.proxyHeaders?.attemptCount?.disabled !== true;
}

/** How many proxies before a gateway are believed in what they say in x-forwarded-for. */
export function trustedProxies({ config }: MeshSettings): number {
  return config.defaultConfig?.gatewayTopology?.numTrustedProxies ?? 0;
}

/** How paths are brought into one form before they are matched. */
export function pathSettings({ config }: MeshSettings): ConnectionManagerInit {
  const normalization = config.pathNormalization?.normalization ?? "DEFAULT";
  return {
    normalizePath: normalization !== "NONE",
    mergeSlashes: normalization === "MERGE_SLASHES" || normalization === "DECODE_AND_MERGE_SLASHES",
    pathWithEscapedSlashesAction:
      normalization === "DECODE_AND_MERGE_SLASHES"
        ? EscapedSlashes.UNESCAPE_AND_FORWARD
        : EscapedSlashes.KEEP_UNCHANGED,
  };
}
