/** `envoy.transport_sockets.upstream_proxy_protocol`: what upstreams are told of whom a connection is made for. */
import type { TransportSocket } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  ProxyProtocolConfig_Version as Version,
  type ProxyProtocolPassThroughTLVs,
  ProxyProtocolPassThroughTLVs_PassTLVsMatchType as Passes,
} from "@tulle/xds/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import type { ProxyProtocolUpstreamTransport } from "@tulle/xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import type { ProxyAddresses, Tlv } from "../codec/proxy-protocol/read-header.ts";
import { LOCAL_HEADER, version1Header, version2Header } from "../codec/proxy-protocol/write-header.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { UPSTREAM_PROXY_PROTOCOL } from "./supported-fields/index.ts";

export interface ProxyHeaderPlan {
  readonly version: 1 | 2;
  readonly passes: TlvTest;
  readonly added: readonly Tlv[];
}

/** Whether TLVs of a type are passed on. */
export type TlvTest = (type: number) => boolean;

/** Whom a connection is made for, and what else is known of it. */
export interface ProxyOrigin extends ProxyAddresses {
  readonly tlvs: readonly Tlv[];
}

/** A transport socket, and the header that goes before what it says; null: none does. */
export interface HeadedSocket {
  readonly header: ProxyHeaderPlan | null;
  readonly socket: TransportSocket | undefined;
  readonly place: Place;
}

export function compileProxyHeader(socket: TransportSocket | undefined, place: Place): HeadedSocket {
  const plain = { header: null, socket, place };
  if (socket?.configType.case !== "typedConfig") return plain;
  const { typeName, typeUrl, message } = unpackExtension(socket.configType.value);
  if (typeName !== UPSTREAM_PROXY_PROTOCOL) return plain;
  const at = place.packed("typed_config", typeUrl);
  const { config, transportSocket } = message as ProxyProtocolUpstreamTransport;
  const added = (config?.addedTlvs ?? []).map(({ type, value }, i) => {
    if (value.length === 0) {
      at.field("config")
        .item("added_tlvs", i)
        .refuse("Invalid TLV configuration: one of 'value' or 'format_string' must be set.");
    }
    return { type, value };
  });
  const header: ProxyHeaderPlan = {
    version: config?.version === Version.V2 ? 2 : 1,
    passes: compilePassThrough(config?.passThroughTlvs),
    added,
  };
  return { header, socket: transportSocket, place: at.field("transport_socket") };
}

/** @param message undefined: none is */
export function compilePassThrough(message: ProxyProtocolPassThroughTLVs | undefined): TlvTest {
  if (message === undefined) return () => false;
  if (message.matchType === Passes.INCLUDE_ALL) return () => true;
  const types = new Set(message.tlvType);
  return (type) => types.has(type);
}

/**
 * The header as latin1.
 * @param origin null: nobody in particular
 * @param own addresses of the connection that it is sent on
 */
export function proxyHeader(
  { version, passes, added }: ProxyHeaderPlan,
  origin: ProxyOrigin | null,
  own: ProxyAddresses,
): string {
  if (version === 1) return version1Header(origin ?? own);
  if (origin === null) return LOCAL_HEADER;
  // Of a type that is added none is passed on.
  const passed = origin.tlvs.filter(({ type }) => passes(type) && !added.some((each) => each.type === type));
  return version2Header(origin, [...added, ...passed]);
}
