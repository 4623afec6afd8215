/** Names on the wire, Istio's (istio/istio `pilot/pkg/model/service.go` BuildSubsetKey, `pilot/pkg/networking/util`). */

/** `outbound|9080|v1|reviews.default.svc.cluster.local`; `subset` is "" for the whole service. */
export function outboundCluster(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** The same endpoints for what is no HTTP, where a port may carry both: a server is told which of the two comes. No subset is called so. */
export function bytesCluster(port: number, subset: string, host: string): string {
  return outboundCluster(port, `${subset}~tcp`, host);
}

/**
 * What clients of the mesh ask for by TLS (SNI), and what gateways between networks call the cluster that they pass it on to.
 * (`pilot/pkg/model/service.go` BuildDNSSrvSubsetKey)
 */
export function sniCluster(port: number, subset: string, host: string): string {
  return `outbound_.${port}_.${subset}_.${host}`;
}

/** Where requests to hosts that nobody knows go, if they may. */
export const PASSTHROUGH_CLUSTER = "PassthroughCluster";
/** Where nothing is. */
export const BLACK_HOLE_CLUSTER = "BlackHoleCluster";

/** What arrives at ports that nobody has said anything of. */
export const INBOUND_PASSTHROUGH_CLUSTER = "InboundPassthroughCluster";

export function inboundCluster(port: number): string {
  return `inbound|${port}||`;
}

/** Route configuration of the listener that an application's HTTP_PROXY points to. */
export const HTTP_PROXY_ROUTES = "http_proxy";

/** Route configuration of the listeners for one service port: `9080`. */
export function portRoutes(port: number): string {
  return String(port);
}

/** Route configuration of a gateway's server port: `http.8080`, with an address `http.8080.10.0.0.1`. (GatewayRDSRouteName) */
export function gatewayRoutes(port: number, bind: string): string {
  return bind === "" ? `http.${port}` : `http.${port}.${bind}`;
}

/** Route configuration of one HTTPS server of a gateway. (Istio `pilot/pkg/model/gateway.go` GatewayRDSRouteName) */
export function secureGatewayRoutes(port: number, server: string, gateway: string, namespace: string): string {
  return `https.${port}.${server}.${gateway}.${namespace}`;
}

/** Route configuration of one service port for clients that ask by listener name (gRPC). */
export function serviceRoutes(port: number, host: string): string {
  return outboundCluster(port, "", host);
}

export function virtualHostName(host: string, port: number): string {
  return `${host}:${port}`;
}

/** A virtual host as a resource of its own. (Envoy docs, "Virtual Host Discovery Service (VHDS)") */
export function virtualHostResource(routeConfiguration: string, virtualHost: string): string {
  return `${routeConfiguration}/${virtualHost}`;
}

/** `127.0.0.1_15001`, `[::1]_15001`. */
export function listenerName(address: string, port: number): string {
  return `${bracketed(address)}_${port}`;
}

/** An IPv6 address in brackets; anything else as it is. */
export function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
