import { toBinary } from "@bufbuild/protobuf";
import { type FilterChain, FilterChainSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { compileConnectionManager } from "./compile-connection-manager.ts";
import type { ListenerContext } from "./compile-listener.ts";
import { compileDownstreamTls } from "./compile-tls.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { ListenerInfo } from "./format/stream-info.ts";
import type { FilterChainPlan } from "./listener-plan.ts";
import { filterMetadata } from "./metadata.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { HTTP_CONNECTION_MANAGER } from "./supported-fields/index.ts";

/** Null if it was refused. */
export function compileFilterChain(
  chain: FilterChain,
  listener: Pick<ListenerInfo, "name" | "metadata">,
  context: ListenerContext,
  place: Place,
): FilterChainPlan | null {
  const [filter, extra] = chain.filters;
  if (filter === undefined) {
    place.refuse("a filter chain without filters is not supported");
    return null;
  }
  if (extra !== undefined) {
    place
      .item("filters", 0)
      .refuse(`terminal filter named ${filter.name} must be the last filter in a network filter chain.`);
    return null;
  }
  if (filter.configType.case !== "typedConfig") return null;
  const extension = unpackExtension(filter.configType.value);
  const { message } = extension;
  if (message === null || extension.typeName !== HTTP_CONNECTION_MANAGER) return null;
  const info = {
    ...listener,
    filterChainName: chain.name,
    filterChainMetadata: filterMetadata(chain.metadata),
  };
  const at = place.item("filters", 0).packed("typed_config", extension.typeUrl);
  return {
    name: chain.name,
    terminal: { kind: "http", manager: compileConnectionManager(message, { ...context, listener: info }, at) },
    transportSocket: compileDownstreamTls(
      chain.transportSocket,
      context.secrets,
      true,
      place.field("transport_socket"),
    ),
    fingerprint: fingerprintOf(toBinary(FilterChainSchema, chain)),
  };
}
