/** Rules for Istio's Gateway (istio/istio `pkg/config/validation`, ValidateGateway). */
import { isIP } from "../address.ts";
import type { Path } from "../diagnostic.ts";
import { parseNamespacedHost } from "../host.ts";
import type { GatewayServer } from "../kinds/istio/gateway.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { isHttpProtocol, isTlsProtocol, parseProtocol } from "../protocol.ts";
import { isDnsLabel, isLabel, isWildcardHost } from "../schema/formats.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateServerTls } from "./server-tls.ts";

type Gateway = ResourceObject<"networking.istio.io", "Gateway">;

const PROTOCOLS = "HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS";

export function validateGateway({ spec, metadata }: Gateway, reporter: Reporter): void {
  const { error } = reporter;
  if (!isLabel(metadata.name)) {
    error(["metadata", "name"], `is ${JSON.stringify(metadata.name)}`, "a DNS label (no dots) as a gateway's name");
  }
  for (const [index, server] of spec.servers.entries()) validateServer(server, ["spec", "servers", index], reporter);
  eachRepeated(
    spec.servers,
    ({ port }) => port.name,
    (index, name) =>
      error(["spec", "servers", index, "port", "name"], `port "${name}" exists already`, "each port name once"),
  );
  eachRepeated(
    spec.servers,
    ({ name }) => (name === "" ? undefined : name),
    (index, name) => error(["spec", "servers", index, "name"], `server "${name}" exists already`, "each name once"),
  );
}

function validateServer(server: GatewayServer, path: Path, reporter: Reporter): void {
  const { error, warning } = reporter;
  const { port, bind = "", hosts, tls } = server;
  for (const [index, host] of hosts.entries()) validateNamespacedHost(host, [...path, "hosts", index], reporter);
  validateBind(bind, port.number, path, reporter);
  if (tls !== undefined) validateServerTls(tls, [...path, "tls"], reporter);

  const protocol = parseProtocol(port.protocol);
  if (protocol === undefined) {
    error([...path, "port", "protocol"], `is ${JSON.stringify(port.protocol)}`, `one of ${PROTOCOLS}`);
    return;
  }
  if (isTlsProtocol(protocol)) {
    if (tls === undefined) error([...path, "tls"], "is missing", `TLS settings, as the protocol is ${protocol}`);
    else if (tls.httpsRedirect === true) warning([...path, "tls", "httpsRedirect"], "is meant for plain HTTP servers");
    return;
  }
  if (tls === undefined) return;
  const onlyRedirects = Object.keys(tls).every((key) => key === "httpsRedirect" || key === "mode");
  if (!isHttpProtocol(protocol)) {
    error([...path, "tls"], `is set for protocol ${protocol}`, "protocol HTTPS or TLS");
  } else if (!onlyRedirects || (tls.mode !== undefined && tls.mode !== "PASSTHROUGH")) {
    error([...path, "tls"], `configures TLS for protocol ${protocol}`, "only httpsRedirect, or protocol HTTPS");
  }
}

/** `bind` is an IP address, or a Unix socket and then without port number. */
export function validateBind(bind: string, number: number, path: Path, { error }: Reporter): void {
  if (bind.startsWith("unix://")) {
    if (!isUnixPath(bind)) error([...path, "bind"], `is ${JSON.stringify(bind)}`, "unix:///path or unix://@name");
    if (number !== 0) error([...path, "port", "number"], `is ${number}`, "0, as bind is a Unix socket");
    return;
  }
  if (bind !== "" && !isIP(bind)) error([...path, "bind"], `is ${JSON.stringify(bind)}`, "an IP address or unix://…");
  if (number === 0) error([...path, "port", "number"], "is 0", "an integer from 1 to 65535");
}

/** `unix:///absolute/path` or the abstract `unix://@name`. */
export function isUnixPath(address: string): boolean {
  const path = address.slice("unix://".length);
  return path.startsWith("@") || (path.startsWith("/") && !path.endsWith("/"));
}

const NAMESPACED_HOST = "a DNS name, optionally with namespace/, ./ or */ in front";

/** `[namespace/]host` of a Gateway server. */
function validateNamespacedHost(text: string, path: Path, { error, warning }: Reporter): void {
  const { namespace, host } = parseNamespacedHost(text);
  const goodNamespace = namespace === "*" || namespace === "." || isDnsLabel(namespace);
  if (!goodNamespace || !(isWildcardHost(host) || isIP(host))) {
    error(path, `is ${JSON.stringify(text)}`, NAMESPACED_HOST);
  } else if (isPartialWildcard(host)) {
    warning(path, `${JSON.stringify(host)} has a wildcard in the middle of a label, which not every proxy supports`);
  }
}

/** `*-foo.example.com`, as opposed to `*.example.com`. */
export function isPartialWildcard(host: string): boolean {
  return host.startsWith("*") && host.length > 1 && host[1] !== ".";
}
