/** Which protocol a port speaks (istio/istio `pkg/config/protocol`, `pkg/config/kube/conversion.go`). */

export type PortProtocol =
  | "HTTP"
  | "HTTP2"
  | "HTTPS"
  | "GRPC"
  | "GRPC-WEB"
  | "TCP"
  | "TLS"
  | "UDP"
  | "MONGO"
  | "MYSQL"
  | "REDIS"
  | "HBONE"
  | "DOUBLE-HBONE"
  /** Of a Sidecar's egress listener only: an HTTP proxy for all ports. */
  | "HTTP_PROXY"
  /** Not declared: found out from the first bytes. */
  | "AUTO";

const BY_NAME: ReadonlyMap<string, PortProtocol> = new Map([
  ["http", "HTTP"],
  ["http2", "HTTP2"],
  ["https", "HTTPS"],
  ["grpc", "GRPC"],
  ["grpc-web", "GRPC-WEB"],
  ["tcp", "TCP"],
  ["tls", "TLS"],
  ["udp", "UDP"],
  ["mongo", "MONGO"],
  ["mysql", "MYSQL"],
  ["redis", "REDIS"],
  ["hbone", "HBONE"],
  ["double-hbone", "DOUBLE-HBONE"],
  ["http_proxy", "HTTP_PROXY"],
]);

/** Kubernetes' standard appProtocols. */
const BY_APP_PROTOCOL: ReadonlyMap<string, PortProtocol> = new Map([
  ["kubernetes.io/h2c", "HTTP2"],
  ["kubernetes.io/ws", "HTTP"],
  ["kubernetes.io/wss", "HTTPS"],
]);

/** Ports whose usual protocol has the server speak first: sniffing would wait for ever. */
const SERVER_FIRST_PORTS: ReadonlySet<number> = new Set([25, 3306, 27017]);

/** The protocol a name stands for, in any case; undefined if none. */
export function parseProtocol(name: string): PortProtocol | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/** Whether HTTP routes apply to a port of this protocol (in plain text, or once TLS is terminated). */
export function isHttpProtocol(protocol: PortProtocol): boolean {
  return protocol === "HTTP" || protocol === "HTTP2" || protocol === "GRPC" || protocol === "GRPC-WEB";
}

export function isTlsProtocol(protocol: PortProtocol): boolean {
  return protocol === "HTTPS" || protocol === "TLS";
}

interface DeclaredPort {
  readonly name?: string;
  readonly port: number;
  /** Transport protocol of the Service port. */
  readonly protocol?: string;
  readonly appProtocol?: string;
}

/**
 * The protocol of a Service port: `appProtocol`, else the port name's prefix up to the first `-`, else TCP for ports of
 * server-first protocols, else unknown.
 */
export function servicePortProtocol({ name = "", port, protocol, appProtocol }: DeclaredPort): PortProtocol {
  if (protocol === "UDP") return "UDP";
  if (appProtocol !== undefined) {
    const declared = BY_APP_PROTOCOL.get(appProtocol.toLowerCase()) ?? parseProtocol(appProtocol);
    if (declared !== undefined) return declared;
  }
  const lower = name.toLowerCase();
  // The only protocol name with a dash, so the prefix rule would cut it.
  if (lower === "grpc-web" || lower.startsWith("grpc-web-")) return "GRPC-WEB";
  const dash = lower.indexOf("-");
  const byName = parseProtocol(dash < 0 ? lower : lower.slice(0, dash));
  if (byName !== undefined) return byName;
  return SERVER_FIRST_PORTS.has(port) ? "TCP" : "AUTO";
}
