/** Rules for Gateway API's Gateway, ListenerSet and policies: the CEL rules of its CRDs (`apis/v1/*_types.go`). */
import type { Path } from "../diagnostic.ts";
import type { GatewayListener } from "../kinds/gateway-api/gateway.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";

type Gateway = ResourceObject<"gateway.networking.k8s.io", "Gateway">;
type ListenerSet = ResourceObject<"gateway.networking.k8s.io", "ListenerSet">;
type BackendTlsPolicy = ResourceObject<"gateway.networking.k8s.io", "BackendTLSPolicy">;

export function validateK8sGateway({ spec }: Gateway, reporter: Reporter): void {
  validateListeners(spec.listeners, reporter);
  eachRepeated(
    spec.tls?.frontend?.perPort ?? [],
    ({ port }) => port,
    (index, port) => {
      const path = ["spec", "tls", "frontend", "perPort", index, "port"];
      reporter.error(path, `port ${port} has settings already`, "each port once");
    },
  );
  eachRepeated(
    spec.addresses ?? [],
    ({ type = "IPAddress", value = "" }) => (value === "" ? undefined : `${type} ${value}`),
    (index, address) => reporter.error(["spec", "addresses", index], `${address} is listed twice`, "each address once"),
  );
}

export function validateListenerSet({ spec }: ListenerSet, reporter: Reporter): void {
  validateListeners(spec.listeners, reporter);
}

function validateListeners(listeners: readonly GatewayListener[], reporter: Reporter): void {
  const { error } = reporter;
  for (const [index, listener] of listeners.entries()) {
    validateListener(listener, ["spec", "listeners", index], reporter);
  }
  eachRepeated(
    listeners,
    ({ name }) => name,
    (index, name) => error(["spec", "listeners", index, "name"], `listener "${name}" exists already`, "each name once"),
  );
  eachRepeated(
    listeners,
    ({ port, protocol, hostname = "" }) => `${protocol}/${port}${hostname === "" ? "" : ` ${hostname}`}`,
    (index, key) =>
      error(["spec", "listeners", index], `${key} has a listener already`, "each protocol, port and hostname once"),
  );
}

/** Protocols of the API itself; others are an implementation's own and not judged. */
const WITH_TLS = ["HTTPS", "TLS"];
const WITHOUT_TLS = ["HTTP", "TCP", "UDP"];

function validateListener(listener: GatewayListener, path: Path, { error }: Reporter): void {
  const { protocol, tls, hostname, allowedRoutes } = listener;
  if (WITHOUT_TLS.includes(protocol) && tls !== undefined) {
    error([...path, "tls"], `is set for protocol ${protocol}`, "protocol HTTPS or TLS");
  }
  if (WITH_TLS.includes(protocol) && tls === undefined) {
    error([...path, "tls"], "is missing", `TLS settings, as the protocol is ${protocol}`);
  }
  if (protocol === "HTTPS" && tls?.mode === "Passthrough") {
    error([...path, "tls", "mode"], "is Passthrough for protocol HTTPS", "Terminate, or protocol TLS");
  }
  const terminates = tls !== undefined && (tls.mode ?? "Terminate") === "Terminate" && WITH_TLS.includes(protocol);
  if (terminates && (tls.certificateRefs ?? []).length === 0 && Object.keys(tls.options ?? {}).length === 0) {
    error([...path, "tls", "certificateRefs"], "is missing", "a certificate, as TLS is terminated");
  }
  if ((protocol === "TCP" || protocol === "UDP") && hostname !== undefined) {
    error([...path, "hostname"], `is set for protocol ${protocol}`, "no hostname");
  }
  const from = allowedRoutes?.namespaces?.from;
  if (from === "Selector" && allowedRoutes?.namespaces?.selector === undefined) {
    error([...path, "allowedRoutes", "namespaces", "selector"], "is missing", "a selector, as from is Selector");
  }
}

export function validateBackendTlsPolicy({ spec }: BackendTlsPolicy, { error }: Reporter): void {
  for (const [index, name] of (spec.validation.subjectAltNames ?? []).entries()) {
    const field = name.type === "Hostname" ? "hostname" : "uri";
    const other = name.type === "Hostname" ? "uri" : "hostname";
    const path = ["spec", "validation", "subjectAltNames", index];
    if ((name[field] ?? "") === "") error([...path, field], "is missing", `a value, as type is ${name.type}`);
    if (name[other] !== undefined) error([...path, other], `is set with type ${name.type}`, field);
  }
}
