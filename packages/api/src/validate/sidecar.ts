/** Rules for Sidecar (istio/istio `pkg/config/validation`, ValidateSidecar). */
import { isIP } from "../address.ts";
import type { Path } from "../diagnostic.ts";
import { parseNamespacedHost } from "../host.ts";
import type { OutboundTrafficPolicy, SidecarEgress, SidecarIngress } from "../kinds/istio/sidecar.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { parseProtocol } from "../protocol.ts";
import { isDnsLabel, isFqdn, isLabel, isWildcardHost } from "../schema/formats.ts";
import { isUnixPath, validateBind } from "./gateway.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateLabelsSelector } from "./scope.ts";
import { validateServerTls } from "./server-tls.ts";
import { validateConnectionPool } from "./traffic-policy.ts";

type Sidecar = ResourceObject<"networking.istio.io", "Sidecar">;

export function validateSidecar({ spec }: Sidecar, reporter: Reporter): void {
  const { error } = reporter;
  const { ingress = [], egress = [], inboundConnectionPool, outboundTrafficPolicy } = spec;
  if (ingress.length === 0 && egress.length === 0 && !inboundConnectionPool && !outboundTrafficPolicy) {
    error(["spec"], "changes nothing", "at least one of ingress, egress, inboundConnectionPool, outboundTrafficPolicy");
  }
  validateLabelsSelector(spec.workloadSelector, reporter);
  for (const [index, listener] of ingress.entries()) validateIngress(listener, ["spec", "ingress", index], reporter);
  for (const [index, listener] of egress.entries()) {
    validateEgress(listener, index === egress.length - 1, ["spec", "egress", index], reporter);
  }
  for (const [list, listeners] of [["ingress", ingress] as const, ["egress", egress] as const]) {
    eachRepeated<SidecarIngress | SidecarEgress>(
      listeners,
      ({ port, bind }) => (port?.number === 0 ? bind : port?.number),
      (index, at) => error(["spec", list, index, "port"], `${at} has a listener already`, "each port or socket once"),
    );
  }
  validateConnectionPool(inboundConnectionPool, ["spec", "inboundConnectionPool"], reporter);
  if (outboundTrafficPolicy !== undefined) validateOutbound(outboundTrafficPolicy, reporter);
}

interface NamedPort {
  readonly name?: string;
  readonly protocol?: string;
}

function validatePort({ name = "", protocol = "" }: NamedPort, path: Path, { error }: Reporter): void {
  if (name !== "" && !isLabel(name)) error([...path, "name"], `is ${JSON.stringify(name)}`, "a DNS label");
  if (protocol !== "" && parseProtocol(protocol) === undefined) {
    error([...path, "protocol"], `is ${JSON.stringify(protocol)}`, "one of HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS");
  }
}

function validateIngress(listener: SidecarIngress, path: Path, reporter: Reporter): void {
  const { error } = reporter;
  const { port, bind = "", defaultEndpoint = "", tls } = listener;
  validatePort(port, [...path, "port"], reporter);
  if (port.number === 0) error([...path, "port", "number"], "is 0", "an integer from 1 to 65535");
  if (bind !== "" && !isIP(bind)) error([...path, "bind"], `is ${JSON.stringify(bind)}`, "an IP address");
  if (defaultEndpoint !== "" && !isDefaultEndpoint(defaultEndpoint)) {
    const expected = "127.0.0.1:port, 0.0.0.0:port, [::1]:port, [::]:port or unix:///path";
    error([...path, "defaultEndpoint"], `is ${JSON.stringify(defaultEndpoint)}`, expected);
  }
  validateConnectionPool(listener.connectionPool, [...path, "connectionPool"], reporter);
  if (tls === undefined) return;
  for (const field of ["subjectAltNames", "httpsRedirect", "credentialName"] as const) {
    if (tls[field]) error([...path, "tls", field], "is not supported here", "no such field");
  }
  if (tls.mode !== "SIMPLE" && tls.mode !== "MUTUAL") {
    error([...path, "tls", "mode"], `is ${tls.mode ?? "PASSTHROUGH"}`, "SIMPLE or MUTUAL");
  }
  validateServerTls(tls, [...path, "tls"], reporter);
}

function isDefaultEndpoint(text: string): boolean {
  if (text.startsWith("unix://")) return isUnixPath(text);
  const match = /^(127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]|):(\d{1,5})$/.exec(text);
  return match !== null && Number(match[2]) >= 1 && Number(match[2]) <= 65535;
}

function validateEgress(listener: SidecarEgress, isLast: boolean, path: Path, reporter: Reporter): void {
  const { error } = reporter;
  const { port, bind = "", captureMode = "DEFAULT", hosts } = listener;
  if (port === undefined) {
    if (!isLast) error(path, "has no port but is not the last listener", "a port, or this listener at the end");
    if (bind !== "") error([...path, "bind"], "is set without port", "a port");
  } else {
    validatePort(port, [...path, "port"], reporter);
    validateBind(bind, port.number, path, reporter);
  }
  if (bind.startsWith("unix://") && captureMode === "IPTABLES") {
    error([...path, "captureMode"], "is IPTABLES", "DEFAULT or NONE, as bind is a Unix socket");
  }
  for (const [index, text] of hosts.entries()) {
    // A leading ~ excludes; the rest is an ordinary entry.
    const entry = text.startsWith("~") && text.length > 1 && text[1] !== "/" ? text.slice(1) : text;
    const { namespace, host } = parseNamespacedHost(entry);
    const goodNamespace = namespace === "*" || namespace === "." || namespace === "~" || isDnsLabel(namespace);
    if (!entry.includes("/") || !goodNamespace || !isWildcardHost(host)) {
      error(
        [...path, "hosts", index],
        `is ${JSON.stringify(text)}`,
        "namespace/host, such as ./*, istio-system/* or */*",
      );
    }
  }
  const included = hosts.filter((text) => !text.startsWith("~") || text.startsWith("~/"));
  if (included.includes("*/*") && included.length > 1) {
    reporter.warning([...path, "hosts"], "*/* takes everything; the other hosts change nothing");
  }
}

function validateOutbound({ mode = "REGISTRY_ONLY", egressProxy }: OutboundTrafficPolicy, { error }: Reporter): void {
  if (egressProxy === undefined) return;
  const path = ["spec", "outboundTrafficPolicy", "egressProxy"];
  if (mode !== "ALLOW_ANY") error(path, `is set in mode ${mode}`, "mode ALLOW_ANY");
  if (!isFqdn(egressProxy.host)) error([...path, "host"], `is ${JSON.stringify(egressProxy.host)}`, "a DNS name");
  if (egressProxy.port === undefined) error([...path, "port"], "is missing", "an object with a number");
}
