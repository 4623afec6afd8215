/** Configuration messages as JSON, with Envoy's field names and the contents of Any fields. */
import { type DescMessage, type JsonObject, type Message, fromBinary, toJson } from "@bufbuild/protobuf";
import { type Bootstrap, BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { type Node, NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { redact } from "./redact.ts";
import { TYPE_URL_PREFIX } from "../plan/supported-fields/index.ts";
import { extensionRegistry } from "../plan/schemas.ts";

const OPTIONS = { registry: extensionRegistry, useProtoFieldName: true };

/** Without what is secret. */
export function messageToJson(schema: DescMessage, message: Message): JsonObject {
  return redact(schema, toJson(schema, message, OPTIONS) as JsonObject, extensionRegistry);
}

/** The encoded message as the JSON of an Any. */
export function packedToJson(schema: DescMessage, value: Uint8Array): JsonObject {
  return { "@type": TYPE_URL_PREFIX + schema.typeName, ...messageToJson(schema, fromBinary(schema, value)) };
}

export function bootstrapToJson(bootstrap: Bootstrap): JsonObject {
  return messageToJson(BootstrapSchema, bootstrap);
}

export function nodeToJson(node: Node): JsonObject {
  return messageToJson(NodeSchema, node);
}
