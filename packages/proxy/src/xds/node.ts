import { clone, create } from "@bufbuild/protobuf";
import {
  BuildVersionSchema,
  ExtensionSchema,
  type Node,
  NodeSchema,
} from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { USER_AGENT_NAME, VERSION } from "../version.ts";
import { SUPPORTED_FIELDS } from "../plan/supported-fields/index.ts";

/** Extension points whose implementations the node lists, with Envoy's category names. */
const CATEGORIES: Readonly<Record<string, string>> = {
  "envoy.config.listener.v3.Filter": "envoy.filters.network",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": "envoy.filters.http",
  "envoy.config.listener.v3.ListenerFilter": "envoy.filters.listener",
  "envoy.config.core.v3.TransportSocket": "envoy.transport_sockets.upstream",
};

/** The bootstrap's node as it is sent to the management server: with who we are and which extensions we have. */
export function nodeForServer(node: Node | undefined): Node {
  const [majorNumber, minorNumber, patch] = VERSION.split(".").map((part) => Number.parseInt(part, 10) || 0);
  const message = node === undefined ? create(NodeSchema) : clone(NodeSchema, node);
  message.userAgentName = USER_AGENT_NAME;
  message.userAgentVersionType = {
    case: "userAgentBuildVersion",
    value: create(BuildVersionSchema, {
      version: { majorNumber, minorNumber, patch },
      metadata: { "build.type": "RELEASE" },
    }),
  };
  message.extensions = Object.entries(CATEGORIES).flatMap(([owner, category]) =>
    (SUPPORTED_FIELDS.get(owner)?.extensions?.["typed_config"] ?? []).map((typeName) =>
      create(ExtensionSchema, { name: typeName, category, typeUrls: [typeName] }),
    ),
  );
  return message;
}
