/** The kinds of data plane we serve, and what each can be sent. */
import type { HttpCarrier } from "../model/service.ts";

export type DataPlane = "tulle" | "envoy" | "grpc";

export interface Capabilities {
  /** Tells sets of capabilities apart. */
  readonly id: string;
  /** Takes each virtual host as a resource of its own instead of inside its RouteConfiguration. */
  readonly virtualHostDiscovery: boolean;
  /** Asks for listeners by service name and opens no ports. */
  readonly apiListeners: boolean;
  /** How it can talk to endpoints. */
  readonly carriers: readonly HttpCarrier[];
  /** Knows the mesh metrics filter. */
  readonly meshStats: boolean;
  /** Protocols that a connection may be upgraded to. */
  readonly upgrades: readonly string[];
  /** Takes a route's timeout from `max_stream_duration`, as gRPC clients do. */
  readonly maxStreamDuration: boolean;
  /** Balancers other than round robin by Envoy's old enum. (@grpc/grpc-js-xds cluster-resource-type.ts takes no other) */
  readonly allBalancers: boolean;
}

const CAPABILITIES: Readonly<Record<DataPlane, Capabilities>> = {
  tulle: {
    id: "tulle",
    virtualHostDiscovery: true,
    apiListeners: false,
    carriers: ["http1"],
    meshStats: true,
    upgrades: [],
    maxStreamDuration: false,
    allBalancers: true,
  },
  envoy: {
    id: "envoy",
    virtualHostDiscovery: false,
    apiListeners: false,
    carriers: ["http1", "http2"],
    meshStats: false,
    upgrades: ["websocket"],
    maxStreamDuration: false,
    allBalancers: true,
  },
  grpc: {
    id: "grpc",
    virtualHostDiscovery: false,
    apiListeners: true,
    carriers: ["http1", "http2"],
    meshStats: false,
    upgrades: [],
    maxStreamDuration: true,
    allBalancers: false,
  },
};

/** Virtual hosts cannot be resources of their own in the state-of-the-world protocol. (Envoy docs, "VHDS") */
const TULLE_STATE_OF_THE_WORLD: Capabilities = { ...CAPABILITIES.tulle, id: "tulle-sotw", virtualHostDiscovery: false };

export function capabilitiesOf(dataPlane: DataPlane, delta: boolean): Capabilities {
  return dataPlane === "tulle" && !delta ? TULLE_STATE_OF_THE_WORLD : CAPABILITIES[dataPlane];
}

/** By the node's `user_agent_name`. A client that does not say what it is gets what Envoy gets. */
export function dataPlaneOf(userAgentName: string): DataPlane {
  if (userAgentName === "tulle") return "tulle";
  return userAgentName.startsWith("gRPC") || userAgentName.startsWith("grpc-") ? "grpc" : "envoy";
}
